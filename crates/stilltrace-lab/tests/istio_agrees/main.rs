//! Istio's own control plane agrees about every setting that the lab's Envoys are given.
//!
//! For each scenario, layout and seed the lab's repository is made, built as Flux or Argo CD would
//! build it, and handed to Istio as plain manifests. What Istio tells every proxy is compared twice,
//! field by field: with what our reader makes of the repository, and with the files that the lab
//! writes for its Envoys from that. The second also finds settings that our reader does not know.
//!
//! Istio's side is computed by a Go program ([`oracle`]); without it the test is skipped with a
//! printed reason. The figures are printed with `--nocapture`, `STILLTRACE_MISSES` says how many
//! disagreements.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "the figures are the result")]
#![allow(clippy::unwrap_used, reason = "a failed step is a failed test")]

mod agreement;
mod given;
mod istio;
mod manifests;
mod notation;
mod oracle;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use agreement::{Ours, Score};
use serde_json::{Value, json};
use stilltrace_lab::pods::{self, Pod};
use stilltrace_lab::run::revisions::{LayoutBy, Revisions, revisions};
use stilltrace_manifest::{MemoryTree, ParseCache};
use stilltrace_model::Platform;

/// Seeds whose layout is the scenario's: each takes another variant of it.
const WRITTEN: std::ops::RangeInclusive<u64> = 1..=2;
/// Seeds that draw the layout too.
const DRAWN: std::ops::RangeInclusive<u64> = 3..=6;

#[test]
fn istio_tells_the_labs_envoys_the_same() {
    let program = match oracle::find() {
        Ok(program) => program,
        Err(reason) => {
            eprintln!("skipped: {reason}");
            return;
        }
    };
    let (mut read, mut given) = (Score::default(), Score::default());
    let mut compared = 0;
    for scenario in scenarios() {
        for repository in repositories(&scenario) {
            compared += compare(&program, &repository, &mut read, &mut given);
        }
    }
    println!("{compared} revisions");
    for (what, score) in [("our reader", &read), ("the Envoys' files", &given)] {
        let (all, misses) = (score.compared(), score.misses().len());
        println!("\n{what}: {all} settings compared, {misses} disagreements\n{}", score.report());
    }
    assert!(read.compared() > 0 && given.compared() > 0, "nothing was compared");
    let misses = read.misses().len() + given.misses().len();
    assert_eq!(misses, 0, "Istio disagrees; the first disagreements are printed above");
}

/// Scenarios whose every setting the lab's own Envoy files know. The others are for the profiles in
/// which Istio's code configures the proxies, or have not been compared yet.
const COMPARED: [&str; 3] = ["none-app-regression", "retry-storm", "sidecar-cpu-limit"];

/// The scenarios' folders.
fn scenarios() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../lab/scenarios");
    let entries = std::fs::read_dir(root).unwrap().map(|entry| entry.unwrap().path());
    let mut folders: Vec<PathBuf> =
        entries.filter(|path| path.join("scenario.yaml").is_file()).collect();
    folders.retain(|folder| COMPARED.iter().any(|name| folder.ends_with(name)));
    folders.sort();
    assert!(!folders.is_empty(), "no scenarios");
    folders
}

/// A repository that a seed makes of a scenario.
struct Repository {
    /// What messages call it.
    name: String,
    seed: u64,
    revisions: Revisions,
}

/// The repositories of a scenario.
fn repositories(scenario: &Path) -> impl Iterator<Item = Repository> {
    let name = scenario.file_name().unwrap().to_string_lossy().into_owned();
    let written = WRITTEN.map(|seed| (seed, LayoutBy::Scenario));
    let drawn = DRAWN.map(|seed| (seed, LayoutBy::Seed));
    written.chain(drawn).map(move |(seed, layout)| Repository {
        name: format!("{name} seed {seed}"),
        seed,
        revisions: revisions(scenario, seed, layout).unwrap(),
    })
}

/// Compares a repository before and after its incident; says how many revisions that was.
fn compare(program: &Path, repository: &Repository, read: &mut Score, given: &mut Score) -> usize {
    let revisions = &repository.revisions;
    let ends = [revisions.trees.first().unwrap(), revisions.trees.last().unwrap()];
    let workshop = tempfile::tempdir().unwrap();
    let folders = ["base", "head"].map(|end| workshop.path().join(end));
    for (tree, folder) in ends.iter().zip(&folders) {
        manifests::write(tree, &revisions.applied, folder);
    }
    let answers = oracle::ask(program, &folders);
    let mut cache = ParseCache::new();
    for ((tree, istio), end) in ends.iter().zip(&answers).zip(["base", "head"]) {
        let case = format!("{} {end}", repository.name);
        let platform = read_platform(tree, &mut cache, &case);
        read.begin(case.as_str());
        agreement::compare(&platform, istio, read);
        given.begin(case.as_str());
        let mut pods = pods::plan(&revisions.topology, repository.seed);
        pods::follow(&mut pods, &platform);
        compare_files(&platform, &pods, istio, given);
    }
    answers.len()
}

/// What our reader makes of a revision; a gap would be a setting that nobody compares.
fn read_platform(tree: &MemoryTree, cache: &mut ParseCache, case: &str) -> Platform {
    let platform = stilltrace_platform::read(tree, cache);
    let gaps: Vec<&str> = platform.gaps.iter().map(|gap| gap.what.as_str()).collect();
    assert!(gaps.is_empty(), "{case}: {gaps:#?}");
    platform
}

/// Compares the files of one Envoy of each workload with what Istio tells that workload.
fn compare_files(platform: &Platform, pods: &[Pod], istio: &Value, score: &mut Score) {
    let first: BTreeMap<String, &Pod> =
        pods.iter().rev().map(|pod| (pod.workload.to_string(), pod)).collect();
    let theirs = istio["workloads"].as_object().unwrap();
    let names = |names: Vec<&String>| json!(names);
    let ours = Ours::counted(names(first.keys().collect()));
    score.compare("proxies", "all", ours, &names(theirs.keys().collect()));
    for (workload, pod) in &first {
        let Some(theirs) = theirs.get(workload) else { continue };
        let ours = given::settings(platform, pods, pod);
        let theirs = istio::settings(theirs, pod);
        notation::compare(&ours, &theirs, workload, score);
    }
}
