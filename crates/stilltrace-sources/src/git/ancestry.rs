//! Steps from a revision to its ancestors: `~2`, `^`, `^2~1`.

/// Steps of one revision, at most: people write a handful.
const MAX_STEPS: usize = 10_000;

/// Which parent to go to at every step, from 0; `None` where the text is not understood.
///
/// `~N` is N times the first parent, `^N` the Nth parent once, `^0` the commit itself; without a
/// number both mean 1 (`gitrevisions(7)`).
pub(super) fn parents(steps: &str) -> Option<Vec<usize>> {
    let (mut all, mut rest) = (Vec::new(), steps);
    while let Some(sign) = rest.chars().next() {
        let after = rest.get(1..)?;
        let digits = after.find(|c: char| !c.is_ascii_digit()).unwrap_or(after.len());
        let (number, next) = after.split_at(digits);
        let number = if number.is_empty() { 1 } else { number.parse::<usize>().ok()? };
        match sign {
            '~' if number <= MAX_STEPS => all.extend(std::iter::repeat_n(0, number)),
            '^' => all.extend(number.checked_sub(1)),
            _ => return None,
        }
        rest = next;
    }
    (all.len() <= MAX_STEPS).then_some(all)
}

#[cfg(test)]
mod tests {
    use super::parents;

    #[test]
    fn steps_are_read_as_git_reads_them() {
        assert_eq!(parents(""), Some(vec![]));
        assert_eq!(parents("~"), Some(vec![0]));
        assert_eq!(parents("~3"), Some(vec![0, 0, 0]));
        assert_eq!(parents("^2~1^"), Some(vec![1, 0, 0]));
        assert_eq!(parents("^0"), Some(vec![]));
    }

    #[test]
    fn what_is_not_understood_is_refused() {
        for text in ["~x", "^{tree}", "~99999999999999999999999", "~10001", "@{1}", "^é"] {
            assert_eq!(parents(text), None, "{text}");
        }
    }
}
