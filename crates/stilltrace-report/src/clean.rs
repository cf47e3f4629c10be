//! Makes hostile text harmless on a terminal.
//!
//! Authors, messages, paths and labels are written by others. A terminal obeys C0 and C1 control
//! characters and reorders text at bidirectional controls; invisible characters make two different
//! names look alike. All of them are shown by their number instead, as kubectl does since
//! CVE-2021-25743.

/// Longest text of one field, in characters; the rest is cut and marked with `…`.
const FIELD_LIMIT: usize = 2_000;

/// The text with every character that a terminal would obey or hide shown as `\x1b` or `\u{202e}`.
///
/// Line breaks and tabs count as such characters: a field is always one line. Text beyond 2,000
/// characters is cut.
pub fn escape(text: &str) -> String {
    let mut clean = String::with_capacity(text.len().min(FIELD_LIMIT));
    for (count, character) in text.chars().enumerate() {
        if count == FIELD_LIMIT {
            clean.push('…');
            break;
        }
        if is_obeyed_or_hidden(character) {
            clean.push_str(&by_number(character));
        } else {
            clean.push(character);
        }
    }
    clean
}

/// Whether a terminal acts on the character or shows nothing for it.
///
/// General category Cc, the line and paragraph separators, and the property
/// `Default_Ignorable_Code_Point` of Unicode 16 (which holds bidirectional controls, zero-width
/// characters, variation selectors and tags), plus the interlinear annotation marks.
pub(crate) fn is_obeyed_or_hidden(character: char) -> bool {
    matches!(character,
        '\0'..='\u{1f}' | '\u{7f}'..='\u{9f}'
        | '\u{ad}' | '\u{34f}' | '\u{61c}'
        | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}' | '\u{180b}'..='\u{180f}'
        | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
        | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}'
        | '\u{fff0}'..='\u{fffb}' | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}'
        | '\u{e0000}'..='\u{e0fff}')
}

fn by_number(character: char) -> String {
    let number = u32::from(character);
    if number <= 0xff { format!("\\x{number:02x}") } else { format!("\\u{{{number:x}}}") }
}

#[cfg(test)]
mod tests {
    use super::{FIELD_LIMIT, escape, is_obeyed_or_hidden};

    #[test]
    fn what_a_terminal_obeys_is_shown_by_number() {
        let hostile = "a\u{1b}[2J\r\n\t\u{7f}\u{9b}31m\u{202e}b\u{200b}c\u{feff}";
        assert_eq!(escape(hostile), r"a\x1b[2J\x0d\x0a\x09\x7f\x9b31m\u{202e}b\u{200b}c\u{feff}");
    }

    #[test]
    fn ordinary_text_is_left_alone() {
        for text in ["retries: 3", "Zoë 山田", "a\\b", "é → ü", ""] {
            assert_eq!(escape(text), text);
        }
    }

    #[test]
    fn no_character_at_all_gets_through() {
        for character in ('\0'..=char::MAX).filter(|&character| is_obeyed_or_hidden(character)) {
            let shown = escape(&character.to_string());
            assert!(shown.is_ascii() && !shown.chars().any(char::is_control), "{shown}");
        }
    }

    #[test]
    fn endless_fields_are_cut() {
        let shown = escape(&"x".repeat(1_000_000));
        assert_eq!(shown.chars().count(), FIELD_LIMIT + 1);
        assert!(shown.ends_with('…'));
    }
}
