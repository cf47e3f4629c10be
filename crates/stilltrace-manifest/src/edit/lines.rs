//! Lines of a file around the values of a collection.

use std::ops::Range;

use crate::yaml::{Entry, Node};

use super::region::line_after;

/// Bytes that are replaced, with what replaces them.
pub(super) type Splice = (Range<usize>, String);

/// `source` after some splices, which are in order and do not overlap.
pub(super) fn spliced(source: &str, splices: &[Splice]) -> Option<String> {
    let (mut out, mut done) = (String::with_capacity(source.len() + 64), 0);
    for (range, text) in splices {
        out.push_str(source.get(done..range.start)?);
        out.push_str(text);
        done = range.end;
    }
    out.push_str(source.get(done..)?);
    Some(out)
}

/// The first byte of the line that `position` is on.
pub(super) fn line_start(source: &str, position: usize) -> usize {
    source.get(..position).and_then(|before| before.rfind('\n')).map_or(0, |newline| newline + 1)
}

/// The end of the line that `position` is on, without the line end.
pub(super) fn line_stop(source: &str, position: usize) -> usize {
    let rest = source.get(position..).unwrap_or("");
    let line = rest.split('\n').next().unwrap_or("");
    position + line.strip_suffix('\r').unwrap_or(line).len()
}

/// Whether only spaces stand in front of `position` on its line.
pub(super) fn is_first(source: &str, position: usize) -> bool {
    let before = source.get(line_start(source, position)..position);
    before.is_some_and(|before| before.trim_matches(['\u{feff}', ' ']).is_empty())
}

/// Whether a collection is written with brackets.
pub(super) fn is_flow(source: &str, node: &Node) -> bool {
    let first = source.as_bytes().get(node.mark.range().start);
    // A list that begins where its first item does has dashes, and the bracket is the item's.
    let dashed = node.items().first().is_some_and(|item| item.mark.start == node.mark.start);
    matches!(first, Some(b'{' | b'[')) && !dashed
}

/// The first line behind a value that ends at `end` and stands in a collection at `own`, with
/// the comments that are indented deeper than the collection: they belong to the value.
pub(super) fn behind(source: &str, end: usize, own: usize) -> usize {
    let mut position = line_after(source, end);
    let mut next = position;
    while let Some(line) = source.get(next..).and_then(|rest| rest.split_inclusive('\n').next()) {
        let text = line.trim_start_matches(' ');
        next += line.len();
        if text.starts_with('#') && line.len() - text.len() >= own {
            position = next;
        } else if !text.trim().is_empty() {
            break;
        }
    }
    position
}

/// `position` or the first byte behind the blank lines that follow it.
pub(super) fn behind_blank(source: &str, mut position: usize) -> usize {
    while let Some(line) = source.get(position..).and_then(|rest| rest.split_inclusive('\n').next())
        && line.trim().is_empty()
    {
        position += line.len();
    }
    position
}

/// The byte of a block list's first dash. Where the dashes stand below their key, the parser places
/// the list at its first item.
pub(super) fn first_dash(source: &str, list: &Node) -> usize {
    let start = list.mark.range().start;
    let Some(first) = list.items().first().filter(|first| first.mark.start == list.mark.start)
    else {
        return start;
    };
    let before = source.get(..first.mark.range().start).unwrap_or("");
    before.rfind('-').unwrap_or(start)
}

/// The column of a byte, from 1.
pub(super) fn column(source: &str, position: usize) -> usize {
    source
        .get(line_start(source, position)..position)
        .map_or(1, |before| before.trim_start_matches('\u{feff}').chars().count() + 1)
}

/// Entries that are written in the mapping itself, not merged into it by `<<`: merged ones follow
/// them in the tree, and an anchor always stands in front of what repeats it.
pub(super) fn own_entries(mapping: &Node) -> impl Iterator<Item = &Entry> {
    let mut position = mapping.mark.range().start;
    mapping.entries().iter().take_while(move |entry| {
        let start = entry.key_mark.range().start;
        let follows = start >= position;
        position = start + 1;
        follows
    })
}

/// The byte behind an entry.
pub(super) fn entry_end(source: &str, entry: &Entry) -> usize {
    let (key, value) = (entry.key_mark.range(), entry.value.mark.range());
    // An alias is placed at its anchor, so only the key tells where such an entry is.
    if value.start < key.start {
        alias_end(source, key.end).unwrap_or(key.end)
    } else {
        value.end.max(key.end)
    }
}

/// Where the items of a list begin and end. An alias is looked for behind the item before it.
pub(super) fn item_ranges(source: &str, list: &Node) -> Vec<Range<usize>> {
    let mut position = list.mark.range().start;
    let mut ranges = Vec::new();
    for item in list.items() {
        let own = item.mark.range();
        let range = if own.start >= position {
            own
        } else {
            let end = alias_end(source, position).unwrap_or(position);
            let token = source.get(position..end).and_then(|text| text.rfind('*'));
            token.map_or(end..end, |star| position + star..end)
        };
        position = range.end;
        ranges.push(range);
    }
    ranges
}

/// The byte behind the first alias from `position` on.
fn alias_end(source: &str, position: usize) -> Option<usize> {
    let rest = source.get(position..)?;
    let star = rest.find('*')?;
    let name = rest.get(star..)?;
    Some(position + star + name.find([' ', '\t', '\r', '\n', ',', ']', '}']).unwrap_or(name.len()))
}
