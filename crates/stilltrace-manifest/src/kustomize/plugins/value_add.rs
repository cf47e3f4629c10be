//! `ValueAddTransformer`: one value for many fields, whole or as a part of a path.

use crate::problem::{Problem, ProblemKind};
use crate::yaml::{Derivation, Mark, Node, Value};

use super::super::names::{NamespaceChange, Subjects};
use super::super::resource::{Resource, empty_mapping};
use super::super::selector::Selector;
use super::{Context, text};

/// Applies the transformer `root`.
pub(super) fn apply(
    context: &mut Context<'_, '_>,
    root: &Node,
    resources: &mut [Resource],
) -> Result<(), Problem> {
    let (value, mark) = text(root, &["value"]);
    let value = match value.trim() {
        "" => context.dir.rsplit('/').next().unwrap_or(""),
        value => value,
    };
    let mut targets = root.get("targets").map_or(&[][..], Node::items).to_vec();
    if let Some(path) = root.get("targetFilePath").filter(|path| path.text().is_some()) {
        targets.extend(targets_of_file(context, path)?);
    }
    if targets.is_empty() {
        let text = "at least one of `targets` is needed";
        return Err(Problem::at(&root.mark, ProblemKind::Invalid, text));
    }
    targets.iter().try_for_each(|target| add(value, mark, target, resources))
}

fn targets_of_file(context: &mut Context<'_, '_>, path: &Node) -> Result<Vec<Node>, Problem> {
    let full = context.loader.file_path(context.dir, path)?;
    let Some(parsed) = context.loader.yaml(&full) else {
        let text = format!("the file `{}` does not exist", path.text().unwrap_or(""));
        return Err(Problem::at(&path.mark, ProblemKind::Missing, text));
    };
    let root = parsed.documents.first().map(|document| &document.root);
    let targets = root.and_then(|root| root.get("targets"));
    Ok(targets.map_or(&[][..], Node::items).to_vec())
}

fn add(value: &str, mark: &Mark, target: &Node, resources: &mut [Resource]) -> Result<(), Problem> {
    let (path, path_mark) = text(target, &["fieldPath"]);
    if path.is_empty() {
        let text = "`fieldPath` cannot be empty";
        return Err(Problem::at(path_mark, ProblemKind::Invalid, text));
    }
    let position = target.get("filePathPosition").and_then(Node::as_i64).unwrap_or(0);
    let Ok(position) = usize::try_from(position) else {
        let text = "`filePathPosition` cannot be negative";
        return Err(Problem::at(&target.mark, ProblemKind::Invalid, text));
    };
    let selector = target.get("selector").filter(|selector| !selector.is_null());
    let selector = selector.map(Selector::read).transpose()?;
    for resource in resources.iter_mut() {
        if selector.as_ref().is_some_and(|selector| !selector.selects(resource)) {
            continue;
        }
        if path == "metadata/namespace" {
            let (namespace, subjects) = (value, Subjects::Default);
            let specs = &[];
            let change = NamespaceChange { namespace, mark, specs, unset_only: false, subjects };
            change.apply_to(resource)?;
        } else {
            set(resource.object.root_mut(), &segments(path), value, mark, position)?;
        }
    }
    Ok(())
}

/// The keys of a path; `\/` is a slash inside a key.
fn segments(path: &str) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for part in path.split('/') {
        match found.last_mut() {
            Some(last) if last.ends_with('\\') => {
                last.pop();
                last.push('/');
                last.push_str(part);
            }
            _ => found.push(part.to_owned()),
        }
    }
    found
}

/// Sets the field, creating what is missing on the way.
fn set(
    root: &mut Node,
    path: &[String],
    value: &str,
    mark: &Mark,
    position: usize,
) -> Result<(), Problem> {
    let mut node = root;
    for (index, key) in path.iter().enumerate() {
        let place = node.mark.clone();
        let no_mapping = || {
            let text = format!("`{key}` cannot be below a list or a single value");
            Problem::at(&place, ProblemKind::Invalid, text)
        };
        if !matches!(node.value, Value::Mapping(_)) {
            return Err(no_mapping());
        }
        if node.get(key).is_none_or(Node::is_null) {
            let last = index + 1 == path.len();
            let new = if last { Node::new(Value::Null, mark.clone()) } else { empty_mapping(mark) };
            node.set(key, mark, new);
        }
        node = node.get_mut(key).ok_or_else(no_mapping)?;
    }
    if matches!(node.value, Value::Mapping(_) | Value::Sequence(_)) {
        let text = "a value can only be added to a single value";
        return Err(Problem::at(&node.mark, ProblemKind::Invalid, text));
    }
    let new = match position.checked_sub(1) {
        None => Node::string(value, mark.clone()),
        Some(position) => {
            let path = inserted(node.text().unwrap_or(""), position, value);
            Node::string(path, mark.clone()).derived(Derivation::Part)
        }
    };
    node.override_with(new);
    Ok(())
}

/// A file path with one more part at a position; too large a position appends it.
fn inserted(path: &str, position: usize, part: &str) -> String {
    let (root, rest) = match path.strip_prefix('/') {
        Some(rest) => ("/", rest),
        None => ("", path),
    };
    let mut parts: Vec<&str> = rest.split('/').filter(|part| !part.is_empty()).collect();
    parts.insert(position.min(parts.len()), part);
    format!("{root}{}", parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_inserted_into_absolute_and_relative_paths() {
        assert_eq!(inserted("", 0, "P"), "P");
        assert_eq!(inserted("/", 5, "P"), "/P");
        assert_eq!(inserted("pie", 0, "P"), "P/pie");
        assert_eq!(inserted("/raw", 1, "P"), "/raw/P");
        assert_eq!(inserted("a/nice/warm/pie", 3, "P"), "a/nice/warm/P/pie");
    }

    #[test]
    fn a_slash_can_be_part_of_a_key() {
        assert_eq!(segments("metadata/annotations/a.b\\/c"), ["metadata", "annotations", "a.b/c"]);
    }
}
