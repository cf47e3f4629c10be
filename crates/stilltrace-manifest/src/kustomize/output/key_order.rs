//! The order of keys: letters behind everything else, digits as numbers.

use std::cmp::Ordering;

use crate::yaml::Entry;

/// The entries of a mapping in the order in which they are printed.
pub(super) fn sorted(entries: &[Entry]) -> Vec<&Entry> {
    let mut all: Vec<&Entry> = entries.iter().collect();
    if !all.is_sorted_by(|a, b| compare(&a.key, &b.key) != Ordering::Greater) {
        merge_sort(&mut all);
    }
    all
}

/// Sorts by halves.
///
/// Written out because the standard library may refuse an order that contradicts itself, which
/// this one does for some keys that mix digits, zeros and signs.
fn merge_sort(all: &mut [&Entry]) {
    if all.len() < 2 {
        return;
    }
    let middle = all.len() / 2;
    let (left, right) = all.split_at_mut(middle);
    merge_sort(left);
    merge_sort(right);
    let mut merged = Vec::with_capacity(all.len());
    let (mut lefts, mut rights) =
        (all[..middle].iter().peekable(), all[middle..].iter().peekable());
    while let (Some(left), Some(right)) = (lefts.peek(), rights.peek()) {
        let from_right = compare(&right.key, &left.key) == Ordering::Less;
        merged.extend(if from_right { rights.next() } else { lefts.next() });
    }
    merged.extend(lefts);
    merged.extend(rights);
    all.copy_from_slice(&merged);
}

/// Compares two keys as version 2 of the Go YAML library does (`sorter.go`).
fn compare(a: &str, b: &str) -> Ordering {
    let same = a.bytes().zip(b.bytes()).take_while(|(a, b)| a == b).count();
    // A difference inside a character is one of that whole character.
    let mut start = same;
    while !a.is_char_boundary(start) || !b.is_char_boundary(start) {
        start -= 1;
    }
    let (Some(x), Some(y)) = (a[start..].chars().next(), b[start..].chars().next()) else {
        return a.len().cmp(&b.len());
    };
    match (x.is_alphabetic(), y.is_alphabetic()) {
        (true, true) => return x.cmp(&y),
        (true, false) => return Ordering::Greater,
        (false, true) => return Ordering::Less,
        (false, false) => {}
    }
    let inside_number = (x == '0' || y == '0')
        && a[..start].chars().rev().take_while(|c| c.is_numeric()).any(|c| c != '0');
    let start_value = i64::from(inside_number);
    let (left, right) = (number(&a[start..], start_value), number(&b[start..], start_value));
    left.cmp(&right).then(x.cmp(&y))
}

/// The value of the leading digits behind `value`, and how many digits there are.
fn number(text: &str, value: i64) -> (i64, usize) {
    let digits = text.chars().take_while(|c| c.is_numeric());
    digits.fold((value, 0), |(value, count), digit| {
        let digit = i64::from(u32::from(digit)) - i64::from(u32::from('0'));
        (value.wrapping_mul(10).wrapping_add(digit), count + 1)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_in_keys_count_as_numbers() {
        let sorted = ["", "-", "1", "2", "10", "a", "a1", "a01", "a2", "a10", "a10b", "b", "é"];
        for pair in sorted.windows(2) {
            assert_eq!(compare(pair[0], pair[1]), Ordering::Less, "{pair:?}");
        }
    }
}
