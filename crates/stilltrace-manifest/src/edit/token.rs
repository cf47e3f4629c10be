//! Ways to write a scalar.

use std::fmt::Write as _;

use super::line_end;

/// The place a scalar is written in.
pub(super) struct Place<'a> {
    /// The text in front of the scalar.
    pub(super) before: &'a str,
    /// The scalar as it stands there.
    pub(super) token: &'a str,
    /// Whether the file is JSON, which knows double quotes only.
    pub(super) json: bool,
    /// Whether the value is a text and must stay one.
    pub(super) text: bool,
}

impl Place<'_> {
    /// What may have to stand in front of a value where there was none: a space behind `:` or `-`,
    /// and a colon behind a key that has none, as in `{a, b}`.
    pub(super) fn gaps(&self) -> &'static [&'static str] {
        if !self.token.is_empty() {
            return &[""];
        }
        let joined = !self.before.is_empty() && !self.before.ends_with([' ', '\t', '\n']);
        if joined { &[" ", ": "] } else { &["", ": "] }
    }
}

/// Ways to write `new`, the one most like the old token first. Some of them mean something else;
/// whoever writes one reads it back.
pub(super) fn candidates(place: &Place<'_>, new: &str) -> Vec<String> {
    let double = double_quoted(new);
    let written_so = place.token.is_empty() || place.token.starts_with('"');
    if place.json && (written_so || is_json_word(place.token)) {
        let plain = !place.text && is_json_word(new);
        return if plain { vec![new.to_owned()] } else { vec![double] };
    }
    let flat = !new.contains(['\n', '\r']);
    let single = flat.then(|| single_quoted(new));
    let mut ways: Vec<Option<String>> = Vec::new();
    match place.token.chars().next() {
        Some('"') => ways.push(Some(double)),
        Some('\'') => ways.extend([single, Some(double)]),
        Some('|' | '>') => {
            ways.extend(block(place.token, new));
            let end = if place.token.ends_with('\n') { line_end(place.token) } else { "" };
            ways.push(Some(format!("{double}{end}")));
        }
        _ => {
            let plain = flat && new.trim() == new;
            ways.push(plain.then(|| new.to_owned()));
            ways.extend([single, Some(double)]);
        }
    }
    ways.into_iter().flatten().collect()
}

/// Whether JSON takes the text for a number, a boolean or null (RFC 8259).
pub(super) fn is_json_word(text: &str) -> bool {
    if matches!(text, "true" | "false" | "null") {
        return true;
    }
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let unsigned = text.strip_prefix('-').unwrap_or(text);
    let (number, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((number, exponent)) => (number, exponent.strip_prefix(['+', '-']).unwrap_or(exponent)),
        None => (unsigned, "0"),
    };
    let (whole, fraction) = number.split_once('.').unwrap_or((number, "0"));
    let leading = whole.len() > 1 && whole.starts_with('0');
    digits(whole) && !leading && digits(fraction) && digits(exponent)
}

pub(super) fn single_quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// In double quotes, with the escapes that YAML and JSON share.
pub(super) fn double_quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if c.is_control() || matches!(c, '\u{feff}' | '\u{2028}' | '\u{2029}') => {
                // Writing to a string cannot fail.
                let _ = write!(out, "\\u{:04x}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

/// The block scalar with the lines of `new` under the old header and indentation, if need be with
/// another mark for the line feeds at its end.
fn block(token: &str, new: &str) -> Vec<Option<String>> {
    let header = token.split_inclusive('\n').next().unwrap_or("");
    let mut ways = vec![block_with(token, header, new)];
    let content = new.trim_end_matches('\n');
    let chomping = match new.len() - content.len() {
        0 => "-",
        1 => "",
        _ => "+",
    };
    let marks = header.len() - header.trim_start_matches(['|', '>', '+', '-']).len();
    let mut chomped = header.get(..1).unwrap_or("").to_owned();
    chomped.push_str(chomping);
    chomped.push_str(header.get(marks..).unwrap_or(""));
    if chomped != header {
        ways.push(block_with(token, &chomped, new));
    }
    ways
}

fn block_with(token: &str, header: &str, new: &str) -> Option<String> {
    let mut lines = token.split_inclusive('\n').skip(1);
    let content = lines.find(|line| !line.trim().is_empty())?;
    let indent = &content[..content.len() - content.trim_start_matches(' ').len()];
    let end = line_end(token);
    let folded = header.starts_with('>');
    let mut out = header.to_owned();
    let mut previous: Option<&str> = None;
    for line in new.strip_suffix('\n').unwrap_or(new).split('\n') {
        // One line feed between two lines of a folded text is a space.
        if folded && previous.is_some_and(|previous| is_folded(previous) && is_folded(line)) {
            out.push_str(end);
        }
        previous = Some(line);
        if !line.is_empty() {
            out.push_str(indent);
            out.push_str(line);
        }
        out.push_str(end);
    }
    if !token.ends_with('\n') {
        out.truncate(out.len() - end.len());
    }
    Some(out)
}

/// Whether a line of a folded text is joined with its neighbours.
fn is_folded(line: &str) -> bool {
    !line.is_empty() && !line.starts_with([' ', '\t'])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_words_are_those_of_the_standard() {
        for text in ["0", "-1", "10.50", "1e5", "1.5E-3", "true", "null"] {
            assert!(is_json_word(text), "{text}");
        }
        for text in ["", "-", "01", "1.", ".5", "1e", "+1", "0x1", "yes", "~", "Infinity"] {
            assert!(!is_json_word(text), "{text}");
        }
    }
}
