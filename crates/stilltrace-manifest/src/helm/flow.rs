//! Values as text that Helm reads the same way: YAML in its flow style, one line.

use std::fmt::Write as _;

use crate::yaml::{Entry, Node, Resolved, Style, Value};

/// Writes `node` as it is.
pub(super) fn write(node: &Node) -> String {
    write_changed(node, &mut |_| None, &mut |_| None)
}

/// Writes `node`. `leaf` may give another text for a leaf, taken as YAML, `key` another key; they
/// are asked in the order of the file, for a key before its value.
///
/// Numbers and booleans keep their spelling, because Helm may read `0644` or `1e3` in its own way.
pub(super) fn write_changed(
    node: &Node,
    leaf: &mut dyn FnMut(&Node) -> Option<String>,
    key: &mut dyn FnMut(&Entry) -> Option<String>,
) -> String {
    let mut text = String::new();
    write_node(node, leaf, key, &mut text);
    text.push('\n');
    text
}

/// Depth is bounded by the budget of the parser that made the tree.
fn write_node(
    node: &Node,
    leaf: &mut dyn FnMut(&Node) -> Option<String>,
    key: &mut dyn FnMut(&Entry) -> Option<String>,
    text: &mut String,
) {
    match &node.value {
        Value::Mapping(entries) => {
            text.push('{');
            for (index, entry) in entries.iter().enumerate() {
                if index > 0 {
                    text.push_str(", ");
                }
                match key(entry) {
                    Some(other) => quote(&other, text),
                    None => quote(&entry.key, text),
                }
                text.push_str(": ");
                write_node(&entry.value, leaf, key, text);
            }
            text.push('}');
        }
        Value::Sequence(items) => {
            text.push('[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    text.push_str(", ");
                }
                write_node(item, leaf, key, text);
            }
            text.push(']');
        }
        Value::Null | Value::Scalar(_) => match leaf(node) {
            Some(other) => text.push_str(&other),
            None => write_leaf(node, text),
        },
    }
}

fn write_leaf(node: &Node, text: &mut String) {
    let Value::Scalar(scalar) = &node.value else { return text.push_str("null") };
    if let Some(tag) = node.tag() {
        text.push_str(tag);
        text.push(' ');
        quote(&scalar.text, text);
    } else if scalar.style == Style::Plain && node.resolved() != Some(Resolved::Text) {
        text.push_str(&scalar.text);
    } else {
        quote(&scalar.text, text);
    }
}

/// Writes `content` between double quotes, with the escapes that YAML shares with JSON.
pub(super) fn quote(content: &str, text: &mut String) {
    text.push('"');
    for letter in content.chars() {
        match letter {
            '"' => text.push_str("\\\""),
            '\\' => text.push_str("\\\\"),
            '\n' => text.push_str("\\n"),
            '\r' => text.push_str("\\r"),
            '\t' => text.push_str("\\t"),
            // Writing to a string cannot fail.
            control if control.is_control() || matches!(control, '\u{2028}' | '\u{2029}') => {
                let _ = write!(text, "\\u{:04x}", u32::from(control));
            }
            other => text.push(other),
        }
    }
    text.push('"');
}

/// `content` between double quotes.
pub(super) fn quoted(content: &str) -> String {
    let mut text = String::with_capacity(content.len() + 2);
    quote(content, &mut text);
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::yaml::{Budget, parse};

    #[test]
    fn what_is_written_reads_as_the_same_tree() {
        let source = "a: [1, 0644, 1e3, yes, ~, 'x: y', \"q\\\"\\n\"]\nb:\n  c: |\n    two\n    lines\n\
                      d: {}\ne: []\n2024: '80'\nf: !!str 7\n";
        let parsed = parse("v.yaml", source.as_bytes(), &Budget::default());
        let root = &parsed.documents[0].root;
        let text = write(root);
        let again = parse("v.yaml", text.as_bytes(), &Budget::default());
        assert!(again.documents[0].root.same_value(root), "{text}");
        assert!(text.contains("0644, 1e3, yes, null"), "{text}");
    }
}
