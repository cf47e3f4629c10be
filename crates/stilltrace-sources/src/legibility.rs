//! Whether two revisions were read equally well.
//!
//! A file that can be read at one of two revisions only takes its settings out of the other one.
//! Defaults then seem to be in effect there, and a comparison would name changes nobody made.

use std::collections::BTreeMap;

use stilltrace_model::{CommitId, Gap, Platform, Refusal};

/// How gaps begin that tell what is in effect only up to the age of objects: nothing is unread.
const UNDECIDED: &str = "depends on age";

/// What could be read or decided at one of two revisions only, if anything; the first in order.
pub(crate) fn unequal(before: &Platform, after: &Platform) -> Option<Gap> {
    let (before, after) = (by_text(before), by_text(after));
    let mut new = after.iter().filter(|(text, gaps)| exceeds(gaps, before.get(*text)));
    let mut gone = before.iter().filter(|(text, gaps)| exceeds(gaps, after.get(*text)));
    let (_, gaps) = new.next().or_else(|| gone.next())?;
    gaps.first().map(|gap| Gap::clone(gap))
}

/// The gap of a commit whose effect is unknown because of `gap`, which one of its sides has.
pub(crate) fn unknown(commit: &CommitId, gap: &Gap) -> Gap {
    let short = commit.short();
    Gap {
        what: format!("what {short} changed could not be computed: {}", gap.what),
        why: "that gap is on one side of the commit only; a comparison would show changes that \
              nobody made, so none are taken from this commit"
            .to_owned(),
        remedy: format!("{}; look at the commit itself with `git show {short}`", gap.remedy),
        ..Gap::default()
    }
}

/// The gap of a commit whose parents are behind the border of a shallow clone.
pub(crate) fn cut_off(commit: &CommitId) -> Gap {
    let short = commit.short();
    Gap {
        what: format!("what {short} changed could not be computed: the history ends there"),
        why: "this is a shallow clone without the commit before it, so there is nothing to \
              compare it with and no change is taken from it"
            .to_owned(),
        remedy: "fetch all of it with `git fetch --unshallow`".to_owned(),
        ..Gap::default()
    }
}

/// The gap of an object that admission refuses.
pub(crate) fn refused(refusal: &Refusal) -> Gap {
    let Refusal { object, at, message, .. } = refusal;
    Gap {
        what: format!(
            "{}:{}:{}: {object} is refused by admission: {message}",
            at.path, at.line, at.column
        ),
        why: "the cluster keeps what it had before, which Git does not show; none of the \
              object's values is taken"
            .to_owned(),
        remedy: "correct the object".to_owned(),
        ..Gap::default()
    }
}

fn exceeds(gaps: &[&Gap], others: Option<&Vec<&Gap>>) -> bool {
    gaps.len() > others.map_or(0, Vec::len)
}

/// Gaps by what they say apart from lines and columns, which move when lines are added above.
fn by_text(platform: &Platform) -> BTreeMap<(String, String), Vec<&Gap>> {
    let mut found: BTreeMap<_, Vec<&Gap>> = BTreeMap::new();
    for gap in &platform.gaps {
        if !gap.what.starts_with(UNDECIDED) && !gap.why.starts_with(UNDECIDED) {
            found.entry((without_places(&gap.what), gap.why.clone())).or_default().push(gap);
        }
    }
    found
}

/// The text without the digits right after a colon.
fn without_places(text: &str) -> String {
    let mut parts = text.split(':');
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        out.push(':');
        out.push_str(part.trim_start_matches(|character: char| character.is_ascii_digit()));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn platform(gaps: &[(&str, &str)]) -> Platform {
        let gap = |(what, why): &(&str, &str)| Gap {
            what: (*what).to_owned(),
            why: (*why).to_owned(),
            remedy: String::new(),
            ..Gap::default()
        };
        Platform { gaps: gaps.iter().map(gap).collect(), ..Platform::default() }
    }

    #[test]
    fn a_gap_that_only_moved_is_on_both_sides() {
        let before = platform(&[("a.yaml:3:5: x", "y")]);
        assert_eq!(unequal(&before, &platform(&[("a.yaml:12:1: x", "y")])), None);
    }

    #[test]
    fn a_gap_on_either_side_counts_and_so_does_a_second_one() {
        let (none, one) = (platform(&[]), platform(&[("a.yaml:3:5: x", "y")]));
        let two = platform(&[("a.yaml:3:5: x", "y"), ("a.yaml:7:5: x", "y")]);
        for (before, after) in [(&none, &one), (&one, &none), (&one, &two), (&two, &one)] {
            assert!(unequal(before, after).is_some());
        }
    }

    #[test]
    fn which_object_is_older_hides_no_file() {
        let after = platform(&[("which of a and b is older", "depends on age: of two")]);
        assert_eq!(unequal(&platform(&[]), &after), None);
    }
}
