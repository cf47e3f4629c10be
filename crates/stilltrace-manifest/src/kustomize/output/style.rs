//! Which styles can hold a text.

use super::number;
use super::time::timestamp;

/// How a text is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Layout {
    /// Without quotes.
    Plain,
    /// In single quotes.
    Single,
    /// In double quotes, with escapes.
    Double,
    /// As a literal block.
    Literal,
}

/// What the characters of a text forbid (`yaml_emitter_analyze_scalar` of the Go YAML library 2).
#[derive(Debug, Clone, Copy, Default)]
#[allow(clippy::struct_excessive_bools, reason = "each is one independent finding of one scan")]
struct Analysis {
    multiline: bool,
    /// Indicators or white space that a plain scalar cannot have.
    not_plain: bool,
    not_single: bool,
    not_block: bool,
}

/// The layout of a text; `simple_key` for a key that stands on one line with its `:`.
pub(super) fn layout(text: &str, simple_key: bool) -> Layout {
    if is_word(text) {
        return if reads_as_text(text) { Layout::Plain } else { Layout::Double };
    }
    let wanted = match text.contains('\n') {
        true => Layout::Literal,
        false if reads_as_text(text) => Layout::Plain,
        false => Layout::Double,
    };
    let found = analyse(text);
    match wanted {
        Layout::Literal if found.not_block || simple_key => Layout::Double,
        Layout::Plain if simple_key && found.multiline => Layout::Double,
        Layout::Plain if found.not_plain && found.not_single => Layout::Double,
        Layout::Plain if found.not_plain || (text.is_empty() && simple_key) => Layout::Single,
        wanted => wanted,
    }
}

/// Whether a text has line breaks, so that a key that is one needs a line of its own.
pub(super) fn is_multiline(text: &str) -> bool {
    text.chars().any(is_break)
}

/// Whether a text may stand in a folded or literal block: no trailing space, nothing to escape.
///
/// The library that keeps an object between the steps of a build accepts tabs, unlike the one that
/// prints.
pub(super) fn fits_a_block(text: &str) -> bool {
    if text.is_empty() || text.ends_with(' ') {
        return false;
    }
    let mut after_space = false;
    text.chars().all(|c| {
        let space_before_break = after_space && is_break(c);
        after_space = c == ' ';
        !space_before_break && (c == '\t' || is_printable(c))
    })
}

/// Letters, digits and signs that never need quotes: what most scalars consist of.
fn is_word(text: &str) -> bool {
    let Some(first) = text.as_bytes().first() else { return false };
    first.is_ascii_alphanumeric()
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.' | b'/'))
}

/// Whether a plain scalar with this content is a text (`resolve.go` of the Go YAML library 2).
fn reads_as_text(text: &str) -> bool {
    let Some(first) = text.as_bytes().first() else { return false };
    match first {
        b'0'..=b'9' | b'+' | b'-' | b'.' => {
            !matches!(
                text,
                ".nan"
                    | ".NaN"
                    | ".NAN"
                    | ".inf"
                    | ".Inf"
                    | ".INF"
                    | "+.inf"
                    | "+.Inf"
                    | "+.INF"
                    | "-.inf"
                    | "-.Inf"
                    | "-.INF"
            ) && !number::is_number_in_print(text)
                && timestamp(text).is_none()
                && !is_base_60(text)
        }
        b'y' | b'Y' | b'n' | b'N' | b't' | b'T' | b'f' | b'F' | b'o' | b'O' | b'~' => !matches!(
            text,
            "y" | "Y"
                | "yes"
                | "Yes"
                | "YES"
                | "true"
                | "True"
                | "TRUE"
                | "on"
                | "On"
                | "ON"
                | "n"
                | "N"
                | "no"
                | "No"
                | "NO"
                | "false"
                | "False"
                | "FALSE"
                | "off"
                | "Off"
                | "OFF"
                | "~"
                | "null"
                | "Null"
                | "NULL"
        ),
        _ => true,
    }
}

/// Digits in groups of sixty, such as `12:30`, which YAML 1.1 reads as a number.
fn is_base_60(text: &str) -> bool {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let mut groups = whole.split(':');
    let Some(first) = groups.next() else { return false };
    let counted = |text: &str| text.bytes().all(|b| b.is_ascii_digit() || b == b'_');
    let mut more = 0;
    let sound = groups.all(|group| {
        more += 1;
        match group.as_bytes() {
            [ones] => ones.is_ascii_digit(),
            [tens, ones] => (b'0'..=b'5').contains(tens) && ones.is_ascii_digit(),
            _ => false,
        }
    });
    first.starts_with(|c: char| c.is_ascii_digit())
        && counted(first)
        && counted(fraction)
        && sound
        && more > 0
}

fn analyse(text: &str) -> Analysis {
    if text.is_empty() {
        return Analysis { not_block: true, ..Analysis::default() };
    }
    let mut found = Analysis {
        not_plain: text.starts_with("---") || text.starts_with("..."),
        ..Analysis::default()
    };
    let (mut special, mut space_break, mut break_space) = (false, false, false);
    let (mut previous, mut after_blank) = ('x', true);
    let mut chars = text.chars().peekable();
    let mut first = true;
    while let Some(c) = chars.next() {
        let before_blank = chars.peek().is_none_or(|next| *next == ' ' || *next == '\t');
        found.not_plain |= match c {
            '#' => first || after_blank,
            ',' | '[' | ']' | '{' | '}' | '&' | '*' | '!' | '|' | '>' | '\'' | '"' | '%' | '@'
            | '`' => first,
            ':' => before_blank,
            '?' | '-' => first && before_blank,
            ' ' => first || chars.peek().is_none(),
            c => is_break(c),
        };
        special |= !is_printable(c);
        found.multiline |= is_break(c);
        space_break |= previous == ' ' && is_break(c);
        break_space |= is_break(previous) && c == ' ';
        after_blank = c == ' ' || c == '\t' || is_break(c);
        (previous, first) = (c, false);
    }
    found.not_plain |= special || space_break || break_space;
    found.not_single = special || space_break || break_space;
    found.not_block = special || space_break || text.ends_with(' ');
    found
}

/// What a line may end with.
pub(super) fn is_break(c: char) -> bool {
    matches!(c, '\n' | '\r' | '\u{85}' | '\u{2028}' | '\u{2029}')
}

/// What needs no escape. Characters beyond the basic plane, such as emoji, do.
pub(super) fn is_printable(c: char) -> bool {
    match c {
        '\n' | ' '..='~' => true,
        '\u{feff}' => false,
        c => matches!(c, '\u{a0}'..='\u{d7ff}' | '\u{e000}'..='\u{fffd}'),
    }
}
