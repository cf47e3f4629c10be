//! What has to be in an API server before engines and istiod come.

use serde_json::{Value, json};

use super::{Cluster, NODE};
use crate::mesh::MeshError;

/// Namespaces of what runs here.
const OWN_NAMESPACES: [&str; 3] = ["argocd", "flux-system", "istio-system"];

impl Cluster {
    /// The kinds of Istio, Argo CD and Flux.
    ///
    /// # Errors
    /// When the API server refuses one.
    pub(crate) fn define(&self) -> Result<(), MeshError> {
        let crds = self.tools.program("crds").display().to_string();
        // Too large for the annotation that the other way of applying leaves.
        self.api.kubectl(&["apply", "--server-side", "--filename", &crds], None)?;
        let established = ["--for=condition=established", "--timeout=30s"];
        let all = ["wait", "customresourcedefinitions", "--all"];
        self.api.kubectl(&[all.as_slice(), &established].concat(), None).map(drop)
    }

    /// Namespaces, the node, what Argo CD wants to find, and `more`.
    ///
    /// # Errors
    /// When the API server refuses one.
    pub(crate) fn settle_in(&self, namespaces: &[String], more: &[Value]) -> Result<(), MeshError> {
        let own = OWN_NAMESPACES.map(str::to_owned);
        let mut names: Vec<_> = own.iter().chain(namespaces).collect();
        names.sort();
        names.dedup();
        let bare = |kind: &str, name: &str| json!({"apiVersion": "v1", "kind": kind, "metadata": {"name": name}});
        let mut objects: Vec<Value> =
            names.into_iter().map(|name| bare("Namespace", name)).collect();
        // Pods that are bound to no node are taken for orphans and removed.
        objects.push(bare("Node", NODE));
        self.api.apply(&objects)?;
        self.api.apply(&[argo_settings().as_slice(), more].concat())
    }
}

/// The least that Argo CD's application controller wants to find.
fn argo_settings() -> Vec<Value> {
    let metadata = |name: &str| {
        json!({
            "name": name,
            "namespace": "argocd",
            "labels": {"app.kubernetes.io/part-of": "argocd"},
        })
    };
    vec![
        json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata("argocd-cm")}),
        json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata("argocd-rbac-cm")}),
        json!({
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": metadata("argocd-secret"),
            "stringData": {"server.secretkey": "lab-only-not-a-secret"},
        }),
        json!({
            "apiVersion": "argoproj.io/v1alpha1",
            "kind": "AppProject",
            "metadata": {"name": "default", "namespace": "argocd"},
            "spec": {
                "sourceRepos": ["*"],
                "destinations": [{"namespace": "*", "server": "*"}],
                "clusterResourceWhitelist": [{"group": "*", "kind": "*"}],
            },
        }),
    ]
}
