//! Where a collection or a value stands in the tree of a file, and what else depends on it.

use crate::yaml::{Document, Mark, Node};

use super::EditError;

/// A node with its way from the root.
#[derive(Debug, Clone)]
pub(super) struct Found<'a> {
    /// Position of its document.
    pub(super) document: usize,
    /// Positions of the children on the way down.
    pub(super) steps: Vec<usize>,
    /// The node.
    pub(super) node: &'a Node,
    /// The collection it is part of, and its position there.
    pub(super) parent: Option<(&'a Node, usize)>,
}

impl<'a> Found<'a> {
    /// The collection around it, as a place of its own.
    pub(super) fn outer(&self, documents: &'a [Document]) -> Option<Self> {
        let (_, steps) = self.steps.split_last()?;
        let mut found = Self {
            document: self.document,
            steps: Vec::new(),
            node: &documents.get(self.document)?.root,
            parent: None,
        };
        for step in steps {
            found.parent = Some((found.node, *step));
            found.node = child(found.node, *step)?;
            found.steps.push(*step);
        }
        Some(found)
    }
}

/// The child at a position of a collection.
fn child(node: &Node, index: usize) -> Option<&Node> {
    let entry = node.entries().get(index).map(|entry| &entry.value);
    entry.or_else(|| node.items().get(index))
}

/// The child at a position of a collection, to change it.
pub(super) fn child_mut(node: &mut Node, index: usize) -> Option<&mut Node> {
    if !node.entries().is_empty() {
        return node.entries_mut()?.get_mut(index).map(|entry| &mut entry.value);
    }
    node.items_mut()?.get_mut(index)
}

/// The one node that fits; refused when aliases repeat it, because an edit of one would be an edit
/// of all.
pub(super) fn single<'a>(
    documents: &'a [Document],
    mark: &Mark,
    fits: impl Fn(&Found<'a>) -> bool,
) -> Result<Found<'a>, EditError> {
    let mut found: Option<Found<'a>> = None;
    for (document, read) in documents.iter().enumerate() {
        let root = Found { document, steps: Vec::new(), node: &read.root, parent: None };
        let mut open = vec![root];
        while let Some(next) = open.pop() {
            if fits(&next) {
                if found.is_some() {
                    return Err(EditError::Shared { mark: mark.clone() });
                }
                found = Some(next.clone());
            }
            let children = next.node.entries().iter().map(|entry| &entry.value);
            for (index, node) in children.chain(next.node.items()).enumerate() {
                let mut steps = next.steps.clone();
                steps.push(index);
                let parent = Some((next.node, index));
                open.push(Found { document, steps, node, parent });
            }
        }
    }
    found.ok_or_else(|| EditError::NotFound { mark: mark.clone() })
}

/// Whether two trees hold the same values at the same places, in the same order.
pub(super) fn equal(a: &Node, b: &Node) -> bool {
    let (keys_a, keys_b) = (a.entries(), b.entries());
    let (items_a, items_b) = (a.items(), b.items());
    std::mem::discriminant(&a.value) == std::mem::discriminant(&b.value)
        && a.text() == b.text()
        && same_kind(a, b)
        && keys_a.len() == keys_b.len()
        && keys_a.iter().zip(keys_b).all(|(a, b)| a.key == b.key && equal(&a.value, &b.value))
        && items_a.len() == items_b.len()
        && items_a.iter().zip(items_b).all(|(a, b)| equal(a, b))
}

/// Whether two scalars of the same text mean the same; not-a-number equals itself here.
fn same_kind(a: &Node, b: &Node) -> bool {
    use crate::yaml::Resolved::Float;
    let (a, b) = (a.resolved(), b.resolved());
    a == b || matches!((a, b), (Some(Float(_)), Some(Float(_))))
}
