//! Where and how an entry or item can be added: ways in order of preference, the best first.
//!
//! A way may turn out to mean something else; whoever takes one reads the result back.

use std::ops::Range;

use crate::yaml::{Node, Value};

use super::found::Found;
use super::line_end;
use super::lines::{
    Splice, behind, behind_blank, column, entry_end, first_dash, is_first, is_flow, item_ranges,
    line_start, line_stop, own_entries,
};
use super::new_value::{Language, NewValue, entry_lines, flow_entry, item_lines};
use super::region::line_after;
use super::remove::text_end;
use super::style::Indentation;

/// What is added to a collection.
#[derive(Debug, Clone, Copy)]
pub(super) enum Addition<'a> {
    /// An entry of a mapping.
    Entry(&'a str, &'a NewValue),
    /// An item of a list.
    Item(&'a NewValue),
}

impl Addition<'_> {
    fn lines(self, style: Indentation) -> Vec<String> {
        match self {
            Self::Entry(key, value) => entry_lines(key, value, style),
            Self::Item(value) => item_lines(value, style),
        }
    }

    fn flow(self, language: Language) -> String {
        match self {
            Self::Entry(key, value) => flow_entry(key, value, language),
            Self::Item(value) => value.flow(language),
        }
    }

    /// The addition as a collection of its own.
    fn bracketed(self, language: Language) -> String {
        let inner = self.flow(language);
        match self {
            Self::Entry(..) => format!("{{{inner}}}"),
            Self::Item(_) => format!("[{inner}]"),
        }
    }
}

/// A file that something is added to.
pub(super) struct Page<'a> {
    pub(super) source: &'a str,
    pub(super) style: Indentation,
    pub(super) json: bool,
}

