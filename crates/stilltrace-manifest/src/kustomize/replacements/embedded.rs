//! Fields within a text that holds YAML or JSON, such as a ConfigMap's `config.json`.
//!
//! A path that leads through a single value goes on inside it. The text is written back in its own
//! form: JSON again as JSON, on one line or many; YAML with the changed values in place.

use crate::problem::Problem;
use crate::yaml::{Budget, Derivation, Mark, Node, Piece, Scalar, Style, Text, Value, parse};

use super::super::fields::Set;
use super::super::json;
use super::super::keys::escaped_slash;
use super::super::output::fits_its_tag;
use super::emit;
use super::path::{Create, lookup, visit};

/// Sets the fields at `path` within the first text on the way; `false` when there is no such text
/// or no such field in it.
pub(super) fn fill(
    root: &mut Node,
    path: &[String],
    mark: &Mark,
    create: Option<Create<'_>>,
    set: Set<'_>,
) -> Result<bool, Problem> {
    let Some(length) = text_at(root, path) else { return Ok(false) };
    let (outer, inner) = path.split_at(length);
    let text = lookup(root, outer)?.and_then(Node::text).unwrap_or("").to_owned();
    let Some(new) = filled(&text, inner, create, set) else { return Ok(false) };
    visit(root, outer, None, &mut |field| {
        let style = match &field.value {
            Value::Scalar(scalar) if scalar.style != Style::Plain => scalar.style,
            _ => Style::DoubleQuoted,
        };
        let scalar = Scalar { text: Text::new(&new), style };
        let value = Node::new(Value::Scalar(scalar), mark.clone());
        // What is left of the text around the value is not one piece of it.
        let around = Piece { mark: field.mark.clone(), text: Text::default() };
        let set = Piece { mark: mark.clone(), text: Text::default() };
        field.override_with(value.derived(Derivation::Part).made_of(vec![around, set]));
        Ok(())
    })?;
    Ok(true)
}

/// How many parts of the path lead to a single value that is not its end.
fn text_at(root: &Node, path: &[String]) -> Option<usize> {
    (1..path.len()).find(|length| {
        let (outer, _) = path.split_at(*length);
        let found = lookup(root, outer).ok().flatten();
        found.and_then(Node::text).is_some_and(|text| read(text).is_some())
    })
}

fn read(text: &str) -> Option<Node> {
    let mut parsed = parse("", text.as_bytes(), &Budget::default());
    let is_read = parsed.problems.is_empty() && escaped_slash(&parsed).is_none();
    if !is_read || parsed.documents.is_empty() {
        return None;
    }
    Some((*parsed.documents.swap_remove(0).root).clone())
}

/// The text with the fields set, or `None` when there are none or they cannot be set.
fn filled(text: &str, path: &[String], create: Option<Create<'_>>, set: Set<'_>) -> Option<String> {
    let mut root = read(text)?;
    let mut changed: Vec<Changed> = Vec::new();
    let found = visit(&mut root, path, create, &mut |node| {
        let (mark, style) = (node.mark.clone(), style(node));
        set(node)?;
        if style == Some(Style::Plain) {
            write_plain(node);
        }
        changed.push(Changed { mark, style, value: node.clone() });
        Ok(())
    });
    if found.ok()? == 0 {
        return None;
    }
    if text.trim_start().starts_with(['{', '[']) {
        // JSON has no word for a value of the wrong type; Kustomize leaves the text alone then.
        if !changed.iter().all(|change| fits_its_tag(&change.value)) {
            return None;
        }
        let many_lines = text.contains('\n') && text.contains("  ");
        return Some(if many_lines { json::indented(&root) } else { json::compact(&root) });
    }
    // The canonical form knows no comments and no other styles than those of block YAML.
    let yaml =
        if text.contains(['#', '{', '[', '>', '&']) { in_place(text, changed) } else { None };
    Some(yaml.unwrap_or_else(|| emit::yaml(&root, text)).trim().to_owned())
}

/// A text that was quoted to keep it one is written as plain as it can be, like the one before.
fn write_plain(node: &mut Node) {
    if let Value::Scalar(scalar) = &mut node.value
        && scalar.style == Style::DoubleQuoted
    {
        scalar.style = Style::Plain;
        node.set_tag(Some("!!str".into()));
    }
}

/// How many fields a path finds in the text of a single value.
pub(super) fn find(
    field: &Node,
    path: &[String],
    create: Option<Create<'_>>,
) -> Result<usize, Problem> {
    match field.text().and_then(read) {
        Some(mut root) => visit(&mut root, path, create, &mut |_| Ok(())),
        None => Ok(0),
    }
}

/// A value of the text that was set.
struct Changed {
    mark: Mark,
    style: Option<Style>,
    value: Node,
}

fn style(node: &Node) -> Option<Style> {
    match &node.value {
        Value::Scalar(scalar) => Some(scalar.style),
        _ => None,
    }
}

/// The text with each changed token replaced; `None` when a change is more than that.
fn in_place(text: &str, mut changed: Vec<Changed>) -> Option<String> {
    changed.sort_by_key(|change| std::cmp::Reverse(change.mark.start));
    let mut text = text.to_owned();
    for change in changed {
        // What was made on the way has no place in the text.
        let style = change.style.filter(|style| {
            change.mark.path.is_empty() && !matches!(style, Style::Literal | Style::Folded)
        })?;
        let token = emit::token(change.value.text()?, style, &change.value);
        text.get(change.mark.range())?;
        text.replace_range(change.mark.range(), &token);
    }
    Some(text)
}
