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

/// Whether a text is one JSON value and nothing else.
pub(super) fn is_json(text: &str) -> bool {
    let mut rest = text.trim_start_matches(SPACE);
    let mut open: Vec<char> = Vec::new();
    loop {
        // A value, or the end of an empty collection.
        let Some(first) = rest.chars().next() else { return false };
        if matches!(first, '[' | '{') {
            rest = rest[1..].trim_start_matches(SPACE);
            let end = if first == '[' { ']' } else { '}' };
            if !rest.starts_with(end) {
                open.push(end);
                let inside = if end == '}' { key(rest) } else { Some(rest) };
                let Some(inside) = inside else { return false };
                rest = inside;
                continue;
            }
            rest = &rest[1..];
        } else {
            let Some(behind) = scalar(rest) else { return false };
            rest = behind;
        }
        // What ends here, and what follows.
        loop {
            rest = rest.trim_start_matches(SPACE);
            let Some(end) = open.last() else { return rest.is_empty() };
            if let Some(behind) = rest.strip_prefix(*end) {
                rest = behind;
                open.pop();
                continue;
            }
            let Some(behind) = rest.strip_prefix(',') else { return false };
            rest = behind.trim_start_matches(SPACE);
            if *end == '}' {
                let Some(behind) = key(rest) else { return false };
                rest = behind;
            }
            break;
        }
    }
}

const SPACE: [char; 4] = [' ', '\t', '\n', '\r'];

/// What is behind a key and its colon.
fn key(text: &str) -> Option<&str> {
    let behind = string(text)?.trim_start_matches(SPACE).strip_prefix(':')?;
    Some(behind.trim_start_matches(SPACE))
}

/// What is behind a text in double quotes.
fn string(text: &str) -> Option<&str> {
    let inner = text.strip_prefix('"')?;
    let mut letters = inner.char_indices();
    while let Some((at, letter)) = letters.next() {
        match letter {
            '"' => return inner.get(at + 1..),
            '\\' => {
                let (at, escaped) = letters.next()?;
                let digits = inner.get(at + 1..at + 5);
                let is_hex = digits.is_some_and(|d| d.bytes().all(|b| b.is_ascii_hexdigit()));
                if !(r#""\/bfnrt"#.contains(escaped) || (escaped == 'u' && is_hex)) {
                    return None;
                }
            }
            letter if letter < ' ' => return None,
            _ => {}
        }
    }
    None
}

/// What is behind a text, a number or a word.
fn scalar(text: &str) -> Option<&str> {
    if text.starts_with('"') {
        return string(text);
    }
    if let Some(behind) = ["true", "false", "null"].iter().find_map(|word| text.strip_prefix(word))
    {
        return Some(behind);
    }
    let digits = |text: &str| text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let mut rest = text.strip_prefix('-').unwrap_or(text);
    let whole = digits(rest);
    if whole == 0 || (whole > 1 && rest.starts_with('0')) {
        return None;
    }
    rest = rest.get(whole..)?;
    if let Some(fraction) = rest.strip_prefix('.') {
        let length = digits(fraction);
        rest = fraction.get(length..).filter(|_| length > 0)?;
    }
    if let Some(exponent) = rest.strip_prefix(['e', 'E']) {
        let exponent = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
        let length = digits(exponent);
        rest = exponent.get(length..).filter(|_| length > 0)?;
    }
    Some(rest)
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

    #[test]
    fn json_is_told_from_yaml_in_flow_style() {
        for text in ["[]", " {} ", r#"[{"a": -1.5e+3, "b": [true, null]}, "x\u00e9\""]\n"#, "0"] {
            let text = text.replace("\\n", "\n");
            assert!(is_json(&text), "{text}");
        }
        for text in
            ["[a]", "[1,]", "{a: 1}", "[1] x", "[\"a\tb\"]", "01", "[1", "-", "1.", "", "{\"a\"}"]
        {
            assert!(!is_json(text), "{text}");
        }
    }
}
