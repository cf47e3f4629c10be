//! Sets scalars of a file to other values and back, and says what went wrong.

use std::ops::Range;

use stilltrace_manifest::edit::{EditError, Edited, Editor, set_scalar};
use stilltrace_manifest::yaml::{Resolved, Style, Value, parse};
use stilltrace_manifest::{Budget, Mark, Node};

/// Values that a scalar is set to: a number, a text that needs quotes, a boolean, several lines.
pub(crate) const VALUES: &[&str] = &["31337", "a: b #c", "true", "one\n  two\n\nthree\n"];

/// How many edits of some files there were, and what went wrong.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    /// Files with at least one scalar.
    pub(crate) files: usize,
    /// Scalars that were set.
    pub(crate) scalars: usize,
    /// Edits: each scalar to each value.
    pub(crate) edits: usize,
    /// Edits whose result was read again as a whole and compared value by value.
    pub(crate) compared: usize,
    /// Scalars that were set to a value of their own kind and back by two edits that know nothing of
    /// each other.
    pub(crate) independent: usize,
    /// What went wrong.
    pub(crate) misses: Vec<String>,
}

impl Outcome {
    /// Both together.
    pub(crate) fn add(&mut self, other: Self) {
        self.files += other.files;
        self.scalars += other.scalars;
        self.edits += other.edits;
        self.compared += other.compared;
        self.independent += other.independent;
        self.misses.extend(other.misses);
    }
}

/// How thoroughly a file is edited.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Effort {
    /// Scalars of a file, evenly spread; `usize::MAX` for all.
    pub(crate) scalars: usize,
    /// Whether each is set to every value instead of to one.
    pub(crate) every_value: bool,
    /// Every how manyth edit is read again as a whole.
    pub(crate) compare_every: usize,
}

/// A scalar of a file.
struct Spot {
    mark: Mark,
    value: Option<String>,
    resolved: Option<Resolved>,
    style: Option<Style>,
}

/// Edits the scalars of one file.
pub(crate) fn edit_file(path: &str, source: &str, effort: Effort) -> Outcome {
    let editor = Editor::new(path, source);
    let spots = spots(&editor);
    let mut outcome = Outcome { files: usize::from(!spots.is_empty()), ..Outcome::default() };
    // Each file begins elsewhere in the row, so that short ones have their turns too.
    let is_turn = |edits: usize| (edits + path.len()).is_multiple_of(effort.compare_every);
    let stride = spots.len().div_ceil(effort.scalars).max(1);
    for (number, spot) in spots.iter().enumerate().step_by(stride) {
        outcome.scalars += 1;
        let value = VALUES[number / stride % VALUES.len()];
        let values = if effort.every_value { VALUES } else { &[value][..] };
        for new in values {
            outcome.edits += 1;
            let compare = is_turn(outcome.edits);
            outcome.compared += usize::from(compare);
            if let Err(what) = there_and_back(&editor, source, spot, new, compare) {
                outcome.misses.push(format!("{}: set to {new:?}: {what}", spot.mark));
            }
        }
        // Each of the two reads the whole file.
        match is_turn(outcome.edits).then(|| twice(source, spot)).flatten() {
            None => {}
            Some(Ok(())) => outcome.independent += 1,
            Some(Err(what)) => outcome.misses.push(format!("{}: {what}", spot.mark)),
        }
    }
    outcome
}

/// Every scalar of a file once; what an alias repeats stands at its anchor.
fn spots(editor: &Editor<'_>) -> Vec<Spot> {
    let mut spots: Vec<Spot> = Vec::new();
    for document in editor.documents() {
        for (_, node) in document.root.leaves() {
            let style = match &node.value {
                Value::Scalar(scalar) => Some(scalar.style),
                Value::Null => None,
                Value::Sequence(_) | Value::Mapping(_) => continue,
            };
            spots.push(Spot {
                mark: node.mark.clone(),
                value: node.text().map(str::to_owned),
                resolved: node.resolved(),
                style,
            });
        }
    }
    spots.sort_by_key(|spot| spot.mark.start);
    spots.dedup_by_key(|spot| spot.mark.start);
    spots
}

