//! Fields of an object by path, as Kustomize's field specifications name them.

use std::borrow::Cow;

use crate::object::Object;
use crate::problem::{Problem, ProblemKind};
use crate::yaml::{Mark, Node, Value};

use super::resource::{Id, empty_mapping};

/// Group, version and kind of objects; an empty part stands for any.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Gvk {
    pub(super) group: Cow<'static, str>,
    pub(super) version: Cow<'static, str>,
    pub(super) kind: Cow<'static, str>,
}

impl Gvk {
    pub(super) const fn fixed(
        group: &'static str,
        version: &'static str,
        kind: &'static str,
    ) -> Self {
        Self {
            group: Cow::Borrowed(group),
            version: Cow::Borrowed(version),
            kind: Cow::Borrowed(kind),
        }
    }

    /// Whether an object of this group, version and kind is meant.
    pub(super) fn accepts(&self, group: &str, version: &str, kind: &str) -> bool {
        let same = |wanted: &str, actual: &str| wanted.is_empty() || wanted == actual;
        same(&self.kind, kind) && same(&self.group, group) && same(&self.version, version)
    }

    pub(super) fn accepts_id(&self, id: &Id) -> bool {
        self.accepts(&id.group, &id.version, &id.kind)
    }

    pub(super) fn accepts_object(&self, object: &Object) -> bool {
        self.accepts(object.group(), object.version(), object.kind())
    }
}

/// A field of some kinds of objects.
///
/// A path has segments joined by `/`, with `\/` for a slash inside a segment; lists on the way are
/// walked item by item, with or without `[]` behind the name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct FieldSpec {
    pub(super) of: Gvk,
    pub(super) path: Cow<'static, str>,
    /// Whether the field is created where it is missing.
    pub(super) create: bool,
}

impl FieldSpec {
    pub(super) fn new(of: Gvk, path: impl Into<Cow<'static, str>>, create: bool) -> Self {
        Self { of, path: path.into(), create }
    }

    pub(super) fn matches(&self, object: &Object) -> bool {
        self.of.accepts_object(object)
    }
}

/// What a visitor does to a field it is shown; a problem ends the visit.
pub(super) type Set<'a> = &'a mut dyn FnMut(&mut Node) -> Result<(), Problem>;

/// Calls `set` on every node at `path`; with `create`, missing mappings and a null leaf are made
/// first and carry that mark.
///
/// # Errors
/// When a scalar stands where the path leads on, as Kustomize refuses it, or when `set` fails.
pub(super) fn visit(
    node: &mut Node,
    path: &str,
    create: Option<&Mark>,
    set: Set<'_>,
) -> Result<(), Problem> {
    if path.is_empty() {
        return set(node);
    }
    match &mut node.value {
        Value::Sequence(items) => {
            items.iter_mut().try_for_each(|item| visit(item, path, create, set))
        }
        Value::Mapping(_) => visit_field(node, path, create, set),
        Value::Null => Ok(()),
        Value::Scalar(_) => {
            let text = format!("`{path}` cannot be below a single value");
            Err(Problem::at(&node.mark, ProblemKind::Invalid, text))
        }
    }
}

fn visit_field(
    node: &mut Node,
    path: &str,
    create: Option<&Mark>,
    set: Set<'_>,
) -> Result<(), Problem> {
    let (segment, rest) = first_segment(path);
    let (key, is_list) = match segment.strip_suffix("[]") {
        Some(key) => (key, true),
        None => (&*segment, false),
    };
    if node.get(key).is_none() {
        let Some(mark) = create.filter(|_| !is_list) else { return Ok(()) };
        let value = if rest.is_empty() {
            Node::new(Value::Null, mark.clone())
        } else {
            empty_mapping(mark)
        };
        node.set(key, mark, value);
    }
    let Some(child) = node.get_mut(key) else { return Ok(()) };
    if child.is_null() && is_list {
        child.value = Value::Sequence(Vec::new());
    } else if child.is_null() && !rest.is_empty() && create.is_some() {
        child.value = Value::Mapping(Vec::new());
    }
    visit(child, rest, create, set)
}

/// Whether [`visit`] without `create` would change something or fail, where `is_meant` says which
/// nodes at `path` the visitor changes or refuses. Most objects are shared between builds and few
/// visits change one, so this is asked before an object is copied for a visit.
pub(super) fn would_change(node: &Node, path: &str, is_meant: &dyn Fn(&Node) -> bool) -> bool {
    if path.is_empty() {
        return is_meant(node);
    }
    match &node.value {
        Value::Sequence(items) => items.iter().any(|item| would_change(item, path, is_meant)),
        Value::Null => false,
        Value::Scalar(_) => true,
        Value::Mapping(_) => {
            let (segment, rest) = first_segment(path);
            let list = segment.strip_suffix("[]");
            let Some(child) = node.get(list.unwrap_or(&segment)) else { return false };
            child.is_null() && list.is_some() || would_change(child, rest, is_meant)
        }
    }
}

/// The first segment of a path, `\/` resolved, and what is behind it; a leading slash is ignored.
fn first_segment(path: &str) -> (Cow<'_, str>, &str) {
    let path = path.strip_prefix('/').unwrap_or(path);
    let mut from = 0;
    while let Some(found) = path[from..].find('/') {
        let slash = from + found;
        if !path[..slash].ends_with('\\') {
            return (unescaped(&path[..slash]), &path[slash + 1..]);
        }
        from = slash + 1;
    }
    (unescaped(path), "")
}

fn unescaped(segment: &str) -> Cow<'_, str> {
    if segment.contains("\\/") {
        Cow::Owned(segment.replace("\\/", "/"))
    } else {
        Cow::Borrowed(segment)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slash_can_be_part_of_a_segment() {
        let (segment, rest) = first_segment("annotations/example.com\\/name/x");
        assert_eq!((&*segment, rest), ("annotations", "example.com\\/name/x"));
        let (segment, rest) = first_segment(rest);
        assert_eq!((&*segment, rest), ("example.com/name", "x"));
    }
}
