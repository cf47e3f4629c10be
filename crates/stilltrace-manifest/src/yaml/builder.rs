//! Builds the tree of one document from parser events, without recursion.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use granit_parser::{Event, ScalarStyle, Span, Tag};

use super::budget::Budget;
use super::node::{Entry, Mark, Node, Scalar, Style, Value};
use super::parse::Place;
use super::scalar::{Resolved, resolve_plain};
use crate::problem::{Problem, ProblemKind};

/// What is counted over all documents of a file.
#[derive(Debug, Default)]
pub(super) struct Spent {
    pub(super) nodes: usize,
    pub(super) aliases: usize,
}

/// Why a document is given up.
pub(super) enum Stop {
    /// This document cannot be kept; the next one may be.
    Document(Problem),
    /// The budget of the whole file is spent.
    File(Problem),
}

/// A finished node with its size, so that aliases can be charged before they are copied.
#[derive(Clone)]
struct Sized {
    node: Node,
    /// Levels of nodes including this one.
    height: usize,
    /// Nodes including this one.
    count: usize,
}

/// An open collection.
struct Frame {
    value: Value,
    mark: Mark,
    tag: Option<Arc<str>>,
    anchor: usize,
    /// A key that waits for its value.
    key: Option<(String, Mark)>,
    /// Values of `<<` keys, merged when the mapping ends.
    merges: Vec<Sized>,
    height: usize,
    count: usize,
}

/// Collects the events of one document.
pub(super) struct Builder<'a> {
    place: &'a Place<'a>,
    budget: &'a Budget,
    spent: &'a mut Spent,
    frames: Vec<Frame>,
    anchors: BTreeMap<usize, Sized>,
    root: Option<Sized>,
    problems: Vec<Problem>,
}

impl<'a> Builder<'a> {
    pub(super) fn new(place: &'a Place<'a>, budget: &'a Budget, spent: &'a mut Spent) -> Self {
        Self {
            place,
            budget,
            spent,
            frames: Vec::new(),
            anchors: BTreeMap::new(),
            root: None,
            problems: Vec::new(),
        }
    }

    /// The root node, the number of nodes, and the problems that do not cost the document.
    pub(super) fn finish(self) -> (Option<Node>, usize, Vec<Problem>) {
        let (root, nodes) = self.root.map_or((None, 0), |root| (Some(root.node), root.count));
        (root, nodes, self.problems)
    }

