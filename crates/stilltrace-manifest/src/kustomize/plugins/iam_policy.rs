//! `IAMPolicyGenerator`: a service account bound to one of a cloud provider.

use crate::object::Object;
use crate::problem::{Problem, ProblemKind};
use crate::yaml::{Derivation, Node};

use super::super::resource::{Resource, empty_mapping};
use super::text;

/// The annotation by which GKE finds the cloud's service account.
const ANNOTATION: &str = "iam.gke.io/gcp-service-account";

/// Makes the `ServiceAccount`.
pub(super) fn make(root: &Node) -> Result<Resource, Problem> {
    let (cloud, mark) = text(root, &["cloud"]);
    if cloud != "gke" {
        let text = format!("`{cloud}` is not supported as a cloud; Kustomize knows `gke`");
        return Err(Problem::at(mark, ProblemKind::Invalid, text));
    }
    let (account, place) = text(root, &["serviceAccount", "name"]);
    let (project, _) = text(root, &["serviceAccount", "projectId"]);
    let (name, name_mark) = text(root, &["kubernetesService", "name"]);
    let (namespace, namespace_mark) = text(root, &["kubernetesService", "namespace"]);
    let mark = &root.mark;
    let word = |text: &str| Node::string(text, mark.clone()).derived(Derivation::Generated);
    let address = format!("{account}@{project}.iam.gserviceaccount.com");
    let address = Node::string(address, place.clone()).derived(Derivation::Part);
    let mut annotations = empty_mapping(mark);
    annotations.set(ANNOTATION, mark, address);
    let mut metadata = empty_mapping(mark);
    metadata.set("annotations", mark, annotations);
    metadata.set("name", mark, Node::string(name, name_mark.clone()));
    if !namespace.is_empty() {
        metadata.set("namespace", mark, Node::string(namespace, namespace_mark.clone()));
    }
    let mut object = empty_mapping(mark);
    object.set("apiVersion", mark, word("v1"));
    object.set("kind", mark, word("ServiceAccount"));
    object.set("metadata", mark, metadata);
    Ok(Resource::new(Object { root: object.into() }))
}
