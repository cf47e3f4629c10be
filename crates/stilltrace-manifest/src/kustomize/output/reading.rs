//! What a scalar amounts to after Kustomize has written and read it on its way to the output.

use std::borrow::Cow;

use crate::problem::{Problem, ProblemKind};
use crate::yaml::{Entry, Mark, Node, Scalar, Style};

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
    let reading = match (node.tag(), scalar.style) {
        (Some("!!binary"), _) => binary(node, text)?,
        (Some(tag @ ("!!int" | "!!float" | "!!bool" | "!!null" | "!!timestamp")), _) => {
            tagged(node, text, tag)?
        }
        (None | Some("!"), Style::Plain) => plain(node, text)?,
        (_, Style::Literal | Style::Folded) => block(node, text, scalar.style)?,
        _ => Reading::Text(text.into()),
    };
    match reading {
        Reading::Text(text) => Ok(Reading::Text(through_json(text, &node.mark)?)),
        bare @ Reading::Bare(_) => Ok(bare),
    }
}

/// The text of a key after JSON.
///
/// # Errors
/// When it holds a character that the last reading refuses.
pub(super) fn key(entry: &Entry) -> Result<Reading<'_>, Problem> {
    let text = through_json(entry.key.as_str().into(), &entry.key_mark)?;
    if text.len() != entry.key.len() {
        return Err(control_character(&entry.key_mark, '\u{85}'));
    }
    Ok(Reading::Text(text))
}

/// What is left of a text that was written as JSON and read as YAML.
///
/// JSON leaves most control characters beyond ASCII as they are, which YAML refuses; the next-line
/// character is read as a line end and folded with the spaces around it.
fn through_json<'a>(text: Cow<'a, str>, mark: &Mark) -> Result<Cow<'a, str>, Problem> {
    if text.bytes().all(|b| b < 0x7F) {
        return Ok(text);
    }
    let refused =
        |c: &char| matches!(c, '\u{7f}'..='\u{84}' | '\u{86}'..='\u{9f}' | '\u{fffe}' | '\u{ffff}');
    if let Some(c) = text.chars().find(refused) {
        return Err(control_character(mark, c));
    }
    if !text.contains('\u{85}') {
        return Ok(text);
    }
    let (mut out, mut rest) = (String::with_capacity(text.len()), &*text);
    while let Some(at) = rest.find('\u{85}') {
        out.push_str(rest[..at].trim_end_matches(' '));
        let behind = rest[at..].trim_start_matches(['\u{85}', ' ']);
        let breaks = rest[at..rest.len() - behind.len()].matches('\u{85}').count();
        out.push_str(if breaks == 1 { " " } else { "" });
        (1..breaks).for_each(|_| out.push('\n'));
        rest = behind;
    }
    out.push_str(rest);
    Ok(out.into())
}

fn control_character(mark: &Mark, c: char) -> Problem {
    let text = format!("the control character U+{:04X} is not allowed", u32::from(c));
    Problem::at(mark, ProblemKind::Invalid, text)
}

/// A text that is kept as a block between the steps of a build.
fn block<'a>(node: &Node, text: &'a str, style: Style) -> Result<Reading<'a>, Problem> {
    if !super::style::fits_a_block(text) {
        return Ok(Reading::Text(text.into()));
    }
    if text.starts_with('\t') {
        let text = "a block text that begins with a tab cannot be read back; write it in quotes";
        return Err(Problem::at(&node.mark, ProblemKind::Invalid, text));
    }
    Ok(Reading::Text(match style {
        Style::Folded if text.contains('\n') => written_and_read(text).into(),
        _ => text.into(),
    }))
}

/// The value of a null.
pub(super) fn null() -> Reading<'static> {
    Reading::Bare("null".into())
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
