//! The smallest part of a file that has to be read again to know what an edit did.
//!
//! Whole lines of a block collection read the same alone and in their file: nothing in front of
//! them is open, and the next line is indented less. So an entry of a file with a hundred thousand
//! others is checked by reading that entry.

use std::ops::Range;

use crate::yaml::{
    Budget, Document, FilePath, Mark, Node, Style, Value, parse, parse_lines, parse_literal,
};

use super::verify::{Leaf, leaves};

/// A part of a file that can be read alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Region {
    /// An entry or item in whole lines.
    Lines {
        bytes: Range<usize>,
        /// Lines in front of it.
        lines: u32,
    },
    /// The documents inside a literal block scalar.
    Literal(Mark),
    /// All of it.
    File,
}

impl Region {
    /// What the region holds; `None` when it cannot be read alone.
    pub(super) fn leaves(&self, path: &FilePath, source: &str) -> Option<Vec<Leaf>> {
        let budget = Budget::default();
        match self {
            Self::Lines { bytes, lines } => {
                let parsed = parse_lines(path, source, bytes.clone(), *lines, &budget);
                let whole = parsed.problems.is_empty() && parsed.documents.len() == 1;
                whole.then(|| leaves(&parsed.documents))
            }
            Self::Literal(mark) => Some(leaves(&parse_literal(source, mark, &budget).documents)),
            Self::File => Some(leaves(&parse(path, source.as_bytes(), &budget).documents)),
        }
    }

    /// The region after a token inside it grew from `old` to `new` bytes.
    pub(super) fn resized(&self, old: usize, new: usize) -> Self {
        match self {
            Self::Lines { bytes, lines } => {
                let end = bytes.end - old.min(bytes.end) + new;
                Self::Lines { bytes: bytes.start..end, lines: *lines }
            }
            Self::Literal(mark) => {
                let end = mark.range().end;
                let bytes = mark.range().start..end - old.min(end) + new;
                Self::Literal(Mark::new(mark.path.clone(), mark.line, mark.column, bytes))
            }
            Self::File => Self::File,
        }
    }
}

/// A region with the node that it was found by.
pub(super) struct Candidate<'a> {
    pub(super) region: Region,
    node: Option<&'a Node>,
}

impl Candidate<'_> {
    /// What the region holds, if it reads alone as it reads in its file.
    pub(super) fn leaves(&self, path: &FilePath, source: &str) -> Option<Vec<Leaf>> {
        let alone = self.region.leaves(path, source)?;
        let Some(node) = self.node else { return Some(alone) };
        let within = node.leaves();
        let same = |alone: &Leaf, within: &Node| {
            alone.start == within.mark.range().start && alone.text.as_deref() == within.text()
        };
        let equal = alone.len() == within.len()
            && alone.iter().zip(&within).all(|(alone, (_, within))| same(alone, within));
        equal.then_some(alone)
    }
}

/// The regions around a byte of a file, the smallest first; the last one is never `Lines`.
pub(super) fn regions<'a>(
    documents: &'a [Document],
    source: &str,
    position: usize,
) -> Vec<Candidate<'a>> {
    let mut found = Vec::new();
    for document in documents {
        let (mut node, mut block) = (&*document.root, true);
        loop {
            if let Value::Scalar(scalar) = &node.value {
                let range = node.mark.range();
                let within = range.start < position && position <= range.end;
                if within && scalar.style == Style::Literal {
                    let region = Region::Literal(node.mark.clone());
                    return vec![Candidate { region, node: None }];
                }
            }
            let Some((key, child)) = child_around(node, position) else { break };
            block &= is_block(source, node);
            let region = if block { lines_of(source, key, child) } else { None };
            found.extend(region.map(|region| Candidate { region, node: Some(child) }));
            node = child;
        }
    }
    found.reverse();
    found.push(Candidate { region: Region::File, node: None });
    found
}

/// The entry or item of a collection that a byte belongs to: where it begins, and its value.
fn child_around(node: &Node, position: usize) -> Option<(&Mark, &Node)> {
    let around = |start: &Mark, child: &Node| {
        start.range().start <= position && position <= child.mark.range().end
    };
    match &node.value {
        Value::Mapping(entries) => entries
            .iter()
            .map(|entry| (&entry.key_mark, &entry.value))
            .find(|(start, value)| around(start, value)),
        Value::Sequence(items) => {
            items.iter().map(|item| (&item.mark, item)).find(|(start, item)| around(start, item))
        }
        Value::Null | Value::Scalar(_) => None,
    }
}

/// Whether a collection is written without brackets.
fn is_block(source: &str, node: &Node) -> bool {
    let first = source.as_bytes().get(node.mark.range().start);
    !matches!(first, Some(b'{' | b'['))
}

/// The lines of an entry or item that begins at `key`, if they hold nothing else.
fn lines_of(source: &str, key: &Mark, child: &Node) -> Option<Region> {
    let start = key.range().start;
    let begin = source.get(..start)?.rfind('\n').map_or(0, |newline| newline + 1);
    let mut prefix = source.get(begin..start)?.trim_start_matches(' ');
    while let Some(rest) = prefix.strip_prefix("- ") {
        prefix = rest.trim_start_matches(' ');
    }
    if !prefix.is_empty() {
        return None;
    }
    let mut end = line_after(source, child.mark.range().end.max(key.range().end));
    // Blank lines may belong to a block scalar.
    while let Some(line) = source.get(end..)?.split_inclusive('\n').next()
        && line.trim().is_empty()
    {
        end += line.len();
    }
    Some(Region::Lines { bytes: begin..end, lines: key.line.saturating_sub(1) })
}

/// The first byte of the line behind `end`, or the end of the text.
pub(super) fn line_after(source: &str, end: usize) -> usize {
    if end > 0 && source.as_bytes().get(end - 1) == Some(&b'\n') {
        return end;
    }
    let rest = source.get(end..).unwrap_or("");
    rest.find('\n').map_or(source.len(), |newline| end + newline + 1)
}
