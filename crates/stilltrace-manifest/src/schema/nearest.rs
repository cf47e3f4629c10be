//! "Did you mean …?" for names and values.

use crate::yaml::{Node, Text};

use super::fault::Meant;
use super::table::{ShapeId, Table, Type};
use super::walk::{Above, Step};

/// How many levels below a mapping a field is looked for.
const LEVELS_BELOW: usize = 2;
/// How many mappings below one are looked at.
const MAX_LOOKED_AT: usize = 200;
/// Characters that are compared; no field has a longer name.
const MAX_LENGTH: usize = 80;

/// What may have been meant by the field `name` of `mapping`: a similar name of the same mapping
/// that is not used yet, or the same in another spelling; else the same name in a mapping above, nearest first, or below; else a
/// similar one there.
///
/// `above` ends with the shape of `mapping` itself and `steps` with `name`.
pub(super) fn field(
    table: &Table,
    name: &str,
    mapping: &Node,
    above: &[Above],
    steps: &[Step<'_>],
) -> Option<Meant> {
    let (own, outer) = above.split_last()?;
    let shape = table.shape(own.shape)?;
    let written = plain(name);
    let candidates = shape
        .fields
        .iter()
        .filter(|field| mapping.get(&field.name).is_none() || plain(&field.name) == written);
    if let Some(found) = closest(name, candidates.map(|field| &field.name)) {
        return Some(Meant::Name(found.clone()));
    }
    let base = pattern(steps.get(..own.steps)?);
    let below = below(table, own.shape, &base);
    let same = |shape: ShapeId| table.shape(shape).and_then(|shape| shape.field(name));
    let place = |base: &str, field: &str| Some(Meant::Place(joined(base, field)));
    for outer in outer.iter().rev() {
        if let Some(field) = same(outer.shape) {
            return place(&pattern(steps.get(..outer.steps)?), &field.name);
        }
    }
    for (shape, base) in &below {
        if let Some(field) = same(*shape) {
            return place(base, &field.name);
        }
    }
    let similar = |shape: ShapeId| {
        let shape = table.shape(shape)?;
        closest(name, shape.fields.iter().map(|field| &field.name))
    };
    if let Some(outer) = outer.last()
        && let Some(found) = similar(outer.shape)
    {
        return place(&pattern(steps.get(..outer.steps)?), found);
    }
    below.iter().find_map(|(shape, base)| place(base, similar(*shape)?))
}

/// The value that is closest to `value`, if one is close.
pub fn value(value: &str, allowed: &[Text]) -> Option<Text> {
    closest(value, allowed.iter()).cloned()
}

/// The mappings below a shape, nearest first, with the paths that lead to them.
fn below(table: &Table, shape: ShapeId, base: &str) -> Vec<(ShapeId, String)> {
    let mut found = vec![(shape, base.to_owned())];
    let mut level = 0..1;
    for _ in 0..LEVELS_BELOW {
        let next = found.len();
        for at in level {
            let Some((shape, base)) = found.get(at).cloned() else { break };
            let Some(shape) = table.shape(shape) else { break };
            for field in &shape.fields {
                let Some(inner) = field.of.inner_shape() else { continue };
                if found.len() > MAX_LOOKED_AT {
                    break;
                }
                found.push((inner, joined(&base, &field.name) + brackets(&field.of)));
            }
        }
        level = next..found.len();
    }
    found.remove(0);
    found
}

fn brackets(of: &Type) -> &'static str {
    match of {
        Type::List(_) => "[]",
        Type::Map(_) => ".*",
        _ => "",
    }
}

fn joined(base: &str, field: &str) -> String {
    if base.is_empty() { field.to_owned() } else { format!("{base}.{field}") }
}

/// The path of the steps, with `[]` for items.
fn pattern(steps: &[Step<'_>]) -> String {
    steps.iter().fold(String::new(), |path, step| match step {
        Step::Key(key) => joined(&path, key),
        Step::Item(_) => path + "[]",
    })
}

/// The candidate closest to what is written, the first of several, if it is close: letters apart
/// from case and underscores at most two steps away, or a third of a long name; one step where
/// four letters or fewer leave little to compare.
fn closest<'a>(written: &str, candidates: impl Iterator<Item = &'a Text>) -> Option<&'a Text> {
    let written = plain(written);
    if written.is_empty() {
        return None;
    }
    let most = match written.len() {
        ..=4 => 1,
        length => (length / 3).max(2),
    };
    let distances = candidates.map(|candidate| (distance(&written, &plain(candidate)), candidate));
    let best = distances.min_by_key(|(distance, _)| *distance);
    best.filter(|(distance, _)| *distance <= most).map(|(_, candidate)| candidate)
}

/// The letters that are compared.
fn plain(name: &str) -> Vec<char> {
    let letters = name.chars().filter(|c| !matches!(c, '_' | '-'));
    letters.flat_map(char::to_lowercase).take(MAX_LENGTH).collect()
}

/// Insertions, deletions, replacements and swaps of neighbours between two short texts.
fn distance(a: &[char], b: &[char]) -> usize {
    let mut before: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, to) in b.iter().enumerate() {
            let at = |row: &[usize], column: usize| row.get(column).copied().unwrap_or(usize::MAX);
            let replaced = at(&last, j) + usize::from(from != to);
            let mut best = replaced.min(at(&last, j + 1) + 1).min(at(&row, j) + 1);
            let swapped = i > 0 && j > 0 && a.get(i - 1) == Some(to) && b.get(j - 1) == Some(from);
            if swapped {
                best = best.min(at(&before, j - 1).saturating_add(1));
            }
            row.push(best);
        }
        before = std::mem::replace(&mut last, row);
    }
    last.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn near<'a>(written: &str, candidates: &'a [Text]) -> Option<&'a str> {
        closest(written, candidates.iter()).map(Text::as_str)
    }

    #[test]
    fn near_misses_are_found_and_far_ones_are_not() {
        let names: Vec<Text> =
            ["perTryTimeout", "attempts", "retryOn", "tls", "tcp"].map(Text::new).to_vec();
        assert_eq!(near("perTryTimout", &names), Some("perTryTimeout"));
        assert_eq!(near("per_try_timeout", &names), Some("perTryTimeout"));
        assert_eq!(near("retryon", &names), Some("retryOn"));
        assert_eq!(near("attempst", &names), Some("attempts"));
        assert_eq!(near("udp", &names), None, "two of three letters differ");
        assert_eq!(near("backoff", &names), None);
        assert_eq!(near("_", &names), None);
    }

    #[test]
    fn swapped_neighbours_are_one_step() {
        let letters = |text: &str| plain(text);
        assert_eq!(distance(&letters("hsot"), &letters("host")), 1);
        assert_eq!(distance(&letters("kitten"), &letters("sitting")), 3);
        assert_eq!(distance(&letters(""), &letters("abc")), 3);
    }
}
