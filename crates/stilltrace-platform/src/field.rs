//! A place in an object: reads values, makes origins, reports what has the wrong type.

use std::sync::Arc;
use std::time::Duration;

use stilltrace_manifest::schema::{ShapeId, tables};
use stilltrace_manifest::yaml::Entry;
use stilltrace_manifest::{Mark, Node, Value};
use stilltrace_model::{Bytes, Location, Millicores, Origin, Setting};

use crate::labels::Labels;
use crate::made;
use crate::source::Source;
use crate::value;

/// A node of an object that knows its path from the object's root.
#[derive(Debug, Clone)]
pub(crate) struct Field<'a> {
    source: &'a Source,
    node: &'a Node,
    key: Option<&'a Mark>,
    path: String,
    /// In a document whose fields have two names: the shape of this mapping, or of the items of this
    /// list, in the table of the mesh configuration.
    shape: Option<ShapeId>,
}

/// The place of a mark, as the model writes it.
pub(crate) fn location(mark: &Mark) -> Location {
    Location {
        path: mark.path.shared(),
        line: mark.line,
        column: mark.column,
        start: mark.range().start,
        end: mark.range().end,
    }
}

impl<'a> Field<'a> {
    /// The root of an object, or of a document embedded in it.
    pub(crate) fn root(source: &'a Source, node: &'a Node) -> Self {
        Self { source, node, key: None, path: String::new(), shape: None }
    }

    /// The root of a document of the mesh configuration that is at `path` of an object, or the text
    /// there; `kind` is its name in the table. Its fields have two names.
    pub(crate) fn embedded(source: &'a Source, node: &'a Node, path: String, kind: &str) -> Self {
        Self { source, node, key: None, path, shape: tables::MESH_CONFIG.kind(tables::MESH, kind) }
    }

    /// The root of any other document that is at `path` of an object, or the text there.
    pub(crate) fn document(source: &'a Source, node: &'a Node, path: String) -> Self {
        Self { source, node, key: None, path, shape: None }
    }

