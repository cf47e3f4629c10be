//! Writes objects as the text that `kustomize build` prints.
//!
//! Kustomize keeps an object as a YAML tree with the styles of its source. To print it, the tree is
//! written as YAML, read back into values, written as JSON, read again and written as YAML in one
//! canonical form. This module gives the same bytes in one pass: [`reading`] says what a scalar
//! amounts to after those readings, [`emitter`] lays out the canonical form. The layout follows
//! `sigs.k8s.io/yaml`, which prints with version 2 of the Go YAML library: lines of 80 characters,
//! lists not indented below their key, keys in a natural order.

mod emitter;
mod folded;
mod key_order;
mod number;
mod reading;
mod style;
mod tag;
mod time;

use crate::object::Object;
use crate::problem::Problem;
use crate::yaml::{Node, Text, Value};

use emitter::Emitter;
use number::Number;
use reading::Reading;

#[cfg(test)]
pub(super) use folded::written_and_read;
pub(super) use number::double_of;
#[cfg(test)]
pub(super) use number::number_of;
pub(super) use tag::{core_tag, fits_its_tag};
#[cfg(test)]
pub(super) use time::timestamp as moment;

/// Appends one object to `out`, without a `---` line.
///
/// # Errors
/// When the object holds a value that JSON has no form for, as infinity.
pub(super) fn print(object: &Object, out: &mut String) -> Result<(), Problem> {
    Emitter::new(out).document(&object.root)
}

/// What JSON has for a scalar.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Json {
    Null,
    /// A boolean or number as JSON writes it.
    Bare(Text),
    Text(Text),
}

/// What JSON has for the scalar that a node is; null for a node that is none.
///
/// # Errors
/// When JSON has no form for it, as for infinity.
pub(super) fn in_json(node: &Node) -> Result<Json, Problem> {
    let Value::Scalar(scalar) = &node.value else { return Ok(Json::Null) };
    Ok(match reading::read(node, scalar)? {
        Reading::Text(text) => Json::Text(Text::new(text)),
        Reading::Bare(word) if word == "null" => Json::Null,
        Reading::Bare(word) if matches!(&*word, "true" | "false") => Json::Bare(Text::new(word)),
        Reading::Bare(word) => {
            let json = number::parse(&scalar.text).map(Number::json);
            Json::Bare(json.map_or_else(|| Text::new(word), Text::new))
        }
    })
}

/// Whether a plain scalar is a date to YAML.
pub(super) fn is_timestamp(text: &str) -> bool {
    time::timestamp(text).is_some()
}

/// A text as the value of a key on a line of its own.
pub(super) fn quoted(text: &str) -> String {
    let mut out = String::new();
    Emitter::new(&mut out).text(text);
    out
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed lookup is the test's failure")]

    use super::*;
    use crate::yaml::{Budget, parse};

    fn printed(source: &str) -> String {
        let parsed = parse("f.yaml", source.as_bytes(), &Budget::default());
        let root = std::sync::Arc::clone(&parsed.documents[0].root);
        let mut out = String::new();
        print(&Object { root }, &mut out).unwrap();
        out
    }

    #[test]
    fn words_and_numbers_that_yaml_1_1_would_misread_are_quoted() {
        let cases = [
            ("a: yes", "a: \"yes\"\n"),
            ("a: y", "a: \"y\"\n"),
            ("a: True", "a: true\n"),
            ("a: 0644", "a: 420\n"),
            ("a: 089", "a: 89\n"),
            ("a: '0644'", "a: \"0644\"\n"),
            ("a: 12:30", "a: \"12:30\"\n"),
            ("a: 2020-1-2", "a: \"2020-01-02T00:00:00Z\"\n"),
            ("a: '2020-01-02'", "a: \"2020-01-02\"\n"),
            ("a: 1e3", "a: 1000\n"),
            ("a: 1.50", "a: 1.5\n"),
            ("a: 1e-7", "a: 1e-07\n"),
            ("a: 1234567.5", "a: 1.2345675e+06\n"),
            ("a: 99999999999999999999", "a: 1e+20\n"),
            ("a: 18446744073709551615", "a: 18446744073709551615\n"),
            ("a: ~", "a: null\n"),
            ("a: ''", "a: \"\"\n"),
            ("a: <<", "a: <<\n"),
            ("a: !!str 5", "a: \"5\"\n"),
            ("a: !!binary aGk=", "a: hi\n"),
        ];
        for (source, wanted) in cases {
            assert_eq!(printed(source), wanted, "{source}");
        }
    }

    #[test]
    fn texts_take_the_first_style_that_can_hold_them() {
        let cases = [
            (r#"a: "x: y""#, "a: 'x: y'\n"),
            (r#"a: "it's # one""#, "a: 'it''s # one'\n"),
            (r#"a: "tab\there""#, "a: \"tab\\there\"\n"),
            (r#"a: "\U0001F600""#, "a: \"\\U0001F600\"\n"),
            (r#"a: "é""#, "a: é\n"),
            (r#"a: "one\ntwo""#, "a: |-\n  one\n  two\n"),
            (r#"a: "one\n""#, "a: |\n  one\n"),
            (r#"a: "one\n\n""#, "a: |+\n  one\n\n"),
            (r#"a: " one\ntwo""#, "a: |2-\n   one\n  two\n"),
            (r#"a: "one \ntwo""#, "a: \"one \\ntwo\"\n"),
            (r#"a: "x\r\ny""#, "a: \"x\\r\\ny\"\n"),
        ];
        for (source, wanted) in cases {
            assert_eq!(printed(source), wanted, "{source}");
        }
    }

    #[test]
    fn lists_stand_below_their_key_and_keys_are_in_natural_order() {
        let source = "b10: []\nb9: {}\nB: [[1, {x: 1, a: 2}], []]\n-a: 1\n";
        let wanted = "-a: 1\nB:\n- - 1\n  - a: 2\n    x: 1\n- []\nb9: {}\nb10: []\n";
        assert_eq!(printed(source), wanted);
    }

    #[test]
    fn long_lines_break_behind_column_80_and_long_keys_stand_alone() {
        let words = "word ".repeat(30);
        let source = format!("a: {words}\n? {}\n: 1\n", "k".repeat(129));
        let first = format!("word {}", "word ".repeat(15).trim_end());
        let second = "word ".repeat(14).trim_end().to_owned();
        let wanted = format!("a: {first}\n  {second}\n? {}\n: 1\n", "k".repeat(129));
        assert_eq!(printed(&source), wanted);
    }

    #[test]
    fn folded_texts_gain_a_line_feed_around_indented_lines() {
        assert_eq!(printed("a: >\n  x\n    y\n  z\n"), "a: |\n  x\n\n    y\n  z\n");
        assert_eq!(printed("a: >\n  x\n  y\n\n  z\n"), "a: |\n  x y\n  z\n");
    }

    #[test]
    fn what_json_cannot_hold_is_refused() {
        let parsed = parse("f.yaml", b"a: .inf", &Budget::default());
        let object = Object { root: std::sync::Arc::clone(&parsed.documents[0].root) };
        assert!(print(&object, &mut String::new()).is_err());
    }
}
