//! The canonical block layout.

use crate::problem::Problem;
use crate::yaml::{Node, Value};

use super::key_order::sorted;
use super::reading::{self, Reading};
use super::style::{Layout, is_break, is_multiline, is_printable, layout};

/// Column behind which a line is broken at the next space.
const WIDTH: usize = 80;
/// Spaces of one level.
const INDENT: usize = 2;
/// Bytes of the longest key that stands on one line with its value.
const SIMPLE_KEY: usize = 128;

/// Where a node stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Root,
    Item,
    /// The value of a key, or a key that stands alone behind `?`.
    Value,
    /// A key on one line with its value.
    SimpleKey,
}

/// Writes one document.
///
/// The fields mirror what decides the layout in the Go YAML library 2 (`emitterc.go`).
pub(super) struct Emitter<'a> {
    out: &'a mut String,
    /// Characters in the line so far.
    column: usize,
    /// Column of the present level; `None` outside the root.
    indent: Option<usize>,
    /// Whether the last character was white space or the line is new.
    whitespace: bool,
    /// Whether the line so far is indentation and the `-`, `?` and `:` that count as such.
    indention: bool,
}

impl<'a> Emitter<'a> {
    pub(super) fn new(out: &'a mut String) -> Self {
        Self { out, column: 0, indent: None, whitespace: true, indention: true }
    }

    /// Writes the node and the line feed that ends the document.
    pub(super) fn document(mut self, root: &Node) -> Result<(), Problem> {
        self.node(root, Place::Root)?;
        self.new_line();
        Ok(())
    }

    /// Writes a text alone, on one line.
    pub(super) fn text(mut self, text: &str) {
        self.scalar(&Reading::Text(text.into()), Place::SimpleKey);
    }

    fn node(&mut self, node: &Node, place: Place) -> Result<(), Problem> {
        match &node.value {
            Value::Null => self.scalar(&reading::null(), place),
            Value::Scalar(scalar) => self.scalar(&reading::read(node, scalar)?, place),
            Value::Sequence(items) if items.is_empty() => self.indicator("[]", true, false),
            Value::Mapping(entries) if entries.is_empty() => self.indicator("{}", true, false),
            Value::Sequence(items) => return self.sequence(items, place),
            Value::Mapping(_) => return self.mapping(node),
        }
        Ok(())
    }

    fn mapping(&mut self, node: &Node) -> Result<(), Problem> {
        let outer = self.indent;
        self.indent = Some(outer.map_or(0, |indent| indent + INDENT));
        for entry in sorted(node.entries()) {
            self.new_line();
            let key = reading::key(entry)?;
            if entry.key.len() <= SIMPLE_KEY && !is_multiline(&entry.key) {
                self.scalar(&key, Place::SimpleKey);
                self.indicator(":", false, false);
            } else {
                self.indicator("?", true, true);
                self.scalar(&key, Place::Value);
                self.new_line();
                self.indicator(":", true, true);
            }
            self.node(&entry.value, Place::Value)?;
        }
        self.indent = outer;
        Ok(())
    }

    fn sequence(&mut self, items: &[Node], place: Place) -> Result<(), Problem> {
        let outer = self.indent;
        let below_key = place == Place::Value && !self.indention;
        self.indent = Some(match outer {
            None => 0,
            Some(indent) if below_key => indent,
            Some(indent) => indent + INDENT,
        });
        for item in items {
            self.new_line();
            self.indicator("-", true, true);
            self.node(item, Place::Item)?;
        }
        self.indent = outer;
        Ok(())
    }

    fn scalar(&mut self, value: &Reading<'_>, place: Place) {
        let outer = self.indent;
        self.indent = Some(outer.map_or(INDENT, |indent| indent + INDENT));
        let breaks = place != Place::SimpleKey;
        match value {
            Reading::Bare(text) => self.plain(text, breaks),
            Reading::Text(text) => match layout(text, place == Place::SimpleKey) {
                Layout::Plain => self.plain(text, breaks),
                Layout::Single => self.single_quoted(text, breaks),
                Layout::Double => self.double_quoted(text, breaks),
                Layout::Literal => self.literal(text),
            },
        }
        self.indent = outer;
    }

    fn put(&mut self, c: char) {
        self.out.push(c);
        self.column += 1;
    }

    fn line_feed(&mut self) {
        self.out.push('\n');
        self.column = 0;
    }

    /// Begins a line at the present level unless one has just begun.
    fn new_line(&mut self) {
        let indent = self.indent.unwrap_or(0);
        let begun =
            self.indention && (self.column < indent || (self.column == indent && self.whitespace));
        if !begun {
            self.line_feed();
        }
        while self.column < indent {
            self.put(' ');
        }
        self.whitespace = true;
        self.indention = true;
    }

