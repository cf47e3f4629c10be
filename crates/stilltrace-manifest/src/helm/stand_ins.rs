//! Stand-ins for values that cannot carry markers: numbers, names, versions.
//!
//! A stand-in is a text that occurs nowhere in the answer. Where it comes out, it is put between
//! markers and replaced by the value it stands for, so that one comparison serves for both.

use super::markers::Alphabet;

/// A stand-in and what it stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct StandIn {
    /// The text to look for.
    pub(super) text: String,
    /// What it stands for.
    pub(super) value: String,
    /// Number of the mark.
    pub(super) id: usize,
}

/// A suffix that is a part of names, versions and labels alike; one for each number.
pub(super) fn suffix(number: usize) -> String {
    let letter = |number: usize| char::from(b'a' + u8::try_from(number % 26).unwrap_or(0));
    format!("zq{}{}{}xj", letter(number / 676), letter(number / 26), letter(number))
}

/// A whole number of six digits, which Helm prints as it is; one for each number up to 10,000.
///
/// Helm prints numbers of seven digits with an exponent.
pub(super) fn number(number: usize) -> String {
    (170_003 + 79 * (number % 10_000)).to_string()
}

/// The answer with every stand-in replaced by what it stands for, between markers.
///
/// A value with a suffix may come out in other letters (`lower`); a suffix that came out without
/// its value is removed.
pub(super) fn resolve(answer: &str, stand_ins: &[StandIn], alphabet: Alphabet) -> String {
    let mut resolved = answer.to_owned();
    for StandIn { text, value, id } in stand_ins {
        let suffix = text.strip_prefix(value.as_str()).filter(|suffix| !suffix.is_empty());
        let Some(suffix) = suffix else {
            let marked = [alphabet.open(*id).as_str(), value, &alphabet.close(*id)].concat();
            resolved = resolved.replace(text.as_str(), &marked);
            continue;
        };
        let mut parts = resolved.split(suffix).peekable();
        let mut text = String::with_capacity(resolved.len());
        while let Some(part) = parts.next() {
            let start = part.len().checked_sub(value.len()).filter(|_| parts.peek().is_some());
            let ends = start.and_then(|start| part.split_at_checked(start));
            match ends.filter(|(_, end)| end.eq_ignore_ascii_case(value)) {
                Some((before, end)) => {
                    text.extend([before, &alphabet.open(*id), end, &alphabet.close(*id)]);
                }
                None => text.push_str(part),
            }
        }
        resolved = text;
    }
    resolved
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that fails may panic")]

    use super::*;

    #[test]
    fn stand_ins_become_marked_values() {
        let alphabet = Alphabet::unused_in(std::iter::empty()).unwrap();
        let text = format!("shop{}", suffix(3));
        let stand_in = StandIn { text: text.clone(), value: "shop".to_owned(), id: 3 };
        let answer = format!("name: {text}-db SHOP{0} x{0}\n", suffix(3));
        let unmarked = alphabet.unmark(&resolve(&answer, &[stand_in], alphabet));
        assert_eq!(unmarked.text, "name: shop-db SHOP x\n");
        assert_eq!(unmarked.regions.len(), 2);
    }
}