impl Page<'_> {
    /// The ways to add something to a collection in front of its child at `index`.
    pub(super) fn ways(
        &self,
        place: &Found<'_>,
        index: usize,
        new: Addition<'_>,
    ) -> Vec<Vec<Splice>> {
        let ranges = children(self.source, place.node);
        if ranges.is_empty() {
            return self.fill(place, new);
        }
        if is_flow(self.source, place.node) {
            return vec![self.between_brackets(place.node, &ranges, index, new)];
        }
        self.between_lines(place, &ranges, index, new)
    }

    fn between_lines(
        &self,
        place: &Found<'_>,
        ranges: &[Range<usize>],
        index: usize,
        new: Addition<'_>,
    ) -> Vec<Vec<Splice>> {
        let source = self.source;
        let column = column_of(source, place.node);
        let (pad, newline) = (" ".repeat(column.saturating_sub(1)), line_end(source));
        let lines = new.lines(self.style);
        if let Some(previous) = index.checked_sub(1).and_then(|previous| ranges.get(previous)) {
            let position = behind(source, text_end(source, previous), column);
            let at = |position| vec![self.lines_at(position, &pad, &lines)];
            // Blank lines behind a block scalar may be part of it.
            let beyond = behind_blank(source, behind(source, previous.end, column));
            return vec![at(position), at(beyond)];
        }
        let first = match place.node.value {
            Value::Sequence(_) => first_dash(source, place.node),
            _ => ranges.first().map_or(0, |first| first.start),
        };
        if is_first(source, first) {
            let above = if place.parent.is_none() { first } else { self.above_comments(first) };
            return vec![vec![self.lines_at(line_start(source, above), &pad, &lines)]];
        }
        // The first child stands behind `- `; it gives way to the new one.
        let glue = format!("{newline}{pad}");
        vec![vec![(first..first, format!("{}{glue}", lines.join(&glue)))]]
    }

    /// The first of the comment lines directly above a line, or that line.
    fn above_comments(&self, position: usize) -> usize {
        let indent = position - line_start(self.source, position);
        let mut start = line_start(self.source, position);
        while start > 0 {
            let above = line_start(self.source, start - 1);
            let line = self.source.get(above..start).unwrap_or("");
            let text = line.trim_start_matches(' ');
            if !text.starts_with('#') || line.len() - text.len() != indent {
                break;
            }
            start = above;
        }
        start
    }

    /// Whole lines at the beginning of a line, or behind a last line that has no line end.
    fn lines_at(&self, position: usize, pad: &str, lines: &[String]) -> Splice {
        let newline = line_end(self.source);
        let glue = format!("{newline}{pad}");
        let text = format!("{pad}{}", lines.join(&glue));
        let before = self.source.get(..position).unwrap_or("");
        let fresh = before.is_empty() || before.ends_with(['\n', '\u{feff}']);
        let text = if fresh { format!("{text}{newline}") } else { format!("{newline}{text}") };
        (position..position, text)
    }

    fn between_brackets(
        &self,
        node: &Node,
        ranges: &[Range<usize>],
        index: usize,
        new: Addition<'_>,
    ) -> Vec<Splice> {
        let source = self.source;
        let text = new.flow(self.language(node, ranges));
        let comma = self.language(node, ranges).comma();
        let own_line = |range: &Range<usize>| is_first_in_flow(source, range.start);
        let pad = |range: &Range<usize>| {
            source.get(line_start(source, range.start)..range.start).unwrap_or("").to_owned()
        };
        let previous = index.checked_sub(1).and_then(|previous| ranges.get(previous));
        match (previous, ranges.get(index)) {
            (_, Some(next)) if own_line(next) => {
                let start = match previous {
                    Some(previous) => line_after(source, previous.end),
                    None => line_start(source, next.start),
                };
                vec![(start..start, format!("{}{text},{}", pad(next), line_end(source)))]
            }
            (_, Some(next)) => vec![(next.start..next.start, format!("{text}{comma}"))],
            (Some(previous), None) if own_line(previous) => {
                let rest = source.get(previous.end..line_stop(source, previous.end)).unwrap_or("");
                let closed = rest.trim_start().starts_with(',');
                let stop = if rest.contains(['}', ']']) {
                    previous.end
                } else {
                    line_stop(source, previous.end)
                };
                let tail = if closed && stop > previous.end { "," } else { "" };
                let line = format!("{}{}{text}{tail}", line_end(source), pad(previous));
                let mark = if tail.is_empty() { "," } else { "" };
                vec![(previous.end..previous.end, mark.to_owned()), (stop..stop, line)]
            }
            (Some(previous), None) => {
                vec![(previous.end..previous.end, format!("{comma}{text}"))]
            }
            (None, None) => Vec::new(),
        }
    }

    fn language(&self, node: &Node, ranges: &[Range<usize>]) -> Language {
        if !self.json {
            return Language::Yaml;
        }
        let text = self.source.get(node.mark.range()).unwrap_or("");
        Language::Json { compact: !ranges.is_empty() && !text.contains([' ', '\n']) }
    }

    /// Into `{}`, `[]`, `null` or nothing at all.
    fn fill(&self, place: &Found<'_>, new: Addition<'_>) -> Vec<Vec<Splice>> {
        let token = place.node.mark.range();
        let gap = match self.source.get(..token.start) {
            Some(before) if token.is_empty() && !before.ends_with([' ', '\n']) => " ",
            _ => "",
        };
        let mut ways = Vec::new();
        let block = place.parent.is_none_or(|(parent, _)| !is_flow(self.source, parent));
        if block && !self.json {
            let key = place.parent.and_then(|(parent, index)| parent.entries().get(index));
            if let Some(entry) = key {
                ways.extend(self.below_key(entry.key_mark.column, &token, new));
            } else {
                let column = place.node.mark.column as usize + gap.len();
                let glue = format!("{}{}", line_end(self.source), " ".repeat(column.max(1) - 1));
                let text = format!("{gap}{}", new.lines(self.style).join(&glue));
                ways.push(vec![(token.clone(), text)]);
            }
        }
        let text = format!("{gap}{}", new.bracketed(self.language(place.node, &[])));
        ways.push(vec![(token, text)]);
        ways
    }

    /// As lines below the key whose value was empty. What else stands on its line stays there.
    fn below_key(
        &self,
        column: u32,
        token: &Range<usize>,
        new: Addition<'_>,
    ) -> Option<Vec<Splice>> {
        let before = self.source.get(..token.start)?;
        let spaces = before.len() - before.trim_end_matches(' ').len();
        let start = token.start - if token.is_empty() { 0 } else { spaces };
        // One space is what removing the entry again puts there.
        if !token.is_empty() && spaces != 1 {
            return None;
        }
        let step = match new {
            Addition::Entry(..) => self.style.mapping,
            Addition::Item(_) => self.style.list,
        };
        let pad = " ".repeat(column.saturating_sub(1) as usize + step);
        let lines = self.lines_at(line_after(self.source, token.end), &pad, &new.lines(self.style));
        Some(vec![(start..token.end, String::new()), lines])
    }
}

/// The bytes of the children that are written in a collection.
pub(super) fn children(source: &str, node: &Node) -> Vec<Range<usize>> {
    match &node.value {
        Value::Mapping(_) => own_entries(node)
            .map(|entry| entry.key_mark.range().start..entry_end(source, entry))
            .collect(),
        Value::Sequence(_) => item_ranges(source, node),
        Value::Null | Value::Scalar(_) => Vec::new(),
    }
}

/// The column of the keys or dashes of a block collection.
pub(super) fn column_of(source: &str, node: &Node) -> usize {
    let first = own_entries(node).next().map(|entry| entry.key_mark.column as usize);
    first.unwrap_or_else(|| column(source, first_dash(source, node)))
}

/// Whether only blanks stand in front of a value between brackets on its line; JSON may use tabs.
fn is_first_in_flow(source: &str, position: usize) -> bool {
    let start = line_start(source, position);
    start > 0 && source.get(start..position).is_some_and(|before| before.trim().is_empty())
}
