//! Builds the tree of one document from parser events, without recursion.

use std::collections::BTreeMap;
use std::sync::Arc;

use granit_parser::{Event, ScalarStyle, Span, Tag};

use super::budget::Budget;
use super::keys::{add_merged, settle_duplicates};
use super::mark::Mark;
use super::node::{Entry, Node, Scalar, Style, Text, Value};
use super::parse::Place;
use super::scalar::{Resolved, is_null, resolve_plain};
use crate::problem::{Problem, ProblemKind};

/// What is counted over all documents of a file.
#[derive(Debug, Default)]
pub(super) struct Spent {
    pub(super) nodes: usize,
    pub(super) aliases: usize,
    /// Bytes of text that aliases repeated.
    pub(super) repeated: usize,
    pub(super) anchors: usize,
    /// Events of the parser.
    pub(super) steps: usize,
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
    /// Bytes of text, keys included.
    bytes: usize,
}

/// Longest collection that is kept as a key, in bytes of the file: as long as YAML lets keys be that
/// have no `?` in front.
const MAX_COLLECTION_KEY: usize = 1024;

/// An open collection.
struct Frame {
    /// Its position among the items or entries that wait for their collection to end.
    first: usize,
    is_mapping: bool,
    mark: Mark,
    tag: Option<Arc<str>>,
    anchor: usize,
    /// A key that waits for its value.
    key: Option<(Text, Mark)>,
    /// Whether that key is a `<<` without quotes, whose value is merged.
    is_merge: bool,
    /// Values of `<<` keys, merged when the mapping ends.
    merges: Vec<Node>,
    height: usize,
    count: usize,
    bytes: usize,
}

/// Collects the events of one document.
///
/// Children wait on one stack for items and one for entries, so that a collection is allocated
/// once, in its final size.
pub(super) struct Builder<'a> {
    place: &'a Place<'a>,
    budget: &'a Budget,
    spent: &'a mut Spent,
    frames: Vec<Frame>,
    items: Vec<Node>,
    entries: Vec<Entry>,
    anchors: BTreeMap<usize, Sized>,
    root: Option<Sized>,
    bare_keys: Vec<(Text, Mark)>,
    problems: Vec<Problem>,
}

/// What is left when a document ends.
pub(super) struct Finished {
    pub(super) root: Option<Node>,
    /// Its number of nodes.
    pub(super) nodes: usize,
    /// Keys below the root that may be no texts, and every `<<` in quotes.
    pub(super) bare_keys: Vec<(Text, Mark)>,
    /// Problems that do not cost the document.
    pub(super) problems: Vec<Problem>,
}

impl<'a> Builder<'a> {
    pub(super) fn new(place: &'a Place<'a>, budget: &'a Budget, spent: &'a mut Spent) -> Self {
        Self {
            place,
            budget,
            spent,
            frames: Vec::new(),
            items: Vec::new(),
            entries: Vec::new(),
            anchors: BTreeMap::new(),
            root: None,
            bare_keys: Vec::new(),
            problems: Vec::new(),
        }
    }

    /// What was built.
    pub(super) fn finish(self) -> Finished {
        let (root, nodes) = self.root.map_or((None, 0), |root| (Some(root.node), root.count));
        Finished { root, nodes, bare_keys: self.bare_keys, problems: self.problems }
    }

