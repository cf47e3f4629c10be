//! JSON patches (RFC 6902) on trees with positions.

use crate::problem::{Problem, ProblemKind};
use crate::yaml::{Mark, Node, Value};

/// Levels that an object may have after a patch; its own nesting is limited when it is read.
const MAX_DEPTH: usize = 256;
/// Values that the `copy` operations of one patch may add.
const MAX_COPIED: usize = 100_000;

/// Applies all operations of `patch`, or none: the first that fails is the problem.
pub(super) fn apply(root: &mut Node, patch: &Node) -> Result<(), Problem> {
    let (mut changed, mut copied) = (root.clone(), 0);
    for operation in patch.items() {
        apply_one(&mut changed, operation, &mut copied)?;
    }
    *root = changed;
    Ok(())
}

fn apply_one(root: &mut Node, operation: &Node, copied: &mut usize) -> Result<(), Problem> {
    let text = |key: &str| operation.get(key).and_then(Node::text);
    let fail = |what: String| Problem::at(&operation.mark, ProblemKind::Invalid, what);
    let need = |key: &str| fail(format!("a JSON patch operation needs `{key}`"));
    let path = text("path").ok_or_else(|| need("path"))?;
    let at = |missing: Missing| {
        let mark = operation.get("path").map_or(&operation.mark, |node| &node.mark);
        Problem::at(mark, ProblemKind::Invalid, format!("`{path}`: {}", missing.reason()))
    };
    let value = || operation.get("value").cloned().ok_or_else(|| need("value"));
    match text("op") {
        Some("add") => add(root, path, value()?).map_err(at),
        Some("replace") => replace(root, path, value()?).map_err(at),
        Some("remove") => remove(root, path).map(|_| ()).map_err(at),
        Some("test") => {
            let (wanted, found) = (value()?, lookup(root, path).map_err(at)?);
            if found.same_value(&wanted) { Ok(()) } else { Err(at(Missing::Unequal)) }
        }
        Some("move") => {
            let from = text("from").ok_or_else(|| need("from"))?;
            let node = remove(root, from).map_err(at)?;
            add(root, path, node).map_err(at)
        }
        Some("copy") => {
            let from = text("from").ok_or_else(|| need("from"))?;
            let node = lookup(root, from).map_err(at)?;
            *copied += size(node).1;
            if *copied > MAX_COPIED {
                return Err(at(Missing::Budget));
            }
            let node = node.clone();
            add(root, path, node).map_err(at)
        }
        Some(other) => Err(fail(format!("unknown JSON patch operation `{other}`"))),
        None => Err(need("op")),
    }
}

/// Why an operation cannot be carried out.
#[derive(Debug, Clone, Copy)]
enum Missing {
    Parent,
    Target,
    Index,
    Unequal,
    Root,
    Budget,
}

impl Missing {
    fn reason(self) -> &'static str {
        match self {
            Self::Parent => "there is nothing to put it into",
            Self::Target => "there is no such value",
            Self::Index => "the list has no such index",
            Self::Unequal => "the value is not the expected one",
            Self::Budget => "the patch makes the object too large",
            Self::Root => "the whole object cannot be changed this way",
        }
    }
}

/// The parts of a JSON pointer, unescaped.
fn parts(pointer: &str) -> Vec<String> {
    let parts = pointer.strip_prefix('/').unwrap_or(pointer).split('/');
    parts.map(|part| part.replace("~1", "/").replace("~0", "~")).collect()
}

fn lookup<'a>(root: &'a Node, pointer: &str) -> Result<&'a Node, Missing> {
    if pointer.is_empty() {
        return Ok(root);
    }
    parts(pointer).iter().try_fold(root, |node, part| child(node, part).ok_or(Missing::Target))
}

fn child<'a>(node: &'a Node, part: &str) -> Option<&'a Node> {
    match &node.value {
        Value::Sequence(items) => items.get(index(part, items.len())?),
        _ => node.get(part),
    }
}

fn child_mut<'a>(node: &'a mut Node, part: &str) -> Option<&'a mut Node> {
    match &mut node.value {
        Value::Sequence(items) => {
            let position = index(part, items.len())?;
            items.get_mut(position)
        }
        Value::Mapping(entries) => {
            entries.iter_mut().find(|entry| entry.key == part).map(|entry| &mut entry.value)
        }
        _ => None,
    }
}

/// An index as written; a negative one counts from the end.
fn index(part: &str, length: usize) -> Option<usize> {
    match part.strip_prefix('-') {
        Some(back) => length.checked_sub(back.parse().ok()?),
        None => part.parse().ok(),
    }
}

/// The collection that holds the target, and the last part of the pointer.
fn parent<'a>(root: &'a mut Node, pointer: &str) -> Result<(&'a mut Node, String), Missing> {
    let mut parts = parts(pointer);
    let last = parts.pop().filter(|_| !pointer.is_empty()).ok_or(Missing::Root)?;
    let mut node = root;
    for part in parts {
        node = child_mut(node, &part).ok_or(Missing::Parent)?;
    }
    Ok((node, last))
}

