//! Field paths of replacements: `spec.containers.[name=a].image`, `spec.list.*`, `a.b\.c.0`.

use regex_lite::Regex;

use crate::problem::{Problem, ProblemKind};
use crate::yaml::{Derivation, Mark, Node, Scalar, Style, Text, Value};

use super::super::fields::Set;

/// The parts of a path: `\.` is a dot inside a part, and so is any dot within brackets.
pub(in super::super) fn split(path: &str) -> Vec<String> {
    let mut parts: Vec<String> = Vec::new();
    let path = if path.len() > 1 { path.strip_prefix('.').unwrap_or(path) } else { path };
    for part in path.split('.') {
        match parts.last_mut() {
            Some(last) if last.ends_with('\\') => {
                last.pop();
                last.push('.');
                last.push_str(part);
            }
            Some(last) if last.starts_with('[') && !last.ends_with(']') => {
                last.push('.');
                last.push_str(part);
            }
            _ => parts.push(part.to_owned()),
        }
    }
    let unbracketed = |part: String| {
        let is_key = part.contains('.') && part.starts_with('[') && !part.contains('=');
        if is_key { part.trim_matches(['[', ']']).to_owned() } else { part }
    };
    parts.into_iter().map(unbracketed).collect()
}

/// `[key=value]`, as its two sides; the key is empty for items that are single values.
fn condition(part: &str) -> Option<(&str, &str)> {
    part.strip_prefix('[')?.strip_suffix(']')?.split_once('=')
}

fn is_bracketed(part: &str) -> bool {
    part.starts_with('[') && part.ends_with(']')
}

fn wrong(node: &Node, text: String) -> Problem {
    Problem::at(&node.mark, ProblemKind::Invalid, text)
}

/// The one node at a path without wildcards; brackets compare whole values.
///
/// # Errors
/// When a part does not fit what stands there.
pub(in super::super) fn lookup<'a>(
    root: &'a Node,
    path: &[String],
) -> Result<Option<&'a Node>, Problem> {
    let mut node = root;
    for part in path.iter().map(|part| part.trim()).filter(|part| !part.is_empty()) {
        let found = if let Ok(index) = part.parse::<usize>() {
            list(node, part)?.get(index)
        } else if part == "-" {
            list(node, part)?.last()
        } else if part == "*" {
            return Err(wrong(node, "`*` is not allowed in the path of a source".to_owned()));
        } else if is_bracketed(part) {
            let Some((key, value)) = condition(part) else {
                return Err(wrong(node, format!("`{part}` must have the form `[key=value]`")));
            };
            let text = |item: &Node| match key {
                "" => item.text().map(str::to_owned),
                key => item.get(key).and_then(Node::text).map(str::to_owned),
            };
            list(node, part)?.iter().find(|item| text(item).as_deref() == Some(value))
        } else {
            if matches!(node.value, Value::Scalar(_) | Value::Sequence(_)) {
                return Err(wrong(
                    node,
                    format!("`{part}` cannot be below a list or a single value"),
                ));
            }
            node.get(part)
        };
        match found {
            Some(found) => node = found,
            None => return Ok(None),
        }
    }
    Ok(Some(node))
}

fn list<'a>(node: &'a Node, part: &str) -> Result<&'a [Node], Problem> {
    match &node.value {
        Value::Sequence(items) => Ok(items),
        Value::Null => Ok(&[]),
        _ => Err(wrong(node, format!("`{part}` needs a list"))),
    }
}

/// What is made where a path leads to nothing.
#[derive(Debug, Clone, Copy)]
pub(super) struct Create<'a> {
    /// An empty value of the kind that is set at the end of the path.
    pub(super) leaf: &'a Value,
    /// Where the value that is set there stands.
    pub(super) mark: &'a Mark,
    /// Where the path is written, which is what asks for all that stands around the value.
    pub(super) path: &'a Mark,
}

impl Create<'_> {
    /// What to make in front of the next part of a path.
    fn node(&self, next: Option<&String>) -> Node {
        let value = match next {
            None => {
                let mut node = Node::new(self.leaf.clone(), self.mark.clone());
                node.set_untyped(matches!(self.leaf, Value::Scalar(_)));
                return node;
            }
            Some(part) if is_bracketed(part) || part.parse::<usize>().is_ok() => {
                Value::Sequence(Vec::new())
            }
            Some(_) => Value::Mapping(Vec::new()),
        };
        Node::new(value, self.path.clone())
    }
}

/// A plain scalar whose text says of what type it is.
pub(in super::super) fn plain(text: &str) -> Value {
    Value::Scalar(Scalar { text: Text::new(text), style: Style::Plain })
}

