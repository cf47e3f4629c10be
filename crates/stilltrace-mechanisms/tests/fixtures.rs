//! The whole catalog on every case: what fires, where it points, and that its fix undoes it.
#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "tests read files; a broken one is a failed test"
)]

mod cases;
mod entries;

use std::collections::BTreeMap;
use std::fmt::Write as _;

use cases::{Case, cases};
use entries::assert_fresh;
use stilltrace_manifest::{Mark, Node, ParseCache, edit};
use stilltrace_mechanisms::{Mechanism, Surveyed, catalog};
use stilltrace_model::{
    Bearing, Certainty, Destination, Edit, Entity, Expect, Fix, Hazard, Location, Origin, Platform,
    Prediction, Safety, Weight, signal::Scope,
};

/// A mechanism with a hazard of it.
type Found = (&'static dyn Mechanism, Hazard);

fn hazards(platform: &Platform) -> Vec<Found> {
    let all = catalog().iter();
    all.flat_map(|entry| {
        entry.hazards(&Surveyed::new(platform)).into_iter().map(|hazard| (*entry, hazard))
    })
    .collect()
}

fn all_hazards() -> Vec<(Case, Vec<Found>)> {
    let read = |case: Case| {
        let found = hazards(&case.platform());
        (case, found)
    };
    cases().into_iter().map(read).collect()
}

#[test]
fn every_case_gives_what_it_expects() {
    for case in cases() {
        let text = print(&case, &hazards(&case.platform()));
        let again = print(&case, &hazards(&case.platform()));
        assert_eq!(text, again, "{}/{}: differs from run to run", case.stem, case.name);
        assert_fresh(&case.path.join("expected.txt"), &text);
    }
}

#[test]
fn the_folder_says_whether_the_mechanism_fires() {
    let mut seen: BTreeMap<String, [u32; 2]> = BTreeMap::new();
    for (case, found) in all_hazards() {
        let name = case.stem.replace('_', "-");
        let fires = found.iter().any(|(entry, _)| entry.name() == name);
        let look_alike = case.name.starts_with("not_");
        assert_ne!(fires, look_alike, "{}/{}", case.stem, case.name);
        seen.entry(name).or_default()[usize::from(look_alike)] += 1;
    }
    for entry in catalog() {
        let [firing, look_alikes] = seen.get(entry.name()).copied().unwrap_or_default();
        assert!(firing > 0 && look_alikes > 0, "{}: {firing} + {look_alikes}", entry.name());
    }
}

#[test]
fn a_case_explains_itself_in_its_title() {
    for case in cases() {
        let text = std::fs::read_to_string(case.path.join("case.md")).unwrap();
        let title = text.lines().next().unwrap();
        assert!(
            title.starts_with("# ") && title.ends_with('?'),
            "{}: {title}",
            case.path.display()
        );
    }
}

#[test]
fn repositories_are_read_without_gaps() {
    for case in cases() {
        let mut gaps = case.platform().gaps;
        // What a waypoint routes is in no repository.
        gaps.retain(|gap| !gap.what.starts_with("routes of the waypoint"));
        // A mesh of many services needs no pod for each.
        gaps.retain(|gap| !gap.what.contains("Service select no pod"));
        // What these cases are about.
        gaps.retain(|gap| !gap.what.contains("no service that was read has the host"));
        gaps.retain(|gap| !gap.what.ends_with("is no limit at all"));
        gaps.retain(|gap| gap.bearing != Bearing::Objects || case.name != "base_not_read");
        assert_eq!(gaps, [], "{}/{}", case.stem, case.name);
    }
}

/// What a hazard on a service may name beside settings: the rule that does nothing, and why.
const FACTS: [&str; 3] = ["rule", "visibility", "waypoint"];

#[test]
fn hazards_name_real_settings_with_one_origin_each() {
    for (case, found) in all_hazards() {
        let platform = case.platform();
        for (entry, hazard) in found {
            let place = format!("{}/{}: {}", case.stem, case.name, hazard.mechanism);
            assert_eq!(hazard.mechanism, entry.name(), "{place}");
            assert!(!hazard.origins.is_empty(), "{place}");
            assert_eq!(hazard.origins.len(), hazard.settings.len(), "{place}");
            let first_default = hazard.origins.iter().position(|o| o.location().is_none());
            let last_line = hazard.origins.iter().rposition(|o| o.location().is_some());
            if let (Some(default), Some(line)) = (first_default, last_line) {
                assert!(line < default, "{place}: lines come before defaults");
            }
            let known = setting_names(&platform, &hazard.entity);
            for setting in &hazard.settings {
                let defined = known.contains(setting)
                    || setting.starts_with("subset[")
                    || matches!(hazard.entity, Entity::Service(_)) && FACTS.contains(&&**setting);
                assert!(defined, "{place}: no setting is named {setting}");
            }
            assert!(!hazard.related.contains(&hazard.entity), "{place}");
            assert!(hazard.message.len() < 300, "{place}: {}", hazard.message);
        }
    }
}

#[test]
fn predictions_fit_their_entities_and_say_why() {
    for (case, found) in all_hazards() {
        for (entry, hazard) in found {
            let place = format!("{}/{}: {}", case.stem, case.name, entry.name());
            let predictions = entry.predict(&hazard);
            let decisive = predictions.iter().any(|p| p.weight == Weight::Decisive);
            assert!(predictions.is_empty() || decisive, "{place}: nothing decides");
            for (at, prediction) in predictions.iter().enumerate() {
                let want = &prediction.want;
                let fits = matches!(
                    (want.signal.scope, &want.entity),
                    (Scope::Service, Entity::Service(_))
                        | (Scope::Edge, Entity::Edge(_))
                        | (Scope::Workload, Entity::Workload(_))
                        | (Scope::Mesh, Entity::Mesh)
                );
                assert!(fits, "{place}: {} of {}", want.signal.name, want.entity);
                assert!(!prediction.because.is_empty(), "{place}: {}", want.signal.name);
                assert!(!prediction.because.ends_with('.'), "{place}: {}", prediction.because);
                let repeated = predictions[..at].iter().any(|other| other.want == *want);
                assert!(!repeated, "{place}: {} twice", want.signal.name);
                let known = want.entity == hazard.entity
                    || want.entity == Entity::Mesh
                    || hazard.related.contains(&want.entity)
                    || belongs(&hazard.entity, &want.entity);
                assert!(known, "{place}: {} is a stranger", want.entity);
            }
        }
    }
}

/// The only mechanisms that may predict nothing.
const STATIC_CHECKS: [&str; 3] =
    ["outlier-never-ejects", "policy-not-visible", "policy-without-waypoint"];

#[test]
fn only_static_checks_predict_nothing() {
    for (_, found) in all_hazards() {
        for (entry, hazard) in found {
            let silent = entry.predict(&hazard).is_empty();
            assert_eq!(silent, STATIC_CHECKS.contains(&entry.name()), "{}", entry.name());
        }
    }
}

#[test]
fn a_fix_undoes_its_hazard_and_makes_no_other() {
    for (case, found) in all_hazards() {
        for (entry, hazard) in &found {
            let Some(fix) = entry.fix(hazard) else { continue };
            let place = format!("{}/{}: {}", case.stem, case.name, entry.name());
            let fixed = hazards(&case.platform_with(&apply(&case, &fix)));
            let same = |(other, left): &Found| {
                other.name() == entry.name()
                    && left.entity == hazard.entity
                    && left.settings.first() == hazard.settings.first()
            };
            assert!(!fixed.iter().any(same), "{place}: the fix leaves the hazard");
            for (new, other) in &fixed {
                let known = found
                    .iter()
                    .any(|(old, before)| old.name() == new.name() && before.entity == other.entity);
                assert!(known, "{place}: the fix makes {} of {}", new.name(), other.entity);
            }
        }
    }
}

/// Names that a hazard on the entity may use: its own, and those of the edges behind it.
fn setting_names(platform: &Platform, entity: &Entity) -> Vec<String> {
    let names =
        |all: Vec<(String, String, &Origin)>| all.into_iter().map(|(name, ..)| name).collect();
    match entity {
        Entity::Edge(id) => names(platform.edges[id].settings()),
        Entity::Workload(id) => {
            let mut all = names(platform.workloads[id].settings());
            // Routes of a gateway of which no destination exists belong to no edge.
            let tables = platform.routes.get(id).filter(|_| platform.workloads[id].is_gateway);
            let hosts = tables.iter().flat_map(|table| table.http.values()).flatten();
            for route in hosts.flat_map(|host| host.routes.iter()) {
                all.extend(route.destinations.iter().map(|Destination { to, .. }| {
                    format!("route[{}].weight[{}|*]", route.name, to.service)
                }));
            }
            all
        }
        Entity::Service(_) | Entity::Mesh => Vec::new(),
    }
}

/// Whether a workload is the caller of an edge.
fn belongs(hazard: &Entity, other: &Entity) -> bool {
    matches!((hazard, other), (Entity::Edge(edge), Entity::Workload(id)) if *edge.source == *id)
}

/// The case's files with a fix applied.
fn apply(case: &Case, fix: &Fix) -> Vec<(String, String)> {
    let at = fix.origin.location().unwrap();
    let mut files = case.files.clone();
    let (_, text) = files.iter_mut().find(|(path, _)| **path == *at.path).unwrap();
    let edited = match &fix.edit {
        Edit::Set(value) | Edit::Restore { value, .. } => edit::set_scalar(text, &mark(at), value),
        Edit::Remove => edit::remove_entry(text, &key_of(text, at)),
    };
    *text = edited.unwrap_or_else(|error| panic!("{}: {error}", case.path.display()));
    files
}

/// The key of the entry whose value is at a place.
fn key_of(text: &str, at: &Location) -> Mark {
    let parsed = ParseCache::new().parse(&at.path, None, text.as_bytes());
    let mut open: Vec<&Node> = parsed.documents.iter().map(|document| &*document.root).collect();
    while let Some(node) = open.pop() {
        let entries = node.entries();
        if let Some(entry) = entries.iter().find(|entry| entry.value.mark.range().start == at.start)
        {
            return entry.key_mark.clone();
        }
        open.extend(entries.iter().map(|entry| &entry.value));
        open.extend(node.items());
    }
    panic!("{at}: no entry has its value here")
}

fn mark(at: &Location) -> Mark {
    Mark::new(at.path.clone(), at.line, at.column, at.start..at.end)
}

/// All hazards of a case; what is predicted only for the mechanism that the case is about.
fn print(case: &Case, found: &[Found]) -> String {
    let mut text = String::new();
    for (entry, hazard) in found {
        let certainty = match hazard.certainty {
            Certainty::Certain => "certain",
            Certainty::DependsOnAge => "depends on age",
            Certainty::DependsOnUnread => "depends on what was not read",
            Certainty::NeedsLiveData => "needs live data",
        };
        writeln!(text, "{} on {} ({certainty})", entry.name(), hazard.entity).unwrap();
        writeln!(text, "  {}", hazard.message).unwrap();
        for (setting, origin) in hazard.settings.iter().zip(&hazard.origins) {
            writeln!(text, "  {setting}: {origin}").unwrap();
        }
        if let Some(fix) = entry.fix(hazard) {
            writeln!(text, "  fix: {}", say(&fix)).unwrap();
        }
        if entry.name() == case.stem.replace('_', "-") {
            for prediction in entry.predict(hazard) {
                writeln!(text, "  {}", foretell(&prediction)).unwrap();
            }
        }
    }
    if text.is_empty() { "nothing\n".to_owned() } else { text }
}

fn foretell(prediction: &Prediction) -> String {
    let expect = match prediction.expect {
        Expect::Rises => "rises".to_owned(),
        Expect::Falls => "falls".to_owned(),
        Expect::Steady => "stays".to_owned(),
        Expect::NotRising => "does not rise".to_owned(),
        Expect::Exceeds(limit) => format!("exceeds {limit}"),
        Expect::Below(limit) => format!("is below {limit}"),
    };
    let weight = match prediction.weight {
        Weight::Decisive => "must",
        Weight::Supporting => "should",
    };
    let want = &prediction.want;
    format!("{weight}: {} of {} {expect}", want.signal.name, want.entity)
}

fn say(fix: &Fix) -> String {
    let edit = match &fix.edit {
        Edit::Set(value) => format!("set to {value}"),
        Edit::Remove => "remove".to_owned(),
        Edit::Restore { value, .. } => format!("restore {value}"),
    };
    let safety = match fix.safety {
        Safety::Safe => "safe",
        Safety::Review => "review",
    };
    format!("{}: {edit} ({safety}): {}", fix.origin, fix.explanation)
}
