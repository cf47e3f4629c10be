//! `namespace`, `namePrefix` and `nameSuffix`.

use std::collections::BTreeMap;

use crate::problem::{Problem, ProblemKind};
use crate::yaml::{Derivation, Mark, Node, Piece, Scalar, Style, Text, Value};

use super::fields::{FieldSpec, Gvk, visit};
use super::resource::{Resource, written_word};

/// Which subjects of role bindings move with the objects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Subjects {
    /// Those named `default`.
    Default,
    /// All service accounts.
    ServiceAccounts,
    /// None.
    None,
}

/// One change of namespaces.
pub(super) struct NamespaceChange<'a> {
    pub(super) namespace: &'a str,
    pub(super) mark: &'a Mark,
    pub(super) specs: &'a [FieldSpec],
    /// Only fields that are empty are set.
    pub(super) unset_only: bool,
    pub(super) subjects: Subjects,
}

impl NamespaceChange<'_> {
    /// Puts every namespaced object into the namespace.
    ///
    /// # Errors
    /// When a field holds no text, or two objects become one.
    pub(super) fn apply(&self, resources: &mut [Resource]) -> Result<(), Problem> {
        for resource in resources.iter_mut().filter(|resource| !resource.from_helm) {
            resource.remember_id();
            self.apply_to(resource)?;
        }
        unique(resources)
    }

    /// Changes one object.
    pub(super) fn apply_to(&self, resource: &mut Resource) -> Result<(), Problem> {
        if !resource.is_cluster_scoped() {
            self.visit(resource, "metadata/namespace", true)?;
        }
        let is_binding = matches!(resource.object.kind(), "RoleBinding" | "ClusterRoleBinding");
        if is_binding {
            self.move_subjects(resource)?;
        }
        for spec in self.specs {
            let own = spec.path == "metadata/namespace"
                || (spec.path == "metadata/name" && resource.object.api_version() != "v1");
            let subjects = is_binding
                && spec.path == "subjects/namespace"
                && spec.of.kind.ends_with("RoleBinding");
            if !own && !subjects && spec.matches(&resource.object) {
                self.visit(resource, &spec.path, spec.create)?;
            }
        }
        Ok(())
    }

    fn visit(&self, resource: &mut Resource, path: &str, create: bool) -> Result<(), Problem> {
        let create = create.then_some(self.mark);
        visit(resource.object.root_mut(), path, create, &mut |node| self.set(node))
    }

    fn set(&self, node: &mut Node) -> Result<(), Problem> {
        if matches!(node.value, Value::Sequence(_) | Value::Mapping(_)) {
            let text = "a namespace must be a text";
            return Err(Problem::at(&node.mark, ProblemKind::Invalid, text));
        }
        if !self.unset_only || node.text().unwrap_or("").is_empty() {
            replace(node, Node::string(self.namespace, self.mark.clone()));
        }
        Ok(())
    }

    fn move_subjects(&self, resource: &mut Resource) -> Result<(), Problem> {
        let (key, wanted) = match self.subjects {
            Subjects::None => return Ok(()),
            Subjects::Default => ("name", "default"),
            Subjects::ServiceAccounts => ("kind", "ServiceAccount"),
        };
        if resource.object.root.get("subjects").is_none_or(Node::is_null) {
            return Ok(());
        }
        let Some(subjects) = resource.object.root_mut().get_mut("subjects") else { return Ok(()) };
        let mark = subjects.mark.clone();
        let Some(items) = subjects.items_mut() else {
            return Err(Problem::at(&mark, ProblemKind::Invalid, "`subjects` must be a list"));
        };
        for subject in items {
            if subject.get(key).and_then(Node::text) != Some(wanted) {
                continue;
            }
            if subject.get("namespace").is_none() {
                subject.set("namespace", self.mark, Node::new(Value::Null, self.mark.clone()));
            }
            subject.get_mut("namespace").map_or(Ok(()), |namespace| self.set(namespace))?;
        }
        Ok(())
    }
}

/// Refuses two objects with the same identity.
pub(super) fn unique(resources: &[Resource]) -> Result<(), Problem> {
    let mut seen = BTreeMap::new();
    for resource in resources {
        if let Some(earlier) = seen.insert(resource.id(), resource) {
            let (key, other) = (resource.object.key(), earlier.object.mark());
            let text = format!("{key} is also defined at {other}, now in the same namespace");
            return Err(Problem::at(resource.object.mark(), ProblemKind::Invalid, text));
        }
    }
    Ok(())
}

/// Which end of a name is extended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// `namePrefix`.
    Prefix,
    /// `nameSuffix`.
    Suffix,
}

/// Kinds whose names are not extended: other names are derived from theirs.
const FIXED: &[Gvk] = &[
    Gvk::fixed("", "", "CustomResourceDefinition"),
    Gvk::fixed("apiregistration.k8s.io", "", "APIService"),
    Gvk::fixed("", "", "Namespace"),
];

/// Extends the names in the fields of `specs`.
pub(super) fn extend_names(
    resources: &mut [Resource],
    end: End,
    (text, mark): (&str, &Mark),
    specs: &[FieldSpec],
) -> Result<(), Problem> {
    for resource in resources {
        let original = resource.original_id();
        if text.is_empty() || FIXED.iter().any(|fixed| fixed.accepts_id(&original)) {
            continue;
        }
        for spec in specs.iter().filter(|spec| spec.of.accepts_id(&original)) {
            if spec.path == "metadata/name" {
                resource.remember_id();
                match end {
                    End::Prefix => resource.prefixes.push(text.to_owned()),
                    End::Suffix => resource.suffixes.push(text.to_owned()),
                }
            }
            if !spec.matches(&resource.object) {
                continue;
            }
            let create = spec.create.then_some(mark);
            visit(resource.object.root_mut(), &spec.path, create, &mut |node| {
                extend(node, end, text, mark)
            })?;
        }
    }
    Ok(())
}

fn extend(node: &mut Node, end: End, text: &str, mark: &Mark) -> Result<(), Problem> {
    if matches!(node.value, Value::Sequence(_) | Value::Mapping(_)) {
        let text = "a name must be a text";
        return Err(Problem::at(&node.mark, ProblemKind::Invalid, text));
    }
    // A null is extended as the word that it is written with; a field that is made is empty.
    let old = if node.is_null() && node.mark == *mark { "" } else { written_word(node) };
    let name = match end {
        End::Prefix => format!("{text}{old}"),
        End::Suffix => format!("{old}{text}"),
    };
    let derivation = if old.is_empty() { Derivation::Written } else { Derivation::Extended };
    let mut pieces = node.as_pieces();
    if !pieces.is_empty() {
        pieces.push(Piece { mark: mark.clone(), text: Text::new(text) });
    }
    // The name is written as the old one was, and has no type of its own: `1` before `2` is 12.
    let style = match &node.value {
        Value::Scalar(scalar) => scalar.style,
        _ => Style::Plain,
    };
    let scalar = Scalar { text: Text::new(name), style };
    let mut new = Node::new(Value::Scalar(scalar), mark.clone());
    new.set_untyped(style == Style::Plain);
    replace(node, new.derived(derivation).made_of(pieces));
    Ok(())
}

/// Replaces a scalar by another unless it has the same text.
pub(super) fn replace(node: &mut Node, new: Node) {
    if node.text() == new.text() {
        return;
    }
    if node.value == Value::Null { *node = new } else { node.override_with(new) }
}
