//! How an entry or item can be taken out: ways in order of preference, the best first.

use std::ops::Range;

use crate::yaml::{Node, Value};

use super::found::Found;
use super::insert::{children, column_of};
use super::lines::{Splice, behind, first_dash, is_first, is_flow, line_start, line_stop};
use super::region::line_after;

/// The ways to remove the child at `index` of the children that are written in a collection.
///
/// A comment on the same line goes with it; comments above it stay.
pub(super) fn ways(source: &str, place: &Found<'_>, index: usize) -> Vec<Vec<Splice>> {
    let ranges = children(source, place.node);
    let Some(range) = ranges.get(index).cloned() else { return Vec::new() };
    let next = ranges.get(index + 1);
    let previous = index.checked_sub(1).and_then(|previous| ranges.get(previous));
    if is_flow(source, place.node) {
        return from_brackets(source, place.node, previous, &range, next);
    }
    let start = match place.node.value {
        Value::Sequence(_) => dash(source, place.node, previous, &range),
        _ => range.start,
    };
    let column = column_of(source, place.node);
    let mut ways = Vec::new();
    // With `<<` beside it a mapping is not empty without its only entry.
    if ranges.len() > 1 || place.node.entries().len() > 1 {
        ways.push(vec![from_lines(source, start, text_end(source, &range), column)]);
        ways.push(vec![from_lines(source, start, range.end, column)]);
    } else {
        ways.extend(only_child(source, place, start, range.end, column));
    }
    ways
}

/// The end of a value without the blank lines that a block scalar may end with.
pub(super) fn text_end(source: &str, range: &Range<usize>) -> usize {
    let text = source.get(range.clone()).unwrap_or("");
    range.start + text.trim_end().len()
}

fn from_lines(source: &str, start: usize, end: usize, column: usize) -> Splice {
    let behind = behind(source, end, column);
    if !is_first(source, start) {
        // It stands behind `- `, where its successor takes its place.
        let rest = source.get(behind..).unwrap_or("");
        return (start..behind + rest.len() - rest.trim_start_matches(' ').len(), String::new());
    }
    let from = line_start(source, start);
    let unended = behind == source.len() && !source.ends_with('\n');
    let before = source.get(..from).unwrap_or("");
    if !unended {
        return (from..behind, String::new());
    }
    // The file still has no line end at its end.
    let kept = before.strip_suffix('\n').unwrap_or(before);
    (kept.strip_suffix('\r').unwrap_or(kept).len()..behind, String::new())
}

/// What is left of a collection without its only child: empty brackets.
fn only_child(
    source: &str,
    place: &Found<'_>,
    start: usize,
    end: usize,
    column: usize,
) -> Option<Vec<Splice>> {
    let brackets = if matches!(place.node.value, Value::Sequence(_)) { "[]" } else { "{}" };
    let last = source.get(..end)?.trim_end_matches(['\r', '\n', ' ']).len();
    let key = place.parent.and_then(|(parent, index)| parent.entries().get(index));
    let Some(key) = key.filter(|_| is_first(source, start)) else {
        return Some(vec![(start..last.max(start), brackets.to_owned())]);
    };
    let key = key.key_mark.range().end;
    let line = source.get(key..line_stop(source, key))?;
    let code = line.find(" #").and_then(|comment| line.get(..comment)).unwrap_or(line);
    let at = key + code.trim_end().len();
    let (removed, text) = from_lines(source, start, end, column);
    let splice: Splice = (at..at, format!(" {brackets}"));
    if removed.start < at { None } else { Some(vec![splice, (removed, text)]) }
}

/// The dash in front of an item: the first one behind the item before it that stands in the
/// column of its list.
fn dash(source: &str, list: &Node, previous: Option<&Range<usize>>, item: &Range<usize>) -> usize {
    let Some(previous) = previous else { return first_dash(source, list) };
    let column = column_of(source, list);
    let mut line = line_after(source, previous.end);
    while line < item.start.max(previous.end + 1) && line < source.len() {
        let text = source.get(line..).unwrap_or("");
        let indent = text.len() - text.trim_start_matches(' ').len();
        let is_dash = text.get(indent..).is_some_and(|rest| rest.starts_with('-'));
        if is_dash && indent + 1 == column {
            return line + indent;
        }
        line = line_after(source, line_stop(source, line));
    }
    item.start
}

fn from_brackets(
    source: &str,
    node: &Node,
    previous: Option<&Range<usize>>,
    range: &Range<usize>,
    next: Option<&Range<usize>>,
) -> Vec<Vec<Splice>> {
    let alone = |range: &Range<usize>| {
        let start = line_start(source, range.start);
        start > 0 && source.get(start..range.start).is_some_and(|before| before.trim().is_empty())
    };
    let cut = |range: Range<usize>| vec![vec![(range, String::new())]];
    match (previous, next) {
        (_, Some(next)) if alone(range) && alone(next) => {
            let behind = line_after(source, range.end);
            cut(line_start(source, range.start)..behind.min(line_start(source, next.start)))
        }
        (_, Some(next)) => cut(range.start..next.start),
        (Some(previous), None) if alone(range) => {
            let stop = line_stop(source, range.end);
            let rest = source.get(range.end..stop).unwrap_or("");
            let closes = rest.contains(['}', ']']);
            let trailing = rest.trim_start().starts_with(',');
            if closes || trailing {
                return cut(previous.end..range.end);
            }
            // The comma behind the item before goes, and the line.
            let comma = source.get(previous.end..range.start).and_then(|text| text.find(','));
            let Some(comma) = comma else { return cut(previous.end..range.end) };
            let comma = previous.end + comma;
            let before = source.get(..line_start(source, range.start)).unwrap_or("");
            let before = before.strip_suffix('\n').unwrap_or(before);
            let line = before.strip_suffix('\r').unwrap_or(before).len();
            vec![vec![
                (comma..comma + 1, String::new()),
                (line.max(comma + 1)..stop, String::new()),
            ]]
        }
        (Some(previous), None) => cut(previous.end..range.end),
        (None, None) => {
            let inner = node.mark.range();
            cut(inner.start + 1..inner.end.saturating_sub(1).max(inner.start + 1))
        }
    }
}