/// Levels and values of a tree, itself included.
fn size(node: &Node) -> (usize, usize) {
    let children: Vec<&Node> = match &node.value {
        Value::Mapping(entries) => entries.iter().map(|entry| &entry.value).collect(),
        Value::Sequence(items) => items.iter().collect(),
        _ => Vec::new(),
    };
    let sizes = children.into_iter().map(size);
    let (depth, count) = sizes.fold((0, 0), |(d, c), (depth, count)| (d.max(depth), c + count));
    (depth + 1, count + 1)
}

/// Refuses a value that would nest the object too deeply.
fn check_depth(pointer: &str, value: &Node) -> Result<(), Missing> {
    let fits = pointer.matches('/').count() + size(value).0 <= MAX_DEPTH;
    if fits { Ok(()) } else { Err(Missing::Budget) }
}

fn add(root: &mut Node, pointer: &str, value: Node) -> Result<(), Missing> {
    check_depth(pointer, &value)?;
    let (node, last) = parent(root, pointer)?;
    match &mut node.value {
        Value::Sequence(items) => {
            let position = if last == "-" {
                items.len()
            } else {
                index(&last, items.len()).ok_or(Missing::Index)?
            };
            if position > items.len() {
                return Err(Missing::Index);
            }
            items.insert(position, value);
        }
        Value::Mapping(_) => {
            let mark: Mark = value.mark.clone();
            node.set(&last, &mark, value);
        }
        _ => return Err(Missing::Parent),
    }
    Ok(())
}

fn replace(root: &mut Node, pointer: &str, value: Node) -> Result<(), Missing> {
    check_depth(pointer, &value)?;
    let (node, last) = parent(root, pointer)?;
    if let Some(target) = child_mut(node, &last) {
        target.override_with(value);
        return Ok(());
    }
    // RFC 6902 demands that the target exists; Kustomize's library does not for keys.
    match node.value {
        Value::Mapping(_) => {
            let mark = value.mark.clone();
            node.set(&last, &mark, value);
            Ok(())
        }
        _ => Err(Missing::Target),
    }
}

fn remove(root: &mut Node, pointer: &str) -> Result<Node, Missing> {
    let (node, last) = parent(root, pointer)?;
    match &mut node.value {
        Value::Sequence(items) => {
            let position = index(&last, items.len()).ok_or(Missing::Index)?;
            if position < items.len() { Ok(items.remove(position)) } else { Err(Missing::Index) }
        }
        _ => node.remove(&last).map(|entry| entry.value).ok_or(Missing::Target),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed lookup is the test's failure")]

    use super::*;
    use crate::yaml::{Budget, parse};

    fn node(text: &str) -> Node {
        let parsed = parse("f.yaml", text.as_bytes(), &Budget::default());
        (*parsed.documents[0].root).clone()
    }

    fn patched(object: &str, patch: &str) -> Result<Node, String> {
        let mut object = node(object);
        apply(&mut object, &node(patch)).map_err(|problem| problem.message)?;
        Ok(object)
    }

    #[test]
    fn all_operations_follow_rfc_6902() {
        let cases = [
            ("{op: add, path: /l/1, value: x}", "{a: 1, l: [1, x, 2]}"),
            ("{op: add, path: /l/-, value: x}", "{a: 1, l: [1, 2, x]}"),
            ("{op: add, path: /b, value: {c: d}}", "{a: 1, l: [1, 2], b: {c: d}}"),
            ("{op: replace, path: /a, value: 2}", "{a: 2, l: [1, 2]}"),
            ("{op: remove, path: /l/0}", "{a: 1, l: [2]}"),
            ("{op: move, from: /a, path: /z~1y}", "{l: [1, 2], z/y: 1}"),
            ("{op: copy, from: /l, path: /m~0}", "{a: 1, l: [1, 2], m~: [1, 2]}"),
            ("{op: test, path: /a, value: 1}", "{a: 1, l: [1, 2]}"),
        ];
        for (operation, wanted) in cases {
            let found = patched("{a: 1, l: [1, 2]}", &format!("[{operation}]")).unwrap();
            assert!(found.same_value(&node(wanted)), "{operation}");
        }
    }

    #[test]
    fn a_patch_that_fails_changes_nothing() {
        let mut object = node("{a: 1}");
        let patch = node("[{op: replace, path: /a, value: 2}, {op: remove, path: /b}]");
        let problem = apply(&mut object, &patch).unwrap_err();
        assert_eq!((problem.line, problem.message.contains("/b")), (1, true));
        assert!(object.same_value(&node("{a: 1}")));
        assert!(patched("{a: 1}", "[{op: test, path: /a, value: 2}]").is_err());
        assert!(patched("{a: [1]}", "[{op: add, path: /a/2, value: 2}]").is_err());
        assert!(patched("{a: 1}", "[{op: remove, path: \"\"}]").is_err());
    }

    #[test]
    fn copies_of_copies_are_bounded() {
        let copy = "{op: copy, from: /a, path: /a/-}";
        let wide = patched("{a: [x]}", &format!("[{}]", [copy; 40].join(", ")));
        assert!(wide.unwrap_err().contains("too large"));
        let mut path = "/a".to_owned();
        let operations: Vec<String> = (0..300)
            .map(|_| {
                path.push_str("/a");
                format!("{{op: add, path: {path}, value: {{}}}}")
            })
            .collect();
        let deep = patched("{a: {}}", &format!("[{}]", operations.join(", ")));
        assert!(deep.unwrap_err().contains("too large"));
    }
}
