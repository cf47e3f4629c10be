//! What a text holds around a place, to compare before and after an edit.

use std::sync::Arc;

use crate::yaml::{
    Budget, Document, Entry, Mark, Node, Resolved, Style, Value, parse, parse_literal,
};

/// The documents that `position` is part of: those of the file, or those written into the literal
/// block scalar around it.
pub(super) fn documents(source: &str, path: &str, position: usize) -> Vec<Document> {
    let budget = Budget::default();
    let documents = parse(path, source.as_bytes(), &budget).documents;
    let literal = documents.iter().find_map(|document| literal_around(&document.root, position));
    match literal {
        Some(mark) => parse_literal(source, mark, &budget).documents,
        None => documents,
    }
}

fn literal_around(node: &Node, position: usize) -> Option<&Mark> {
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

/// The mapping that has a key at `start`, and the position of that entry.
pub(super) fn mapping_with_key(documents: &[Document], start: usize) -> Option<(Arc<Node>, usize)> {
    documents.iter().find_map(|document| {
        let (mapping, index) = search(&document.root, start)?;
        Some((Arc::new(mapping.clone()), index))
    })
}

fn search(node: &Node, start: usize) -> Option<(&Node, usize)> {
    if let Some(index) =
        node.entries().iter().position(|entry| entry.key_mark.range().start == start)
    {
        return Some((node, index));
    }
    let below = |entry: &'_ Entry| entry.value.mark.range().start <= start;
    let entries = node.entries().iter().filter(|entry| below(entry));
    let children = entries.map(|entry| &entry.value).chain(node.items());
    children.into_iter().find_map(|child| search(child, start))
}
