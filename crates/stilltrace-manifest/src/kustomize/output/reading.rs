//! What a scalar amounts to after Kustomize has written and read it on its way to the output.

use std::borrow::Cow;

use crate::problem::{Problem, ProblemKind};
use crate::yaml::{Node, Scalar, Style};

use super::folded::written_and_read;
use super::number;
use super::time::timestamp;

/// A scalar as it is printed.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Reading<'a> {
    /// A null, boolean or number: written as is.
    Bare(Cow<'a, str>),
    /// A text: written in the style that keeps it one.
    Text(Cow<'a, str>),
}

/// Reads a scalar as version 3 of the Go YAML library does, then as JSON does.
///
/// # Errors
/// When the value is infinite, no number, or does not fit its explicit tag.
pub(super) fn read<'a>(node: &'a Node, scalar: &'a Scalar) -> Result<Reading<'a>, Problem> {
    let text = scalar.text.as_str();
    match (node.tag(), scalar.style) {
        (Some("!!binary"), _) => binary(node, text),
        (Some(tag @ ("!!int" | "!!float" | "!!bool" | "!!null" | "!!timestamp")), _) => {
            tagged(node, text, tag)
        }
        (None, Style::Plain) => plain(node, text),
        (_, Style::Folded) => Ok(Reading::Text(folded(text))),
        _ => Ok(Reading::Text(text.into())),
    }
}

/// The value of a null.
pub(super) fn null() -> Reading<'static> {
    Reading::Bare("null".into())
}

fn folded(text: &str) -> Cow<'_, str> {
    if !text.contains('\n') || !super::style::fits_a_block(text) {
        return text.into();
    }
    written_and_read(text).into()
}

fn plain<'a>(node: &Node, text: &'a str) -> Result<Reading<'a>, Problem> {
    match text {
        "true" | "True" | "TRUE" => return Ok(Reading::Bare("true".into())),
        "false" | "False" | "FALSE" => return Ok(Reading::Bare("false".into())),
        "" | "~" | "null" | "Null" | "NULL" => return Ok(null()),
        ".nan" | ".NaN" | ".NAN" | ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF"
        | "-.inf" | "-.Inf" | "-.INF" => return Err(not_in_json(node, text)),
        _ => {}
    }
    if text.starts_with(|c: char| c.is_ascii_digit())
        && let Some(time) = timestamp(text)
    {
        return Ok(Reading::Text(time.into()));
    }
    match number::parse(text) {
        None => Ok(Reading::Text(text.into())),
        Some(number) => match number.printed() {
            Some(printed) if printed == text => Ok(Reading::Bare(text.into())),
            Some(printed) => Ok(Reading::Bare(printed.into())),
            None => Err(not_in_json(node, text)),
        },
    }
}

/// A value with the tag of a type: it must be of that type.
fn tagged<'a>(node: &Node, text: &'a str, tag: &str) -> Result<Reading<'a>, Problem> {
    let found = number::parse(text);
    let fits = match tag {
        "!!int" => matches!(found, Some(number::Number::Int(_) | number::Number::Unsigned(_))),
        "!!float" => found.is_some(),
        "!!bool" => matches!(text, "true" | "True" | "TRUE" | "false" | "False" | "FALSE"),
        "!!null" => matches!(text, "" | "~" | "null" | "Null" | "NULL"),
        _ => timestamp(text).is_some(),
    };
    if fits {
        return plain(node, text);
    }
    let text = format!("`{text}` is no {}", tag.trim_start_matches('!'));
    Err(Problem::at(&node.mark, ProblemKind::Invalid, text))
}

/// Text behind base64; bytes that are no UTF-8 are replaced, as JSON does.
fn binary<'a>(node: &Node, text: &str) -> Result<Reading<'a>, Problem> {
    let Some(bytes) = decode_base64(text) else {
        let text = "the value tagged `!!binary` is no base64";
        return Err(Problem::at(&node.mark, ProblemKind::Invalid, text));
    };
    Ok(Reading::Text(String::from_utf8_lossy(&bytes).into_owned().into()))
}

fn decode_base64(text: &str) -> Option<Vec<u8>> {
    let digits: Vec<u8> = text.bytes().filter(|b| !matches!(b, b'\n' | b'\r')).collect();
    if !digits.len().is_multiple_of(4) {
        return None;
    }
    let padding = digits.iter().rev().take_while(|b| **b == b'=').count();
    if padding > 2 {
        return None;
    }
    let (mut bits, mut count, mut out) = (0_u32, 0_u32, Vec::with_capacity(digits.len() / 4 * 3));
    for digit in digits.iter().take(digits.len() - padding) {
        let value = match digit {
            b'A'..=b'Z' => digit - b'A',
            b'a'..=b'z' => digit - b'a' + 26,
            b'0'..=b'9' => digit - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => return None,
        };
        bits = bits << 6 | u32::from(value);
        count += 6;
        if count >= 8 {
            count -= 8;
            out.push((bits >> count & 0xFF) as u8);
        }
    }
    Some(out)
}

fn not_in_json(node: &Node, text: &str) -> Problem {
    let text = format!("`{text}` is a number that JSON cannot hold; quote it if it is a text");
    Problem::at(&node.mark, ProblemKind::Invalid, text)
}
