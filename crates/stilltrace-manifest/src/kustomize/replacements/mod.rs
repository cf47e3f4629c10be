//! `replacements`: copies a field of one object into fields of others.

mod embedded;
mod emit;
pub(super) mod path;
mod source;
mod target;

use std::sync::Arc;

use crate::problem::{Problem, ProblemKind};
use crate::yaml::{Node, Value};

use super::output::core_tag;
use super::plugins::Context;
use super::resource::{Resource, written_word};

/// Applies a list of replacements, each written there or in the file it names.
///
/// # Errors
/// When a source is not there or ambiguous, or a field of a target is missing.
pub(super) fn apply(
    context: &mut Context<'_, '_>,
    entries: &[Node],
    resources: &mut [Resource],
) -> Result<(), Problem> {
    let mut replacements = Vec::new();
    for entry in entries {
        replacements.extend(read(context, entry)?);
    }
    for replacement in &replacements {
        apply_one(context, replacement, resources)?;
    }
    Ok(())
}

/// The replacement of an entry, or those of the file that it names.
fn read(context: &mut Context<'_, '_>, entry: &Node) -> Result<Vec<Node>, Problem> {
    let path = entry.get("path").filter(|path| path.text().is_some_and(|text| !text.is_empty()));
    let Some(path) = path else { return Ok(vec![entry.clone()]) };
    let has_targets = entry.get("targets").is_some_and(|targets| !targets.items().is_empty());
    if entry.get("source").is_some_and(|source| !source.is_null()) || has_targets {
        let text = "a replacement is either in the file `path` or written here, not both";
        return Err(Problem::at(&path.mark, ProblemKind::Invalid, text));
    }
    let full = context.loader.file_path(context.dir, path)?;
    let Some(parsed) = context.loader.yaml(&full) else {
        let text = format!("the file `{}` does not exist", path.text().unwrap_or(""));
        return Err(Problem::at(&path.mark, ProblemKind::Missing, text));
    };
    let root = parsed.documents.first().map(|document| Arc::clone(&document.root));
    match root.as_deref().map(|root| (&root.value, root)) {
        Some((Value::Sequence(items), _)) => Ok(items.clone()),
        Some((Value::Mapping(_), root)) => Ok(vec![root.clone()]),
        _ => {
            let text = "holds neither a replacement nor a list of them";
            Err(Problem::of_file(&full, ProblemKind::Invalid, text))
        }
    }
}

fn apply_one(
    context: &mut Context<'_, '_>,
    replacement: &Node,
    resources: &mut [Resource],
) -> Result<(), Problem> {
    let field = |key: &str| replacement.get(key).filter(|node| !node.is_null());
    let invalid = |text: &str| Problem::at(&replacement.mark, ProblemKind::Invalid, text);
    let Some(targets) = field("targets") else {
        return Err(invalid("a replacement needs `source` and `targets`"));
    };
    let value = match (field("source"), field("sourceValue")) {
        (Some(source), None) => source::value(context.loader, source, resources)?,
        (None, Some(value)) => source::fixed(value),
        (Some(_), Some(_)) => return Err(invalid("`source` and `sourceValue` exclude each other")),
        (None, None) => return Err(invalid("a replacement needs `source` and `targets`")),
    };
    targets.items().iter().try_for_each(|target| target::fill(target, &value, resources))
}

/// Makes a text of a scalar that a replacement has made: what sets it once more, such as a merge,
/// takes it for one.
pub(super) fn quote_untyped(node: &mut Node) {
    if node.is_untyped() && core_tag(node) != Some("!!str") {
        node.set_untyped(false);
        node.value = Node::string(written_word(node), node.mark.clone()).value;
    }
}
