//! Marks that Argo CD and Flux leave on the objects they apply.
//!
//! Objects that were taken from a cluster carry them into Git. Where no reconciler of the
//! repository applies an object, its marks say who writes it: Flux's labels
//! `kustomize.toolkit.fluxcd.io/name` and `…/namespace` (for charts `helm.toolkit.fluxcd.io/…`),
//! Argo CD's annotation `argocd.argoproj.io/tracking-id` or its older label
//! `app.kubernetes.io/instance`. Charts set that label too, so it counts only with an application
//! of that name. A tracking id counts only on the object it names, as for Argo CD itself: a copy of
//! an object is not tracked.

use std::collections::BTreeMap;
use std::sync::Arc;

use stilltrace_manifest::tree::parent;
use stilltrace_manifest::{Node, Object};
use stilltrace_model::{ObjectRef, Reconciler, ReconcilerKind};

use super::written::Written;
use crate::field::location;

/// The annotation with an application and the object that it tracks.
const TRACKING: &str = "argocd.argoproj.io/tracking-id";
/// The label with an application's name.
const INSTANCE: &str = "app.kubernetes.io/instance";
/// Groups of Flux's labels, with the version and kind of who writes them.
const FLUX: [(&str, &str, &str); 2] = [
    ("kustomize.toolkit.fluxcd.io", "v1", "Kustomization"),
    ("helm.toolkit.fluxcd.io", "v2", "HelmRelease"),
];

/// Reads marks, given the applications of the repository.
#[derive(Debug, Default)]
pub(crate) struct Marks {
    /// Namespaces of applications by name.
    applications: BTreeMap<String, String>,
}

impl Marks {
    /// The marks of a repository.
    pub(crate) fn new(written: &Written) -> Self {
        let applications = written.reconcilers.iter().filter(|one| one.kind() == "Application");
        let named = |object: &Object| {
            (object.name().to_owned(), object.namespace().unwrap_or_default().to_owned())
        };
        Self { applications: applications.map(named).collect() }
    }

    /// Who writes an object in `namespace`, by its marks.
    pub(crate) fn writer(&self, object: &Object, namespace: &str) -> Option<Arc<Reconciler>> {
        let label = |key: &str| object.root.at(&["metadata", "labels", key]);
        for (group, version, kind) in FLUX {
            let name = label(&format!("{group}/name"));
            if let (Some(name), Some(home)) = (name, label(&format!("{group}/namespace"))) {
                let id = (format!("{group}/{version}"), kind, home.text()?);
                return marked(ReconcilerKind::Flux, id, name.text()?, name, object);
            }
        }
        let id = |home| ("argoproj.io/v1alpha1".to_owned(), "Application", home);
        if let Some(node) = object.root.at(&["metadata", "annotations", TRACKING]) {
            let (application, tracked) = node.text()?.split_once(':')?;
            if tracked != identity(object, namespace) {
                return None;
            }
            // An application outside of Argo CD's namespace is `NAMESPACE_NAME`.
            let (home, name) = application.split_once('_').unwrap_or(("", application));
            return marked(ReconcilerKind::ArgoCd, id(home), name, node, object);
        }
        let node = label(INSTANCE)?;
        let name = node.text()?;
        let home = self.applications.get(name)?;
        marked(ReconcilerKind::ArgoCd, id(home), name, node, object)
    }
}

/// What a tracking id says of an object behind the application's name.
fn identity(object: &Object, namespace: &str) -> String {
    format!("{}/{}:{namespace}/{}", object.group(), object.kind(), object.name())
}

fn marked(
    kind: ReconcilerKind,
    (api_version, object_kind, namespace): (String, &str, &str),
    name: &str,
    at: &Node,
    object: &Object,
) -> Option<Arc<Reconciler>> {
    let object_ref = ObjectRef {
        api_version,
        kind: object_kind.to_owned(),
        namespace: namespace.to_owned(),
        name: name.to_owned(),
    };
    (!name.is_empty()).then(|| {
        Arc::new(Reconciler {
            kind,
            object: object_ref,
            path: parent(&object.mark().path).to_owned(),
            at: location(&at.mark),
            suspended: None,
            depends_on: Vec::new(),
        })
    })
}
