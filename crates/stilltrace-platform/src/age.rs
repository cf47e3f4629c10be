//! Which of two objects Istio takes for the older one.
//!
//! Istio lets the older object win most conflicts. Git does not know creation times: where they
//! are missing, everything is computed under two guesses, and under more where three or more objects
//! compete ([`rivals`]); what differs depends on age.

pub(crate) mod rivals;

use std::cmp::Ordering;
use std::collections::BTreeSet;
use std::sync::Arc;

use stilltrace_model::{ObjectRef, Timestamp};

use crate::source::Source;
use rivals::Rival;

/// The time of objects that Istio makes and gives none: they come before all others.
pub(crate) const FIRST: Timestamp = Timestamp(i64::MIN);
/// The time of objects that a guess takes for older than all others that anyone wrote.
const FAVOURED: Timestamp = Timestamp(i64::MIN + 1);

/// How objects without a creation time are ordered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Guess {
    /// They are older than all others, and the first by name is the oldest.
    FirstByName,
    /// They are younger than all others, and the last by name is the oldest of them.
    LastByName,
}

impl Guess {
    /// Oldest first, by creation time and then by the tie-break that Istio uses for the kind.
    pub(crate) fn order<K: Ord + Copy>(
        self,
        a: (Option<Timestamp>, K),
        b: (Option<Timestamp>, K),
    ) -> Ordering {
        if a.0 == Some(FIRST) || b.0 == Some(FIRST) {
            let later = |time: Option<Timestamp>| time != Some(FIRST);
            return (later(a.0), a.1).cmp(&(later(b.0), b.1));
        }
        match (self, a.0, b.0) {
            (Self::FirstByName, ..) | (_, Some(_), Some(_)) => a.cmp(&b),
            (Self::LastByName, None, None) => b.1.cmp(&a.1),
            (Self::LastByName, None, Some(_)) => Ordering::Greater,
            (Self::LastByName, Some(_), None) => Ordering::Less,
        }
    }

    /// The same for objects that Istio orders by name and then namespace.
    pub(crate) fn oldest_first(self, a: &Source, b: &Source) -> Ordering {
        self.order((a.created, (a.name(), a.namespace())), (b.created, (b.name(), b.namespace())))
    }
}

/// The same objects, with some of them older than all others. With [`Guess::LastByName`] these win
/// every conflict in which age decides.
pub(crate) fn favouring(applied: &[Source], favoured: &BTreeSet<Arc<ObjectRef>>) -> Vec<Source> {
    let mut sources = applied.to_vec();
    for source in sources.iter_mut().filter(|source| favoured.contains(&source.id)) {
        source.created = Some(FAVOURED);
    }
    sources
}

/// Reports that `winner` and `loser` conflict and only creation times decide, if they are unknown.
pub(crate) fn report_undecided(winner: &Source, loser: &Source, about: &str) {
    report_undecided_by(winner, loser, about, who_wins(&winner.id.kind));
}

/// The same where the kind alone does not say how Istio decides: `rule` does.
pub(crate) fn report_undecided_by(winner: &Source, loser: &Source, about: &str, rule: &str) {
    let first = winner.created == Some(FIRST) || loser.created == Some(FIRST);
    if first || winner.created.is_some() && loser.created.is_some() {
        return;
    }
    let rival =
        |source: &Source| Rival { id: Arc::clone(&source.id), dated: source.created.is_some() };
    winner.gaps.depend_on_age(about, rival(winner), rival(loser));
    winner.gaps.add(
        format!("which of {} and {} is older ({about})", winner.id, loser.id),
        format!(
            "depends on age: {rule}, and Git does not know creation times; the answer holds where the \
             first by name is the oldest, and names the others under `depends_on_age`",
        ),
        "merge the two objects into one, or write the `creationTimestamp` that each has in the \
         cluster into its metadata",
    );
}

/// How Istio decides between objects of a kind. Destination rules are merged where their `exportTo`
/// is the same; of those that are not, the last in order of age is taken.
fn who_wins(kind: &str) -> &'static str {
    if kind == "DestinationRule" {
        "Istio merges rules with the same exportTo, where the oldest one's policy stays, and takes \
         the newest of others"
    } else {
        "Istio lets the older object win"
    }
}

#[cfg(test)]
mod tests {
    use std::cmp::Ordering;

    use stilltrace_model::Timestamp;

    use super::Guess;

    #[test]
    fn known_times_decide_under_both_guesses() {
        let old = (Timestamp::parse("2026-01-01T00:00:00Z"), "z");
        let young = (Timestamp::parse("2026-02-01T00:00:00Z"), "a");
        for guess in [Guess::FirstByName, Guess::LastByName] {
            assert_eq!(guess.order(old, young), Ordering::Less, "{guess:?}");
        }
    }

    #[test]
    fn unknown_times_come_out_both_ways() {
        let (a, z) = ((None, "a"), (None, "z"));
        let known = (Timestamp::parse("2026-01-01T00:00:00Z"), "m");
        assert_eq!(Guess::FirstByName.order(a, z), Ordering::Less);
        assert_eq!(Guess::LastByName.order(a, z), Ordering::Greater);
        assert_eq!(Guess::FirstByName.order(a, known), Ordering::Less);
        assert_eq!(Guess::LastByName.order(a, known), Ordering::Greater);
    }
}
