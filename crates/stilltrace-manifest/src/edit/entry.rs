//! Adding and removing entries of a mapping and items of a list.

use crate::yaml::{Budget, Document, Mark, Node, Value, parse, parse_literal};

use super::found::{Found, child_mut, equal, single};
use super::insert::{Addition, Page};
use super::lines::{Splice, own_entries, spliced};
use super::new_value::{NewValue, entry};
use super::scalar::is_json;
use super::style::Indentation;
use super::verify::literal_around;
use super::{EditError, Editor, remove};

/// `source` without the entry whose key is at `key`; see [`Editor::remove_entry`].
pub fn remove_entry(source: &str, key: &Mark) -> Result<String, EditError> {
    Editor::new(&key.path, source).remove_entry(key)
}

/// `source` with `key: value` added behind the entry whose key is at `sibling`.
///
/// `value` means what it means without quotes, and gets quotes where it needs them.
pub fn insert_entry(
    source: &str,
    sibling: &Mark,
    key: &str,
    value: &str,
) -> Result<String, EditError> {
    let editor = Editor::new(&sibling.path, source);
    let layer = Layer::around(&editor, sibling.range().start);
    let place = layer.mapping_with(sibling)?;
    let behind = index_of(place.node, sibling).map_or(0, |index| index + 1);
    layer.insert(&place, sibling, behind, Addition::Entry(key, &NewValue::Plain(value.to_owned())))
}

impl Editor<'_> {
    /// Removes the entry whose key is at `key`, with the comment on its line and those inside it.
    /// Comments above it stay. A mapping that loses its only entry becomes `{}`.
    ///
    /// # Errors
    /// When there is no such key, or when aliases or merge keys make the entry part of other places.
    pub fn remove_entry(&self, key: &Mark) -> Result<String, EditError> {
        let layer = Layer::around(self, key.range().start);
        let place = layer.mapping_with(key)?;
        let index = index_of(place.node, key).unwrap_or(usize::MAX);
        layer.remove(&place, key, index)
    }

    /// Removes the list item that begins at `item`, under the same rules; a list that loses its
    /// only item becomes `[]`.
    ///
    /// # Errors
    /// As for [`Editor::remove_entry`].
    pub fn remove_item(&self, item: &Mark) -> Result<String, EditError> {
        let layer = Layer::around(self, item.range().start);
        let found = single(&layer.documents, item, |found| {
            let in_list = found.parent.is_some_and(|(list, _)| !list.items().is_empty());
            in_list && found.node.mark.start == item.start
        })?;
        let missing = || EditError::NotFound { mark: item.clone() };
        let index = found.steps.last().copied().ok_or_else(missing)?;
        let place = found.outer(&layer.documents).ok_or_else(missing)?;
        layer.remove(&place, item, index)
    }

    /// Adds `key: value` to the mapping at `mapping`, in front of its entry at position `index`, at
    /// its end when it has fewer. `{}`, `null` and nothing at all become a mapping.
    ///
    /// The file's own indentation is used, and comments stay above what they were above.
    ///
    /// # Errors
    /// When there is no mapping, it has the key already, aliases repeat it, or the entry cannot be
    /// written there without changing other values.
    pub fn insert_entry(
        &self,
        mapping: &Mark,
        index: usize,
        key: &str,
        value: &NewValue,
    ) -> Result<String, EditError> {
        let layer = Layer::around(self, mapping.range().start);
        let place = single(&layer.documents, mapping, |found| {
            same_place(&found.node.mark, mapping)
                && matches!(found.node.value, Value::Mapping(_) | Value::Null)
        })?;
        layer.insert(&place, mapping, index, Addition::Entry(key, value))
    }

    /// Adds an item to the list at `list`, under the same rules; `[]`, `null` and nothing at all
    /// become a list.
    ///
    /// # Errors
    /// As for [`Editor::insert_entry`].
    pub fn insert_item(
        &self,
        list: &Mark,
        index: usize,
        value: &NewValue,
    ) -> Result<String, EditError> {
        let layer = Layer::around(self, list.range().start);
        let place = single(&layer.documents, list, |found| {
            same_place(&found.node.mark, list)
                && matches!(found.node.value, Value::Sequence(_) | Value::Null)
        })?;
        layer.insert(&place, list, index, Addition::Item(value))
    }
}

/// A list whose dashes stand below its key begins where its first item does, but ends later.
fn same_place(a: &Mark, b: &Mark) -> bool {
    (a.start, a.end) == (b.start, b.end)
}

/// Position of the entry with this key among all entries of a mapping.
fn index_of(mapping: &Node, key: &Mark) -> Option<usize> {
    mapping.entries().iter().position(|entry| entry.key_mark.start == key.start)
}

/// The documents that an edit is about: those of the file, or those written into a literal block
/// scalar of it.
struct Layer<'a> {
    source: &'a str,
    path: &'a str,
    outer: &'a [Document],
    literal: Option<Mark>,
    documents: Vec<Document>,
}

impl<'a> Layer<'a> {
    fn around(editor: &'a Editor<'_>, position: usize) -> Self {
        let outer = editor.documents();
        let mut roots = outer.iter().map(|document| &*document.root);
        let literal = roots.find_map(|root| literal_around(root, position)).cloned();
        // What begins behind a literal is not part of it.
        let literal = literal.filter(|literal| position < literal.range().end);
        let documents = match &literal {
            Some(mark) => parse_literal(editor.source(), mark, &Budget::default()).documents,
            None => outer.to_vec(),
        };
        Self { source: editor.source(), path: editor.path(), outer, literal, documents }
    }

