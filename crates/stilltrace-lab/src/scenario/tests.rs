//! What every scenario of the repository must be.

use std::path::PathBuf;

use stilltrace_model::{Entity, ServiceId, SettingChange};

use super::*;
use crate::gitops::{Planned, Repository, Request, WindowCommit, generate, tree};

fn folders() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../lab/scenarios");
    let mut folders: Vec<_> =
        std::fs::read_dir(root).unwrap().map(|entry| entry.unwrap().path()).collect();
    folders.sort();
    folders
}

/// Every variant of every scenario.
fn incidents() -> Vec<Incident> {
    let mut all = Vec::new();
    for folder in folders() {
        let variants = Scenario::read(&folder).unwrap().variants.len().max(1) as u64;
        all.extend((1..=variants).map(|seed| Incident::read(&folder, seed).unwrap()));
    }
    all
}

/// The repository with the change last.
fn repository(incident: &Incident, folder: &Path) -> Repository {
    let scenario = &incident.scenario;
    let start_ms = 1_772_632_930_000;
    let window: Vec<_> = scenario
        .decoys
        .iter()
        .chain([&scenario.change])
        .zip(1..)
        .map(|(edit, minute)| Planned {
            edit: edit.clone(),
            commit_ms: start_ms + minute * 60_000,
            omitted: false,
        })
        .collect();
    let request = Request {
        topology: &incident.topology,
        layout: scenario.layout,
        seed: incident.seed,
        start_ms,
        base: &scenario.base,
        window: &window,
    };
    generate(&request, &folder.join("repo.git")).unwrap()
}

/// What each commit of the window changes in effect.
fn changes(repository: &Repository) -> Vec<(&WindowCommit, Vec<SettingChange>)> {
    let mut cache = stilltrace_platform::ParseCache::new();
    let mut before = stilltrace_platform::read(&tree(&repository.base.files), &mut cache);
    let mut all = Vec::new();
    for commit in repository.window.iter().flatten() {
        let after = stilltrace_platform::read(&tree(&commit.revision.files), &mut cache);
        all.push((commit, stilltrace_platform::compare(&before, &after)));
        before = after;
    }
    all
}

fn is_about(entity: &Entity, service: &ServiceId) -> bool {
    match entity {
        Entity::Service(id) => id == service,
        Entity::Workload(id) => (&id.namespace, &id.name) == (&service.namespace, &service.name),
        Entity::Edge(edge) => {
            edge.destination == *service
                || (&edge.source.namespace, &edge.source.name)
                    == (&service.namespace, &service.name)
        }
        Entity::Mesh => true,
    }
}

#[test]
fn every_scenario_changes_what_it_says_and_a_decoy_touches_the_victim() {
    for incident in incidents() {
        let name = format!("{} seed {}", incident.name, incident.seed);
        let folder = tempfile::tempdir().unwrap();
        let repository = repository(&incident, folder.path());
        let changes = changes(&repository);
        let (last, effects) = changes.last().unwrap();
        assert_eq!(last.line > 0, !effects.is_empty(), "{name}: the change has an effect");
        let scenario = &incident.scenario;
        let service = |name: &str| {
            let found = incident.topology.services.iter().find(|service| service.name == name);
            ServiceId::new(&found.unwrap().namespace, name)
        };
        if let Some(edge) = &scenario.expect.edge {
            let (source, destination) = (service(&edge.source), service(&edge.destination));
            let is_edge = |change: &SettingChange| {
                matches!(&change.entity, Entity::Edge(id)
                    if id.destination == destination && id.source.name == source.name)
            };
            assert!(effects.iter().any(is_edge), "{name}: {effects:#?}");
        }
        let victim = service(&scenario.victim);
        let decoys = &changes[..changes.len() - 1];
        let touches = |(_, effects): &&(&WindowCommit, Vec<SettingChange>)| {
            effects.iter().any(|change| is_about(&change.entity, &victim))
        };
        assert!(decoys.iter().any(|decoy| touches(&decoy)), "{name}: no decoy touches {victim}");
    }
}

#[test]
fn the_last_commit_before_the_symptom_is_not_always_the_change() {
    for incident in incidents() {
        let phases = incident.scenario.phases;
        let schedule = incident.schedule(phases);
        let change = schedule.iter().position(|(decoy, _)| decoy.is_none()).unwrap();
        assert!(change >= 3 - 1, "{}: {schedule:?}", incident.name);
        assert!(change + 1 < schedule.len(), "{}: {schedule:?}", incident.name);
        assert!(schedule[0].1 < 0.0 && schedule.is_sorted_by(|a, b| a.1 <= b.1));
        assert!(phases.quiet_s >= 45 && phases.fault_s >= 60, "{}", incident.name);
        assert!((100..=150).contains(&phases.recorded_s()), "{}", incident.name);
    }
}

#[test]
fn a_misspelt_field_is_refused() {
    let path = folders().remove(0).join("scenario.yaml");
    let text = std::fs::read_to_string(path).unwrap();
    assert!(Scenario::parse(&text).is_ok());
    let error = Scenario::parse(&text.replace("victim:", "victims:")).unwrap_err();
    assert!(error.contains("victims"), "{error}");
}
