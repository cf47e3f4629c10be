//! Fields of an object by path, as Kustomize's field specifications name them.

use crate::object::Object;
use crate::yaml::{Mark, Node, Value};

use super::resource::empty_mapping;

/// A field of some kinds of objects.
///
/// A path has segments joined by `/`; lists on the way are walked item by item, with or without
/// `[]` behind the name. An empty group, version or kind matches any.
#[derive(Debug, Clone, Copy)]
pub(super) struct FieldSpec {
    pub(super) group: &'static str,
    pub(super) version: &'static str,
    pub(super) kind: &'static str,
    pub(super) path: &'static str,
    /// Whether the field is created where it is missing.
    pub(super) create: bool,
}

impl FieldSpec {
    /// A field of one kind in any group that is created where missing.
    pub(super) const fn created(kind: &'static str, path: &'static str) -> Self {
        Self { group: "", version: "", kind, path, create: true }
    }

    /// A field of one kind of one group, changed only where it exists.
    pub(super) const fn existing(
        group: &'static str,
        kind: &'static str,
        path: &'static str,
    ) -> Self {
        Self { group, version: "", kind, path, create: false }
    }

    /// The same field of one group.
    pub(super) const fn in_group(self, group: &'static str) -> Self {
        Self { group, ..self }
    }

    /// The same field of one version.
    pub(super) const fn in_version(self, version: &'static str) -> Self {
        Self { version, ..self }
    }

    pub(super) fn matches(&self, object: &Object) -> bool {
        let accepts = |wanted: &str, actual: &str| wanted.is_empty() || wanted == actual;
        accepts(self.kind, object.kind())
            && accepts(self.group, object.group())
            && accepts(self.version, object.version())
    }
}

/// Calls `set` on every node at `path`; with `create`, missing mappings and a null leaf are made
/// first and carry that mark.
pub(super) fn visit(
    node: &mut Node,
    path: &str,
    create: Option<&Mark>,
    set: &mut dyn FnMut(&mut Node),
) {
    if path.is_empty() {
        return set(node);
    }
    match &mut node.value {
        Value::Sequence(items) => {
            for item in items {
                visit(item, path, create, set);
            }
        }
        Value::Mapping(_) => visit_field(node, path, create, set),
        Value::Null | Value::Scalar(_) => {}
    }
}

fn visit_field(node: &mut Node, path: &str, create: Option<&Mark>, set: &mut dyn FnMut(&mut Node)) {
    let (segment, rest) = path.split_once('/').unwrap_or((path, ""));
    let (key, is_list) = match segment.strip_suffix("[]") {
        Some(key) => (key, true),
        None => (segment, false),
    };
    if node.get(key).is_none() {
        let Some(mark) = create.filter(|_| !is_list) else { return };
        let value = if rest.is_empty() {
            Node::new(Value::Null, mark.clone())
        } else {
            empty_mapping(mark)
        };
        node.set(key, mark, value);
    }
    let Some(child) = node.get_mut(key) else { return };
    if child.is_null() && !rest.is_empty() && !is_list && create.is_some() {
        child.value = Value::Mapping(Vec::new());
    }
    visit(child, rest, create, set);
}
