//! YAML as Kustomize keeps it: keys in their order, two spaces, lists not indented.

use crate::yaml::{Node, Style, Value};

use super::super::json;
use super::super::output::{core_tag, fits_its_tag};
use super::path::plain;

/// A tree as block YAML.
pub(super) fn yaml(root: &Node) -> String {
    let mut out = String::new();
    write(root, 0, &mut out);
    out
}

fn write(node: &Node, indent: usize, out: &mut String) {
    match &node.value {
        Value::Mapping(entries) if !entries.is_empty() => {
            for (index, entry) in entries.iter().enumerate() {
                if index > 0 {
                    pad(indent, out);
                }
                out.push_str(&entry.key);
                out.push(':');
                write_value(&entry.value, indent, out);
            }
        }
        Value::Sequence(items) if !items.is_empty() => {
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    pad(indent, out);
                }
                out.push_str("- ");
                write(item, indent + 2, out);
            }
        }
        Value::Scalar(scalar) if scalar.style == Style::Literal => {
            block(&scalar.text, indent, out);
        }
        _ => {
            out.push_str(&single(node));
            out.push('\n');
        }
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

fn write_value(value: &Node, indent: usize, out: &mut String) {
    match &value.value {
        Value::Mapping(entries) if !entries.is_empty() => {
            out.push('\n');
            pad(indent + 2, out);
            write(value, indent + 2, out);
        }
        Value::Sequence(items) if !items.is_empty() => {
            out.push('\n');
            pad(indent, out);
            write(value, indent, out);
        }
        _ => {
            out.push(' ');
            write(value, indent + 2, out);
        }
    }
}

fn pad(indent: usize, out: &mut String) {
    out.extend(std::iter::repeat_n(' ', indent));
}

fn single(node: &Node) -> String {
    match &node.value {
        Value::Mapping(_) => "{}".to_owned(),
        Value::Sequence(_) => "[]".to_owned(),
        Value::Null => "null".to_owned(),
        Value::Scalar(scalar) => token(&scalar.text, scalar.style, node),
    }
}

/// A single value on one line, in the style it had if that can hold it.
pub(super) fn token(text: &str, style: Style, node: &Node) -> String {
    if let Some(tag) = node.tag().filter(|_| !fits_its_tag(node)) {
        let text = if is_plain(text) { text.to_owned() } else { single_quoted(text) };
        return format!("{tag} {text}");
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
