//! The tree: values with the place that set them.

use std::fmt::{self, Write as _};
use std::sync::Arc;

use super::path::{Step, steps};
use super::scalar::{Resolved, resolve_plain};

/// A place in a file.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Mark {
    /// File, relative to the root of the tree.
    pub path: Arc<str>,
    /// Line, from 1.
    pub line: u32,
    /// Column in characters, from 1.
    pub column: u32,
    /// First byte of the key, scalar (quotes included) or collection in the file.
    pub start: usize,
    /// First byte behind it; equal to `start` for an empty value.
    pub end: usize,
}

impl fmt::Display for Mark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.path, self.line, self.column)
    }
}

/// A value and where it comes from.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    /// The value.
    pub value: Value,
    /// The place that set the value. An alias carries the place of its anchor, a value set by a
    /// Kustomize field (`namespace:`, an entry of `images:`, a patch) the place in that file.
    pub mark: Mark,
    /// The explicit tag as written, such as `!!binary`.
    pub tag: Option<Arc<str>>,
    /// Places whose values were replaced on the way to this one, the original first.
    pub overrode: Vec<Mark>,
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
    pub text: String,
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
    pub key: String,
    /// Where the key is written.
    pub key_mark: Mark,
    /// The value.
    pub value: Node,
}

impl Node {
    /// A node that nothing replaced, without a tag.
    pub fn new(value: Value, mark: Mark) -> Self {
        Self { value, mark, tag: None, overrode: Vec::new() }
    }

    /// Text that stays text whatever it looks like, set at `mark`.
    pub fn string(text: impl Into<String>, mark: Mark) -> Self {
        let text = text.into();
        let plain = resolve_plain(&text) == Resolved::Text;
        let style = if plain { Style::Plain } else { Style::DoubleQuoted };
        Self::new(Value::Scalar(Scalar { text, style }), mark)
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
            Value::Scalar(scalar) => Some(match self.tag.as_deref() {
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
    pub fn override_with(&mut self, mut new: Node) {
        new.inherit(self);
        *self = new;
    }

    fn inherit(&mut self, old: &Node) {
        let mut overrode = old.overrode.clone();
        if self.mark != old.mark {
            overrode.push(old.mark.clone());
        }
        overrode.append(&mut self.overrode);
        self.overrode = overrode;
        match (&mut self.value, &old.value) {
            (Value::Mapping(entries), Value::Mapping(_)) => {
                for entry in entries {
                    if let Some(child) = old.get(&entry.key) {
                        entry.value.inherit(child);
                    }
                }
            }
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
            entries.push(Entry { key: key.to_owned(), key_mark: key_mark.clone(), value });
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
