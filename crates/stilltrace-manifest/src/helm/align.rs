//! Finds the documents and scalars of one answer in another one.

use std::ops::Range;
use std::sync::Arc;

use super::answer::Printed;
use super::markers::{Alphabet, Region, Unmarked};
use crate::yaml::{Budget, Node, Value, parse};

/// A document of the answer that is to be located.
#[derive(Debug, Clone)]
pub(super) struct Document {
    /// The template, as Helm names it.
    pub(super) source: String,
    /// The text that the marks of `root` point into.
    pub(super) text: String,
    /// Its tree.
    pub(super) root: Arc<Node>,
    /// The leaves of the tree in their order.
    pub(super) leaves: Vec<Leaf>,
}

/// A leaf of a document.
#[derive(Debug, Clone)]
pub(super) struct Leaf {
    /// Bytes in the document's text.
    pub(super) bytes: Range<usize>,
    /// The text of a scalar; empty for null, `None` for an empty collection.
    pub(super) text: Option<String>,
}

impl Document {
    /// The document in a text; `None` when it is not YAML or holds nothing.
    pub(super) fn read(source: &str, text: &str, budget: &Budget) -> Option<Self> {
        let parsed = parse("", text.as_bytes(), budget);
        let root = Arc::clone(&parsed.documents.first()?.root);
        let leaves = root.leaves().into_iter().map(|(_, node)| Leaf {
            bytes: node.mark.range(),
            text: leaf_text(node).map(str::to_owned),
        });
        let leaves = leaves.collect();
        Some(Self { source: source.to_owned(), text: text.to_owned(), root, leaves })
    }

    /// `kind` and name, to recognise a document whose text differs.
    fn identity(&self) -> (&str, &str) {
        let text = |path: &[&str]| self.root.at(path).and_then(Node::text).unwrap_or("");
        (text(&["kind"]), text(&["metadata", "name"]))
    }
}

/// The text of a scalar, empty for null.
fn leaf_text(node: &Node) -> Option<&str> {
    match &node.value {
        Value::Null => Some(""),
        Value::Scalar(scalar) => Some(&scalar.text),
        _ => None,
    }
}

