//! Where a replacement takes its value from.

use crate::problem::{Problem, ProblemKind};
use crate::yaml::{Derivation, Mark, Node, Style, Text, Value};

use super::super::fields::Gvk;
use super::super::loader::Loader;
use super::super::resource::{Id, Resource};
use super::path::{lookup, plain, split};

/// The value of `sourceValue`, whose text says of what type it is.
pub(super) fn fixed(value: &Node) -> Node {
    let mut fixed = Node::new(plain(value.text().unwrap_or("")), value.mark.clone());
    fixed.set_untyped(true);
    fixed
}

/// The value that a `source` selects.
pub(super) fn value(
    loader: &mut Loader<'_>,
    source: &Node,
    resources: &[Resource],
) -> Result<Node, Problem> {
    let object = select(source, resources)?;
    let path = text(source, "fieldPath");
    let path = if path.is_empty() { "metadata.name" } else { path };
    let found = lookup(&object.object.root, &split(path))?;
    let is_empty = |node: &&Node| match &node.value {
        Value::Null => true,
        Value::Mapping(entries) => entries.is_empty(),
        Value::Sequence(items) => items.is_empty(),
        Value::Scalar(_) => false,
    };
    let Some(found) = found.filter(|node| !is_empty(node)) else {
        let text = format!("{} has no `{path}`", object.object.key());
        return Err(Problem::at(&source.mark, ProblemKind::Missing, text));
    };
    refine(loader, source, found)
}

fn text<'a>(node: &'a Node, key: &str) -> &'a str {
    node.get(key).and_then(Node::text).unwrap_or("")
}

/// The one object that has or had the identity of the source.
fn select<'a>(source: &Node, resources: &'a [Resource]) -> Result<&'a Resource, Problem> {
    let part = |key: &str| text(source, key).to_owned().into();
    let of = Gvk { group: part("group"), version: part("version"), kind: part("kind") };
    let (name, namespace) = (text(source, "name"), text(source, "namespace"));
    let selects = |id: &Id| {
        (name.is_empty() || id.name == name)
            && (namespace.is_empty() || id.namespace.as_deref().unwrap_or("default") == namespace)
            && of.accepts_id(id)
    };
    let mut found = resources.iter().filter(|resource| resource.ids().any(|id| selects(&id)));
    let refuse = |kind, text: &str| Err(Problem::at(&source.mark, kind, text));
    match (found.next(), found.next()) {
        (Some(only), None) => Ok(only),
        (Some(_), Some(_)) => {
            refuse(ProblemKind::Invalid, "more than one object is the source; add its name")
        }
        (None, _) => refuse(ProblemKind::Missing, "no object is the source of this replacement"),
    }
}

/// The part of the value between delimiters, if the options ask for one.
fn refine(loader: &mut Loader<'_>, source: &Node, found: &Node) -> Result<Node, Problem> {
    let options = source.get("options");
    let delimiter = options.map_or("", |options| text(options, "delimiter"));
    if delimiter.is_empty() {
        return Ok(found.clone());
    }
    let Value::Scalar(scalar) = &found.value else {
        let text = "`delimiter` needs a single value";
        return Err(Problem::at(&found.mark, ProblemKind::Invalid, text));
    };
    let index = options.and_then(|options| options.get("index")).and_then(Node::as_i64);
    let index = usize::try_from(index.unwrap_or(0)).ok();
    let mut parts = scalar.text.split(delimiter).scan(0, |at, part| {
        let start = *at;
        *at += part.len() + delimiter.len();
        Some((start, part))
    });
    let Some((start, part)) = index.and_then(|index| parts.nth(index)) else {
        let text = format!("`{}` has no part of this `index`", scalar.text);
        let place = options.map_or(&source.mark, |options| &options.mark);
        return Err(Problem::at(place, ProblemKind::Invalid, text));
    };
    let mut refined = found.clone();
    if let Value::Scalar(scalar) = &mut refined.value {
        scalar.text = Text::new(part);
    }
    if !found.pieces().is_empty() {
        refined.set_pieces(found.pieces_within(&[part]));
    }
    if found.derivation() == Derivation::Written
        && let Some(mark) = part_mark(loader, found, start, part)
    {
        refined.mark = mark;
    }
    Ok(refined)
}

/// The place of a part of a value that is written on one line without escapes.
fn part_mark(loader: &mut Loader<'_>, node: &Node, start: usize, part: &str) -> Option<Mark> {
    let Value::Scalar(scalar) = &node.value else { return None };
    let quote = usize::from(matches!(scalar.style, Style::SingleQuoted | Style::DoubleQuoted));
    let parsed = loader.yaml(&node.mark.path)?;
    let written = parsed.source.get(node.mark.range())?;
    let inner = written.get(quote..written.len().checked_sub(quote)?)?;
    if inner != scalar.text || inner.contains('\n') {
        return None;
    }
    let columns = inner.get(..start)?.chars().count() + quote;
    let first = node.mark.range().start + quote + start;
    let column = node.mark.column + u32::try_from(columns).ok()?;
    Some(Mark::new(node.mark.path.clone(), node.mark.line, column, first..first + part.len()))
}
