//! The type of a scalar by the tag that the Go YAML library gives it.

use crate::yaml::{Node, Value};

use super::number::{self, Number};
use super::reading::{Reading, read};

/// The core tag of a scalar or null, such as `!!int`; `None` for a collection.
///
/// Words such as `yes` are texts: the library follows YAML 1.2 where no boolean is asked for.
pub(in super::super) fn core_tag(node: &Node) -> Option<&'static str> {
    let scalar = match &node.value {
        Value::Null => return Some("!!null"),
        Value::Scalar(scalar) => scalar,
        Value::Sequence(_) | Value::Mapping(_) => return None,
    };
    Some(match read(node, scalar) {
        Ok(Reading::Text(_)) => "!!str",
        Ok(Reading::Bare(text)) => match (&*text, number::parse(&scalar.text)) {
            ("null", _) => "!!null",
            ("true" | "false", _) => "!!bool",
            (_, Some(Number::Float(_))) => "!!float",
            _ => "!!int",
        },
        // A value that is not of its explicit type keeps the tag.
        Err(_) => match node.tag() {
            Some("!!int") => "!!int",
            Some("!!bool") => "!!bool",
            Some("!!null") => "!!null",
            Some("!!timestamp") => "!!timestamp",
            Some("!!binary") => "!!binary",
            // Infinities and not-a-number.
            _ => "!!float",
        },
    })
}

/// Whether a scalar is of the type that its explicit tag names.
pub(in super::super) fn fits_its_tag(node: &Node) -> bool {
    match &node.value {
        Value::Scalar(scalar) => read(node, scalar).is_ok(),
        _ => true,
    }
}
