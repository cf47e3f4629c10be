//! What every scenario of the repository must be. No mesh runs here: repositories are generated and
//! read back with the product's reader.

mod baselines;
mod forms;
mod repositories;

use std::path::PathBuf;

use super::*;
use crate::gitops::{Planned, Presence, Repository, Request, generate};

/// Start of the recordings, in milliseconds of Unix time.
const START_MS: i64 = 1_772_632_930_000;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../lab")
}

fn folders() -> Vec<PathBuf> {
    let mut folders: Vec<_> = std::fs::read_dir(root().join("scenarios"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.join("scenario.yaml").is_file())
        .collect();
    folders.sort();
    folders
}

/// Every scenario, each with one of its variants: all of them in turn, so that tests stay short.
fn incidents(first: u64) -> Vec<Incident> {
    let one = |(folder, index): (&PathBuf, u64)| Incident::read(folder, 1 + index + first).unwrap();
    folders().iter().zip(0..).map(one).collect()
}

fn name(incident: &Incident) -> String {
    format!("{} seed {}", incident.name, incident.seed)
}

/// The commits of the window in the order of the schedule.
fn parts(incident: &Incident) -> Vec<Part> {
    incident.schedule(incident.scenario.phases).into_iter().map(|(part, _)| part).collect()
}

/// The repository as a run makes it, in `folder`.
fn repository(incident: &Incident, folder: &Path) -> Repository {
    let scenario = &incident.scenario;
    let window: Vec<_> = parts(incident)
        .into_iter()
        .zip(1..)
        .map(|(part, minute)| {
            let edit = scenario.edit(part).unwrap().clone();
            Planned {
                commit_ms: START_MS + minute * 60_000,
                presence: if edit.live { Presence::Live } else { Presence::Committed },
                edit,
            }
        })
        .collect();
    let request = Request {
        topology: &incident.topology,
        layout: scenario.layout,
        seed: incident.seed,
        start_ms: START_MS,
        base: &scenario.base,
        window: &window,
    };
    generate(&request, folder).unwrap_or_else(|error| panic!("{}: {error}", name(incident)))
}

#[test]
fn the_set_has_the_faults_negatives_and_topologies_that_it_promises() {
    let all: Vec<_> = folders().iter().map(|folder| Incident::read(folder, 1).unwrap()).collect();
    let faults = all.iter().filter(|incident| incident.scenario.expect.verdict == "cause");
    let negatives = all.iter().filter(|incident| {
        incident.scenario.expect.verdict != "cause" || incident.name == "live-edit-fault"
    });
    let pairs = all.iter().filter(|incident| incident.scenario.causes().len() > 1);
    assert!(faults.count() >= 25 && negatives.count() >= 12 && pairs.count() >= 1);
    let topologies: Vec<_> = topologies(&root().join("topologies"))
        .iter()
        .map(|name| Topology::read(&root().join(format!("topologies/{name}.yaml"))).unwrap())
        .collect();
    let sizes: Vec<_> = topologies.iter().map(Topology::pods).collect();
    assert!(sizes.len() >= 5 && sizes.iter().all(|pods| (5..=16).contains(pods)), "{sizes:?}");
    for incident in all {
        let phases = incident.scenario.phases;
        assert!(phases.quiet_s >= 45 && phases.fault_s >= 60, "{}", incident.name);
        assert!(phases.recovery_s >= 20, "{}: no recovery", incident.name);
        assert!((100..=150).contains(&phases.recorded_s()), "{}", incident.name);
        assert!(!incident.scenario.moves.is_empty(), "{}: no signal moves", incident.name);
    }
}

#[test]
fn what_happens_outside_git_is_put_into_traffic_and_behaviours() {
    for mut incident in incidents(0) {
        let before = incident.topology.clone();
        incident.stage(incident.scenario.phases);
        let happens = &incident.scenario.happens;
        let anything = *happens != Happening::default();
        assert_eq!(before != incident.topology, anything, "{}", name(&incident));
        if incident.scenario.causes().is_empty() && incident.scenario.expect.verdict != "no-anomaly"
        {
            assert!(anything, "{}: nothing happens at all", name(&incident));
        }
    }
}
