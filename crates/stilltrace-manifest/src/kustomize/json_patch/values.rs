//! What JSON makes of the values of an object, and YAML of those of JSON.
//!
//! On its way through a JSON patch a number becomes a double, a date a text, a text the same text
//! whatever style it was written in, and an annotation a text.

use crate::problem::Problem;
use crate::yaml::{Derivation, Node, Resolved, Scalar, Style, Text, Value, resolve_plain};

use super::super::output::{Json, core_tag, double_of, in_json, is_timestamp};

/// How values are written before they become JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum Notation {
    /// An object of the build: YAML 1.2, in which a date is a moment.
    Object,
    /// A patch in YAML 1.1, whose dates are texts.
    Yaml,
    /// A patch in JSON: numbers stay as written.
    Json,
}

/// Gives every scalar the form that it has in JSON; texts are in quotes wherever they could be read
/// as anything else.
///
/// # Errors
/// When a value has no such form, as infinity.
pub(super) fn to_json(node: &mut Node, notation: Notation) -> Result<(), Problem> {
    let is_tagged = node.tag().is_some();
    node.set_untyped(false);
    match &mut node.value {
        Value::Mapping(entries) => {
            for entry in entries {
                to_json(&mut entry.value, notation)?;
            }
        }
        Value::Sequence(items) => {
            for item in items {
                to_json(item, notation)?;
            }
        }
        Value::Null => node.set_tag(None),
        Value::Scalar(scalar) => {
            let is_bare = scalar.style == Style::Plain && !is_tagged;
            let is_written = match notation {
                Notation::Object => false,
                Notation::Yaml => is_bare && is_timestamp(&scalar.text),
                Notation::Json => is_bare,
            };
            let json = match is_written {
                true if notation == Notation::Json => return Ok(()),
                true => Json::Text(scalar.text.clone()),
                false => in_json(node)?,
            };
            node.value = match json {
                Json::Null => Value::Null,
                Json::Bare(text) => Value::Scalar(Scalar { text, style: Style::Plain }),
                Json::Text(text) => as_text(text),
            };
            if is_tagged {
                node.set_tag(None);
            }
        }
    }
    Ok(())
}

/// A text in the style in which the library writes it.
fn as_text(text: Text) -> Value {
    let is_word = text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'/'))
        && resolve_plain(&text) == Resolved::Text;
    let style = match text.contains('\n') {
        true => Style::Literal,
        false if is_word => Style::Plain,
        false => Style::DoubleQuoted,
    };
    Value::Scalar(Scalar { text, style })
}

/// Reads the numbers of JSON as doubles.
pub(super) fn from_json(node: &mut Node) {
    match &mut node.value {
        Value::Mapping(entries) => entries.iter_mut().for_each(|entry| from_json(&mut entry.value)),
        Value::Sequence(items) => items.iter_mut().for_each(from_json),
        Value::Scalar(scalar) if scalar.style == Style::Plain => {
            if let Some(double) = double_of(&scalar.text) {
                scalar.text = Text::new(double);
            }
        }
        Value::Null | Value::Scalar(_) => {}
    }
}

/// Whether a value of the object is the one that an operation tests for.
///
/// Numbers are compared as they are written in JSON; `differs` says of an equal text whether JSON
/// has it in another form. Lists with a null are equal to nothing: the library ends the program over
/// them.
pub(super) fn equal(found: &Node, wanted: &Node, differs: &dyn Fn(&Node) -> bool) -> bool {
    match (&found.value, &wanted.value) {
        (Value::Mapping(entries), Value::Mapping(others)) => {
            entries.len() == others.len()
                && entries.iter().all(|entry| {
                    let other = wanted.get(&entry.key);
                    other.is_some_and(|other| equal(&entry.value, other, differs))
                })
        }
        (Value::Sequence(items), Value::Sequence(others)) => {
            items.len() == others.len()
                && items.iter().zip(others).all(|(item, other)| {
                    !item.is_null() && !other.is_null() && equal(item, other, differs)
                })
        }
        (Value::Null, Value::Null) => true,
        (Value::Scalar(scalar), Value::Scalar(other)) => {
            let is_text = |node: &Node| core_tag(node) == Some("!!str");
            scalar.text == other.text && is_text(found) == is_text(wanted) && !differs(found)
        }
        _ => false,
    }
}

/// Makes texts of what stands in the annotations: that of a null is the word, that of a collection
/// is empty. Annotations without an entry are left out.
pub(in super::super) fn annotations_as_texts(root: &mut Node) {
    let Some(metadata) = root.get_mut("metadata") else { return };
    let Some(annotations) = metadata.get_mut("annotations") else { return };
    let entries = annotations.entries_mut().filter(|entries| !entries.is_empty());
    let Some(entries) = entries else {
        metadata.remove("annotations");
        return;
    };
    for entry in entries {
        let value = &mut entry.value;
        let (text, derivation) = match &value.value {
            Value::Scalar(scalar) => (scalar.text.clone(), value.derivation()),
            Value::Null => (Text::new("null"), value.derivation()),
            Value::Mapping(_) | Value::Sequence(_) => (Text::new(""), Derivation::Generated),
        };
        value.value = as_text(text);
        value.set_derivation(derivation);
    }
}
