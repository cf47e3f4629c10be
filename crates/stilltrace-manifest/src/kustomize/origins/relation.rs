//! What each step means: how the value must follow from the text at its mark.

use super::places::{Places, Written};
use crate::kustomize::output::{moment, number_of, written_and_read};
use crate::yaml::{Derivation, Mark, Node, Value, old_flag};

/// Whether a value follows from the text at its mark by the step that it names.
pub(super) fn holds(leaf: &Node, places: &Places<'_>) -> Result<(), &'static str> {
    let source = places.source(&leaf.mark)?;
    if matches!(leaf.value, Value::Mapping(_) | Value::Sequence(_)) {
        // An empty list or mapping: written so, or emptied, or made.
        let begins = source.is_collection(&leaf.mark) || !source.written(&leaf.mark).is_empty();
        return said(begins, "no list or mapping begins there");
    }
    let value = leaf.text().unwrap_or("");
    let texts = || texts_at(leaf, places);
    for piece in leaf.pieces() {
        let there = piece.text.is_empty()
            || texts_of(&piece.mark, places).iter().any(|text| text.contains(piece.text.as_str()))
            || places.source(&piece.mark)?.token(&piece.mark) == piece.text.as_bytes();
        said(there, "a piece of it is not where it says")?;
        said(value.contains(piece.text.as_str()), "a piece is not in it")?;
    }
    let pieces = || leaf.pieces().iter().map(|piece| piece.text.to_string()).collect::<Vec<_>>();
    match leaf.derivation() {
        // Byte by byte, or as a scalar of YAML.
        Derivation::Written
            if !value.is_empty() && source.token(&leaf.mark) == value.as_bytes() =>
        {
            Ok(())
        }
        Derivation::Written => written(leaf, source.written(&leaf.mark)),
        Derivation::Extended => said(covered(value, &pieces()), "not put together from its pieces"),
        Derivation::Hashed => {
            let name = value.rsplit_once('-').filter(|(_, hash)| is_hash(hash));
            let (name, _) = name.ok_or("no hash at its end")?;
            said(covered(name, &pieces()), "not put together from its pieces")
        }
        Derivation::Image => said(image(value, &pieces()), "not put together from its pieces"),
        Derivation::Part => said(
            texts().first().is_some_and(|text| value.contains(text)),
            "not a part of the value",
        ),
        Derivation::Pair => pair(value, leaf, places),
        Derivation::Content => {
            said(source.bytes == value.as_bytes(), "not the content of the file")
        }
        Derivation::Encoded => encoded(value, leaf, places),
        Derivation::Generated | Derivation::Stamped => {
            let begins = source.is_collection(&leaf.mark) || !source.written(&leaf.mark).is_empty();
            said(begins, "nothing begins there")
        }
        Derivation::Substituted => said(
            texts().iter().any(|text| substituted(value, text)),
            "not the text with variables replaced",
        ),
        Derivation::Excerpt => {
            said(texts().first().is_some_and(|text| text.contains(value)), "not a part of the text")
        }
        // Charts are held against their lines where Helm is at hand, in `sources`.
        Derivation::Embedded | Derivation::Templated => Ok(()),
    }
}

fn said(holds: bool, otherwise: &'static str) -> Result<(), &'static str> {
    if holds { Ok(()) } else { Err(otherwise) }
}

fn written(leaf: &Node, there: &[Written]) -> Result<(), &'static str> {
    if there.is_empty() {
        return Err("nothing is written there");
    }
    let same = |written: &Written| match (leaf.text(), written) {
        // Annotations are texts, also where nothing is written; a null is the word for it.
        (None | Some("" | "null"), Written::Null) => true,
        (Some(value), Written::Scalar(text)) => value == text || through_json(value, text),
        _ => false,
    };
    said(there.iter().any(same), "another value is written there")
}

/// Whether a value is what a JSON patch leaves of the scalar written there: the same number as a
/// double, a date as a moment, a word of YAML 1.1 as a boolean, a folded text folded once more.
fn through_json(value: &str, text: &str) -> bool {
    (number_of(text).is_some() && number_of(text) == number_of(value))
        || moment(text).as_deref() == Some(value)
        || old_flag(text).is_some_and(|flag| flag.to_string() == value)
        || written_and_read(text) == value
}

/// The texts at the mark of a value and at the places that it overrode, newest first.
fn texts_at(leaf: &Node, places: &Places<'_>) -> Vec<String> {
    let marks = std::iter::once(&leaf.mark).chain(leaf.overrode().iter().rev());
    marks.flat_map(|mark| texts_of(mark, places)).collect()
}

fn texts_of(mark: &Mark, places: &Places<'_>) -> Vec<String> {
    let Ok(source) = places.source(mark) else { return Vec::new() };
    let text = |written: &Written| match written {
        Written::Scalar(text) => Some(text.clone()),
        Written::Null => None,
    };
    source.written(mark).iter().filter_map(text).collect()
}

/// Whether the value is pieces put behind each other, each used once; further ones may lie within.
fn covered(value: &str, pieces: &[String]) -> bool {
    let ends = pieces.iter().enumerate().filter(|(_, piece)| !piece.is_empty());
    value.is_empty()
        || ends.into_iter().any(|(at, piece)| {
            let rest = [&pieces[..at], &pieces[at + 1..]].concat();
            value.strip_prefix(piece.as_str()).is_some_and(|value| covered(value, &rest))
        })
}

fn is_hash(text: &str) -> bool {
    text.len() == 10 && text.bytes().all(|byte| byte.is_ascii_digit() || byte.is_ascii_lowercase())
}

/// Whether each part of an image reference is a text, or the same part of one.
fn image(value: &str, texts: &[String]) -> bool {
    let (name, tag, digest) = parts(value);
    let given = |part: &str, of: fn(&str) -> Option<&str>| {
        let mut all = texts.iter();
        all.any(|text| text == part || of(text) == Some(part))
    };
    let tag_of = |text: &str| given(text, |text| parts(text).1);
    let extended_tag = |tag: &str| {
        texts.iter().any(|end| {
            tag.strip_suffix(end.as_str()).is_some_and(|tag| tag.is_empty() || tag_of(tag))
        })
    };
    given(name, |text| Some(parts(text).0))
        && tag.is_none_or(|tag| tag_of(tag) || extended_tag(tag))
        && digest.is_none_or(|digest| given(digest, |text| parts(text).2))
}

fn parts(image: &str) -> (&str, Option<&str>, Option<&str>) {
    let (rest, digest) = match image.split_once('@') {
        Some((rest, digest)) => (rest, Some(digest)),
        None => (image, None),
    };
    let path = rest.rfind('/').map_or(0, |slash| slash + 1);
    match rest[path..].find(':') {
        Some(colon) => (&rest[..path + colon], Some(&rest[path + colon + 1..]), digest),
        None => (rest, None, digest),
    }
}

/// `KEY=value`, as a text of YAML or as a line of a file.
fn pairs_of(mark: &Mark, places: &Places<'_>) -> Vec<String> {
    let mut all = texts_of(mark, places);
    if let Ok(source) = places.source(mark) {
        all.push(String::from_utf8_lossy(source.token(mark)).into_owned());
    }
    let behind = |text: String| text.split_once('=').map(|(_, value)| value.to_owned());
    all.into_iter().filter_map(behind).collect()
}

fn pair(value: &str, leaf: &Node, places: &Places<'_>) -> Result<(), &'static str> {
    let unquoted = |text: &str| {
        let inner = |quote| text.strip_prefix(quote).and_then(|text| text.strip_suffix(quote));
        inner('"').or(inner('\'')) == Some(value)
    };
    let mut pairs = pairs_of(&leaf.mark, places).into_iter();
    said(pairs.any(|text| text == value || unquoted(&text)), "not what stands behind the `=`")
}

fn encoded(value: &str, leaf: &Node, places: &Places<'_>) -> Result<(), &'static str> {
    let plain = decoded(value).ok_or("no base64")?;
    let source = places.source(&leaf.mark)?;
    let bytes = |text: &String| text.as_bytes() == plain;
    let equal = source.bytes == plain
        || texts_of(&leaf.mark, places).iter().any(bytes)
        || pairs_of(&leaf.mark, places).iter().any(|text| {
            let inner = text.trim_matches(['"', '\'']);
            text.as_bytes() == plain || inner.as_bytes() == plain
        });
    said(equal, "not base64 of what is there")
}

fn decoded(text: &str) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    let (mut bits, mut count) = (0_u32, 0);
    for byte in text.bytes().filter(|byte| *byte != b'\n' && *byte != b'=') {
        let six = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => return None,
        };
        bits = bits << 6 | u32::from(six);
        count += 6;
        if count >= 8 {
            count -= 8;
            out.push((bits >> count & 255) as u8);
        }
    }
    Some(out)
}

/// Whether the pieces between the variables of a text stand in the value in their order.
fn substituted(value: &str, text: &str) -> bool {
    let mut rest = value;
    let mut pieces = text.split('$');
    if let Some(first) = pieces.next() {
        match rest.strip_prefix(first) {
            Some(behind) => rest = behind,
            None => return false,
        }
    }
    for piece in pieces {
        let fixed = piece.split_once([')', '}']).map_or(piece, |(_, fixed)| fixed);
        match rest.find(fixed) {
            Some(at) => rest = &rest[at + fixed.len()..],
            None => return false,
        }
    }
    true
}
