//! The tree: values with the place that set them.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;

pub use smol_str::SmolStr as Text;

use super::derivation::Derivation;
use super::mark::Mark;
use super::path::{Step, steps};
use super::piece::Piece;
use super::scalar::{Resolved, resolve_plain};

/// A value and where it comes from.
///
/// Kept small, because a repository holds a million of them: what only few values have is behind
/// one pointer.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    /// The value.
    pub value: Value,
    /// The place that set the value. An alias carries the place of its anchor, a value set by a
    /// Kustomize field (`namespace:`, an entry of `images:`, a patch) the place in that file.
    pub mark: Mark,
    /// `None` when all of it is empty, so that equal nodes compare equal.
    notes: Option<Box<Notes>>,
}

/// What few nodes have.
#[derive(Debug, Clone, PartialEq, Default)]
struct Notes {
    tag: Option<Arc<str>>,
    overrode: Vec<Mark>,
    pieces: Vec<Piece>,
    derivation: Derivation,
    shared: Option<Shared>,
    untyped: bool,
}

/// A value that stands in several places of one object and is one value to whoever sets it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Shared {
    /// Which value it is, within its object.
    pub(crate) group: u32,
    /// How often this place was set; the place with the most settings has the newest value.
    pub(crate) version: u32,
}

/// What a node holds.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// `null`, `~` or nothing at all.
    Null,
    /// Text, number or boolean, as written.
    Scalar(Scalar),
    /// A list.
    Sequence(Vec<Node>),
    /// Keys and values in the order of the file; keys are unique.
    Mapping(Vec<Entry>),
}

/// A scalar as written, escapes resolved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scalar {
    /// The content, without quotes and indentation.
    pub text: Text,
    /// How it is written; only a plain scalar can be a number or a boolean.
    pub style: Style,
}

/// How a scalar is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Style {
    /// Without quotes.
    Plain,
    /// `'single'`.
    SingleQuoted,
    /// `"double"`.
    DoubleQuoted,
    /// A literal block, `|`.
    Literal,
    /// A folded block, `>`.
    Folded,
}

/// A key with its value.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// The key's text; a key that is a collection is kept as its source text.
    pub key: Text,
    /// Where the key is written.
    pub key_mark: Mark,
    /// The value.
    pub value: Node,
}

impl Node {
    /// A node that is written at its mark, replaced nothing and has no tag.
    pub fn new(value: Value, mark: Mark) -> Self {
        Self { value, mark, notes: None }
    }

    /// Text that stays text whatever it looks like, set at `mark`.
    pub fn string(text: impl Into<Text>, mark: Mark) -> Self {
        let text = text.into();
        // A date is a text to most readers, but not to all.
        let plain = resolve_plain(&text) == Resolved::Text
            && !text.starts_with(|c: char| c.is_ascii_digit());
        let style = if plain { Style::Plain } else { Style::DoubleQuoted };
        Self::new(Value::Scalar(Scalar { text, style }), mark)
    }

    /// Another value with the place, tag and history of this node.
    pub fn with_value(&self, value: Value) -> Self {
        Self { value, mark: self.mark.clone(), notes: self.notes.clone() }
    }

    /// The explicit tag as written, such as `!!binary`.
    pub fn tag(&self) -> Option<&str> {
        self.notes.as_ref()?.tag.as_deref()
    }

    /// Gives the node a tag, or takes it away.
    pub fn set_tag(&mut self, tag: Option<Arc<str>>) {
        self.change_notes(|notes| notes.tag = tag);
    }

    /// Places whose values were replaced on the way to this one, the original first.
    pub fn overrode(&self) -> &[Mark] {
        self.notes.as_ref().map_or(&[], |notes| &notes.overrode)
    }

    /// Says which places were replaced on the way to this value, the original first.
    pub fn set_overrode(&mut self, places: Vec<Mark>) {
        self.change_notes(|notes| notes.overrode = places);
    }

    /// The parts that the value was put together from, where it is not all from the place at its
    /// mark. Places that it overrode and that are not among them gave nothing to it.
    pub fn pieces(&self) -> &[Piece] {
        self.notes.as_ref().map_or(&[], |notes| &notes.pieces)
    }

    /// Says which parts the value was put together from.
    pub(crate) fn set_pieces(&mut self, pieces: Vec<Piece>) {
        self.change_notes(|notes| notes.pieces = pieces);
    }

    /// The same node, put together from these parts; to build nodes in one expression.
    #[must_use]
    pub(crate) fn made_of(mut self, pieces: Vec<Piece>) -> Self {
        self.set_pieces(pieces);
        self
    }

    /// How the value came from the place at its mark.
    pub fn derivation(&self) -> Derivation {
        self.notes.as_ref().map_or(Derivation::Written, |notes| notes.derivation)
    }

    /// Says how the value came from the place at its mark.
    pub fn set_derivation(&mut self, derivation: Derivation) {
        self.change_notes(|notes| notes.derivation = derivation);
    }

