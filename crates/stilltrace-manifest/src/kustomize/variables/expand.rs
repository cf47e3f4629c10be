//! The grammar of references: `$(NAME)`, with `$$` for a dollar sign.

use std::collections::BTreeMap;

use crate::yaml::{Node, Value};

/// What a text amounts to once its variables are replaced.
#[derive(Debug, PartialEq)]
pub(super) enum Expansion<'a> {
    /// The text itself.
    Same,
    /// The text is one reference and nothing else: the value with its type.
    Whole(&'a Node),
    /// Another text.
    Text(String),
}

/// Replaces the references in `text`; names without a single value stay as they are.
pub(super) fn expand<'a>(text: &str, values: &'a BTreeMap<&str, Node>) -> Expansion<'a> {
    let single = |name: &str| {
        values.get(name).filter(|node| matches!(node.value, Value::Scalar(_) | Value::Null))
    };
    let (mut out, mut rest) = (String::new(), text);
    while let Some((before, after)) = rest.split_once('$') {
        out.push_str(before);
        rest = after;
        let mut characters = after.chars();
        match characters.next() {
            None => out.push('$'),
            Some('$') => {
                out.push('$');
                rest = characters.as_str();
            }
            Some('(') => {
                let inside = characters.as_str();
                let Some((name, behind)) = inside.split_once(')') else {
                    out.push_str("$(");
                    rest = inside;
                    continue;
                };
                rest = behind;
                match single(name) {
                    Some(value) if text.len() == name.len() + 3 => return Expansion::Whole(value),
                    Some(value) => out.push_str(value.text().unwrap_or("")),
                    None => {
                        out.push_str("$(");
                        out.push_str(name);
                        out.push(')');
                    }
                }
            }
            Some(other) => {
                out.push('$');
                out.push(other);
                rest = characters.as_str();
            }
        }
    }
    out.push_str(rest);
    if out == text { Expansion::Same } else { Expansion::Text(out) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::yaml::Mark;

    #[test]
    fn references_are_replaced_and_everything_else_stays() {
        let node = |text: &str| Node::string(text, Mark::of_file("f", 0));
        let values = BTreeMap::from([("A", node("a")), ("REF", node("$(A)")), ("E", node(""))]);
        let cases = [
            ("x-$(A)", "x-a"),
            ("$(A)$(REF)", "a$(A)"),
            ("foo$(E)bar", "foobar"),
            ("$$(A)", "$(A)"),
            ("$$$$$$$(A)", "$$$a"),
            ("$(A)_$(B", "a_$(B"),
        ];
        for (text, wanted) in cases {
            assert_eq!(expand(text, &values), Expansion::Text(wanted.to_owned()), "{text}");
        }
        for text in ["$(B)", "$A)", "${A}", "--$($($(--", "$?_$!", "x$", "$(foo$$var)"] {
            assert_eq!(expand(text, &values), Expansion::Same, "{text}");
        }
        assert!(matches!(expand("$(A)", &values), Expansion::Whole(_)));
    }
}
