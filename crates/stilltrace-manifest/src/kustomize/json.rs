//! JSON as Go's encoder writes it: sorted keys, `<`, `>` and `&` escaped.

use std::fmt::Write as _;

use crate::yaml::{Entry, Node, Value};

use super::output::core_tag;

/// On one line without spaces.
pub(super) fn compact(node: &Node) -> String {
    let mut out = String::new();
    write(node, None, &mut out);
    out
}

/// On many lines, indented by two spaces.
pub(super) fn indented(node: &Node) -> String {
    let mut out = String::new();
    write(node, Some(0), &mut out);
    out
}

/// A text in double quotes.
pub(super) fn quoted(text: &str) -> String {
    let mut out = String::new();
    write_text(text, &mut out);
    out
}

/// `level` is the number of open collections, or `None` for one line.
fn write(node: &Node, level: Option<usize>, out: &mut String) {
    match &node.value {
        Value::Mapping(entries) => {
            let mut sorted: Vec<&Entry> = entries.iter().collect();
            sorted.sort_by(|a, b| a.key.cmp(&b.key));
            let inner = level.map(|level| level + 1);
            let colon = if level.is_some() { ": " } else { ":" };
            enclose(['{', '}'], sorted.iter(), level, out, |entry, out| {
                write_text(&entry.key, out);
                out.push_str(colon);
                write(&entry.value, inner, out);
            });
        }
        Value::Sequence(items) => {
            let inner = level.map(|level| level + 1);
            enclose(['[', ']'], items.iter(), level, out, |item, out| write(item, inner, out));
        }
        Value::Null => out.push_str("null"),
        Value::Scalar(scalar) => match core_tag(node) {
            Some("!!null") => out.push_str("null"),
            Some("!!bool") => out.push_str(&scalar.text.to_lowercase()),
            Some("!!int" | "!!float") => write_number(node, out),
            _ => write_text(&scalar.text, out),
        },
    }
}

fn enclose<T>(
    brackets: [char; 2],
    items: impl ExactSizeIterator<Item = T>,
    level: Option<usize>,
    out: &mut String,
    mut item: impl FnMut(T, &mut String),
) {
    let [open, close] = brackets;
    let line = |level: usize, out: &mut String| {
        out.push('\n');
        out.extend(std::iter::repeat_n("  ", level));
    };
    let is_empty = items.len() == 0;
    out.push(open);
    for (index, value) in items.enumerate() {
        if index > 0 {
            out.push(',');
        }
        if let Some(level) = level {
            line(level + 1, out);
        }
        item(value, out);
    }
    if let Some(level) = level.filter(|_| !is_empty) {
        line(level, out);
    }
    out.push(close);
}

/// Whole numbers as such; fractions with an exponent only when they are very small or large.
fn write_number(node: &Node, out: &mut String) {
    // Writing to a string cannot fail.
    let _ = match (node.as_i64(), node.as_f64()) {
        (Some(number), _) => write!(out, "{number}"),
        (None, Some(number)) if number.abs() >= 1e21 || (number != 0.0 && number.abs() < 1e-6) => {
            let text = format!("{number:e}");
            match text.split_once('e') {
                Some((digits, power)) if !power.starts_with('-') => {
                    write!(out, "{digits}e+{power}")
                }
                _ => write!(out, "{text}"),
            }
        }
        (None, Some(number)) => write!(out, "{number}"),
        (None, None) => write!(out, "null"),
    };
}

fn write_text(text: &str, out: &mut String) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            '<' | '>' | '&' | '\u{2028}' | '\u{2029}' | '\0'..='\u{1f}' => {
                let _ = write!(out, "\\u{:04x}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out.push('"');
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed lookup is the test's failure")]

    use super::*;
    use crate::yaml::{Budget, parse};

    #[test]
    fn values_keep_their_types_and_keys_are_sorted() {
        let text = "{b: [1, x, '2', ~, on, {}], a: {c: 1.5, d: True}, e: '<&>', f: []}";
        let parsed = parse("f", text.as_bytes(), &Budget::default());
        let root = &parsed.documents[0].root;
        let wanted = r#"{"a":{"c":1.5,"d":true},"b":[1,"x","2",null,"on",{}],"e":"\u003c\u0026\u003e","f":[]}"#;
        assert_eq!(compact(root), wanted);
        assert!(
            indented(root).starts_with("{\n  \"a\": {\n    \"c\": 1.5,\n    \"d\": true\n  },")
        );
        assert!(indented(root).ends_with("\"f\": []\n}"));
    }
}
