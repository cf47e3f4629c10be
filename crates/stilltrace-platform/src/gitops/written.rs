//! What the files of a tree hold as written, whoever applies them.

use std::cell::OnceCell;
use std::collections::BTreeMap;

use stilltrace_manifest::{Build, Node, Object, Problem, ProblemKind};

use super::argo::build_options::BuildOptions;
use super::files::Files;
use super::opaque;

/// Objects by what they are for. Everything else is only counted.
#[derive(Default)]
pub(crate) struct Written {
    /// Argo CD and Flux objects that apply something.
    pub(crate) reconcilers: Vec<Object>,
    /// Flux objects that say where files come from.
    pub(crate) sources: Vec<Object>,
    /// `ConfigMap` objects, which reconcilers take variables and values from.
    pub(crate) config_maps: Vec<Object>,
    /// `AppProject` objects: what applications may apply.
    pub(crate) projects: Vec<Object>,
    /// Settings of Argo CD itself: `ConfigMap` `argocd-cm`, and `ArgoCD` of its operator.
    pub(crate) argo_settings: Vec<Object>,
    /// What the repository says of the options of Argo CD's builds, found out when first asked for.
    pub(crate) build_options: OnceCell<BuildOptions>,
    /// Clusters that Argo CD is told about.
    pub(crate) clusters: Vec<KnownCluster>,
    /// Entities of a Backstage catalog.
    pub(crate) catalog: Vec<Object>,
    /// Objects that install a mesh.
    pub(crate) installers: Vec<Object>,
    /// Number of objects by file.
    pub(crate) counts: BTreeMap<String, usize>,
    /// Files with values encrypted by SOPS.
    pub(crate) encrypted: Vec<String>,
    /// Files in languages that make manifests, which are not evaluated.
    pub(crate) languages: BTreeMap<&'static str, Vec<String>>,
    /// What could not be read.
    pub(crate) problems: Vec<Problem>,
}

/// A cluster Secret of Argo CD, without its credentials.
#[derive(Debug, Clone)]
pub(crate) struct KnownCluster {
    /// Name that applications know it by.
    pub(crate) name: Node,
    /// Address of its API server.
    pub(crate) server: Node,
    /// `metadata.labels`.
    pub(crate) labels: Option<Node>,
    /// `metadata.annotations`.
    pub(crate) annotations: Option<Node>,
}

impl Written {
    /// Reads every manifest file.
    pub(crate) fn read(files: &Files<'_>) -> Self {
        let mut written = Self::default();
        for path in files.paths() {
            if let Some(language) = opaque::language(path) {
                written.languages.entry(language).or_default().push(path.clone());
            }
            if !files.is_manifest(path) {
                continue;
            }
            let mut build = Build::default();
            files.read_objects(path, &mut build);
            // Files that no one applies may hold anything; only what is broken as YAML is worth a
            // word.
            let is_broken = |p: &Problem| p.kind != ProblemKind::Invalid && !p.kind.is_read();
            let broken = build.problems.into_iter().filter(is_broken);
            written.problems.extend(broken);
            if build.objects.iter().any(opaque::is_encrypted) {
                written.encrypted.push(path.clone());
            }
            let objects = build.objects.iter().filter(|object| object.group() != "backstage.io");
            let count = objects.count();
            if count > 0 {
                written.counts.insert(path.clone(), count);
            }
            build.objects.into_iter().for_each(|object| written.sort_in(object));
        }
        written
    }

    fn sort_in(&mut self, object: Object) {
        match (object.group(), object.kind()) {
            ("argoproj.io", "Application" | "ApplicationSet")
            | ("kustomize.toolkit.fluxcd.io", "Kustomization")
            | ("helm.toolkit.fluxcd.io", "HelmRelease")
            | ("fluxcd.controlplane.io", "FluxInstance") => self.reconcilers.push(object),
            ("source.toolkit.fluxcd.io" | "source.extensions.fluxcd.io", _) => {
                self.sources.push(object);
            }
            ("argoproj.io", "AppProject") => self.projects.push(object),
            ("argoproj.io", "ArgoCD") => self.argo_settings.push(object),
            ("", "ConfigMap") => {
                if object.name() == "argocd-cm" {
                    self.argo_settings.push(object.clone());
                }
                self.config_maps.push(object);
            }
            ("", "Secret") => self.clusters.extend(known_cluster(&object)),
            ("backstage.io", _) => self.catalog.push(object),
            ("install.istio.io" | "sailoperator.io" | "operator.istio.io", _) => {
                self.installers.push(object);
            }
            _ => {}
        }
    }
}

/// Whether the object applies something.
pub(crate) fn is_reconciler(object: &Object) -> bool {
    matches!(
        (object.group(), object.kind()),
        ("argoproj.io", "Application" | "ApplicationSet")
            | ("kustomize.toolkit.fluxcd.io", "Kustomization")
            | ("helm.toolkit.fluxcd.io", "HelmRelease")
            | ("fluxcd.controlplane.io", "FluxInstance")
    )
}

/// A Secret that declares a cluster to Argo CD, as far as it is written in the clear.
fn known_cluster(object: &Object) -> Option<KnownCluster> {
    if object.label("argocd.argoproj.io/secret-type") != Some("cluster") {
        return None;
    }
    let plain = |key: &str| object.root.at(&["stringData", key]).filter(|n| n.text().is_some());
    Some(KnownCluster {
        name: plain("name")?.clone(),
        server: plain("server")?.clone(),
        labels: object.root.at(&["metadata", "labels"]).cloned(),
        annotations: object.root.at(&["metadata", "annotations"]).cloned(),
    })
}

impl Written {
    /// The `ConfigMap` of this name; of several files that write one, that which stands nearest to
    /// the file `near`: a repository for several clusters has a folder for each. `None` where two
    /// stand equally near.
    pub(crate) fn config_map(&self, namespace: &str, name: &str, near: &str) -> Option<&Object> {
        let shared = |object: &Object| {
            let (own, near) = (object.mark().path.split('/'), near.split('/'));
            own.zip(near).take_while(|(own, near)| own == near).count()
        };
        let named = self.config_maps.iter().filter(|object| {
            object.name() == name && object.namespace().is_none_or(|own| own == namespace)
        });
        let mut all: Vec<(usize, &Object)> = named.map(|object| (shared(object), object)).collect();
        all.sort_by_key(|(shared, _)| std::cmp::Reverse(*shared));
        match all.as_slice() {
            [(first, _), (second, _), ..] if first == second => None,
            [(_, object), ..] => Some(object),
            [] => None,
        }
    }
}
