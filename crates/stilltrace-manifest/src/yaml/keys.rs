//! Keys of a mapping that are merged in with `<<` or set twice.

use std::collections::{BTreeMap, BTreeSet};

use super::node::{Entry, Node, Text, Value};
use crate::problem::{Problem, ProblemKind};

/// Adds the entries of merged mappings that the mapping does not set itself; of several mappings
/// the first one counts.
pub(super) fn add_merged(entries: &mut Vec<Entry>, merges: Vec<Node>) {
    if merges.is_empty() {
        return;
    }
    let mut known: BTreeSet<Text> = entries.iter().map(|entry| entry.key.clone()).collect();
    for merge in merges {
        let sources = match merge.value {
            Value::Sequence(items) => items,
            _ => vec![merge],
        };
        for source in sources {
            let Value::Mapping(added) = source.value else { continue };
            entries.extend(added.into_iter().filter(|entry| known.insert(entry.key.clone())));
        }
    }
}

/// Reports keys that occur twice, up to `most` problems; the last one counts, as for `kubectl apply`.
pub(super) fn settle_duplicates(
    entries: &mut Vec<Entry>,
    problems: &mut Vec<Problem>,
    most: usize,
) {
    if are_unique(entries) {
        return;
    }
    let mut places: BTreeMap<Text, usize> = BTreeMap::new();
    let mut kept: Vec<Entry> = Vec::new();
    for entry in std::mem::take(entries) {
        let Some(place) = places.get(&entry.key) else {
            places.insert(entry.key.clone(), kept.len());
            kept.push(entry);
            continue;
        };
        let Some(earlier) = kept.get_mut(*place) else { continue };
        if problems.len() <= most {
            let text = format!(
                "key `{}` is already set in line {}; remove one of them",
                shortened(&entry.key),
                earlier.key_mark.line
            );
            problems.push(Problem::at(&entry.key_mark, ProblemKind::Repeated, text));
        }
        earlier.key_mark = entry.key_mark;
        earlier.value.override_with(entry.value);
    }
    *entries = kept;
}

/// A key as a message can show it.
fn shortened(key: &str) -> String {
    const MOST: usize = 80;
    match key.char_indices().nth(MOST) {
        Some((end, _)) => format!("{}…", &key[..end]),
        None => key.to_owned(),
    }
}

fn are_unique(entries: &[Entry]) -> bool {
    /// Up to here comparing all pairs is faster than a set.
    const FEW: usize = 12;
    if entries.len() > FEW {
        let keys: BTreeSet<&str> = entries.iter().map(|entry| entry.key.as_str()).collect();
        return keys.len() == entries.len();
    }
    let mut rest = entries;
    while let Some((first, others)) = rest.split_first() {
        if others.iter().any(|other| other.key == first.key) {
            return false;
        }
        rest = others;
    }
    true
}
