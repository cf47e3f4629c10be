//! Which of two objects Istio takes for the older one.
//!
//! Istio lets the older object win most conflicts. Git does not know creation times: without them
//! the name decides here, then the namespace, and the conflict is named as a gap.

use std::cmp::Ordering;

use crate::source::Source;

/// Oldest first. An object without a creation time counts as the oldest, as a zero time does.
pub(crate) fn oldest_first(a: &Source, b: &Source) -> Ordering {
    let key = |s: &Source| (s.created, s.id.name.clone(), s.id.namespace.clone());
    key(a).cmp(&key(b))
}

/// Reports that `winner` and `loser` conflict and only creation times decide, if they are unknown.
pub(crate) fn report_undecided(winner: &Source, loser: &Source, about: &str) {
    if winner.created.is_some() && loser.created.is_some() {
        return;
    }
    winner.gaps.add(
        format!("which of {} and {} is older ({about})", winner.id, loser.id),
        "depends on age: Istio lets the older object win and Git does not know creation times; \
         the answer takes the first by name",
        "merge the two objects into one",
    );
}
