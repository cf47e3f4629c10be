//! Adds and removes whole fields of a file, as a person would: nothing else moves.

use stilltrace_manifest::edit::remove_entry;
use stilltrace_manifest::yaml::{self, Node, Step, steps};
use stilltrace_manifest::{Budget, Value as Read};

use super::draw::Draw;
use super::emit::{self, Style};
use super::value::Value;

/// `text` with `value` at a field path of `root`, one of its documents. What is missing on the way
/// is made.
///
/// `None` when the field is there already, or when its parent is written in braces.
pub(crate) fn add(
    text: &str,
    root: &Node,
    path: &str,
    value: &Value,
    style: &Style,
    draw: &mut Draw,
) -> Option<String> {
    let steps = steps(path)?;
    let mut at = root;
    let mut taken = 0;
    for step in &steps {
        let next = match step {
            Step::Key(key) => at.get(key),
            Step::Index(index) => at.items().get(*index),
        };
        let Some(next) = next else { break };
        at = next;
        taken += 1;
    }
    let (first, rest) = steps.get(taken..)?.split_first()?;
    let value = wrapped(rest, value)?;
    match (first, &at.value) {
        (Step::Key(key), Read::Mapping(_)) => {
            let indent = column(at.entries().first()?.key_mark.column);
            let block = !is_flow(text, at, '{');
            block.then(|| insert(text, at, &emit::entry(key, &value, indent, style, draw)))
        }
        (Step::Index(index), Read::Sequence(items)) if *index == items.len() => {
            if is_flow(text, at, '[') {
                let end = items.last()?.mark.range().end;
                return Some([text.get(..end)?, ", ", &value.scalar()?, text.get(end..)?].concat());
            }
            // An item's mark is behind its dash.
            let indent = column(items.first()?.mark.column).checked_sub(2)?;
            Some(insert(text, at, &emit::item(&value, indent, style, draw)))
        }
        _ => None,
    }
}

/// `text` without the field at a path of `root`; `None` if it is not there or the only one.
pub(crate) fn remove(text: &str, root: &Node, path: &str) -> Option<String> {
    let (parent, key) = parent(root, path)?;
    remove_entry(text, &parent.entry(&key)?.key_mark).ok()
}

/// The line of a field of the document that says it is `kind` `name`: of its key, or of its first
/// scalar where `at` names none.
pub(crate) fn line(root: &Node, path: &str, at: Option<&str>) -> Option<u32> {
    if let Some(at) = at {
        return Some(root.pointer(at)?.mark.line);
    }
    let node = if path.is_empty() { root.get("spec").unwrap_or(root) } else { root.pointer(path)? };
    node.leaves().first().map(|(_, leaf)| leaf.mark.line).or(Some(node.mark.line))
}

/// Adds a file to the `resources` of a kustomization.
pub(crate) fn list_resource(
    path: &str,
    text: &str,
    name: &str,
    style: &Style,
    draw: &mut Draw,
) -> Option<String> {
    let parsed = yaml::parse(path, text.as_bytes(), &Budget::default());
    let root = &parsed.documents.first()?.root;
    let next = format!("resources[{}]", root.get("resources")?.items().len());
    add(text, root, &next, &Value::from(name), style, draw)
}

/// The mapping that holds the last key of a path, and the key.
fn parent<'a>(root: &'a Node, path: &str) -> Option<(&'a Node, String)> {
    let mut steps = steps(path)?;
    let Step::Key(key) = steps.pop()? else { return None };
    let parent = steps.iter().try_fold(root, |at, step| match step {
        Step::Key(key) => at.get(key),
        Step::Index(index) => at.items().get(*index),
    });
    Some((parent?, key))
}

/// `value` below the remaining steps of its path.
fn wrapped(steps: &[Step], value: &Value) -> Option<Value> {
    steps.iter().rev().try_fold(value.clone(), |inner, step| match step {
        Step::Key(key) => Some(Value::Map(vec![(key.clone(), inner)])),
        Step::Index(0) => Some(Value::List(vec![inner])),
        Step::Index(_) => None,
    })
}

fn column(from_one: u32) -> usize {
    from_one.saturating_sub(1) as usize
}

fn is_flow(text: &str, node: &Node, bracket: char) -> bool {
    text.get(node.mark.range().start..).is_some_and(|rest| rest.starts_with(bracket))
}

/// `text` with whole lines added behind the last line of `node`.
fn insert(text: &str, node: &Node, lines: &str) -> String {
    let leaf = node.leaves().last().map_or(0, |(_, leaf)| leaf.mark.range().end);
    let key = node.entries().last().map_or(0, |entry| entry.key_mark.range().end);
    // A block's end may lie behind empty lines that belong to nobody.
    let end = text.get(..leaf.max(key)).map_or(0, |head| head.trim_end().len());
    let at = text.get(end..).and_then(|rest| rest.find('\n')).map_or(text.len(), |n| end + n + 1);
    let (head, tail) = text.split_at(at);
    let newline = if head.is_empty() || head.ends_with('\n') { "" } else { "\n" };
    [head, newline, lines, tail].concat()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
mod tests {
    use super::*;
    use crate::gitops::value::map;

    const TEXT: &str = "kind: A\nspec:\n  http:\n  - route:\n    - weight: 1 # why\n    \
                        timeout: 5s\n\n  hosts: [a, b]\n# end\n";

    fn root(text: &str) -> Node {
        yaml::parse("a.yaml", text.as_bytes(), &Budget::default()).documents[0]
            .root
            .as_ref()
            .clone()
    }

    fn added(path: &str, value: &Value) -> Option<String> {
        let mut draw = Draw::new(1, "style");
        let style = Style::draw(&mut draw);
        add(TEXT, &root(TEXT), path, value, &style, &mut draw)
    }

    #[test]
    fn a_field_is_added_behind_its_siblings_and_nothing_else_moves() {
        let text = added("spec.http[0].fault.abort", &map! { "httpStatus" => 500 }).unwrap();
        let node = root(&text);
        let found = node.pointer("spec.http[0].fault.abort.httpStatus").unwrap();
        assert_eq!(found.as_i64(), Some(500), "{text}");
        assert_eq!(text.lines().count(), TEXT.lines().count() + 3);
        assert!(TEXT.lines().all(|line| text.contains(line)), "{text}");
        assert_eq!(line(&node, "spec.http[0].fault", None), Some(found.mark.line));
    }

    #[test]
    fn items_are_added_in_brackets_and_in_lines() {
        let text = added("spec.hosts[2]", &Value::from("c")).unwrap();
        assert!(text.contains("[a, b, c]"), "{text}");
        let text = added("spec.http[1]", &map! { "name" => "x" }).unwrap();
        assert_eq!(root(&text).pointer("spec.http[1].name").unwrap().as_str(), Some("x"), "{text}");
    }

    #[test]
    fn a_field_is_removed_with_its_lines_only() {
        let text = remove(TEXT, &root(TEXT), "spec.http[0].timeout").unwrap();
        assert_eq!(text, TEXT.replace("    timeout: 5s\n", ""));
        assert_eq!(remove(TEXT, &root(TEXT), "spec.nothing"), None);
    }
}
