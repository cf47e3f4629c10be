//! What a text holds around a place, to compare before and after an edit.

use crate::yaml::{Document, Mark, Node, Resolved, Style, Value};

/// The literal block scalar that `position` is inside of.
pub(super) fn literal_around(node: &Node, position: usize) -> Option<&Mark> {
    match &node.value {
        Value::Scalar(scalar) => {
            let range = node.mark.range();
            let within = range.start < position && position <= range.end;
            (within && scalar.style == Style::Literal).then_some(&node.mark)
        }
        Value::Mapping(entries) => {
            entries.iter().find_map(|entry| literal_around(&entry.value, position))
        }
        Value::Sequence(items) => items.iter().find_map(|item| literal_around(item, position)),
        Value::Null => None,
    }
}

/// A leaf by document and path, with what it holds.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Leaf {
    pub(super) place: (usize, String),
    pub(super) start: usize,
    pub(super) text: Option<String>,
    pub(super) resolved: Option<Resolved>,
}

/// All leaves of some documents.
pub(super) fn leaves(documents: &[Document]) -> Vec<Leaf> {
    let mut found = Vec::new();
    for (index, document) in documents.iter().enumerate() {
        for (path, node) in document.root.leaves() {
            found.push(Leaf {
                place: (index, path),
                start: node.mark.range().start,
                text: node.text().map(str::to_owned),
                resolved: node.resolved(),
            });
        }
    }
    found
}

/// Whether two leaves at the same place hold the same value.
pub(super) fn same_leaf(a: &Leaf, b: &Leaf) -> bool {
    a.place == b.place && a.text == b.text && same_kind(a.resolved, b.resolved)
}

fn same_kind(a: Option<Resolved>, b: Option<Resolved>) -> bool {
    match (a, b) {
        // The text is compared too, so not-a-number equals itself here.
        (Some(Resolved::Float(_)), Some(Resolved::Float(_))) => true,
        (a, b) => a == b,
    }
}