    /// Takes the next event of the document.
    pub(super) fn event(&mut self, event: Event<'_>, span: &Span) -> Result<(), Stop> {
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                self.charge(span, 1)?;
                let mark = match style {
                    ScalarStyle::Literal | ScalarStyle::Folded => self.block_mark(span),
                    ScalarStyle::Plain if span.is_empty() => self.empty_mark(span),
                    _ => self.mark(span),
                };
                let node = scalar(text.into_owned(), style, tag.as_deref(), mark);
                let sized = Sized { node, height: 1, count: 1 };
                self.complete(sized, anchor, span)
            }
            Event::SequenceStart(_, anchor, tag) => {
                self.open(Value::Sequence(Vec::new()), anchor, tag.as_deref(), span)
            }
            Event::MappingStart(_, anchor, tag) => {
                self.open(Value::Mapping(Vec::new()), anchor, tag.as_deref(), span)
            }
            Event::SequenceEnd | Event::MappingEnd => self.close(span),
            Event::Alias(anchor) => self.alias(anchor, span),
            _ => Ok(()),
        }
    }

    fn open(
        &mut self,
        value: Value,
        anchor: usize,
        tag: Option<&Tag>,
        span: &Span,
    ) -> Result<(), Stop> {
        self.charge(span, 1)?;
        if self.frames.len() >= self.budget.max_depth {
            return Err(Stop::Document(self.too_deep(span)));
        }
        self.frames.push(Frame {
            value,
            mark: self.mark(span),
            tag: tag.map(tag_text),
            anchor,
            key: None,
            merges: Vec::new(),
            height: 0,
            count: 1,
        });
        Ok(())
    }

    fn close(&mut self, span: &Span) -> Result<(), Stop> {
        let Some(mut frame) = self.frames.pop() else { return Ok(()) };
        let merges = std::mem::take(&mut frame.merges);
        for merge in merges {
            self::merge(&mut frame, merge);
        }
        self.reject_duplicates(&mut frame.value);
        // A block collection has no closing token: it ends with its last child.
        let flow = self.place.text[self.local(frame.mark.start)..].starts_with(['[', '{']);
        frame.mark.end = if flow {
            self.place.offset + span.end.byte_offset().unwrap_or(0)
        } else {
            last_byte(&frame.value).unwrap_or(frame.mark.start)
        };
        let node =
            Node { value: frame.value, mark: frame.mark, tag: frame.tag, overrode: Vec::new() };
        let sized = Sized { node, height: frame.height + 1, count: frame.count };
        self.complete(sized, frame.anchor, span)
    }

    fn alias(&mut self, anchor: usize, span: &Span) -> Result<(), Stop> {
        self.spent.aliases += 1;
        if self.spent.aliases > self.budget.max_aliases {
            let text = format!("more than {} aliases; split the file", self.budget.max_aliases);
            return Err(Stop::File(self.problem(span, ProblemKind::Budget, text)));
        }
        let Some(target) = self.anchors.get(&anchor) else {
            let text = "alias inside its own anchor; a value cannot contain itself";
            return Err(Stop::Document(self.problem(span, ProblemKind::Syntax, text)));
        };
        if self.frames.len() + target.height > self.budget.max_depth {
            return Err(Stop::Document(self.too_deep(span)));
        }
        let count = target.count;
        self.charge(span, count)?;
        let Some(copy) = self.anchors.get(&anchor).cloned() else { return Ok(()) };
        self.complete(copy, 0, span)
    }

    /// Hands a finished node to the collection it belongs to.
    fn complete(&mut self, sized: Sized, anchor: usize, span: &Span) -> Result<(), Stop> {
        if anchor != 0 {
            self.charge(span, sized.count)?;
            self.anchors.insert(anchor, sized.clone());
        }
        let key_mark = self.mark(span);
        let Some(frame) = self.frames.last_mut() else {
            self.root = Some(sized);
            return Ok(());
        };
        frame.height = frame.height.max(sized.height);
        frame.count += sized.count;
        match &mut frame.value {
            Value::Sequence(items) => items.push(sized.node),
            Value::Mapping(entries) => match frame.key.take() {
                None => {
                    let key = self.key_text(sized.node);
                    if let Some(frame) = self.frames.last_mut() {
                        frame.key = Some((key, key_mark));
                    }
                }
                Some((key, _)) if key == "<<" && is_mergeable(&sized.node) => {
                    frame.merges.push(sized);
                }
                Some((key, key_mark)) => {
                    entries.push(Entry { key, key_mark, value: sized.node });
                }
            },
            Value::Null | Value::Scalar(_) => {}
        }
        Ok(())
    }

    /// The text of a key; a collection used as a key is kept as its source text.
    fn key_text(&self, node: Node) -> String {
        match node.value {
            Value::Scalar(scalar) => scalar.text,
            Value::Null | Value::Sequence(_) | Value::Mapping(_) => {
                self.slice(&node.mark).to_owned()
            }
        }
    }

    /// Reports keys that occur twice; the last one counts, as for `kubectl apply`.
    fn reject_duplicates(&mut self, value: &mut Value) {
        let Value::Mapping(entries) = value else { return };
        let unique: BTreeSet<&str> = entries.iter().map(|entry| entry.key.as_str()).collect();
        if unique.len() == entries.len() {
            return;
        }
        let mut kept: Vec<Entry> = Vec::with_capacity(unique.len());
        for entry in entries.drain(..) {
            let Some(earlier) = kept.iter_mut().find(|own| own.key == entry.key) else {
                kept.push(entry);
                continue;
            };
            let text = format!(
                "key `{}` is already set in line {}; remove one of them",
                entry.key, earlier.key_mark.line
            );
            self.problems.push(Problem::at(&entry.key_mark, ProblemKind::Invalid, text));
            earlier.key_mark = entry.key_mark;
            earlier.value.override_with(entry.value);
        }
        *entries = kept;
    }

    fn charge(&mut self, span: &Span, nodes: usize) -> Result<(), Stop> {
        self.spent.nodes = self.spent.nodes.saturating_add(nodes);
        if self.spent.nodes <= self.budget.max_nodes {
            return Ok(());
        }
        let text = format!(
            "more than {} values after expanding aliases; split the file",
            self.budget.max_nodes
        );
        Err(Stop::File(self.problem(span, ProblemKind::Budget, text)))
    }

    fn too_deep(&self, span: &Span) -> Problem {
        let text = format!("nested more than {} levels deep", self.budget.max_depth);
        self.problem(span, ProblemKind::Budget, text)
    }

    fn problem(&self, span: &Span, kind: ProblemKind, text: impl Into<String>) -> Problem {
        Problem::at(&self.mark(span), kind, text)
    }

    fn mark(&self, span: &Span) -> Mark {
        let start = self.place.offset + span.start.byte_offset().unwrap_or(0);
        Mark {
            path: Arc::clone(self.place.path),
            line: self.place.lines + u32::try_from(span.start.line()).unwrap_or(0),
            column: u32::try_from(span.start.col() + 1).unwrap_or(u32::MAX),
            start,
            end: (self.place.offset + span.end.byte_offset().unwrap_or(0)).max(start),
        }
    }

    /// The mark of an absent value: behind the `:` that announces it.
    fn empty_mark(&self, span: &Span) -> Mark {
        let mut mark = self.mark(span);
        if self.place.text[self.local(mark.start)..].starts_with(':') {
            mark.start += 1;
            mark.end = mark.start;
            mark.column += 1;
        }
        mark
    }

    /// The mark of a block scalar from its `|` or `>` on.
    ///
    /// The parser's span begins with the content. The header is the last line in front of it that
    /// is not blank.
    fn block_mark(&self, span: &Span) -> Mark {
        let mut mark = self.mark(span);
        let before = self.place.text.get(..self.local(mark.start)).unwrap_or("");
        let mut end = before.len();
        let mut lines_back = 0;
        while end > 0 {
            let start = before[..end].rfind('\n').map_or(0, |newline| newline + 1);
            let line = &before[start..end];
            if let Some(column) = block_header(line) {
                mark.start = self.place.offset + start + column;
                mark.line -= lines_back;
                mark.column = u32::try_from(line[..column].chars().count() + 1).unwrap_or(u32::MAX);
                // The span also takes the indentation of the line that follows.
                let block = self.slice(&mark).trim_end_matches([' ', '\t']);
                if block.ends_with('\n') {
                    mark.end = mark.start + block.len();
                }
                return mark;
            }
            if !line.trim().is_empty() || start == 0 {
                break;
            }
            end = start - 1;
            lines_back += 1;
        }
        mark
    }

    fn local(&self, position: usize) -> usize {
        position.saturating_sub(self.place.offset).min(self.place.text.len())
    }

    fn slice(&self, mark: &Mark) -> &str {
        self.place.text.get(self.local(mark.start)..self.local(mark.end)).unwrap_or("")
    }
}

