//! The form of the lab's data files: which fields there are and what each may hold.
//!
//! A form is a table. Checking a file against it names the line of whatever is wrong together with
//! what is allowed there, for every field alike; the tables are also what the book's tables and
//! the tests are compared with.

use std::fmt::Write as _;

use stilltrace_manifest::yaml::{self, Node};
use stilltrace_manifest::{Budget, Value};

/// What a value may be.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Shape {
    /// Text.
    Text,
    /// One of some words.
    Word(&'static [&'static str]),
    /// A name: lower-case letters, digits and inner hyphens.
    Name,
    /// A whole number within bounds.
    Whole(i64, i64),
    /// A number within bounds.
    Number(f64, f64),
    /// `true` or `false`.
    Truth,
    /// Anything.
    Any,
    /// A list of at least so many.
    List(&'static Shape, usize),
    /// Names with values.
    Map(&'static Shape),
    /// Fields.
    Fields(&'static [Field]),
    /// One thing or the other; the last one says what is wrong.
    Either(&'static [Shape]),
}

/// A field.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Field {
    /// Its key.
    pub(crate) key: &'static str,
    /// Whether it must be there.
    pub(crate) needed: bool,
    /// What it may hold.
    pub(crate) shape: Shape,
}

/// A field that must be there.
pub(crate) const fn needed(key: &'static str, shape: Shape) -> Field {
    Field { key, needed: true, shape }
}

/// A field that may be left out.
pub(crate) const fn optional(key: &'static str, shape: Shape) -> Field {
    Field { key, needed: false, shape }
}

/// What is wrong with a file: `line: message`, or `None` if it has the form.
pub(crate) fn check(text: &str, form: &[Field]) -> Result<(), String> {
    let parsed = yaml::parse("", text.as_bytes(), &Budget::default());
    if let Some(problem) = parsed.problems.first() {
        return Err(format!("{}: {}", problem.line.max(1), problem.message));
    }
    let Some(document) = parsed.documents.first() else {
        return Err(format!("1: empty; fields: {}", keys(form)));
    };
    fields(&document.root, "", form)
}

/// `line: message` about the value at a field path of a file that has its form.
pub(crate) fn at(text: &str, path: &str, message: &str) -> String {
    let parsed = yaml::parse("", text.as_bytes(), &Budget::default());
    let root = parsed.documents.first().map(|document| &document.root);
    // The nearest field that is there.
    let mut path = path;
    loop {
        if let Some(node) = root.and_then(|root| root.pointer(path)) {
            return format!("{}: {message}", node.mark.line.max(1));
        }
        let Some(end) = path.rfind(['.', '[']) else { return format!("1: {message}") };
        path = path.get(..end).unwrap_or_default();
    }
}

/// What a shape allows, in words.
pub(crate) fn allowed(shape: &Shape) -> String {
    match shape {
        Shape::Text => "text".to_owned(),
        Shape::Word(words) => words.join(", "),
        Shape::Name => "a name of lower-case letters, digits and inner hyphens".to_owned(),
        Shape::Whole(low, high) => format!("a whole number from {low} to {high}"),
        Shape::Number(low, high) => format!("a number from {low} to {high}"),
        Shape::Truth => "true, false".to_owned(),
        Shape::Any => "any value".to_owned(),
        Shape::List(item, least) => match least {
            0 => format!("a list of: {}", allowed(item)),
            _ => format!("a list of at least {least} of: {}", allowed(item)),
        },
        Shape::Map(value) => format!("names, each with: {}", allowed(value)),
        Shape::Fields(form) => format!("the fields {}", keys(form)),
        Shape::Either(shapes) => {
            let all: Vec<_> = shapes.iter().map(allowed).collect();
            all.join("; or ")
        }
    }
}

fn keys(form: &[Field]) -> String {
    let mut text = String::new();
    for field in form {
        let mark = if field.needed { " (needed)" } else { "" };
        let comma = if text.is_empty() { "" } else { ", " };
        // Writing to a string cannot fail.
        let _ = write!(text, "{comma}{}{mark}", field.key);
    }
    text
}

fn fields(node: &Node, path: &str, form: &[Field]) -> Result<(), String> {
    if !matches!(node.value, Value::Mapping(_)) {
        return Err(wrong(node, path, &format!("the fields {}", keys(form))));
    }
    for entry in node.entries() {
        let key: &str = &entry.key;
        let Some(field) = form.iter().find(|field| field.key == key) else {
            let line = entry.key_mark.line;
            return Err(format!("{line}: no field `{}`; allowed: {}", join(path, key), keys(form)));
        };
        shape(&entry.value, &join(path, key), &field.shape)?;
    }
    match form.iter().find(|field| field.needed && node.get(field.key).is_none()) {
        Some(missing) => {
            let line = node.mark.line.max(1);
            let (field, what) = (join(path, missing.key), allowed(&missing.shape));
            Err(format!("{line}: `{field}` is missing; allowed: {what}"))
        }
        None => Ok(()),
    }
}

fn shape(node: &Node, path: &str, wanted: &Shape) -> Result<(), String> {
    let refuse = || Err(wrong(node, path, &allowed(wanted)));
    let fits = match wanted {
        Shape::Any => true,
        Shape::Text => node.text().is_some() && !node.is_null(),
        Shape::Word(words) => node.text().is_some_and(|text| words.contains(&text)),
        Shape::Name => node.text().is_some_and(is_name),
        Shape::Whole(low, high) => node.as_i64().is_some_and(|n| (*low..=*high).contains(&n)),
        Shape::Number(low, high) => node.as_f64().is_some_and(|n| (*low..=*high).contains(&n)),
        Shape::Truth => node.as_bool().is_some(),
        Shape::Fields(form) => return fields(node, path, form),
        Shape::Either(shapes) => {
            // The shape of the same sort says best what is wrong.
            let sort = |shape: &&Shape| {
                matches!(
                    (&node.value, shape),
                    (Value::Mapping(_), Shape::Fields(_) | Shape::Map(_))
                        | (Value::Sequence(_), Shape::List(..))
                )
            };
            if let Some(alike) = shapes.iter().find(sort) {
                return shape(node, path, alike);
            }
            shapes.iter().any(|one| shape(node, path, one).is_ok())
        }
        Shape::List(item, least) => {
            if !matches!(node.value, Value::Sequence(_)) || node.items().len() < *least {
                return refuse();
            }
            let mut items = node.items().iter().enumerate();
            return items.try_for_each(|(i, one)| shape(one, &format!("{path}[{i}]"), item));
        }
        Shape::Map(value) => {
            if !matches!(node.value, Value::Mapping(_)) {
                return refuse();
            }
            let mut entries = node.entries().iter();
            return entries
                .try_for_each(|entry| shape(&entry.value, &join(path, &entry.key), value));
        }
    };
    if fits { Ok(()) } else { refuse() }
}

/// Names become host names, paths and cgroup names: RFC 1123 labels only.
pub(crate) fn is_name(name: &str) -> bool {
    !name.is_empty()
        && name.len() <= 63
        && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
        && !name.starts_with('-')
        && !name.ends_with('-')
}

fn wrong(node: &Node, path: &str, allowed: &str) -> String {
    let is = match &node.value {
        Value::Mapping(_) => "fields".to_owned(),
        Value::Sequence(items) => format!("a list of {}", items.len()),
        _ => node.text().map_or_else(|| "empty".to_owned(), |text| format!("`{text}`")),
    };
    let path = if path.is_empty() { "the file" } else { path };
    format!("{}: `{path}` is {is}; allowed: {allowed}", node.mark.line.max(1))
}

fn join(path: &str, key: &str) -> String {
    if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") }
}
