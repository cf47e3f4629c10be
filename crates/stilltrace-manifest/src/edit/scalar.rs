//! Setting a scalar.

use std::fmt::Write as _;

use crate::yaml::{Mark, Resolved};

use super::verify::{Leaf, documents, leaves, same_leaf};
use super::{EditError, line_end, splice};

/// `source` with the scalar at `mark` set to `new`.
///
/// `new` is the value, not its YAML: the way the scalar is written stays if it can hold the value,
/// otherwise quotes are added. A text stays a text (`"10"` or `v1` set to `2` become a quoted `2`);
/// a number, boolean or null takes whatever kind `new` has.
pub fn set_scalar(source: &str, mark: &Mark, new: &str) -> Result<String, EditError> {
    let missing = || EditError::NotFound { mark: mark.clone() };
    let token = source.get(mark.range()).ok_or_else(missing)?;
    let before = leaves(&documents(source, &mark.path, mark.range().start));
    let old = before.iter().find(|leaf| leaf.start == mark.range().start).ok_or_else(missing)?;
    for candidate in candidates(source, mark, token, new) {
        let Some(edited) = splice(source, mark.range().start, mark.range().end, &candidate) else {
            continue;
        };
        let after = leaves(&documents(&edited, &mark.path, mark.range().start));
        if holds(&before, &after, old, new) {
            return Ok(edited);
        }
    }
    Err(EditError::NotWritable { mark: mark.clone(), text: new.to_owned() })
}

/// Whether the edited leaves differ from the former ones in the one value only.
fn holds(before: &[Leaf], after: &[Leaf], old: &Leaf, new: &str) -> bool {
    let text_before = old.resolved == Some(Resolved::Text);
    before.len() == after.len()
        && before.iter().zip(after).all(|(before, after)| {
            if before.start != old.start {
                return same_leaf(before, after);
            }
            let kind_kept = !text_before || after.resolved == Some(Resolved::Text);
            // A null has no text; the words for it all mean the same.
            let text = match after.resolved {
                Some(Resolved::Null) => matches!(new, "" | "~" | "null" | "Null" | "NULL"),
                _ => after.text.as_deref() == Some(new),
            };
            before.place == after.place && kind_kept && text
        })
}

/// Ways to write `new`, the one most like the old token first.
fn candidates(source: &str, mark: &Mark, token: &str, new: &str) -> Vec<String> {
    let (single, double) = (single_quoted(new), double_quoted(new));
    let flat = !new.contains(['\n', '\r']);
    let mut ways: Vec<Option<String>> = Vec::new();
    match token.chars().next() {
        Some('"') => ways.push(Some(double.clone())),
        Some('\'') => ways.extend([flat.then(|| single.clone()), Some(double.clone())]),
        Some('|' | '>') => {
            ways.push(block(token, new));
            let end = if token.ends_with('\n') { line_end(token) } else { "" };
            ways.push(Some(format!("{double}{end}")));
        }
        _ => {
            let plain = flat && new.trim() == new;
            ways.push(plain.then(|| new.to_owned()));
            ways.extend([flat.then(|| single.clone()), Some(double.clone())]);
        }
    }
    // An absent value needs a space behind `:` or `-`.
    let gap = token.is_empty() && !source[..mark.range().start].ends_with([' ', '\t', '\n']);
    let pad = if gap { " " } else { "" };
    ways.into_iter().flatten().map(|way| format!("{pad}{way}")).collect()
}

fn single_quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

fn double_quoted(text: &str) -> String {
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
                let _ = write!(out, "\\U{:08x}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

/// The block scalar with the lines of `new` under the old header and indentation.
fn block(token: &str, new: &str) -> Option<String> {
    let mut lines = token.split_inclusive('\n');
    let header = lines.next()?;
    let content = lines.find(|line| !line.trim().is_empty())?;
    let indent = &content[..content.len() - content.trim_start_matches(' ').len()];
    let end = line_end(token);
    let mut out = header.to_owned();
    for line in new.strip_suffix('\n').unwrap_or(new).split('\n') {
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
