//! What an `AppProject` permits of the objects of an application: kinds, and namespaces one by one.
//!
//! One object that is not permitted fails the whole sync, so nothing of the application is applied.
//! The rules are those of Argo CD's `AppProject.IsGroupKindNamePermitted`, which its controller asks
//! of every object, with that of destinations for the object's own namespace. Kinds of which Git
//! does not tell whether they live in a namespace count as permitted where either list permits
//! them.

use stilltrace_manifest::kustomize::is_cluster_scoped;
use stilltrace_manifest::{Node, Object};

use super::project::{Destination, items, permits_destination};
use crate::gitops::claim::{Reason, Refusal};
use crate::gitops::glob::{Stars, matches};

/// The project of an application, as far as it decides about objects.
#[derive(Debug, Clone)]
pub(crate) struct Permit {
    /// Its name.
    pub(super) name: String,
    /// All that the repository says of it; one that permits is enough.
    pub(super) projects: Vec<Object>,
    /// The name of the cluster that the application goes to.
    pub(super) cluster: Option<String>,
    /// The address of its API server.
    pub(super) server: Option<String>,
}

/// Where objects of a kind live.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Scope {
    Namespace,
    Cluster,
    /// Only the definition of the kind tells.
    Unknown,
}

impl Permit {
    /// Refuses objects, each with the namespace that it ends up in, of which one is not permitted.
    pub(crate) fn check<'o>(
        &self,
        objects: impl Iterator<Item = (&'o Object, String)>,
    ) -> Result<(), Refusal> {
        let mut objects = objects.filter(|(object, place)| !self.permits(object, place));
        let Some((first, namespace)) = objects.next() else { return Ok(()) };
        let more = match objects.count() {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        let place = if namespace.is_empty() { String::new() } else { format!("{namespace}/") };
        let project = self.projects.first().map(|project| project.mark().to_string());
        let what = format!(
            "its project `{}` ({}) does not permit {} {place}{}{more}, so nothing of it is synced",
            self.name,
            project.unwrap_or_default(),
            first.kind(),
            first.name(),
        );
        Err(Refusal { reason: Reason::NotPermitted, at: first.mark().clone(), what })
    }

    fn permits(&self, object: &Object, namespace: &str) -> bool {
        self.projects.iter().any(|project| {
            let scope = scope(object.group(), object.kind());
            permits_kind(project, object, scope)
                && (scope != Scope::Namespace || self.permits_namespace(project, namespace))
        })
    }

    fn permits_namespace(&self, project: &Object, namespace: &str) -> bool {
        let (name, server) = (self.cluster.as_deref(), self.server.as_deref());
        permits_destination(project, &Destination { name, server, namespace })
    }
}

fn permits_kind(project: &Object, object: &Object, scope: Scope) -> bool {
    let listed = |field: &str| items(project, field).iter().any(|item| names(item, object));
    let absent = |field: &str| project.root.at(&["spec", field]).is_none_or(Node::is_null);
    let in_namespace = || {
        let white = "namespaceResourceWhitelist";
        (absent(white) || listed(white)) && !listed("namespaceResourceBlacklist")
    };
    let in_cluster = || listed("clusterResourceWhitelist") && !listed("clusterResourceBlacklist");
    match scope {
        Scope::Namespace => in_namespace(),
        Scope::Cluster => in_cluster(),
        Scope::Unknown => in_namespace() || in_cluster(),
    }
}

/// Whether an item of a list means the object; those for a cluster may name one.
fn names(item: &Node, object: &Object) -> bool {
    let text = |field: &str| item.get(field).and_then(Node::text).unwrap_or_default();
    let fits = |pattern: &str, text: &str| matches(pattern, text, Stars::OneName);
    fits(text("kind"), object.kind())
        && fits(text("group"), object.group())
        && (text("name").is_empty() || fits(text("name"), object.name()))
}

fn scope(group: &str, kind: &str) -> Scope {
    let cluster_wide = matches!(
        (group, kind),
        ("gateway.networking.k8s.io", "GatewayClass")
            | ("argoproj.io", "ClusterWorkflowTemplate" | "ClusterAnalysisTemplate")
    );
    // Groups of additions may end in `k8s.io` too, so those of Kubernetes are listed.
    let of_kubernetes = matches!(
        group,
        "" | "apps"
            | "autoscaling"
            | "batch"
            | "extensions"
            | "policy"
            | "coordination.k8s.io"
            | "discovery.k8s.io"
            | "events.k8s.io"
            | "networking.k8s.io"
            | "rbac.authorization.k8s.io"
    );
    let namespaced = matches!(group, "argoproj.io" | "gateway.networking.k8s.io")
        || group.ends_with(".istio.io")
        || group.ends_with(".toolkit.fluxcd.io");
    if cluster_wide || is_cluster_scoped(group, kind) {
        Scope::Cluster
    } else if of_kubernetes || namespaced {
        Scope::Namespace
    } else {
        Scope::Unknown
    }
}
