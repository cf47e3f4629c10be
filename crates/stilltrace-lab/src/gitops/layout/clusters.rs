//! `clusters/NAME`: the Flux or Argo CD objects that apply the other folders.

use super::platform::{FOLDER, ROUTING};
use super::{Draft, Engine, Place, Plan, kustomization, live_overlay};
use crate::gitops::objects::extra;
use crate::gitops::value::{Value, map};

/// One object that applies a folder of the repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Reconciler {
    /// Flux or Argo CD.
    pub(crate) engine: Engine,
    /// Name of the object.
    pub(crate) name: String,
    /// Folder that it applies.
    pub(crate) path: String,
    /// Further folders whose files end up in what it applies.
    pub(crate) includes: Vec<String>,
}

impl Reconciler {
    /// Namespace of the object.
    pub(crate) fn namespace(&self) -> &'static str {
        match self.engine {
            Engine::Flux => "flux-system",
            Engine::Argo => "argocd",
        }
    }

    /// `apiVersion` and kind of the object.
    pub(crate) fn kind(&self) -> (&'static str, &'static str) {
        match self.engine {
            Engine::Flux => ("kustomize.toolkit.fluxcd.io/v1", "Kustomization"),
            Engine::Argo => ("argoproj.io/v1alpha1", "Application"),
        }
    }

    /// How specific this object is about a file: length of the longest folder that holds it.
    pub(crate) fn claim(&self, file: &str) -> Option<usize> {
        let holds = |folder: &&String| {
            file.strip_prefix(folder.as_str()).is_some_and(|rest| rest.starts_with('/'))
        };
        [&self.path].into_iter().chain(&self.includes).filter(holds).map(String::len).max()
    }
}

/// The reconcilers of the cluster.
pub(super) fn reconcilers(plan: &Plan) -> Vec<Reconciler> {
    let one = |name: &str, path: String, includes: Vec<String>| Reconciler {
        engine: plan.layout.engine,
        name: name.to_owned(),
        path,
        includes,
    };
    let mut all = vec![one("mesh", FOLDER.to_owned(), Vec::new())];
    if plan.layout.routing == Place::Platform {
        all.push(one("mesh-routing", ROUTING.to_owned(), Vec::new()));
    }
    for (namespace, team) in plan.cast.tenants() {
        let own = plan.topology.services.iter().filter(|service| service.namespace == namespace);
        let bases = own.map(|service| format!("{}/base", plan.app_folder(service))).collect();
        all.push(one(&team.name, live_overlay(&team.name), bases));
    }
    all
}

/// The files of the cluster's folder.
pub(super) fn drafts(plan: &Plan) -> Vec<Draft> {
    let folder = format!("clusters/{}", plan.cast.cluster);
    let url = format!("https://git.example.com/{}/platform.git", plan.cast.organisation);
    let (mut drafts, own) = match plan.layout.engine {
        Engine::Flux => (flux(plan, &folder, &url), folder),
        Engine::Argo => (argo(plan, &folder, &url), format!("{folder}/applications")),
    };
    for (file, manifest) in plan.extras(|place, _| place == extra::Place::Cluster) {
        let documents = vec![manifest.with_namespace()];
        drafts.push(Draft { path: format!("{own}/{file}"), documents });
    }
    drafts
}

fn flux(plan: &Plan, folder: &str, url: &str) -> Vec<Draft> {
    let source = map! {
        "apiVersion" => "source.toolkit.fluxcd.io/v1", "kind" => "GitRepository",
        "metadata" => map! { "name" => "flux-system", "namespace" => "flux-system" },
        "spec" => map! { "interval" => "1m0s", "ref" => map! { "branch" => "main" }, "url" => url },
    };
    let mut drafts = vec![
        kustomization(
            &format!("{folder}/flux-system"),
            vec!["gotk-sync.yaml".to_owned()],
            Vec::new(),
        ),
        Draft {
            path: format!("{folder}/flux-system/gotk-sync.yaml"),
            documents: vec![source, flux_kustomization("flux-system", folder, false)],
        },
    ];
    for reconciler in reconcilers(plan) {
        let after_mesh = reconciler.name != "mesh";
        drafts.push(Draft {
            path: file_of(folder, &reconciler),
            documents: vec![flux_kustomization(&reconciler.name, &reconciler.path, after_mesh)],
        });
    }
    drafts
}

fn flux_kustomization(name: &str, path: &str, after_mesh: bool) -> Value {
    let mut spec = map! {
        "interval" => "10m0s",
        "path" => format!("./{path}"),
        "prune" => true,
        "sourceRef" => map! { "kind" => "GitRepository", "name" => "flux-system" },
    };
    if after_mesh {
        spec.set("dependsOn", Value::List(vec![map! { "name" => "mesh" }]));
    }
    map! {
        "apiVersion" => "kustomize.toolkit.fluxcd.io/v1", "kind" => "Kustomization",
        "metadata" => map! { "name" => name, "namespace" => "flux-system" },
        "spec" => spec,
    }
}

fn argo(plan: &Plan, folder: &str, url: &str) -> Vec<Draft> {
    let mut drafts = vec![Draft {
        path: format!("{folder}/root.yaml"),
        documents: vec![application("root", &format!("{folder}/applications"), url)],
    }];
    let folder = format!("{folder}/applications");
    for reconciler in reconcilers(plan) {
        drafts.push(Draft {
            path: file_of(&folder, &reconciler),
            documents: vec![application(&reconciler.name, &reconciler.path, url)],
        });
    }
    drafts
}

fn application(name: &str, path: &str, url: &str) -> Value {
    map! {
        "apiVersion" => "argoproj.io/v1alpha1", "kind" => "Application",
        "metadata" => map! { "name" => name, "namespace" => "argocd" },
        "spec" => map! {
            "project" => "default",
            "source" => map! { "repoURL" => url, "targetRevision" => "main", "path" => path },
            "destination" => map! { "server" => "https://kubernetes.default.svc" },
            "syncPolicy" => map! { "automated" => map! { "prune" => true, "selfHeal" => true } },
        },
    }
}

fn file_of(folder: &str, reconciler: &Reconciler) -> String {
    format!("{folder}/{}.yaml", reconciler.name)
}
