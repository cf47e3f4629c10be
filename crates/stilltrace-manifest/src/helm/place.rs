//! Gives every node of a document the place that was found for it.

use std::sync::Arc;

use super::align::Document;
use super::build::Traces;
use super::keys::Key;
use super::layers::{Candidate, Layers};
use super::release::Facts;
use super::request::Located;
use super::search::Setter;
use super::written::Position;
use crate::tree::Tree;
use crate::yaml::{Derivation, Mark, Node, Style, Value};

/// All that is known about one document.
pub(super) struct Known<'a> {
    pub(super) tree: &'a dyn Tree,
    pub(super) document: &'a Document,
    pub(super) layers: &'a Layers,
    pub(super) facts: &'a Facts,
    pub(super) keys: &'a [Key],
    /// What its templates wrote, if that could be traced.
    pub(super) traced: &'a Traces<'a>,
    /// What sets each leaf.
    pub(super) setters: &'a [Option<Setter>],
    /// The template file, for what was not traced.
    pub(super) fallback: Mark,
}

/// The document's tree with places, and how each leaf was located.
pub(super) fn placed(known: &Known<'_>) -> (Arc<Node>, Vec<Located>) {
    let mut root = Node::clone(&known.document.root);
    let mut placing = Placing { known, located: Vec::new() };
    placing.node(&mut root);
    (Arc::new(root), placing.located)
}

struct Placing<'k> {
    known: &'k Known<'k>,
    /// Of the leaves so far; its length is the number of the next leaf.
    located: Vec<Located>,
}

impl Placing<'_> {
    /// Depth is bounded by the parser's budget.
    fn node(&mut self, node: &mut Node) {
        let written = self.written(&node.mark);
        match &mut node.value {
            Value::Mapping(entries) if !entries.is_empty() => {
                for entry in entries {
                    let key = self.written(&entry.key_mark);
                    let leaf = self.located.len();
                    self.node(&mut entry.value);
                    entry.key_mark = self.key_of_value(&entry.key, &key, leaf).unwrap_or(key.mark);
                }
                node.mark = written.mark;
            }
            Value::Sequence(items) if !items.is_empty() => {
                for item in items {
                    self.node(item);
                }
                node.mark = written.mark;
            }
            _ => self.leaf(node, written),
        }
    }

    /// Where the template wrote what stands at `mark` of the document.
    fn written(&self, mark: &Mark) -> Position {
        let traced = self.known.traced.locate(&mark.range());
        traced.unwrap_or_else(|| Position {
            mark: self.known.fallback.clone(),
            located: Located::File,
        })
    }

    /// The key that belongs to the value of the first leaf below it, where no template wrote it.
    fn key_of_value(&self, key: &str, written: &Position, leaf: usize) -> Option<Mark> {
        if written.located == Located::Literal {
            return None;
        }
        let Some(Setter::Value { candidate, .. }) = self.known.setters.get(leaf)? else {
            return None;
        };
        let (name, mark) = self.known.layers.candidates.get(*candidate)?.key.as_ref()?;
        (name == key).then(|| mark.clone())
    }

    fn leaf(&mut self, node: &mut Node, written: Position) {
        let setter = self.known.setters.get(self.located.len()).copied().flatten();
        let located = match setter {
            Some(Setter::Value { candidate, lines_before }) => {
                self.value(node, &written, candidate, lines_before)
            }
            Some(Setter::Fact(fact)) => {
                match self.known.facts.marks.get(fact).cloned().flatten() {
                    Some(mark) => embedded(node, mark),
                    None => templated(node, &written),
                }
                Located::Release
            }
            Some(Setter::Key(key)) => match self.known.keys.get(key) {
                Some(key) => {
                    embedded(node, key.mark.clone());
                    if key.is_dependency { Located::Release } else { Located::Value }
                }
                None => written.located,
            },
            Some(Setter::Chance) => {
                templated(node, &written);
                Located::Changing
            }
            None => {
                let located = written.located;
                node.mark = written.mark;
                if located != Located::Literal {
                    node.set_derivation(Derivation::Templated);
                }
                located
            }
        };
        self.located.push(located);
    }

    fn value(
        &self,
        node: &mut Node,
        written: &Position,
        candidate: usize,
        lines_before: usize,
    ) -> Located {
        let candidate = self.known.layers.candidates.get(candidate);
        let Some((candidate, mark)) =
            candidate.and_then(|candidate| Some((candidate, candidate.mark.clone()?)))
        else {
            templated(node, written);
            return Located::Value;
        };
        let text = node.text().unwrap_or("").to_owned();
        let number = |text: &str| text.parse::<f64>().ok();
        let is_number = number(&text).is_some() && number(&text) == number(&candidate.text);
        let derivation = if text == candidate.text || is_number {
            Derivation::Written
        } else if candidate.text.contains(text.as_str()) {
            Derivation::Excerpt
        } else {
            Derivation::Embedded
        };
        let line = (derivation == Derivation::Excerpt)
            .then(|| self.line_of(candidate, &mark, &text, lines_before))
            .flatten();
        node.mark = line.unwrap_or(mark);
        node.set_overrode(self.known.layers.overridden_by(candidate));
        node.set_derivation(derivation);
        Located::Value
    }

    /// The line of a block scalar that holds `text`.
    fn line_of(
        &self,
        candidate: &Candidate,
        mark: &Mark,
        text: &str,
        lines_before: usize,
    ) -> Option<Mark> {
        if candidate.style != Style::Literal {
            return None;
        }
        let source = self.known.tree.read(&mark.path).ok()??;
        let source = std::str::from_utf8(&source).ok()?;
        let blank = candidate.text.lines().take_while(|line| line.trim().is_empty()).count();
        // The header of the block is its first line.
        let skipped = 1 + blank + lines_before;
        let mut start = mark.start as usize;
        for line in source.get(mark.range())?.split_inclusive('\n').take(skipped) {
            start += line.len();
        }
        let line = source.get(start..)?.split('\n').next()?;
        let wanted = text.lines().next().unwrap_or("");
        let at = line.find(wanted)?;
        let column = line.get(..at)?.chars().count() + 1;
        let number = mark.line + u32::try_from(skipped).ok()?;
        let column = u32::try_from(column).ok()?;
        let bytes = start + at..start + at + wanted.len();
        Some(Mark::new(mark.path.clone(), number, column, bytes))
    }
}

fn embedded(node: &mut Node, mark: Mark) {
    node.mark = mark;
    node.set_derivation(Derivation::Embedded);
}

fn templated(node: &mut Node, written: &Position) {
    node.mark = written.mark.clone();
    node.set_derivation(Derivation::Templated);
}