/// Shows `set` every node at a path and returns how many there are.
///
/// # Errors
/// When a part does not fit what stands there, or `set` fails.
pub(super) fn visit(
    node: &mut Node,
    path: &[String],
    create: Option<Create<'_>>,
    set: Set<'_>,
) -> Result<usize, Problem> {
    let Some((part, rest)) = path.split_first() else {
        set(node)?;
        return Ok(1);
    };
    if let Ok(index) = part.parse::<usize>() {
        return visit_index(node, index, rest, create, set);
    }
    if is_bracketed(part) {
        return visit_matching(node, part, rest, create, set);
    }
    if part == "*" {
        let items = items_mut(node, part)?;
        return items.iter_mut().try_fold(0, |sum, item| Ok(sum + visit(item, rest, create, set)?));
    }
    visit_field(node, part, rest, create, set)
}

fn items_mut<'a>(node: &'a mut Node, part: &str) -> Result<&'a mut Vec<Node>, Problem> {
    let refused = wrong(node, format!("`{part}` needs a list"));
    if node.is_null() {
        node.value = Value::Sequence(Vec::new());
    }
    node.items_mut().ok_or(refused)
}

fn visit_field(
    node: &mut Node,
    part: &str,
    rest: &[String],
    create: Option<Create<'_>>,
    set: Set<'_>,
) -> Result<usize, Problem> {
    if matches!(node.value, Value::Scalar(_) | Value::Sequence(_)) {
        return Err(wrong(node, format!("`{part}` cannot be below a list or a single value")));
    }
    if node.get(part).is_none() {
        let Some(create) = create else { return Ok(0) };
        node.set(part, create.path, create.node(rest.first()));
    }
    match node.get_mut(part) {
        None => Ok(0),
        Some(field) if matches!(field.value, Value::Scalar(_)) && !rest.is_empty() => {
            // A text that holds YAML is looked into, but what is found there is not set.
            super::embedded::find(field, rest, create)
        }
        Some(field) => visit(field, rest, create, set),
    }
}

fn visit_index(
    node: &mut Node,
    index: usize,
    rest: &[String],
    create: Option<Create<'_>>,
    set: Set<'_>,
) -> Result<usize, Problem> {
    let refused = wrong(node, format!("there is no item {index}"));
    let items = items_mut(node, "an index")?;
    if let Some(create) = create.filter(|_| items.len() == index) {
        items.push(create.node(rest.first()));
    }
    visit(items.get_mut(index).ok_or(refused)?, rest, create, set)
}

fn visit_matching(
    node: &mut Node,
    part: &str,
    rest: &[String],
    create: Option<Create<'_>>,
    set: Set<'_>,
) -> Result<usize, Problem> {
    let Some((key, pattern)) = condition(part) else {
        return Err(wrong(node, format!("`{part}` must have the form `[key=value]`")));
    };
    let Ok(regex) = Regex::new(pattern) else {
        return Err(wrong(node, format!("`{pattern}` is not a valid regular expression")));
    };
    let items = items_mut(node, part)?;
    let mut found = 0;
    for item in items.iter_mut() {
        let text = if key.is_empty() { written(item) } else { item.get(key).and_then(written) };
        if !text.is_some_and(|text| regex.is_match(&text)) {
            continue;
        }
        if key.is_empty() {
            set(item)?;
            found += 1;
        } else {
            found += visit(item, rest, create, set)?;
        }
    }
    let Some(create) = create.filter(|_| found == 0) else { return Ok(found) };
    // The value that the item is found by stands in the path.
    let mut item = Node::new(plain(pattern), create.path.clone()).derived(Derivation::Excerpt);
    if !key.is_empty() {
        let named = std::mem::replace(
            &mut item,
            Node::new(Value::Mapping(Vec::new()), create.path.clone()),
        );
        item.set(key, create.path, named);
    }
    items.push(item);
    match items.last_mut() {
        Some(item) if key.is_empty() => set(item).map(|()| 1),
        Some(item) => visit(item, rest, Some(create), set),
        None => Ok(0),
    }
}

/// A single value as YAML, quotes included: that is what patterns are matched with.
fn written(node: &Node) -> Option<String> {
    let Value::Scalar(scalar) = &node.value else { return None };
    Some(match scalar.style {
        Style::SingleQuoted => format!("'{}'", scalar.text),
        Style::DoubleQuoted => format!("\"{}\"", scalar.text),
        _ => scalar.text.to_string(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dots_within_brackets_and_behind_backslashes_do_not_split() {
        assert_eq!(split("a.[name=x.y].b"), ["a", "[name=x.y]", "b"]);
        assert_eq!(split("metadata.annotations.a\\.b/c"), ["metadata", "annotations", "a.b/c"]);
        assert_eq!(split("a.[b.c/d].e"), ["a", "b.c/d", "e"]);
        assert_eq!(split(".metadata.name"), ["metadata", "name"]);
    }
}
