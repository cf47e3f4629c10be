//! Which settings differ between two revisions.

use std::collections::BTreeMap;

use stilltrace_model::{Entity, NamedDefault, Origin, Platform, SettingChange};

/// What stands for the origin of a setting on the side that does not have it.
const ABSENT: Origin = Origin::Default { of: NamedDefault::ABSENT };

type Listed<'a> = Vec<(String, String, &'a Origin)>;

/// The settings whose value in effect differs, sorted by entity and name.
///
/// Only workloads and edges of both revisions are compared: what comes or goes as a whole is no
/// change of a setting. A setting of a route or subset that only one side has reads `unset` on the
/// other.
pub fn compare(before: &Platform, after: &Platform) -> Vec<SettingChange> {
    let mut changes = Vec::new();
    for (id, new) in &after.workloads {
        if let Some(old) = before.workloads.get(id).filter(|old| *old != new) {
            differences(&Entity::from(id), old.settings(), new.settings(), &mut changes);
        }
    }
    for (id, new) in &after.edges {
        if let Some(old) = before.edges.get(id).filter(|old| *old != new) {
            differences(&Entity::from(id), old.settings(), new.settings(), &mut changes);
        }
    }
    changes.sort();
    changes
}

fn differences(
    entity: &Entity,
    before: Listed<'_>,
    after: Listed<'_>,
    changes: &mut Vec<SettingChange>,
) {
    let before = by_name(before);
    let after = by_name(after);
    let mut note =
        |name: &str, old: Option<&(String, &Origin)>, new: Option<&(String, &Origin)>| {
            let value = |side: Option<&(String, &Origin)>| {
                side.map_or_else(|| "unset".to_owned(), |(value, _)| value.clone())
            };
            let origin = |side: Option<&(String, &Origin)>| {
                side.map_or(ABSENT, |(_, origin)| Origin::clone(origin))
            };
            if value(old) != value(new) {
                changes.push(SettingChange {
                    entity: entity.clone(),
                    setting: name.to_owned(),
                    before: value(old),
                    after: value(new),
                    origin_before: origin(old),
                    origin_after: origin(new),
                });
            }
        };
    for (name, old) in &before {
        note(name, Some(old), after.get(name));
    }
    for (name, new) in after.iter().filter(|(name, _)| !before.contains_key(*name)) {
        note(name, None, Some(new));
    }
}

/// Settings by name; routes of one name are told apart by their order.
fn by_name(listed: Listed<'_>) -> BTreeMap<String, (String, &Origin)> {
    let mut named = BTreeMap::new();
    let mut repeats: BTreeMap<String, usize> = BTreeMap::new();
    for (name, value, origin) in listed {
        let count = repeats.entry(name.clone()).or_default();
        *count += 1;
        let name = if *count == 1 { name } else { format!("{name}#{count}") };
        named.insert(name, (value, origin));
    }
    named
}