    fn indicator(&mut self, text: &str, needs_space: bool, indents: bool) {
        if needs_space && !self.whitespace {
            self.put(' ');
        }
        self.out.push_str(text);
        self.column += text.len();
        self.whitespace = false;
        self.indention = self.indention && indents;
    }

    fn plain(&mut self, text: &str, breaks: bool) {
        if !self.whitespace {
            self.put(' ');
        }
        self.words(
            text,
            breaks,
            |text, at| at.is_none_or(|at| !text[at..].starts_with(' ')),
            |_| None,
        );
        self.whitespace = false;
        self.indention = false;
    }

    fn single_quoted(&mut self, text: &str, breaks: bool) {
        self.indicator("'", true, false);
        self.words(
            text,
            breaks,
            |text, at| at.is_some_and(|at| at > 1 && !text[at..].starts_with(' ')),
            |c| (c == '\'').then_some("''"),
        );
        self.indicator("'", false, false);
        self.whitespace = false;
        self.indention = false;
    }

    /// Writes text whose spaces may become line breaks.
    ///
    /// `may_break` gets the position behind the space, `None` at the end of the text.
    fn words(
        &mut self,
        text: &str,
        breaks: bool,
        may_break: impl Fn(&str, Option<usize>) -> bool,
        escape: impl Fn(char) -> Option<&'static str>,
    ) {
        let (mut after_space, mut after_break) = (false, false);
        for (position, c) in text.char_indices() {
            let next = Some(position + c.len_utf8()).filter(|next| *next < text.len());
            if c == ' ' {
                let long = breaks && !after_space && self.column > WIDTH;
                if long && may_break(text, next) {
                    self.new_line();
                } else {
                    self.put(' ');
                }
                after_space = true;
            } else if is_break(c) {
                if !after_break && c == '\n' {
                    self.line_feed();
                }
                self.out.push(c);
                self.column = 0;
                self.indention = true;
                after_break = true;
            } else {
                if after_break {
                    self.new_line();
                }
                match escape(c) {
                    Some(text) => {
                        self.out.push_str(text);
                        self.column += text.len();
                    }
                    None => self.put(c),
                }
                self.indention = false;
                (after_space, after_break) = (false, false);
            }
        }
    }

    fn double_quoted(&mut self, text: &str, breaks: bool) {
        self.indicator("\"", true, false);
        let mut after_space = false;
        // The library looks for a byte order mark at the beginning, whichever character it is at.
        let escape_all = text.starts_with('\u{feff}');
        for (position, c) in text.char_indices() {
            let rest = &text[position + c.len_utf8()..];
            if escape_all || !is_printable(c) || is_break(c) || c == '"' || c == '\\' {
                self.escaped(c);
                after_space = false;
            } else if c == ' ' {
                let inside = position > 0 && !rest.is_empty();
                if breaks && !after_space && self.column > WIDTH && inside {
                    self.new_line();
                    if rest.starts_with(' ') {
                        self.put('\\');
                    }
                } else {
                    self.put(' ');
                }
                after_space = true;
            } else {
                self.put(c);
                after_space = false;
            }
        }
        self.indicator("\"", false, false);
        self.whitespace = false;
        self.indention = false;
    }

    fn escaped(&mut self, c: char) {
        let short = match c {
            '\0' => Some('0'),
            '\u{7}' => Some('a'),
            '\u{8}' => Some('b'),
            '\t' => Some('t'),
            '\n' => Some('n'),
            '\u{b}' => Some('v'),
            '\u{c}' => Some('f'),
            '\r' => Some('r'),
            '\u{1b}' => Some('e'),
            '"' | '\\' => Some(c),
            '\u{85}' => Some('N'),
            '\u{a0}' => Some('_'),
            '\u{2028}' => Some('L'),
            '\u{2029}' => Some('P'),
            _ => None,
        };
        let code = u32::from(c);
        let text = match short {
            Some(short) => format!("\\{short}"),
            None if code <= 0xFF => format!("\\x{code:02X}"),
            None if code <= 0xFFFF => format!("\\u{code:04X}"),
            None => format!("\\U{code:08X}"),
        };
        self.out.push_str(&text);
        self.column += text.len();
    }

    fn literal(&mut self, text: &str) {
        self.indicator("|", true, false);
        if text.starts_with(|c: char| c == ' ' || is_break(c)) {
            self.indicator("2", false, false);
        }
        let mut ends = text.chars().rev();
        match (ends.next().is_some_and(is_break), ends.next()) {
            (false, _) => self.indicator("-", false, false),
            (true, before) if before.is_none_or(is_break) => self.indicator("+", false, false),
            _ => {}
        }
        self.line_feed();
        self.indention = true;
        self.whitespace = true;
        let mut after_break = true;
        for c in text.chars() {
            if is_break(c) {
                self.out.push(c);
                self.column = 0;
                self.indention = true;
                after_break = true;
            } else {
                if after_break {
                    self.new_line();
                }
                self.put(c);
                self.indention = false;
                after_break = false;
            }
        }
    }
}