    /// The object it belongs to.
    pub(crate) fn source(&self) -> &'a Source {
        self.source
    }

    /// The node itself.
    pub(crate) fn node(&self) -> &'a Node {
        self.node
    }

    /// Path from the object's root, such as `spec.http[0].timeout`.
    pub(crate) fn path(&self) -> &str {
        &self.path
    }

    /// The field `key` of a mapping; `None` when it is absent or null.
    pub(crate) fn get(&self, key: &str) -> Option<Self> {
        let (entry, shape) = entry_of(self.node, self.shape, key)?;
        Some(Self {
            source: self.source,
            node: &entry.value,
            key: Some(&entry.key_mark),
            path: joined(&self.path, &entry.key),
            shape,
        })
    }

    /// The field `key` of a mapping, also when it is null.
    pub(crate) fn written(&self, key: &str) -> Option<Self> {
        let entry = self.node.entry(key)?;
        Some(Self {
            source: self.source,
            node: &entry.value,
            key: Some(&entry.key_mark),
            path: joined(&self.path, &entry.key),
            shape: None,
        })
    }

    /// The field below a list of keys.
    pub(crate) fn at(&self, path: &[&str]) -> Option<Self> {
        let (mut node, mut shape) = (self.node, self.shape);
        let mut entries = Vec::new();
        for key in path {
            let (entry, below) = entry_of(node, shape, key)?;
            entries.push(entry);
            (node, shape) = (&entry.value, below);
        }
        let key = &entries.last()?.key_mark;
        let mut path = self.path.clone();
        for entry in &entries {
            append(&mut path, &entry.key);
        }
        Some(Self { source: self.source, node, key: Some(key), path, shape })
    }

    /// The items of a list; empty for anything else.
    pub(crate) fn items(&self) -> Vec<Self> {
        let items = self.node.items().iter().enumerate();
        items
            .map(|(index, node)| Self {
                source: self.source,
                node,
                key: None,
                path: format!("{}[{index}]", self.path),
                shape: self.shape,
            })
            .collect()
    }

    /// The items of the list `key`; empty when it is absent, reported when it is no list.
    pub(crate) fn list(&self, key: &str) -> Vec<Self> {
        let Some(list) = self.get(key) else { return Vec::new() };
        if !matches!(list.node.value, Value::Sequence(_)) {
            list.report("a list");
        }
        list.items()
    }

    /// The mapping `key`; `None` when it is absent, reported when it is anything else.
    pub(crate) fn block(&self, key: &str) -> Option<Self> {
        let block = self.get(key)?;
        if !matches!(block.node.value, Value::Mapping(_)) {
            block.report("a mapping");
            return None;
        }
        Some(block)
    }

    /// Keys and values of a mapping that are not null.
    pub(crate) fn entries(&self) -> Vec<(&'a str, Self)> {
        let entries = self.node.entries().iter().filter(|entry| !entry.value.is_null());
        entries
            .map(|entry| {
                let field = Self {
                    source: self.source,
                    node: &entry.value,
                    key: Some(&entry.key_mark),
                    path: joined(&self.path, &entry.key),
                    shape: None,
                };
                (entry.key.as_str(), field)
            })
            .collect()
    }

    /// A mapping of texts.
    pub(crate) fn labels(&self) -> Labels {
        let entries = self.node.entries().iter();
        entries
            .filter_map(|entry| Some((entry.key.to_string(), entry.value.text()?.to_owned())))
            .collect()
    }

    /// The texts of a list.
    pub(crate) fn texts(&self) -> Vec<&'a str> {
        self.node.items().iter().filter_map(Node::text).collect()
    }

    /// Any scalar as written; reports a collection.
    pub(crate) fn text(&self) -> Option<&'a str> {
        self.accept(self.node.text(), "a text")
    }

    /// A boolean, also as a quoted text.
    pub(crate) fn flag(&self) -> Option<bool> {
        let value = self.node.as_bool().or(match self.node.text() {
            Some("true") => Some(true),
            Some("false") => Some(false),
            _ => None,
        });
        self.accept(value, "true or false")
    }

    /// A whole number from 0 to 2^32-1, also as a quoted text, as protobuf JSON accepts it.
    pub(crate) fn count(&self) -> Option<u32> {
        let number =
            self.node.as_i64().or_else(|| self.node.text().and_then(|text| text.parse().ok()));
        let value = number.and_then(|number| u32::try_from(number).ok());
        self.accept(value, "a whole number from 0 to 4294967295")
    }

    /// A port number.
    pub(crate) fn port(&self) -> Option<u16> {
        let value = self.node.as_i64().and_then(|number| u16::try_from(number).ok());
        self.accept(value.filter(|port| *port > 0), "a port number from 1 to 65535")
    }

    /// A number of percent.
    pub(crate) fn percent(&self) -> Option<f64> {
        let number =
            self.node.as_f64().or_else(|| self.node.text().and_then(|text| text.parse().ok()));
        self.accept(number.filter(|n| (0.0..=100.0).contains(n)), "a number from 0 to 100")
    }

    /// A duration of at least zero.
    pub(crate) fn duration(&self) -> Option<Duration> {
        let value = self.node.text().and_then(value::duration);
        self.accept(value, "a duration such as 500ms, 2s or 1m30s")
    }

    /// A CPU quantity.
    pub(crate) fn cpu(&self) -> Option<Millicores> {
        let value = self.node.text().and_then(value::cpu);
        self.accept(value, "an amount of CPU such as 500m or 2")
    }

    /// An amount of memory.
    pub(crate) fn memory(&self) -> Option<Bytes> {
        let value = self.node.text().and_then(value::memory);
        self.accept(value, "an amount of memory such as 512Mi or 1G")
    }

    /// Where the value is set.
    pub(crate) fn origin(&self) -> Origin {
        self.origin_at(&self.node.mark)
    }

    /// Where the key of the value is written; for blocks, whose value starts a line below.
    pub(crate) fn key_origin(&self) -> Origin {
        self.origin_at(self.key.unwrap_or(&self.node.mark))
    }

    /// `value`, set by this field.
    pub(crate) fn setting<T>(&self, value: T) -> Setting<T> {
        Setting { value, origin: self.origin(), overrode: self.overrode() }
    }

    /// The lines that this one replaced, nearest first.
    pub(crate) fn overrode(&self) -> Vec<Origin> {
        self.node.overrode().iter().rev().map(|mark| self.origin_at(mark)).collect()
    }

    /// Whether the value is one that something outside of the repository puts in: `${NAME}`.
    pub(crate) fn is_variable(&self) -> bool {
        self.node.text().is_some_and(is_variable)
    }

    /// Whether the value is a variable, or one lies anywhere below it.
    pub(crate) fn holds_variable(&self) -> bool {
        holds_variable(self.node)
    }

    /// Reports that the value is not `expected`; whoever asked uses its default.
    pub(crate) fn report(&self, expected: &str) {
        let mark = &self.node.mark;
        if self.is_variable() {
            return self.report_variable();
        }
        if self.source.gaps.is_refused_value(mark) {
            return;
        }
        self.source.gaps.add(
            format!("{mark}: `{}` must be {expected}", self.path),
            format!(
                "the line has no effect that can be computed; the default is shown for {}",
                self.source.id
            ),
            format!("write {expected}"),
        );
    }

    fn report_variable(&self) {
        let (mark, text) = (&self.node.mark, self.node.text().unwrap_or_default());
        self.source.gaps.add(
            format!("{mark}: `{}` of {} is {text}, which is not known here", self.path, self.source.id),
            "what is shown in its place is what holds without it; the cluster may have another value",
            "write the variable's value where the substitution finds it in the repository",
        );
    }

    fn accept<T>(&self, value: Option<T>, expected: &str) -> Option<T> {
        if value.is_none() {
            self.report(expected);
        }
        value
    }

    fn origin_at(&self, mark: &Mark) -> Origin {
        // Istio knows what it makes of an object under other paths than Git does.
        let (object, field) = match made::written_by(&self.source.made_of, mark) {
            Some((maker, path)) => (&maker.id, Arc::from(path)),
            None => (&self.source.id, Arc::from(self.path.as_str())),
        };
        Origin::Git { at: location(mark), object: Arc::clone(object), field }
    }
}

