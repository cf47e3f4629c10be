//! What the reader of kustomization files refuses in flow style.
//!
//! Kustomize reads objects with version 3 of the Go YAML library and its own file with version 2,
//! in which a `?` ends a word between brackets (`scannerc.go`): `[https://example.com/x?ref=v1]`
//! needs quotes there.

use crate::problem::{Problem, ProblemKind};
use crate::yaml::{Node, Style, Value};

/// The first bare scalar in flow style that holds a `?`; `source` is the text of the file.
pub(super) fn refuse(root: &Node, source: &str) -> Option<Problem> {
    let node = find(root, source, false)?;
    let text = "a `?` ends a word between brackets; put the word in quotes";
    Some(Problem::at(&node.mark, ProblemKind::Invalid, text))
}

/// Depth is bounded by the parser's budget.
fn find<'a>(node: &'a Node, source: &str, in_flow: bool) -> Option<&'a Node> {
    let in_flow = in_flow || source.get(node.mark.range().start..)?.starts_with(['[', '{']);
    match &node.value {
        Value::Mapping(entries) => {
            entries.iter().find_map(|entry| find(&entry.value, source, in_flow))
        }
        Value::Sequence(items) => items.iter().find_map(|item| find(item, source, in_flow)),
        Value::Scalar(scalar) => {
            let is_cut = in_flow && scalar.style == Style::Plain && scalar.text.contains('?');
            is_cut.then_some(node)
        }
        Value::Null => None,
    }
}
