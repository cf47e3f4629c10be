//! A fix as a patch that `git apply` accepts.

use std::sync::Arc;

use similar::TextDiff;
use stilltrace_manifest::yaml::{self, Mark, Node};
use stilltrace_manifest::{Budget, edit};
use stilltrace_model::{CommitId, Edit, Fix, Location};

use crate::git::Repository;

/// Lines of context around a change, as Git shows them.
const CONTEXT: usize = 3;

/// The fix as a unified diff against a revision; `None` where the line is not in the repository or
/// the edit would touch anything else.
pub(crate) fn unified(repository: &Repository, revision: &CommitId, fix: &Fix) -> Option<String> {
    let at = fix.origin.location()?;
    let content = repository.blob(revision, &at.path).ok()??;
    let before = String::from_utf8(content).ok()?;
    let after = match &fix.edit {
        Edit::Restore { earlier: Some((commit, was)), .. } => {
            restored(repository, &before, at, commit, was)
        }
        _ => None,
    };
    let after = after.or_else(|| edited(&before, at, &fix.edit))?;
    if after == before || !is_printable(&at.path) {
        return None;
    }
    let diff = TextDiff::from_lines(before.as_str(), after.as_str());
    let (old, new) = (format!("a/{}", at.path), format!("b/{}", at.path));
    let hunks = diff.unified_diff().context_radius(CONTEXT).header(&old, &new).to_string();
    Some(format!("diff --git {old} {new}\n{hunks}"))
}

/// Whether Git writes the path into a patch without quotes.
fn is_printable(path: &str) -> bool {
    path.bytes().all(|byte| (0x20..0x7f).contains(&byte) && byte != b'"' && byte != b'\\')
}

fn edited(before: &str, at: &Location, edit: &Edit) -> Option<String> {
    match edit {
        Edit::Set(value) | Edit::Restore { value, .. } => {
            edit::set_scalar(before, &mark(at), value).ok()
        }
        Edit::Remove => edit::remove_entry(before, &key_of(before, at)?).ok(),
    }
}

/// The text with the earlier value put back as it was written, quotes and unit included; `None`
/// where that text would not be read as one value again.
fn restored(
    repository: &Repository,
    text: &str,
    at: &Location,
    commit: &CommitId,
    was: &Location,
) -> Option<String> {
    let parent = repository.commit(commit).ok()?.parents.into_iter().next()?;
    let content = repository.blob(&parent, &was.path).ok()??;
    let earlier = std::str::from_utf8(&content).ok()?.get(was.start..was.end)?;
    if earlier.is_empty() || earlier.contains('\n') {
        return None;
    }
    let restored = format!("{}{earlier}{}", text.get(..at.start)?, text.get(at.end..)?);
    let whole = Location { end: at.start + earlier.len(), ..at.clone() };
    let is_one_value = key_of(&restored, &whole).is_some();
    is_one_value.then_some(restored)
}

fn mark(at: &Location) -> Mark {
    Mark::new(Arc::clone(&at.path), at.line, at.column, at.start..at.end)
}

/// The key of the entry whose key or value is at a place.
fn key_of(text: &str, at: &Location) -> Option<Mark> {
    let parsed = yaml::parse(&at.path, text.as_bytes(), &Budget::default());
    let mut pending: Vec<&Node> =
        parsed.documents.iter().map(|document| document.root.as_ref()).collect();
    while let Some(node) = pending.pop() {
        for entry in node.entries() {
            let is_at = |mark: &Mark| mark.range() == (at.start..at.end);
            if is_at(&entry.key_mark) || is_at(&entry.value.mark) {
                return Some(entry.key_mark.clone());
            }
            pending.push(&entry.value);
        }
        pending.extend(node.items());
    }
    None
}