/// Whether a text has a variable in it, as Flux and envsubst write them.
fn is_variable(text: &str) -> bool {
    text.split_once("${").is_some_and(|(_, rest)| rest.contains('}'))
}

fn holds_variable(node: &Node) -> bool {
    match &node.value {
        Value::Mapping(entries) => entries.iter().any(|entry| holds_variable(&entry.value)),
        Value::Sequence(items) => items.iter().any(holds_variable),
        Value::Null | Value::Scalar(_) => node.text().is_some_and(is_variable),
    }
}

/// What is written for a field, unless it is null. Where fields have two names, under the first one
/// or else under the second; with the shape of what the field holds.
fn entry_of<'a>(
    node: &'a Node,
    shape: Option<ShapeId>,
    key: &str,
) -> Option<(&'a Entry, Option<ShapeId>)> {
    let written = |name: &str| node.entry(name).filter(|entry| !entry.value.is_null());
    let Some(shape) = shape else { return Some((written(key)?, None)) };
    let field = tables::MESH_CONFIG.shape(shape).and_then(|shape| shape.field(key));
    let second = || written(field?.alias.as_ref()?);
    let entry = written(key).or_else(second)?;
    Some((entry, field.and_then(|field| field.of.shape())))
}

/// `path.key`, with keys that contain dots in brackets, as `Node::pointer` reads it.
fn joined(path: &str, key: &str) -> String {
    let mut joined = String::with_capacity(path.len() + key.len() + 4);
    joined.push_str(path);
    append(&mut joined, key);
    joined
}

/// Goes on from a path to one of its keys.
pub(crate) fn append(path: &mut String, key: &str) {
    let parts = if key.contains(['.', '[', ']']) {
        ["[\"", key, "\"]"]
    } else if path.is_empty() {
        ["", key, ""]
    } else {
        [".", key, ""]
    };
    path.extend(parts);
}
