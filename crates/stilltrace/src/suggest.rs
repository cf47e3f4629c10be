//! "Did you mean …?"

/// The candidate closest to what was typed, if it is close: at most a third of the characters
/// differ, or only the namespace does. Ties break by the order of the candidates.
pub(crate) fn closest<'a>(
    typed: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    let name = |text: &str| text.rsplit('/').next().unwrap_or_default().to_owned();
    candidates
        .into_iter()
        .map(|candidate| {
            let distance = if name(typed) == name(candidate) {
                1
            } else {
                distance(typed, candidate).min(distance(&name(typed), &name(candidate)))
            };
            (distance, candidate)
        })
        .min_by_key(|(distance, _)| *distance)
        .filter(|(distance, _)| *distance <= typed.chars().count().div_ceil(3))
        .map(|(_, candidate)| candidate)
}

/// Insertions, deletions and replacements between two short texts (Levenshtein's distance, one row
/// of the table at a time).
fn distance(a: &str, b: &str) -> usize {
    // Names of Kubernetes objects have at most 253 characters.
    let (a, b): (Vec<char>, Vec<char>) =
        (a.chars().take(300).collect(), b.chars().take(300).collect());
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (index, from) in a.iter().enumerate() {
        let mut diagonal = index;
        let mut left = index + 1;
        for (cell, to) in row.iter_mut().skip(1).zip(&b) {
            let replaced = diagonal + usize::from(from != to);
            diagonal = *cell;
            left = replaced.min(*cell + 1).min(left + 1);
            *cell = left;
        }
        if let Some(first) = row.first_mut() {
            *first = index + 1;
        }
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::{closest, distance};

    #[test]
    fn distances_are_those_of_the_textbook() {
        assert_eq!(distance("kitten", "sitting"), 3);
        assert_eq!(distance("", "abc"), 3);
        assert_eq!(distance("abc", ""), 3);
        assert_eq!(distance("same", "same"), 0);
    }

    #[test]
    fn near_misses_are_found_and_far_ones_are_not() {
        let services = ["shop/cart", "shop/checkout", "web/frontend"];
        assert_eq!(closest("shop/chekout", services), Some("shop/checkout"));
        assert_eq!(closest("checkuot", services), Some("shop/checkout"));
        assert_eq!(closest("default/frontend", services), Some("web/frontend"));
        assert_eq!(closest("payments", services), None);
        assert_eq!(closest("x", []), None);
    }
}
