//! The guilty line with its neighbours and a caret, as compilers show it.

use stilltrace_model::{Cause, Side};
use unicode_width::UnicodeWidthStr;

use crate::{
    clean::escape,
    page::{Page, Span, Tone, cut},
};

/// Widest gutter: seven digits of a line number.
const GUTTER: usize = 7;
/// At most this many lines are quoted.
const LINES: usize = 9;

/// Writes `--> path:line:column`, the lines around, and the caret with the note.
pub(super) fn write(page: &mut Page, cause: &Cause) {
    let gutter = " ".repeat(GUTTER - 2);
    page.line(&[
        Span::new(Tone::Gutter, format!("{gutter}--> ")),
        Span::new(Tone::Strong, cause.at.to_string()),
    ]);
    let note = note(cause);
    let quoted = quoted(cause);
    if quoted.is_empty() {
        let head = [Span::new(Tone::Gutter, format!("{gutter}  = ")), Span::plain("")];
        page.paragraph(&head, GUTTER + 2, &[Span::plain(note)]);
        return;
    }
    page.line(&[bar("")]);
    for (number, text) in quoted {
        let guilty = number == cause.at.line;
        let removed = guilty && cause.side == Side::Before;
        let mark = if removed { "- " } else { "" };
        let room = page.width().saturating_sub(GUTTER + 2 + mark.len());
        let tone = match (guilty, removed) {
            (true, true) => Tone::Bad,
            (true, false) => Tone::Strong,
            _ => Tone::Plain,
        };
        page.line(&[
            bar(&number.to_string()),
            Span::new(Tone::Bad, mark),
            Span::new(tone, cut(&escape(text), room)),
        ]);
        if guilty {
            caret(page, text, cause, mark.len(), &note);
        }
    }
    page.line(&[bar("")]);
}

fn bar(number: &str) -> Span {
    Span::new(Tone::Gutter, format!("{number:>width$} | ", width = GUTTER - 2))
}

/// The quoted lines around the guilty one, numbered.
fn quoted(cause: &Cause) -> Vec<(u32, &str)> {
    let before = u32::try_from(LINES / 2).unwrap_or(0);
    let (from, to) = (cause.at.line.saturating_sub(before), cause.at.line.saturating_add(before));
    cause
        .context
        .iter()
        .enumerate()
        .filter_map(|(index, text)| {
            Some((cause.first_line.checked_add(u32::try_from(index).ok()?)?, text))
        })
        .filter(|(number, _)| (from..=to).contains(number))
        .map(|(number, text)| (number, text.as_str()))
        .collect()
}

fn caret(page: &mut Page, text: &str, cause: &Cause, mark: usize, note: &str) {
    let skip = usize::try_from(cause.at.column.saturating_sub(1)).unwrap_or(usize::MAX);
    let before: String = text.chars().take(skip).collect();
    let value: String = text.chars().skip(skip).collect();
    let room = page.width().saturating_sub(GUTTER + 2 + mark + 2);
    let column = escape(&before).width().min(room / 2);
    // The value's bytes, as far as they lie on this line.
    let bytes = cause.at.end.saturating_sub(cause.at.start);
    let value: String = value
        .char_indices()
        .take_while(|(at, _)| *at < bytes)
        .map(|(_, character)| character)
        .collect();
    let length = escape(value.trim_end()).width().clamp(1, 24);
    let indent = " ".repeat(mark + column);
    let head =
        [bar(""), Span::plain(&indent), Span::new(Tone::Bad, "^".repeat(length)), Span::plain(" ")];
    // A note of several lines starts below the caret's own start, so that long values leave room.
    let hang = (GUTTER + indent.len()).min(page.width() / 2) + 2;
    page.paragraph(&head, hang, &[Span::new(Tone::Bad, note)]);
}

/// What the line did. The value before is named where the note does not.
fn note(cause: &Cause) -> String {
    let before = cause.before.as_deref().filter(|before| {
        cause.side == Side::After && !cause.note.contains(&format!("was {before}"))
    });
    match (before, cause.note.as_str()) {
        (Some(before), "") => format!("was {before}"),
        (Some(before), note) => format!("was {before}; {note}"),
        (None, "") => format!("sets {}", cause.field),
        (None, note) => note.to_owned(),
    }
}