    /// The mapping that has a key at this place.
    fn mapping_with(&self, key: &Mark) -> Result<Found<'_>, EditError> {
        single(&self.documents, key, |found| index_of(found.node, key).is_some())
    }

    fn remove(&self, place: &Found<'_>, mark: &Mark, index: usize) -> Result<String, EditError> {
        let before = own_entries(place.node).filter(|entry| entry.key_mark.start < mark.start);
        let own = if place.node.entries().is_empty() { index } else { before.count() };
        let ways = remove::ways(self.source, place, own);
        let change = |node: &mut Node| match &mut node.value {
            Value::Mapping(entries) if index < entries.len() => drop(entries.remove(index)),
            Value::Sequence(items) if index < items.len() => drop(items.remove(index)),
            _ => {}
        };
        self.apply(place, &ways, change).ok_or_else(|| {
            let mark = mark.clone();
            if self.is_needed(place, &mark) {
                EditError::Shared { mark }
            } else {
                EditError::NotWritable { mark, text: String::new() }
            }
        })
    }

    /// Whether other places repeat something that is written in or behind the removed value.
    fn is_needed(&self, place: &Found<'_>, mark: &Mark) -> bool {
        let child = place.node.entries().iter().find(|entry| entry.key_mark.start == mark.start);
        let child = child.map(|entry| &entry.value);
        let item = place.node.items().iter().find(|item| item.mark.start == mark.start);
        let Some(value) = child.or(item) else { return false };
        let inside = value.mark.range();
        let nodes = self.documents.iter().flat_map(|document| document.root.leaves());
        let all = nodes.filter(|(_, node)| inside.contains(&node.mark.range().start)).count();
        all > value.leaves().len()
    }

    fn insert(
        &self,
        place: &Found<'_>,
        mark: &Mark,
        index: usize,
        new: Addition<'_>,
    ) -> Result<String, EditError> {
        let own = if place.node.entries().is_empty() {
            place.node.items().len()
        } else {
            own_entries(place.node).count()
        };
        let index = index.min(own);
        let text = match new {
            Addition::Entry(key, _) => key.to_owned(),
            Addition::Item(value) => format!("{value:?}"),
        };
        let refused = EditError::NotWritable { mark: mark.clone(), text };
        if matches!(new, Addition::Entry(key, _) if place.node.get(key).is_some()) {
            return Err(refused);
        }
        let page = Page {
            source: self.source,
            style: Indentation::of(self.source, &self.documents),
            json: is_json(self.source) && self.literal.is_none(),
        };
        let ways = page.ways(place, index, new);
        self.apply(place, &ways, |node| add(node, index, new)).ok_or(refused)
    }

    /// The first way after which the file holds what it has to hold.
    fn apply(
        &self,
        place: &Found<'_>,
        ways: &[Vec<Splice>],
        change: impl Fn(&mut Node),
    ) -> Option<String> {
        let mut intended: Node = (*self.documents.get(place.document)?.root).clone();
        let target =
            place.steps.iter().try_fold(&mut intended, |node, step| child_mut(node, *step));
        change(target?);
        let edited = ways.iter().filter_map(|splices| spliced(self.source, splices));
        edited.into_iter().find(|edited| self.holds(edited, place.document, &intended))
    }

    /// Whether the file holds the intended document, and all others as before.
    fn holds(&self, edited: &str, index: usize, intended: &Node) -> bool {
        let budget = Budget::default();
        let parsed = parse(self.path, edited.as_bytes(), &budget);
        let known = parse_problems(self.path, self.source);
        if parsed.problems.len() != known {
            return false;
        }
        let Some(literal) = &self.literal else {
            return same(&self.documents, &parsed.documents, index, intended);
        };
        let start = literal.range().start;
        let after = parsed.documents.iter().find_map(|read| literal_around(&read.root, start + 1));
        let Some(after) = after else { return false };
        let inner = parse_literal(edited, after, &budget).documents;
        same_but_one(self.outer, &parsed.documents, start)
            && same(&self.documents, &inner, index, intended)
    }
}

fn parse_problems(path: &str, source: &str) -> usize {
    parse(path, source.as_bytes(), &Budget::default()).problems.len()
}

/// Puts the addition into the tree.
fn add(node: &mut Node, index: usize, new: Addition<'_>) {
    if node.is_null() {
        node.value = match new {
            Addition::Entry(..) => Value::Mapping(Vec::new()),
            Addition::Item(_) => Value::Sequence(Vec::new()),
        };
    }
    match (&mut node.value, new) {
        (Value::Mapping(entries), Addition::Entry(key, value)) => {
            entries.insert(index.min(entries.len()), entry(key, value));
        }
        (Value::Sequence(items), Addition::Item(value)) => {
            items.insert(index.min(items.len()), value.node());
        }
        _ => {}
    }
}

/// Whether documents are as before, but the one at `index`, which is `intended`.
fn same(before: &[Document], after: &[Document], index: usize, intended: &Node) -> bool {
    let expected = |(position, document): (usize, &'_ Document), after: &Document| {
        let expected = if position == index { intended } else { &document.root };
        equal(expected, &after.root)
    };
    before.len() == after.len()
        && before.iter().enumerate().zip(after).all(|(before, after)| expected(before, after))
}

/// Whether documents hold the same leaves, but for the text of the one that begins at `start`.
fn same_but_one(before: &[Document], after: &[Document], start: usize) -> bool {
    let leaves = |documents: &[Document]| super::verify::leaves(documents);
    let (before, after) = (leaves(before), leaves(after));
    let kept = |(before, after): (&super::verify::Leaf, &super::verify::Leaf)| {
        before.place == after.place
            && (before.start == start || super::verify::same_leaf(before, after))
    };
    before.len() == after.len() && before.iter().zip(&after).all(kept)
}
