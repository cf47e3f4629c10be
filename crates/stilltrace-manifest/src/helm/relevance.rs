//! Which values may be in which scalars, judged by their texts alone.
//!
//! Only a filter: it saves runs of Helm, it proves nothing.

use std::collections::BTreeSet;

use super::layers::{Candidate, Kind};

/// Whether templates take the value for empty.
pub(super) fn is_empty(candidate: &Candidate) -> bool {
    match candidate.kind {
        Kind::Null => true,
        Kind::Text => candidate.text.is_empty(),
        Kind::Boolean => {
            !candidate.text.to_ascii_lowercase().starts_with(['t', 'y', 'o'])
                || candidate.text.eq_ignore_ascii_case("off")
        }
        Kind::Number => candidate.text.trim_matches(['0', '.', '-', '+']).is_empty(),
    }
}

/// Whether the value may be in a scalar that is still open.
pub(super) fn is_relevant(candidate: &Candidate, open: &BTreeSet<&str>) -> bool {
    let text = candidate.text.trim();
    if text.is_empty() || candidate.kind == Kind::Boolean {
        return open.contains(text)
            || (!text.is_empty() && open.iter().any(|one| has_word(one, text)));
    }
    if text.contains("{{") {
        return true;
    }
    let first = text.lines().next().unwrap_or(text);
    if candidate.kind == Kind::Number || text.len() < 3 {
        let number = text.parse::<f64>().ok();
        let is_it = |one: &&str| number.is_some() && one.parse::<f64>().ok() == number;
        return open.iter().any(|one| has_word(one, text) || is_it(one));
    }
    // A text of several lines may be indented, or be a list that is split.
    let lower = first.to_lowercase();
    open.iter().any(|one| {
        one.contains(first) || one.contains(&lower) || (!one.is_empty() && text.contains(*one))
    })
}

/// Whether `text` holds `word`, not as a part of a longer word.
pub(super) fn has_word(text: &str, word: &str) -> bool {
    let is_part = |letter: Option<char>| letter.is_some_and(char::is_alphanumeric);
    text.match_indices(word).any(|(at, _)| {
        let (before, after) = (&text[..at], &text[at + word.len()..]);
        let digits = word.starts_with(|letter: char| letter.is_ascii_digit());
        // A number may carry a unit.
        let ends = if digits {
            !after.starts_with(|letter: char| letter.is_ascii_digit())
        } else {
            !is_part(after.chars().next())
        };
        ends && !is_part(before.chars().next_back())
    })
}

/// Whether a key may be in a scalar that is still open.
pub(super) fn is_key_relevant(key: &str, open: &BTreeSet<&str>) -> bool {
    !key.is_empty() && open.iter().any(|one| has_word(one, key))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_words_and_may_carry_a_unit() {
        assert!(has_word("10s", "10") && has_word("a-80", "80") && has_word("80", "80"));
        assert!(!has_word("100s", "10") && !has_word("v10", "10") && !has_word("trueish", "true"));
    }
}
