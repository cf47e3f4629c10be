//! `namespace`, `namePrefix` and `nameSuffix`.

use crate::yaml::{Derivation, Mark, Node, Value};

use super::fields::{FieldSpec, visit};
use super::resource::Resource;
use super::scope::is_cluster_scoped;

/// Fields other than `metadata.namespace` that hold a namespace.
const NAMESPACE_FIELDS: &[FieldSpec] = &[
    FieldSpec::created("Namespace", "metadata/name").in_version("v1"),
    FieldSpec::created("APIService", "spec/service/namespace").in_group("apiregistration.k8s.io"),
    FieldSpec::existing(
        "apiextensions.k8s.io",
        "CustomResourceDefinition",
        "spec/conversion/webhook/clientConfig/service/namespace",
    ),
];

/// Puts every namespaced object into `namespace`, whose value stands at `mark`.
pub(super) fn set_namespace(resources: &mut [Resource], namespace: &str, mark: &Mark) {
    for resource in resources {
        resource.remember_id();
        let (group, kind) = (resource.object.group().to_owned(), resource.object.kind().to_owned());
        if !is_cluster_scoped(&group, &kind) {
            replace_metadata(resource, "namespace", Node::string(namespace, mark.clone()));
        }
        if matches!(kind.as_str(), "RoleBinding" | "ClusterRoleBinding") {
            set_default_subjects(resource, namespace, mark);
        }
        for spec in NAMESPACE_FIELDS {
            let core_only = spec.kind == "Namespace" && !group.is_empty();
            if spec.matches(&resource.object) && !core_only {
                let create = spec.create.then_some(mark);
                visit(resource.object.root_mut(), spec.path, create, &mut |node| {
                    replace(node, Node::string(namespace, mark.clone()));
                });
            }
        }
    }
}

/// The service account `default` is the one of the namespace the objects move to.
fn set_default_subjects(resource: &mut Resource, namespace: &str, mark: &Mark) {
    if resource.object.root.get("subjects").is_none() {
        return;
    }
    let Some(subjects) = resource.object.root_mut().get_mut("subjects") else { return };
    for subject in subjects.items_mut().into_iter().flatten() {
        if subject.get("name").and_then(Node::text) == Some("default") {
            subject.set("namespace", mark, Node::string(namespace, mark.clone()));
        }
    }
}

/// Which end of a name is extended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// `namePrefix`.
    Prefix,
    /// `nameSuffix`.
    Suffix,
}

/// Extends every name but those that other names are derived from.
pub(super) fn extend_names(resources: &mut [Resource], end: End, text: &str, mark: &Mark) {
    for resource in resources {
        let original = resource.original_id();
        let fixed = matches!(
            (original.group.as_str(), original.kind.as_str()),
            (_, "CustomResourceDefinition" | "Namespace")
                | ("apiregistration.k8s.io", "APIService")
        );
        if fixed {
            continue;
        }
        resource.remember_id();
        let name = match end {
            End::Prefix => {
                resource.prefixes.push(text.to_owned());
                format!("{text}{}", resource.object.name())
            }
            End::Suffix => {
                resource.suffixes.push(text.to_owned());
                format!("{}{text}", resource.object.name())
            }
        };
        let name = Node::string(name, mark.clone()).derived(Derivation::Extended);
        replace_metadata(resource, "name", name);
    }
}

fn replace_metadata(resource: &mut Resource, key: &str, value: Node) {
    let current = resource.object.root.at(&["metadata", key]).and_then(Node::text);
    if current != value.text() {
        resource.set_metadata(key, value);
    }
}

/// Sets a scalar unless its text is there already.
pub(super) fn replace(node: &mut Node, new: Node) {
    if node.text() == new.text() {
        return;
    }
    if node.value == Value::Null { *node = new } else { node.override_with(new) }
}
