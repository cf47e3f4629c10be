//! Tells the variants of one thing apart: overlays of the same app, folders of several clusters.
//!
//! Where two folders would put different things under one name into a cluster, they are meant for
//! different clusters. What the paths of such folders differ in is the name of the variant:
//! `apps/shop/overlays/prod` and `apps/shop/overlays/staging` are `prod` and `staging`.

use std::collections::{BTreeMap, BTreeSet};

/// Pairs that are compared before the rest is taken for free of conflicts.
const MAX_PAIRS: usize = 200_000;

/// Folders that belong together, by their position in the input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Variant {
    /// What its folders have and others do not; empty when there is only one.
    pub(crate) name: String,
    /// The folders, in the order of the input.
    pub(crate) members: Vec<usize>,
}

/// Pairs of positions that claim one key with values that do not agree.
pub(crate) fn conflicts<K: Ord, V>(
    claims: impl IntoIterator<Item = (K, usize, V)>,
    agree: impl Fn(&V, &V) -> bool,
) -> BTreeSet<(usize, usize)> {
    let mut by_key: BTreeMap<K, Vec<(usize, V)>> = BTreeMap::new();
    for (key, member, value) in claims {
        by_key.entry(key).or_default().push((member, value));
    }
    let mut pairs = BTreeSet::new();
    let mut compared = 0;
    for members in by_key.values() {
        for (at, (first, one)) in members.iter().enumerate() {
            for (second, two) in members.iter().skip(at + 1) {
                compared += 1;
                if compared > MAX_PAIRS {
                    return pairs;
                }
                let pair = (*first.min(second), *first.max(second));
                if first != second && !pairs.contains(&pair) && !agree(one, two) {
                    pairs.insert(pair);
                }
            }
        }
    }
    pairs
}

/// Sorts folders into variants so that no two that conflict are in one.
///
/// A folder without a conflict belongs to the variant that its path names, or else to all.
pub(crate) fn variants(folders: &[String], conflicts: &BTreeSet<(usize, usize)>) -> Vec<Variant> {
    let names = names(folders, conflicts);
    let mut members: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (position, name) in names.iter().enumerate().filter(|(_, name)| !name.is_empty()) {
        members.entry(name).or_default().push(position);
    }
    if members.is_empty() {
        return vec![Variant { name: String::new(), members: (0..folders.len()).collect() }];
    }
    let free = names.iter().enumerate().filter(|(_, name)| name.is_empty());
    for (position, folder) in free.filter_map(|(at, _)| folders.get(at).map(|f| (at, f))) {
        let part = folder.split('/').rev().find(|part| members.contains_key(part));
        match part.and_then(|name| members.get_mut(name)) {
            Some(own) => own.push(position),
            None => members.values_mut().for_each(|all| all.push(position)),
        }
    }
    let sorted = members.into_iter().map(|(name, mut members)| {
        members.sort_unstable();
        Variant { name: name.to_owned(), members }
    });
    sorted.collect()
}

/// For each folder the parts of its path that tell it from those it conflicts with.
fn names(folders: &[String], conflicts: &BTreeSet<(usize, usize)>) -> Vec<String> {
    let parts: Vec<Vec<&str>> =
        folders.iter().map(|f| f.split('/').filter(|part| !part.is_empty()).collect()).collect();
    let mut telling: Vec<BTreeSet<usize>> = vec![BTreeSet::new(); folders.len()];
    for (first, second) in conflicts {
        let (Some(a), Some(b)) = (parts.get(*first), parts.get(*second)) else { continue };
        let at = a.iter().zip(b).take_while(|(a, b)| a == b).count();
        for (member, parts) in [(first, a), (second, b)] {
            // A folder around the other one is told by its own name.
            let at = at.min(parts.len().saturating_sub(1));
            if let Some(telling) = telling.get_mut(*member) {
                telling.insert(at);
            }
        }
    }
    let name = |(parts, telling): (&Vec<&str>, &BTreeSet<usize>)| {
        let telling: Vec<&str> = telling.iter().filter_map(|at| parts.get(*at).copied()).collect();
        telling.join("/")
    };
    let mut names: Vec<String> = parts.iter().zip(&telling).map(name).collect();
    for (position, name) in names.iter_mut().enumerate() {
        // The root itself has no part to be told by.
        let conflicts = telling.get(position).is_some_and(|telling| !telling.is_empty());
        if name.is_empty() && conflicts {
            ".".clone_into(name);
        }
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sorted(folders: &[&str], conflicts: &[(usize, usize)]) -> Vec<(String, Vec<usize>)> {
        let folders: Vec<String> = folders.iter().map(|f| (*f).to_owned()).collect();
        let conflicts = conflicts.iter().copied().collect();
        let found = variants(&folders, &conflicts);
        found.into_iter().map(|variant| (variant.name, variant.members)).collect()
    }

    fn named(name: &str, members: &[usize]) -> (String, Vec<usize>) {
        (name.to_owned(), members.to_vec())
    }

    #[test]
    fn overlays_of_several_apps_meet_by_name() {
        let folders = ["a/overlays/prod", "a/overlays/staging", "b/prod", "b/staging", "platform"];
        assert_eq!(
            sorted(&folders, &[(0, 1), (2, 3)]),
            [named("prod", &[0, 2, 4]), named("staging", &[1, 3, 4])]
        );
    }

    #[test]
    fn regions_and_stages_are_both_part_of_the_name() {
        let folders = ["clusters/eu/prod", "clusters/eu/test", "clusters/us/prod"];
        let found = sorted(&folders, &[(0, 1), (0, 2)]);
        assert_eq!(found, [named("eu/prod", &[0]), named("test", &[1]), named("us", &[2])]);
    }

    #[test]
    fn without_a_conflict_everything_is_one() {
        assert_eq!(sorted(&["a", "b"], &[]), [named("", &[0, 1])]);
    }

    #[test]
    fn a_folder_around_another_is_a_variant_of_its_own() {
        assert_eq!(
            sorted(&["app", "app/overlays/prod"], &[(0, 1)]),
            [named("app", &[0]), named("overlays", &[1])]
        );
    }

    #[test]
    fn claims_of_one_key_conflict_unless_they_agree() {
        let claims = [("x", 0, 1), ("x", 1, 2), ("y", 0, 1), ("y", 2, 1)];
        let found = conflicts(claims, |one, two| one == two);
        assert_eq!(found.into_iter().collect::<Vec<_>>(), [(0, 1)]);
    }
}
