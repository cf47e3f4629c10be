//! Stand-ins for what cannot carry markers: numbers, names, versions, keys.
//!
//! A stand-in is a text that occurs nowhere else. Where it comes out, it is put between markers and
//! replaced by the value it stands for, so that one comparison serves for all changes.

use std::collections::BTreeMap;

use super::markers::Alphabet;

/// What stand-ins stand for, by the number of the mark.
pub(super) type Values = BTreeMap<usize, String>;

/// Ends of a suffix, with three letters between.
const ENDS: (&str, &str) = ("zq", "xj");
/// Bytes of a suffix.
const LENGTH: usize = 7;
/// Suffixes that can be told apart.
pub(super) const SUFFIXES: usize = 26 * 26 * 26;

/// A suffix that is a part of names, versions and labels alike; one for each number.
pub(super) fn suffix(number: usize) -> String {
    let letter = |number: usize| char::from(b'a' + u8::try_from(number % 26).unwrap_or(0));
    let (start, end) = ENDS;
    format!("{start}{}{}{}{end}", letter(number / 676), letter(number / 26), letter(number))
}

/// The number of the suffix that `text` begins with.
fn suffixed(text: &str) -> Option<usize> {
    let text = text.get(..LENGTH)?;
    let letters = text.strip_prefix(ENDS.0)?.strip_suffix(ENDS.1)?;
    let is_letter = |byte: u8| byte.is_ascii_lowercase();
    letters
        .bytes()
        .all(is_letter)
        .then(|| letters.bytes().fold(0, |number, byte| number * 26 + usize::from(byte - b'a')))
}

/// The answer with every suffixed value between markers, the suffix removed.
///
/// A value may come out in other letters (`lower`); a suffix that came out without its value is
/// removed alone. Build metadata is joined to a version by `+`, which labels write as `_`.
pub(super) fn resolve_suffixes(answer: &str, values: &Values, alphabet: Alphabet) -> String {
    let mut resolved = String::with_capacity(answer.len());
    let mut rest = answer;
    while let Some(at) = rest.find(ENDS.0) {
        let (before, after) = rest.split_at(at);
        let Some(number) = suffixed(after) else {
            let (kept, tail) = rest.split_at(at + ENDS.0.len());
            resolved.push_str(kept);
            rest = tail;
            continue;
        };
        resolved.push_str(before);
        rest = &after[LENGTH..];
        if let Some(value) = values.get(&number) {
            mark_end(&mut resolved, value, number, alphabet);
        }
    }
    resolved.push_str(rest);
    resolved
}

/// Marks `value` where `text` ends with it.
fn mark_end(text: &mut String, value: &str, id: usize, alphabet: Alphabet) {
    let ends_with = |text: &str, value: &str| {
        let start = text.len().checked_sub(value.len())?;
        text.get(start..)?.eq_ignore_ascii_case(value).then_some(start)
    };
    let joint = value.strip_suffix(JOINT);
    if let Some(value) = joint {
        // One sign of the joint came out with the suffix.
        if text.ends_with(['+', '_']) && ends_with(&text[..text.len() - 1], value).is_some() {
            text.pop();
        }
    }
    let value = joint.unwrap_or(value);
    if let Some(start) = ends_with(text, value) {
        text.insert_str(start, &alphabet.open(id));
        text.push_str(&alphabet.close(id));
    }
}

/// Ends a value that its suffix is joined to by one sign more.
pub(super) const JOINT: char = '+';

/// A whole number of six digits, which Helm prints as it is; one for each number up to 10,000.
///
/// Helm prints numbers of seven digits with an exponent.
pub(super) fn number(number: usize) -> String {
    (170_003 + 79 * (number % 10_000)).to_string()
}

/// The answer with every number that stands for a value replaced by it, between markers.
pub(super) fn resolve_numbers(answer: &str, values: &Values, alphabet: Alphabet) -> String {
    let mut resolved = answer.to_owned();
    for (id, value) in values {
        let marked = [alphabet.open(*id).as_str(), value, &alphabet.close(*id)].concat();
        resolved = resolved.replace(&number(*id), &marked);
    }
    resolved
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that fails may panic")]

    use super::*;

    fn resolved(answer: &str, value: &str) -> (String, usize) {
        let alphabet = Alphabet::unused_in(std::iter::empty()).unwrap();
        let values = Values::from([(3, value.to_owned())]);
        let unmarked = alphabet.unmark(&resolve_suffixes(answer, &values, alphabet));
        (unmarked.text, unmarked.regions.len())
    }

    #[test]
    fn suffixed_values_are_marked_whatever_their_letters() {
        let end = suffix(3);
        let answer = format!("name: shop{end}-db SHOP{end} x{end} zq\n");
        assert_eq!(resolved(&answer, "shop"), ("name: shop-db SHOP x zq\n".to_owned(), 2));
    }

    #[test]
    fn versions_lose_the_joint_of_their_build_metadata() {
        let end = suffix(3);
        let answer = format!("a: 1.2+{end} b: shop-1.2_{end}");
        assert_eq!(resolved(&answer, "1.2+"), ("a: 1.2 b: shop-1.2".to_owned(), 2));
    }

    #[test]
    fn numbers_stand_for_values() {
        let alphabet = Alphabet::unused_in(std::iter::empty()).unwrap();
        let values = Values::from([(0, "80".to_owned())]);
        let answer = resolve_numbers(&format!("port: {}", number(0)), &values, alphabet);
        assert_eq!(alphabet.unmark(&answer).text, "port: 80");
    }
}