    /// The same node, made from the place at its mark in this way; to build nodes in one expression.
    #[must_use]
    pub fn derived(mut self, derivation: Derivation) -> Self {
        self.set_derivation(derivation);
        self
    }

    /// Whether and how the value is shared with other places of its object.
    pub(crate) fn shared(&self) -> Option<Shared> {
        self.notes.as_ref()?.shared
    }

    /// Says whether and how the value is shared.
    pub(crate) fn set_shared(&mut self, shared: Option<Shared>) {
        self.change_notes(|notes| notes.shared = shared);
    }

    /// Whether a replacement made the scalar where there was none, so that its text alone says of what
    /// type it is.
    pub(crate) fn is_untyped(&self) -> bool {
        self.notes.as_ref().is_some_and(|notes| notes.untyped)
    }

    /// Says whether the text of the scalar alone says of what type it is.
    pub(crate) fn set_untyped(&mut self, untyped: bool) {
        if untyped || self.notes.is_some() {
            self.change_notes(|notes| notes.untyped = untyped);
        }
    }

    fn change_notes(&mut self, change: impl FnOnce(&mut Notes)) {
        let notes = self.notes.get_or_insert_default();
        change(notes);
        if **notes == Notes::default() {
            self.notes = None;
        }
    }

    /// The value of `key` when this is a mapping that has it.
    pub fn get(&self, key: &str) -> Option<&Node> {
        self.entry(key).map(|entry| &entry.value)
    }

    /// The value of `key`, to change it.
    pub fn get_mut(&mut self, key: &str) -> Option<&mut Node> {
        let entries = self.entries_mut()?;
        entries.iter_mut().find(|entry| entry.key == key).map(|entry| &mut entry.value)
    }

    /// Key and value of `key` when this is a mapping that has it.
    pub fn entry(&self, key: &str) -> Option<&Entry> {
        self.entries().iter().find(|entry| entry.key == key)
    }

    /// Entries of a mapping; empty for anything else.
    pub fn entries(&self) -> &[Entry] {
        match &self.value {
            Value::Mapping(entries) => entries,
            _ => &[],
        }
    }

    /// Entries of a mapping, to change them; `None` for anything else.
    pub fn entries_mut(&mut self) -> Option<&mut Vec<Entry>> {
        match &mut self.value {
            Value::Mapping(entries) => Some(entries),
            _ => None,
        }
    }

    /// Items of a sequence; empty for anything else.
    pub fn items(&self) -> &[Node] {
        match &self.value {
            Value::Sequence(items) => items,
            _ => &[],
        }
    }

    /// Items of a sequence, to change them; `None` for anything else.
    pub fn items_mut(&mut self) -> Option<&mut Vec<Node>> {
        match &mut self.value {
            Value::Sequence(items) => Some(items),
            _ => None,
        }
    }

    /// The node below a list of keys; a number selects an item of a sequence.
    pub fn at(&self, path: &[&str]) -> Option<&Node> {
        path.iter().try_fold(self, |node, key| match &node.value {
            Value::Sequence(items) => items.get(key.parse::<usize>().ok()?),
            _ => node.get(key),
        })
    }

    /// The node at a path such as `spec.http[0].retries.attempts` or
    /// `metadata.annotations["example.com/owner"]`.
    pub fn pointer(&self, path: &str) -> Option<&Node> {
        steps(path)?.iter().try_fold(self, |node, step| match step {
            Step::Key(key) => node.get(key),
            Step::Index(index) => node.items().get(*index),
        })
    }

    /// Whether this is `null`.
    pub fn is_null(&self) -> bool {
        matches!(self.value, Value::Null)
    }

    /// The text of any scalar, also of numbers and booleans; `None` for null and collections.
    pub fn text(&self) -> Option<&str> {
        match &self.value {
            Value::Scalar(scalar) => Some(&scalar.text),
            _ => None,
        }
    }

    /// What the scalar means; `None` for a collection.
    pub fn resolved(&self) -> Option<Resolved> {
        match &self.value {
            Value::Null => Some(Resolved::Null),
            Value::Scalar(scalar) => Some(match self.tag() {
                Some("!!int" | "!!float" | "!!bool" | "!!null") => resolve_plain(&scalar.text),
                None if scalar.style == Style::Plain => resolve_plain(&scalar.text),
                Some(_) | None => Resolved::Text,
            }),
            _ => None,
        }
    }

    /// The text when the scalar is a string: `"10"` and `10ms` are, `10` and `yes` are not.
    pub fn as_str(&self) -> Option<&str> {
        if self.resolved()? == Resolved::Text { self.text() } else { None }
    }

    /// The value of a boolean.
    pub fn as_bool(&self) -> Option<bool> {
        match self.resolved()? {
            Resolved::Bool(value) => Some(value),
            _ => None,
        }
    }

    /// The value of a whole number, also when written `10.0` as Kubernetes accepts.
    pub fn as_i64(&self) -> Option<i64> {
        // Beyond 2^53 a double does not name one whole number.
        const EXACT: f64 = 9_007_199_254_740_992.0;
        match self.resolved()? {
            Resolved::Int(value) => Some(value),
            Resolved::Float(value) if value.fract() == 0.0 && value.abs() <= EXACT => {
                Some(value as i64)
            }
            _ => None,
        }
    }

