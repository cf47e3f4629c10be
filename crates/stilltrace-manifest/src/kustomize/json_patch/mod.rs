//! JSON patches (RFC 6902) on trees with positions.
//!
//! Kustomize writes the object as JSON, lets a library change it and reads the result back. What
//! that does to the values is in [`values`]; what the library does beyond the standard is here:
//! negative indices, keys that need not exist to be replaced or copied, operations without a value.

mod values;

use crate::problem::{Problem, ProblemKind};
use crate::yaml::{Derivation, Mark, Node, Value};

use super::output::core_tag;

pub(super) use values::{Notation, annotations_as_texts};

/// Levels that an object may have after a patch; its own nesting is limited when it is read.
const MAX_DEPTH: usize = 256;
/// Values that the `copy` operations of one patch may add.
const MAX_COPIED: usize = 100_000;

/// A JSON patch with its values as JSON has them.
pub(super) struct Patch {
    root: Node,
    notation: Notation,
}

impl Patch {
    /// Reads the values of a patch that is written in this notation.
    ///
    /// # Errors
    /// When it holds a value that JSON has no form for, as infinity.
    pub(super) fn read(root: &Node, notation: Notation) -> Result<Self, Problem> {
        let mut root = root.clone();
        values::to_json(&mut root, notation)?;
        Ok(Self { root, notation })
    }

    /// Applies all operations, or none: the first that fails is the problem.
    ///
    /// # Errors
    /// When an operation cannot be carried out, or the object holds a value that JSON has no form
    /// for.
    pub(super) fn apply(&self, root: &mut Node) -> Result<(), Problem> {
        let (mut changed, mut copied) = (root.clone(), 0);
        values::to_json(&mut changed, Notation::Object)?;
        for operation in self.root.items() {
            self.apply_one(&mut changed, operation, &mut copied)?;
        }
        values::from_json(&mut changed);
        *root = changed;
        Ok(())
    }

    /// Says of a text of the object whether JSON has it otherwise than the patch writes it: `<`, `>`
    /// and `&` are escaped in the object's own JSON.
    fn differs_in_json(&self) -> impl Fn(&Node) -> bool {
        |found| {
            let own = &self.root.mark;
            let is_set_here = found.mark.path == own.path && found.mark.start >= own.start;
            let is_escaped = found.text().is_some_and(|text| text.contains(['<', '>', '&']));
            self.notation == Notation::Json && is_escaped && !is_set_here
        }
    }

    fn apply_one(
        &self,
        root: &mut Node,
        operation: &Node,
        copied: &mut usize,
    ) -> Result<(), Problem> {
        let text = |key: &str| {
            operation.get(key).filter(|node| core_tag(node) == Some("!!str")).and_then(Node::text)
        };
        let fail = |what: String| Problem::at(&operation.mark, ProblemKind::Invalid, what);
        let need = |key: &str| fail(format!("a JSON patch operation needs `{key}`"));
        let kind = text("op").ok_or_else(|| need("op"))?;
        let path = text("path").ok_or_else(|| need("path"))?;
        let at = |missing: Missing| {
            let mark = operation.get("path").map_or(&operation.mark, |node| &node.mark);
            Problem::at(mark, ProblemKind::Invalid, format!("`{path}`: {}", missing.reason()))
        };
        // An operation without a value has the value null.
        let value = || operation.get("value").cloned().unwrap_or_else(|| null(&operation.mark));
        match kind {
            "add" => add(root, path, value()).map_err(at),
            "replace" => replace(root, path, value()).map_err(at),
            "remove" => remove(root, path).map(|_| ()).map_err(at),
            "test" => {
                let wanted = value();
                let found = lookup(root, path).map_err(at)?;
                let equal = match found {
                    Some(found) => values::equal(found, &wanted, &self.differs_in_json()),
                    None => wanted.is_null(),
                };
                if equal { Ok(()) } else { Err(at(Missing::Unequal)) }
            }
            "move" => {
                let from = text("from").ok_or_else(|| need("from"))?;
                let node = remove(root, from).map_err(at)?;
                add(root, path, node).map_err(at)
            }
            "copy" => {
                let from = text("from").ok_or_else(|| need("from"))?;
                let node = match lookup(root, from).map_err(at)? {
                    Some(node) => node.clone(),
                    None => null(&operation.mark),
                };
                *copied += size(&node).1;
                if *copied > MAX_COPIED {
                    return Err(at(Missing::Budget));
                }
                add(root, path, node).map_err(at)
            }
            other => Err(fail(format!("unknown JSON patch operation `{other}`"))),
        }
    }
}