/// For each document of the answer, the one in `others` that it is: the same text, or else the
/// same kind and name from the same template.
pub(super) fn pairs(
    documents: &[Document],
    others: &[Printed<'_>],
    alphabet: Alphabet,
    budget: &Budget,
) -> Vec<Option<usize>> {
    let mut taken = vec![false; others.len()];
    let mut pairs = vec![None; documents.len()];
    for (document, pair) in documents.iter().zip(&mut pairs) {
        let same = |other: &Printed<'_>| other.text == document.text;
        let near = |other: &Printed<'_>| same(other) && other.source == document.source;
        *pair = free(&taken, others, near).or_else(|| free(&taken, others, same));
        take(&mut taken, *pair);
    }
    if pairs.iter().all(Option::is_some) {
        return pairs;
    }
    let identities: Vec<Option<(String, String)>> = others
        .iter()
        .zip(&taken)
        .map(|(other, taken)| if *taken { None } else { identity(other, alphabet, budget) })
        .collect();
    for (document, pair) in documents.iter().zip(&mut pairs).filter(|(_, pair)| pair.is_none()) {
        let (kind, name) = document.identity();
        let found = identities
            .iter()
            .position(|other| other.as_ref().is_some_and(|(k, n)| k == kind && n == name));
        *pair = found.filter(|index| taken.get(*index) == Some(&false));
        take(&mut taken, *pair);
    }
    pairs
}

fn free<'p>(
    taken: &[bool],
    others: &[Printed<'p>],
    is_it: impl Fn(&Printed<'p>) -> bool,
) -> Option<usize> {
    let mut all = others.iter().zip(taken).enumerate();
    all.find(|(_, (other, taken))| !**taken && is_it(other)).map(|(index, _)| index)
}

fn take(taken: &mut [bool], index: Option<usize>) {
    if let Some(slot) = index.and_then(|index| taken.get_mut(index)) {
        *slot = true;
    }
}

/// Kind and name of a document of another answer, without markers.
fn identity(other: &Printed<'_>, alphabet: Alphabet, budget: &Budget) -> Option<(String, String)> {
    let document = Document::read(other.source, &other.text, budget)?;
    let (kind, name) = document.identity();
    Some((alphabet.unmark(kind).text, alphabet.unmark(name).text))
}

/// What was marked in one leaf: regions by the bytes of the leaf's text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Marked {
    /// Number of the mark.
    pub(super) id: usize,
    /// Length of the part of the leaf that was marked.
    pub(super) length: usize,
    /// Lines of the marked text before the leaf.
    pub(super) lines_before: usize,
}

/// The marks in each leaf of `document` as `other` shows them; `None` for a leaf that is not the
/// same there.
pub(super) fn marks(
    document: &Document,
    other: &Printed<'_>,
    alphabet: Alphabet,
    budget: &Budget,
) -> Vec<Option<Vec<Marked>>> {
    let parsed = parse("", other.marked.as_bytes(), budget);
    let root = parsed.documents.first().filter(|_| parsed.problems.is_empty());
    let mut found = Vec::with_capacity(document.leaves.len());
    walk(&document.root, root.map(|root| &*root.root), alphabet, &mut found);
    if other.text == document.text {
        // A mark may span several leaves; those are told by their bytes.
        for (found, leaf) in found.iter_mut().zip(&document.leaves) {
            if found.as_ref().is_none_or(Vec::is_empty) {
                *found = Some(in_bytes(&document.text, &leaf.bytes, &other.regions));
            }
        }
    }
    found
}

/// Compares two trees leaf by leaf. Depth is bounded by the parser's budget.
fn walk(
    node: &Node,
    marked: Option<&Node>,
    alphabet: Alphabet,
    found: &mut Vec<Option<Vec<Marked>>>,
) {
    match (&node.value, marked.map(|marked| &marked.value)) {
        (Value::Mapping(entries), Some(Value::Mapping(others)))
            if !entries.is_empty() && entries.len() == others.len() =>
        {
            for (entry, other) in entries.iter().zip(others) {
                let same = entry.key == other.key || entry.key == alphabet.unmark(&other.key).text;
                walk(&entry.value, same.then_some(&other.value), alphabet, found);
            }
        }
        (Value::Sequence(items), Some(Value::Sequence(others)))
            if !items.is_empty() && items.len() == others.len() =>
        {
            for (item, other) in items.iter().zip(others) {
                walk(item, Some(other), alphabet, found);
            }
        }
        (Value::Mapping(entries), _) if !entries.is_empty() => {
            for entry in entries {
                walk(&entry.value, None, alphabet, found);
            }
        }
        (Value::Sequence(items), _) if !items.is_empty() => {
            for item in items {
                walk(item, None, alphabet, found);
            }
        }
        _ => found.push(marked.and_then(|marked| compare(node, marked, alphabet))),
    }
}

/// The marks of a leaf, if it is the same in both answers.
fn compare(node: &Node, marked: &Node, alphabet: Alphabet) -> Option<Vec<Marked>> {
    let (Some(text), Some(other)) = (leaf_text(node), leaf_text(marked)) else {
        return (node.value == marked.value).then(Vec::new);
    };
    let unmarked = alphabet.unmark(other);
    if unmarked.text != text && !is_same_number(&unmarked, text) {
        return None;
    }
    let regions = unmarked.regions.iter();
    let found =
        regions.map(|region| Marked { id: region.id, length: region.bytes.len(), lines_before: 0 });
    Some(found.collect())
}

/// Whether a marked value is the number that the answer has, which Helm may print with an exponent.
fn is_same_number(marked: &Unmarked, text: &str) -> bool {
    let is_whole =
        matches!(marked.regions.as_slice(), [one] if one.bytes.len() == marked.text.len());
    let number = |text: &str| text.parse::<f64>().ok();
    is_whole && number(text).is_some() && number(text) == number(&marked.text)
}

/// The marks that touch the bytes of a leaf.
fn in_bytes(text: &str, leaf: &Range<usize>, regions: &[Region]) -> Vec<Marked> {
    let touching = regions.iter().filter(|region| {
        let bytes = &region.bytes;
        let inside = bytes.start < leaf.end && leaf.start < bytes.end;
        inside || (bytes.is_empty() && leaf.start <= bytes.start && bytes.start <= leaf.end)
    });
    let found = touching.map(|region| {
        let (start, end) = (region.bytes.start.max(leaf.start), region.bytes.end.min(leaf.end));
        let before = text.get(region.bytes.start..start).unwrap_or("");
        Marked {
            id: region.id,
            length: end.saturating_sub(start),
            lines_before: before.matches('\n').count(),
        }
    });
    found.collect()
}