    /// Takes the next event of the document.
    pub(super) fn event(&mut self, event: Event<'_>, span: &Span) -> Result<(), Stop> {
        self.spent.steps += 1;
        if self.spent.steps > self.budget.max_steps {
            let text = format!("takes more than {} steps; split the file", self.budget.max_steps);
            return Err(Stop::File(self.problem(span, ProblemKind::Budget, text)));
        }
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                self.charge(span, 1)?;
                let mark = match style {
                    ScalarStyle::Literal | ScalarStyle::Folded => self.block_mark(span),
                    ScalarStyle::Plain if span.is_empty() => self.empty_mark(span),
                    _ => self.mark(span),
                };
                let node = scalar(Text::from(text), style, tag.as_deref(), mark);
                let bytes = node.text().map_or(0, str::len);
                self.complete(Sized { node, height: 1, count: 1, bytes }, anchor, span, None)
            }
            Event::SequenceStart(_, anchor, tag) => self.open(false, anchor, tag.as_deref(), span),
            Event::MappingStart(_, anchor, tag) => self.open(true, anchor, tag.as_deref(), span),
            Event::SequenceEnd | Event::MappingEnd => self.close(span),
            Event::Alias(anchor) => self.alias(anchor, span),
            _ => Ok(()),
        }
    }

    fn open(
        &mut self,
        is_mapping: bool,
        anchor: usize,
        tag: Option<&Tag>,
        span: &Span,
    ) -> Result<(), Stop> {
        self.charge(span, 1)?;
        if self.frames.len() >= self.budget.max_depth {
            return Err(Stop::Document(self.too_deep(span)));
        }
        self.frames.push(Frame {
            first: if is_mapping { self.entries.len() } else { self.items.len() },
            is_mapping,
            mark: self.mark(span),
            tag: tag.map(tag_text),
            anchor,
            key: None,
            is_merge: false,
            merges: Vec::new(),
            height: 0,
            count: 1,
            bytes: 0,
        });
        Ok(())
    }

    fn close(&mut self, span: &Span) -> Result<(), Stop> {
        let Some(frame) = self.frames.pop() else { return Ok(()) };
        let value = if frame.is_mapping {
            let mut entries: Vec<Entry> = self.entries.drain(frame.first..).collect();
            add_merged(&mut entries, frame.merges);
            settle_duplicates(&mut entries, &mut self.problems, self.budget.max_problems);
            Value::Mapping(entries)
        } else {
            Value::Sequence(self.items.drain(frame.first..).collect())
        };
        let mut mark = frame.mark;
        // A block collection has no closing token: it ends with its last child.
        let opening = self.place.text.as_bytes().get(self.local(mark.start));
        mark.end = if matches!(opening, Some(b'[' | b'{')) {
            self.offset(span.end.byte_offset().unwrap_or(0))
        } else {
            last_byte(&value).unwrap_or(mark.start)
        };
        let mut node = Node::new(value, mark);
        if frame.tag.is_some() {
            node.set_tag(frame.tag);
        }
        let (height, count, bytes) = (frame.height + 1, frame.count, frame.bytes);
        let sized = Sized { node, height, count, bytes };
        self.complete(sized, frame.anchor, span, None)
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
        self.spent.repeated = self.spent.repeated.saturating_add(target.bytes);
        if self.spent.repeated > self.budget.max_bytes {
            let limit = self.budget.max_bytes;
            let text = format!("aliases repeat more than {limit} bytes of text; split the file");
            return Err(Stop::File(self.problem(span, ProblemKind::Budget, text)));
        }
        let count = target.count;
        self.charge(span, count)?;
        let Some(copy) = self.anchors.get(&anchor).cloned() else { return Ok(()) };
        let key_mark = self.mark(span);
        self.complete(copy, 0, span, Some(key_mark))
    }

    /// Hands a finished node to the collection it belongs to.
    ///
    /// `written` is the place of an alias, whose node is marked with the place of its anchor.
    fn complete(
        &mut self,
        sized: Sized,
        anchor: usize,
        span: &Span,
        written: Option<Mark>,
    ) -> Result<(), Stop> {
        if anchor != 0 {
            self.spent.anchors += 1;
            if self.spent.anchors > self.budget.max_aliases {
                let text = format!("more than {} anchors; split the file", self.budget.max_aliases);
                return Err(Stop::File(self.problem(span, ProblemKind::Budget, text)));
            }
            self.charge(span, sized.count)?;
            self.anchors.insert(anchor, sized.clone());
        }
        let Some(frame) = self.frames.last_mut() else {
            self.root = Some(sized);
            return Ok(());
        };
        frame.height = frame.height.max(sized.height);
        frame.count += sized.count;
        frame.bytes += sized.bytes;
        let node = sized.node;
        if !frame.is_mapping {
            self.items.push(node);
            return Ok(());
        }
        match frame.key.take() {
            None => {
                let place = self.place;
                let key_mark = written.unwrap_or_else(|| node.mark.clone());
                let (is_bare, is_plain) = (may_be_no_text(&node), is_plain(&node));
                let is_collection = matches!(node.value, Value::Sequence(_) | Value::Mapping(_));
                if is_collection && place.slice(&node.mark).len() > MAX_COLLECTION_KEY {
                    // Keys within keys would each hold the text of all below.
                    let text = format!(
                        "a collection of more than {MAX_COLLECTION_KEY} bytes as a key; shorten it"
                    );
                    return Err(Stop::Document(self.problem(span, ProblemKind::Budget, text)));
                }
                let key = key_text(place, node);
                frame.is_merge = is_plain && key == "<<";
                let is_kept = key == "<<" && !is_plain;
                if is_kept || (is_bare && self.frames.len() > 1) {
                    self.bare_keys.push((key.clone(), key_mark.clone()));
                }
                if let Some(frame) = self.frames.last_mut() {
                    frame.key = Some((key, key_mark));
                }
            }
            Some(_) if frame.is_merge && is_mergeable(&node) => frame.merges.push(node),
            Some((key, key_mark)) => self.entries.push(Entry { key, key_mark, value: node }),
        }
        Ok(())
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
        let start = self.offset(span.start.byte_offset().unwrap_or(0));
        Mark {
            path: self.place.path.clone(),
            line: self.place.lines + u32::try_from(span.start.line()).unwrap_or(0),
            column: u32::try_from(span.start.col() + 1).unwrap_or(u32::MAX),
            start,
            end: self.offset(span.end.byte_offset().unwrap_or(0)).max(start),
        }
    }

    /// The position in the file of a byte of the text.
    fn offset(&self, local: usize) -> u32 {
        u32::try_from(self.place.offset + local).unwrap_or(u32::MAX)
    }

    /// The mark of an absent value: behind the `:` that announces it.
    fn empty_mark(&self, span: &Span) -> Mark {
        let mut mark = self.mark(span);
        if self.place.text.as_bytes().get(self.local(mark.start)) == Some(&b':') {
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
                mark.start = self.offset(start + column);
                mark.line -= lines_back;
                mark.column = u32::try_from(line[..column].chars().count() + 1).unwrap_or(u32::MAX);
                // The span also takes the indentation of the line that follows.
                let block = self.place.slice(&mark).trim_end_matches([' ', '\t']);
                if block.ends_with('\n') {
                    mark.end = mark.start + u32::try_from(block.len()).unwrap_or(0);
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

    fn local(&self, position: u32) -> usize {
        self.place.local(position)
    }
}

/// The text of a key; a collection used as a key is kept as its source text.
fn key_text(place: &Place<'_>, node: Node) -> Text {
    match node.value {
        Value::Scalar(scalar) => scalar.text,
        Value::Null | Value::Sequence(_) | Value::Mapping(_) => Text::new(place.slice(&node.mark)),
    }
}

/// Whether a key may be a number, a boolean, a date, null or a collection.
fn may_be_no_text(node: &Node) -> bool {
    match &node.value {
        Value::Scalar(scalar) if scalar.style == Style::Plain => node.tag().map_or_else(
            || {
                let is_number = scalar.text.starts_with(|c: char| c.is_ascii_digit());
                is_number || resolve_plain(&scalar.text) != Resolved::Text
            },
            |tag| tag != "!!str",
        ),
        Value::Scalar(_) => false,
        Value::Null | Value::Sequence(_) | Value::Mapping(_) => true,
    }
}

fn is_plain(node: &Node) -> bool {
    matches!(&node.value, Value::Scalar(scalar) if scalar.style == Style::Plain)
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

fn scalar(text: Text, style: ScalarStyle, tag: Option<&Tag>, mark: Mark) -> Node {
    let style = match style {
        ScalarStyle::Plain => Style::Plain,
        ScalarStyle::SingleQuoted => Style::SingleQuoted,
        ScalarStyle::DoubleQuoted => Style::DoubleQuoted,
        ScalarStyle::Literal => Style::Literal,
        ScalarStyle::Folded => Style::Folded,
    };
    let null = style == Style::Plain && tag.is_none() && is_null(&text);
    let value = if null { Value::Null } else { Value::Scalar(Scalar { text, style }) };
    let mut node = Node::new(value, mark);
    if tag.is_some() {
        node.set_tag(tag.map(tag_text));
    }
    node
}

/// The tag in its short form: `!!str` for the core schema, otherwise as resolved.
fn tag_text(tag: &Tag) -> Arc<str> {
    match tag.core_suffix() {
        Some(suffix) => Arc::from(format!("!!{suffix}")),
        None => Arc::from(tag.original()),
    }
}

fn is_mergeable(node: &Node) -> bool {
    match &node.value {
        Value::Mapping(_) => true,
        Value::Sequence(items) => items.iter().all(|i| matches!(i.value, Value::Mapping(_))),
        _ => false,
    }
}

fn last_byte(value: &Value) -> Option<u32> {
    match value {
        Value::Sequence(items) => items.last().map(|item| item.mark.end),
        Value::Mapping(entries) => {
            entries.last().map(|entry| entry.value.mark.end.max(entry.key_mark.end))
        }
        _ => None,
    }
}
