//! YAML as Kustomize keeps it: keys in their order, two spaces, lists not indented.

use crate::yaml::{Node, Style, Value};

use super::super::json;
use super::super::output::{core_tag, fits_its_tag};
use super::super::resource::written_word;
use super::path::plain;

/// A tree as block YAML; what is in flow style in `source`, from which it was read, stays so.
pub(super) fn yaml(root: &Node, source: &str) -> String {
    let mut out = Emitter { source, out: String::new() };
    out.write(root, 0);
    out.out
}

/// What is written so far.
struct Emitter<'s> {
    source: &'s str,
    out: String,
}

impl Emitter<'_> {
    /// Whether a collection that is not empty was read in flow style; what was made on the way has
    /// a place in another file.
    fn is_flow(&self, node: &Node) -> bool {
        let own = node.mark.path.is_empty().then(|| self.source.get(node.mark.range()));
        own.flatten().is_some_and(|text| text.starts_with(['[', '{']))
    }

    fn write(&mut self, node: &Node, indent: usize) {
        match &node.value {
            Value::Mapping(_) | Value::Sequence(_) if self.is_flow(node) => {
                flow(node, &mut self.out);
                self.out.push('\n');
            }
            Value::Mapping(entries) if !entries.is_empty() => {
                for (index, entry) in entries.iter().enumerate() {
                    if index > 0 {
                        pad(indent, &mut self.out);
                    }
                    self.out.push_str(&entry.key);
                    self.out.push(':');
                    self.write_value(&entry.value, indent);
                }
            }
            Value::Sequence(items) if !items.is_empty() => {
                for (index, item) in items.iter().enumerate() {
                    if index > 0 {
                        pad(indent, &mut self.out);
                    }
                    self.out.push_str("- ");
                    self.write(item, indent + 2);
                }
            }
            Value::Scalar(scalar) if scalar.style == Style::Literal => {
                block(&scalar.text, indent, &mut self.out);
            }
            _ => {
                self.out.push_str(&single(node));
                self.out.push('\n');
            }
        }
    }

    fn write_value(&mut self, value: &Node, indent: usize) {
        let nested = match &value.value {
            Value::Mapping(entries) if !entries.is_empty() => Some(indent + 2),
            Value::Sequence(items) if !items.is_empty() => Some(indent),
            _ => None,
        };
        if let Some(indent) = nested.filter(|_| !self.is_flow(value)) {
            self.out.push('\n');
            pad(indent, &mut self.out);
            self.write(value, indent);
        } else {
            self.out.push(' ');
            self.write(value, indent + 2);
        }
    }
}

/// A tree on one line; depth is bounded by the parser's budget.
fn flow(node: &Node, out: &mut String) {
    match &node.value {
        Value::Mapping(entries) => {
            out.push('{');
            for (index, entry) in entries.iter().enumerate() {
                out.push_str(if index > 0 { ", " } else { "" });
                out.push_str(&entry.key);
                out.push_str(": ");
                flow(&entry.value, out);
            }
            out.push('}');
        }
        Value::Sequence(items) => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                out.push_str(if index > 0 { ", " } else { "" });
                flow(item, out);
            }
            out.push(']');
        }
        Value::Scalar(scalar)
            if scalar.style == Style::Plain && scalar.text.contains([',', '[', ']', '{', '}']) =>
        {
            out.push_str(&single_quoted(&scalar.text));
        }
        Value::Scalar(_) | Value::Null => out.push_str(&single(node)),
    }
}

/// A literal block whose lines stand at `indent`.
fn block(text: &str, indent: usize, out: &mut String) {
    let chomping = match (text.ends_with("\n\n"), text.ends_with('\n')) {
        (true, _) => "|+",
        (false, true) => "|",
        (false, false) => "|-",
    };
    out.push_str(chomping);
    out.push('\n');
    for line in text.lines() {
        if !line.is_empty() {
            pad(indent, out);
            out.push_str(line);
        }
        out.push('\n');
    }
}

fn pad(indent: usize, out: &mut String) {
    out.extend(std::iter::repeat_n(' ', indent));
}

fn single(node: &Node) -> String {
    match &node.value {
        Value::Mapping(_) => "{}".to_owned(),
        Value::Sequence(_) => "[]".to_owned(),
        Value::Null if node.mark.range().is_empty() => "null".to_owned(),
        Value::Null => written_word(node).to_owned(),
        Value::Scalar(scalar) => token(&scalar.text, scalar.style, node),
    }
}

/// A single value on one line, in the style it had if that can hold it.
pub(super) fn token(text: &str, style: Style, node: &Node) -> String {
    if let Some(tag) = node.tag().filter(|_| !fits_its_tag(node)) {
        return match text {
            "" => tag.to_owned(),
            text if is_plain(text) => format!("{tag} {text}"),
            text => format!("{tag} {}", single_quoted(text)),
        };
    }
    let is_text = core_tag(node) == Some("!!str");
    let stays_text = core_tag(&Node::new(plain(text), node.mark.clone())) == Some("!!str");
    match style {
        Style::Plain if !is_text || (stays_text && is_plain(text)) => text.to_owned(),
        Style::Plain if stays_text && !text.contains('\n') => single_quoted(text),
        Style::SingleQuoted if !text.contains('\n') => single_quoted(text),
        _ => json::quoted(text),
    }
}

fn single_quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// Whether the text needs no quotes in a block.
fn is_plain(text: &str) -> bool {
    let special = |c: char| "-?:,[]{}#&*!|>'\"%@`".contains(c);
    let first = text.chars().next();
    let starts_well = first.is_some_and(|c| !special(c) || text.len() > 1 && "-?:".contains(c))
        && !["- ", "? ", ": "].iter().any(|start| text.starts_with(start));
    starts_well
        && text.trim() == text
        && !text.contains(": ")
        && !text.ends_with(':')
        && !text.contains(" #")
        && !text.contains(char::is_control)
}
