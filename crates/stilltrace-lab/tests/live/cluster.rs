//! A real control plane: commits reach it through Flux and Argo CD, and nothing of it stays.
//!
//! Skipped with a printed reason where its programs are not installed.

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Command, Stdio};

use stilltrace_lab::cluster::Tools;

use super::leftovers::{assert_nothing_left, processes_of};
use super::{LAB, one};

/// A scenario whose change is one field of a route.
const SCENARIO: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../lab/scenarios/leftover-fault");

/// Whether the control plane's programs are there; prints the reason if not.
fn is_installed() -> bool {
    Tools::find().inspect_err(|missing| eprintln!("skipped: {missing}")).is_ok()
}

/// Whether an error of the command is a refusal of the machine, which is printed.
fn is_not_permitted(error: &str) -> bool {
    let refused = error.contains("is not permitted here");
    if refused {
        eprintln!("skipped: {error}");
    }
    refused
}

#[test]
fn commits_reach_the_api_server_and_istiod_through_both_engines() {
    let _one = one();
    if !is_installed() {
        return;
    }
    let out = tempfile::tempdir().unwrap();
    let mut command = Command::new(LAB);
    command.args(["cluster", SCENARIO, "--engine", "both", "--out"]).arg(out.path());
    let output = command.output().unwrap();
    let (text, error) =
        (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    if is_not_permitted(&error) {
        return;
    }
    assert!(output.status.success(), "{text}{error}");
    eprintln!("{text}");
    let number = |what: &str| -> usize {
        let (before, _) = text.split_once(what).unwrap();
        before.rsplit(|c: char| !c.is_ascii_digit()).next().unwrap().parse().unwrap()
    };
    assert_eq!(number(" commits"), 7);
    assert_eq!(number(" pods bound"), 10);
    assert!(number(" mesh objects") >= 12);
    assert!(number(" changes seen by istiod") >= 6);
    let folder = text.lines().find_map(|line| line.strip_prefix("folder ")).unwrap();
    assert_nothing_left(&PathBuf::from(folder));
    let left = |file: &str| std::fs::read_to_string(out.path().join(file)).unwrap();
    let objects = left("objects.jsonl");
    assert!(objects.contains("lastAppliedRevision") && objects.contains("deployedAt"));
    assert!(left("events.jsonl").contains("kustomize.toolkit.fluxcd.io/revision"));
    let audit = left("audit.jsonl");
    assert!(
        audit.contains("argocd-application-controller") && audit.contains("kustomize-controller")
    );
}

#[test]
fn a_killed_control_plane_leaves_nothing() {
    let _one = one();
    if !is_installed() {
        return;
    }
    let mut child = Command::new(LAB)
        .args(["cluster", SCENARIO, "--engine", "flux"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let first = lines.next().and_then(Result::ok).unwrap_or_default();
    let Some(folder) = first.strip_prefix("folder ").map(PathBuf::from) else {
        eprintln!("skipped: the control plane did not boot, which the other test judges");
        child.wait().unwrap();
        return;
    };
    assert!(processes_of(&folder).len() >= 6, "nothing ran");
    child.kill().unwrap();
    child.wait().unwrap();
    assert_nothing_left(&folder);
}