/// Byte of the `|` or `>` in a line that ends with a block scalar header.
fn block_header(line: &str) -> Option<usize> {
    line.match_indices(['|', '>']).map(|(position, _)| position).find(|position| {
        let opens = line[..*position].chars().next_back().is_none_or(|c| " \t-:".contains(c));
        let rest = line[position + 1..].trim_start_matches(|c: char| "+-0123456789".contains(c));
        let comment = rest.starts_with([' ', '\t']) && rest.trim_start().starts_with('#');
        opens && (rest.trim().is_empty() || comment)
    })
}

fn scalar(text: String, style: ScalarStyle, tag: Option<&Tag>, mark: Mark) -> Node {
    let style = match style {
        ScalarStyle::Plain => Style::Plain,
        ScalarStyle::SingleQuoted => Style::SingleQuoted,
        ScalarStyle::DoubleQuoted => Style::DoubleQuoted,
        ScalarStyle::Literal => Style::Literal,
        ScalarStyle::Folded => Style::Folded,
    };
    let null = style == Style::Plain && tag.is_none() && resolve_plain(&text) == Resolved::Null;
    let value = if null { Value::Null } else { Value::Scalar(Scalar { text, style }) };
    Node { value, mark, tag: tag.map(tag_text), overrode: Vec::new() }
}

/// The tag in its short form: `!!str` for the core schema, otherwise as resolved.
fn tag_text(tag: &Tag) -> Arc<str> {
    match tag.core_suffix() {
        Some(suffix) => Arc::from(format!("!!{suffix}")),
        None => Arc::from(tag.original()),
    }
}

/// Adds the entries of a merge key's mapping(s) that the mapping does not set itself.
fn merge(frame: &mut Frame, merge: Sized) {
    let sources = match merge.node.value {
        Value::Sequence(items) => items,
        value => vec![Node { value, ..merge.node }],
    };
    let Value::Mapping(entries) = &mut frame.value else { return };
    for source in sources {
        let Value::Mapping(added) = source.value else { continue };
        for entry in added {
            if !entries.iter().any(|own| own.key == entry.key) {
                entries.push(entry);
            }
        }
    }
}

fn is_mergeable(node: &Node) -> bool {
    match &node.value {
        Value::Mapping(_) => true,
        Value::Sequence(items) => items.iter().all(|i| matches!(i.value, Value::Mapping(_))),
        _ => false,
    }
}

fn last_byte(value: &Value) -> Option<usize> {
    match value {
        Value::Sequence(items) => items.last().map(|item| item.mark.end),
        Value::Mapping(entries) => {
            entries.last().map(|entry| entry.value.mark.end.max(entry.key_mark.end))
        }
        _ => None,
    }
}