    /// The value of any number.
    pub fn as_f64(&self) -> Option<f64> {
        match self.resolved()? {
            Resolved::Int(value) => Some(value as f64),
            Resolved::Float(value) => Some(value),
            _ => None,
        }
    }

    /// All scalars and nulls below this node with their path, in the order of the file.
    ///
    /// The path has the form that [`Node::pointer`] reads. Empty collections count as leaves.
    pub fn leaves(&self) -> Vec<(String, &Node)> {
        let mut found = Vec::new();
        collect_leaves(self, &mut String::new(), &mut found);
        found
    }

    /// Replaces this node by `new`, which remembers the places it replaces.
    ///
    /// Where both are collections, children with the same key or index are paired, so that a value
    /// inside a replaced list still knows which line held its predecessor.
    pub fn override_with(&mut self, new: Node) {
        let old = std::mem::replace(self, new);
        let shared = old.shared().filter(|_| self.text().is_some());
        self.inherit(old);
        if let Some(Shared { group, version }) = shared {
            self.set_shared(Some(Shared { group, version: version + 1 }));
        }
    }

    /// The old node is taken apart rather than copied, so that a key that is set a hundred thousand
    /// times costs a hundred thousand steps.
    fn inherit(&mut self, old: Node) {
        let mut overrode = old.notes.map(|notes| notes.overrode).unwrap_or_default();
        if self.mark != old.mark {
            overrode.push(old.mark);
        }
        if !overrode.is_empty() {
            overrode.extend_from_slice(self.overrode());
            self.set_overrode(overrode);
        }
        match (&mut self.value, old.value) {
            (Value::Mapping(entries), Value::Mapping(olds)) => inherit_entries(entries, olds),
            (Value::Sequence(items), Value::Sequence(olds)) => {
                items.iter_mut().zip(olds).for_each(|(item, old)| item.inherit(old));
            }
            _ => {}
        }
    }

    /// Sets `key` of a mapping, replacing an earlier value; a null becomes a mapping first.
    pub fn set(&mut self, key: &str, key_mark: &Mark, value: Node) {
        if self.is_null() {
            self.value = Value::Mapping(Vec::new());
        }
        if let Some(old) = self.get_mut(key) {
            old.override_with(value);
        } else if let Value::Mapping(entries) = &mut self.value {
            entries.push(Entry { key: Text::new(key), key_mark: key_mark.clone(), value });
        }
    }

    /// Removes `key` from a mapping.
    pub fn remove(&mut self, key: &str) -> Option<Entry> {
        let entries = self.entries_mut()?;
        let position = entries.iter().position(|entry| entry.key == key)?;
        Some(entries.remove(position))
    }

    /// Whether two nodes hold the same values, wherever they come from and however written.
    ///
    /// The order of keys does not matter, the order of items does; `1` and `1.0` are equal.
    pub fn same_value(&self, other: &Node) -> bool {
        match (&self.value, &other.value) {
            (Value::Mapping(a), Value::Mapping(b)) => {
                a.len() == b.len()
                    && a.iter().all(|e| other.get(&e.key).is_some_and(|o| e.value.same_value(o)))
            }
            (Value::Sequence(a), Value::Sequence(b)) => {
                a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.same_value(b))
            }
            _ => match (self.resolved(), other.resolved()) {
                (Some(Resolved::Text), Some(Resolved::Text)) => self.text() == other.text(),
                (Some(Resolved::Text), _) | (_, Some(Resolved::Text)) => false,
                (Some(_), Some(_)) if self.as_f64().is_some() => self.as_f64() == other.as_f64(),
                (Some(a), Some(b)) => a == b,
                _ => false,
            },
        }
    }
}

/// Pairs the entries of a mapping with those that had the same keys before.
fn inherit_entries(entries: &mut [Entry], olds: Vec<Entry>) {
    let mut olds: BTreeMap<Text, Node> =
        olds.into_iter().map(|entry| (entry.key, entry.value)).collect();
    for entry in entries {
        if let Some(old) = olds.remove(&entry.key) {
            entry.value.inherit(old);
        }
    }
}

fn collect_leaves<'a>(node: &'a Node, path: &mut String, found: &mut Vec<(String, &'a Node)>) {
    let length = path.len();
    match &node.value {
        Value::Mapping(entries) if !entries.is_empty() => {
            for entry in entries {
                super::path::push_key(path, &entry.key);
                collect_leaves(&entry.value, path, found);
                path.truncate(length);
            }
        }
        Value::Sequence(items) if !items.is_empty() => {
            for (index, item) in items.iter().enumerate() {
                // Writing to a string cannot fail.
                let _ = write!(path, "[{index}]");
                collect_leaves(item, path, found);
                path.truncate(length);
            }
        }
        _ => found.push((path.clone(), node)),
    }
}
