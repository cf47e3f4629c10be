//! Removing and inserting entries of a mapping.

use crate::yaml::{Entry, Mark, Node};

use super::region::line_after;
use super::verify::{Leaf, documents, leaves, mapping_with_key, same_leaf};
use super::{EditError, line_end, splice};

/// `source` without the entry whose key is at `key`, its comment on the same line included.
pub fn remove_entry(source: &str, key: &Mark) -> Result<String, EditError> {
    let before = documents(source, &key.path, key.range().start);
    let (mapping, index) = mapping_with_key(&before, key.range().start)
        .ok_or_else(|| EditError::NotFound { mark: key.clone() })?;
    let entries = mapping.entries();
    if entries.len() < 2 {
        return Err(EditError::LastEntry { mark: key.clone() });
    }
    let refuse = || EditError::NotWritable { mark: key.clone(), text: String::new() };
    let (start, end) = removed_bytes(source, &mapping, index);
    let edited = splice(source, start, end, "").ok_or_else(refuse)?;
    let inside = leaves_of(&entries[index].value);
    let kept: Vec<Leaf> =
        leaves(&before).into_iter().filter(|leaf| !inside.contains(&leaf.start)).collect();
    let after = leaves(&documents(&edited, &key.path, start));
    let same = kept.len() == after.len() && kept.iter().zip(&after).all(|(a, b)| same_leaf(a, b));
    if same { Ok(edited) } else { Err(refuse()) }
}

/// First bytes of the leaves below `value`.
fn leaves_of(value: &Node) -> Vec<usize> {
    value.leaves().iter().map(|(_, node)| node.mark.range().start).collect()
}

fn removed_bytes(source: &str, mapping: &Node, index: usize) -> (usize, usize) {
    let entries = mapping.entries();
    let entry = &entries[index];
    let start = entry.key_mark.range().start;
    if is_flow(source, mapping) {
        return match (entries.get(index + 1), index.checked_sub(1).map(|i| &entries[i])) {
            (Some(next), _) => (start, next.key_mark.range().start),
            (None, Some(previous)) => (end_of(previous), end_of(entry)),
            (None, None) => (start, end_of(entry)),
        };
    }
    let line = source[..start].rfind('\n').map_or(0, |newline| newline + 1);
    let alone = source[line..start].chars().all(|c| c == ' ');
    let end = line_after(source, end_of(entry));
    match entries.get(index + 1) {
        // The first key of a list item stands behind `- `; the next key takes its place.
        Some(next) if !alone => (start, next.key_mark.range().start),
        _ if !alone => (start, end_of(entry)),
        _ => (line, end),
    }
}

/// `source` with `key: value` added behind the entry whose key is at `sibling`.
///
/// `value` is written plain if it stays the same text that way, otherwise in quotes.
pub fn insert_entry(
    source: &str,
    sibling: &Mark,
    key: &str,
    value: &str,
) -> Result<String, EditError> {
    let before = documents(source, &sibling.path, sibling.range().start);
    let (mapping, index) = mapping_with_key(&before, sibling.range().start)
        .ok_or_else(|| EditError::NotFound { mark: sibling.clone() })?;
    let entry = &mapping.entries()[index];
    let known = leaves(&before);
    let quoted = format!("'{}'", value.replace('\'', "''"));
    for written in [value.to_owned(), quoted] {
        let (position, text) = inserted_text(source, &mapping, entry, &format!("{key}: {written}"));
        let Some(edited) = splice(source, position, position, &text) else { continue };
        let after = leaves(&documents(&edited, &sibling.path, sibling.range().start));
        let added: Vec<&Leaf> =
            after.iter().filter(|leaf| !known.iter().any(|old| same_leaf(old, leaf))).collect();
        let right = added.len() == 1 && added[0].text.as_deref() == Some(value);
        if right && after.len() == known.len() + 1 && mapping.get(key).is_none() {
            return Ok(edited);
        }
    }
    Err(EditError::NotWritable { mark: sibling.clone(), text: format!("{key}: {value}") })
}

fn inserted_text(source: &str, mapping: &Node, sibling: &Entry, entry: &str) -> (usize, String) {
    let end = end_of(sibling);
    if is_flow(source, mapping) {
        return (end, format!(", {entry}"));
    }
    let indent = " ".repeat(sibling.key_mark.column.saturating_sub(1) as usize);
    let newline = line_end(source);
    let position = line_after(source, end);
    if source[..position].ends_with('\n') {
        (position, format!("{indent}{entry}{newline}"))
    } else {
        (position, format!("{newline}{indent}{entry}"))
    }
}

fn is_flow(source: &str, mapping: &Node) -> bool {
    source.get(mapping.mark.range().start..).is_some_and(|rest| rest.starts_with('{'))
}

fn end_of(entry: &Entry) -> usize {
    // An alias is placed at its anchor, so only the key tells where such an entry is.
    if entry.value.mark.start < entry.key_mark.start {
        entry.key_mark.range().end
    } else {
        entry.value.mark.end.max(entry.key_mark.end) as usize
    }
}