/// The null that an operation puts where it names no value.
fn null(mark: &Mark) -> Node {
    Node::new(Value::Null, mark.clone()).derived(Derivation::Generated)
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

/// The parts of a JSON pointer, unescaped, and the last of them; what stands before the first `/`
/// does not count.
fn parts(pointer: &str) -> Result<(Vec<String>, String), Missing> {
    let parts = pointer.split('/').skip(1);
    let mut parts: Vec<String> =
        parts.map(|part| part.replace("~1", "/").replace("~0", "~")).collect();
    let last = parts.pop().ok_or(Missing::Root)?;
    Ok((parts, last))
}

/// The value at a pointer; `None` for a key that its mapping does not have.
fn lookup<'a>(root: &'a Node, pointer: &str) -> Result<Option<&'a Node>, Missing> {
    if pointer.is_empty() {
        return Ok(Some(root));
    }
    let (parts, last) = parts(pointer)?;
    let mut node = root;
    for part in &parts {
        node = match &node.value {
            Value::Sequence(items) => position(part, items.len()).and_then(|at| items.get(at)),
            _ => node.get(part),
        }
        .ok_or(Missing::Parent)?;
    }
    match &node.value {
        Value::Mapping(_) => Ok(node.get(&last)),
        Value::Sequence(items) => {
            let found = position(&last, items.len()).and_then(|at| items.get(at));
            found.map(Some).ok_or(Missing::Index)
        }
        Value::Null | Value::Scalar(_) => Err(Missing::Parent),
    }
}

/// The collection that holds the target, and the last part of the pointer.
fn parent<'a>(root: &'a mut Node, pointer: &str) -> Result<(&'a mut Node, String), Missing> {
    let (parts, last) = parts(pointer)?;
    let mut node = root;
    for part in parts {
        node = match &mut node.value {
            Value::Sequence(items) => position(&part, items.len()).and_then(|at| items.get_mut(at)),
            Value::Mapping(entries) => {
                entries.iter_mut().find(|entry| entry.key == part).map(|entry| &mut entry.value)
            }
            Value::Null | Value::Scalar(_) => None,
        }
        .ok_or(Missing::Parent)?;
    }
    Ok((node, last))
}

/// An index as written; a negative one counts from the end of `length` places.
fn position(part: &str, length: usize) -> Option<usize> {
    let index: i64 = part.parse().ok()?;
    match usize::try_from(index) {
        Ok(index) => Some(index),
        Err(_) => length.checked_sub(usize::try_from(index.unsigned_abs()).ok()?),
    }
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
            // The new item counts: `-1` is behind the last one.
            let at = if last == "-" { Some(items.len()) } else { position(&last, items.len() + 1) };
            let at = at.filter(|at| *at <= items.len()).ok_or(Missing::Index)?;
            items.insert(at, value);
        }
        Value::Mapping(_) => {
            let mark: Mark = value.mark.clone();
            node.set(&last, &mark, value);
        }
        Value::Null | Value::Scalar(_) => return Err(Missing::Parent),
    }
    Ok(())
}

fn replace(root: &mut Node, pointer: &str, value: Node) -> Result<(), Missing> {
    check_depth(pointer, &value)?;
    if pointer.is_empty() {
        return match value.value {
            Value::Mapping(_) => {
                root.override_with(value);
                Ok(())
            }
            _ => Err(Missing::Root),
        };
    }
    let (node, last) = parent(root, pointer)?;
    match &mut node.value {
        Value::Sequence(items) => {
            let target = position(&last, items.len()).and_then(|at| items.get_mut(at));
            target.ok_or(Missing::Target)?.override_with(value);
        }
        // RFC 6902 demands that the target exists; Kustomize's library does not for keys.
        Value::Mapping(_) => {
            let mark = value.mark.clone();
            node.set(&last, &mark, value);
        }
        Value::Null | Value::Scalar(_) => return Err(Missing::Parent),
    }
    Ok(())
}

fn remove(root: &mut Node, pointer: &str) -> Result<Node, Missing> {
    let (node, last) = parent(root, pointer)?;
    match &mut node.value {
        Value::Sequence(items) => {
            let at = position(&last, items.len()).filter(|at| *at < items.len());
            Ok(items.remove(at.ok_or(Missing::Index)?))
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
        let patch = Patch::read(&node(patch), Notation::Yaml).unwrap();
        patch.apply(&mut object).map_err(|problem| problem.message)?;
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
            ("{op: add, path: /l/-1, value: x}", "{a: 1, l: [1, 2, x]}"),
            ("{op: remove, path: /l/-1}", "{a: 1, l: [1]}"),
            ("{op: replace, path: /l/-2, value: x}", "{a: 1, l: [x, 2]}"),
            ("{op: replace, path: /b, value: x}", "{a: 1, l: [1, 2], b: x}"),
            ("{op: copy, from: /z, path: /b}", "{a: 1, l: [1, 2], b: null}"),
            ("{op: add, path: /b}", "{a: 1, l: [1, 2], b: null}"),
            ("{op: test, path: /z}", "{a: 1, l: [1, 2]}"),
            ("{op: replace, path: '', value: {c: 1}}", "{c: 1}"),
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
        let patch = Patch::read(&patch, Notation::Yaml).unwrap();
        let problem = patch.apply(&mut object).unwrap_err();
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