fn there_and_back(
    editor: &Editor<'_>,
    source: &str,
    spot: &Spot,
    new: &str,
    compare: bool,
) -> Result<(), String> {
    let said = |error: EditError| error.to_string();
    let edited = editor.set_scalar(&spot.mark, new).map_err(said)?;
    only_the_token_differs(source, &spot.mark.range(), &edited)?;
    if compare {
        intended(source, &edited, spot, new)?;
    }
    let back = edited.set(spot.value.as_deref().unwrap_or("null")).map_err(said)?;
    if back.text == source { Ok(()) } else { Err("the way back gives other bytes".to_owned()) }
}

fn only_the_token_differs(
    source: &str,
    token: &Range<usize>,
    edited: &Edited,
) -> Result<(), String> {
    let (before, after) = (&source[..token.start], &source[token.end..]);
    let text = edited.text.strip_prefix(before).and_then(|rest| rest.strip_suffix(after));
    let placed = text.and_then(|text| text.strip_suffix(&edited.text[edited.mark.range()]));
    match placed {
        Some("" | " " | ": ") => Ok(()),
        _ => Err("other bytes than those of the token differ".to_owned()),
    }
}

/// Reads both files as wholes: all values are the same but the one, which is the new one.
fn intended(source: &str, edited: &Edited, spot: &Spot, new: &str) -> Result<(), String> {
    let read = |text: &str| parse("f.yaml", text.as_bytes(), &Budget::default());
    let (before, after) = (read(source), read(&edited.text));
    if before.documents.len() != after.documents.len() {
        return Err("another number of documents".to_owned());
    }
    for (before, after) in before.documents.iter().zip(&after.documents) {
        let (before, after) = (before.root.leaves(), after.root.leaves());
        if before.len() != after.len() {
            return Err("another number of values".to_owned());
        }
        for ((place, was), (now_place, is)) in before.iter().zip(&after) {
            let same = if was.mark.start == spot.mark.start {
                is.text() == Some(new) && kept_kind(was, is)
            } else {
                was.same_value(is) || was.text() == is.text() && was.text().is_some()
            };
            if place != now_place || !same {
                return Err(format!("{place} is {:?} now", is.text()));
            }
        }
    }
    Ok(())
}

fn kept_kind(was: &Node, is: &Node) -> bool {
    was.resolved() != Some(Resolved::Text) || is.resolved() == Some(Resolved::Text)
}

/// Sets the scalar to another value of its kind, and a second edit that starts from the new file
/// sets the old value. `None` where the way it is written cannot be known from its value.
fn twice(source: &str, spot: &Spot) -> Option<Result<(), String>> {
    let value = spot.value.as_deref()?;
    let token = source.get(spot.mark.range())?;
    if token.is_empty() || value.contains(char::is_control) {
        return None;
    }
    let written_once = match spot.style? {
        Style::Plain => token == value,
        Style::SingleQuoted => token == format!("'{}'", value.replace('\'', "''")),
        Style::DoubleQuoted => token == format!("\"{value}\""),
        Style::Literal | Style::Folded => false,
    };
    if !written_once {
        return None;
    }
    let new = match spot.resolved? {
        Resolved::Bool(true) => "false",
        Resolved::Bool(false) => "true",
        Resolved::Int(_) | Resolved::Float(_) => "31337",
        Resolved::Text => "something-else",
        Resolved::Null => return None,
    };
    Some(both(source, spot, value, new))
}

fn both(source: &str, spot: &Spot, value: &str, new: &str) -> Result<(), String> {
    let said = |error: EditError| error.to_string();
    let there = set_scalar(source, &spot.mark, new).map_err(said)?;
    let editor = Editor::new(&spot.mark.path, &there);
    let mut leaves = editor.documents().iter().flat_map(|document| document.root.leaves());
    let found = leaves.find(|(_, node)| node.mark.start == spot.mark.start);
    let (_, node) = found.ok_or("the new value is not where the old one was")?;
    let back = editor.set_scalar(&node.mark, value).map_err(said)?.text;
    if back == source {
        return Ok(());
    }
    let end = node.mark.range().end + 40;
    Err(format!(
        "two edits of their own give other bytes: {:?}",
        back.get(spot.mark.range().start..end)
    ))
}
