//! Objects that conflict and that only unknown creation times would order, and the further guesses
//! that let every one of them win once.
//!
//! Two guesses, one with the first by name as the oldest and one with the last, show all winners of
//! two objects. Of more, those between them need guesses of their own. One guess serves many
//! conflicts, as long as it favours at most one object of each.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use stilltrace_model::ObjectRef;

/// Further guesses at most, each of which costs as much as the first.
const MAX_ROUNDS: usize = 6;
/// Conflicts that are remembered at most.
const MAX_PAIRS: usize = 20_000;

/// One side of a conflict.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Rival {
    /// The object.
    pub(crate) id: Arc<ObjectRef>,
    /// Whether its creation time is known.
    pub(crate) dated: bool,
}

/// All conflicts, by what they are about.
#[derive(Debug, Default)]
pub(crate) struct Rivals(BTreeSet<(String, Rival, Rival)>);

/// Objects to take for the oldest, one set per guess.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Rounds {
    /// The sets.
    pub(crate) favoured: Vec<BTreeSet<Arc<ObjectRef>>>,
    /// Objects that win in no guess, because there would be too many.
    pub(crate) left_out: BTreeSet<Arc<ObjectRef>>,
}

impl Rivals {
    /// Remembers a conflict.
    pub(crate) fn add(&mut self, about: &str, one: Rival, other: Rival) {
        self.0.insert((about.to_owned(), one, other));
        // Of too many, those that stay do not depend on who comes first.
        if self.0.len() > MAX_PAIRS {
            self.0.pop_last();
        }
    }

    /// The guesses beside the first and the last by name.
    pub(crate) fn rounds(&self) -> Rounds {
        let mut between: Vec<Vec<Arc<ObjectRef>>> = self.groups().map(uncovered).collect();
        between.retain(|group| !group.is_empty());
        // Objects of one group get different rounds; those of no common group may share one.
        let mut rivals: BTreeMap<&Arc<ObjectRef>, BTreeSet<&Arc<ObjectRef>>> = BTreeMap::new();
        for group in &between {
            for one in group {
                rivals.entry(one).or_default().extend(group);
            }
        }
        let mut round_of: BTreeMap<&Arc<ObjectRef>, usize> = BTreeMap::new();
        let mut rounds = Rounds::default();
        for (one, others) in rivals {
            let taken: BTreeSet<usize> =
                others.iter().filter_map(|other| round_of.get(other).copied()).collect();
            let free = (0..=taken.len()).find(|round| !taken.contains(round));
            let round = free.unwrap_or(MAX_ROUNDS);
            round_of.insert(one, round);
            if round >= MAX_ROUNDS {
                rounds.left_out.insert(Arc::clone(one));
                continue;
            }
            if rounds.favoured.len() <= round {
                rounds.favoured.resize_with(round + 1, BTreeSet::new);
            }
            if let Some(set) = rounds.favoured.get_mut(round) {
                set.insert(Arc::clone(one));
            }
        }
        rounds
    }

    /// The objects of each conflict: whoever conflicts with one of them about the same.
    fn groups(&self) -> impl Iterator<Item = Vec<Rival>> {
        let mut groups: Vec<(&str, BTreeSet<&Rival>)> = Vec::new();
        for (about, one, other) in &self.0 {
            let mut joined = BTreeSet::from([one, other]);
            groups.retain(|(own, members)| {
                let meets = own == about && !members.is_disjoint(&joined);
                if meets {
                    joined.extend(members);
                }
                !meets
            });
            groups.push((about, joined));
        }
        groups.into_iter().map(|(_, members)| members.into_iter().cloned().collect())
    }
}

/// The objects of a group that win under neither of the two usual guesses. Undated ones are all
/// older than dated ones under the first, and all younger under the second.
fn uncovered(mut group: Vec<Rival>) -> Vec<Arc<ObjectRef>> {
    let some_dated = group.iter().any(|rival| rival.dated);
    group.retain(|rival| !rival.dated);
    group.sort_by(|a, b| {
        let key = |rival: &Rival| (rival.id.name.clone(), rival.id.namespace.clone());
        key(a).cmp(&key(b))
    });
    let last = if some_dated { group.len() } else { group.len().saturating_sub(1) };
    group.get(1..last).unwrap_or_default().iter().map(|rival| Arc::clone(&rival.id)).collect()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use stilltrace_model::ObjectRef;

    use super::{MAX_ROUNDS, Rival, Rivals};

    fn rival(name: &str, dated: bool) -> Rival {
        let text = |text: &str| text.to_owned();
        let id = ObjectRef {
            api_version: text("v1"),
            kind: text("Rule"),
            namespace: text("shop"),
            name: text(name),
        };
        Rival { id: Arc::new(id), dated }
    }

    fn names(rivals: &Rivals) -> Vec<Vec<String>> {
        let rounds = rivals.rounds().favoured;
        rounds.iter().map(|set| set.iter().map(|id| id.name.clone()).collect()).collect()
    }

    #[test]
    fn two_objects_need_no_further_guess() {
        let mut rivals = Rivals::default();
        rivals.add("host", rival("a", false), rival("b", false));
        assert!(names(&rivals).is_empty());
    }

    #[test]
    fn conflicts_without_a_common_object_share_a_guess() {
        let mut rivals = Rivals::default();
        for (about, list) in [("one", ["a", "b", "c"]), ("two", ["d", "e", "f"])] {
            rivals.add(about, rival(list[0], false), rival(list[1], false));
            rivals.add(about, rival(list[0], false), rival(list[2], false));
        }
        assert_eq!(names(&rivals), [["b", "e"]]);
    }

    #[test]
    fn beside_a_known_age_the_last_by_name_needs_a_guess_too() {
        let mut rivals = Rivals::default();
        rivals.add("host", rival("a", false), rival("m", true));
        rivals.add("host", rival("a", false), rival("z", false));
        assert_eq!(names(&rivals), [["z"]]);
    }

    #[test]
    fn what_exceeds_the_limit_is_named() {
        let mut rivals = Rivals::default();
        for number in 0..20 {
            rivals.add("host", rival("a", false), rival(&format!("b{number:02}"), false));
        }
        let rounds = rivals.rounds();
        assert_eq!(rounds.favoured.len(), MAX_ROUNDS);
        assert_eq!(rounds.left_out.len(), 19 - MAX_ROUNDS);
    }
}
