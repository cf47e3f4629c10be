//! A mesh under a real control plane: commits reach the proxies through Flux and Argo CD, the capture
//! has what they wrote down, and nothing stays.
//!
//! Skipped with a printed reason where its programs are not installed.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use stilltrace_capture::Bundle;
use stilltrace_lab::cluster::Tools;
use stilltrace_lab::host::state;
use stilltrace_lab::profile::Profile;
use stilltrace_model::EventKind;

use super::leftovers::{assert_nothing_left, processes_of};
use super::{LAB, one, options};

/// A scenario in which an object of Flux is handed to Argo CD too.
const SCENARIO: &str =
    concat!(env!("CARGO_MANIFEST_DIR"), "/../../lab/scenarios/two-owners-flapping");

/// Whether the programs of the profile are there; prints the reason if not.
fn is_installed() -> bool {
    let Some(options) = options() else { return false };
    let missing = [
        options.under(Profile::Cluster).err().map(|missing| missing.to_string()),
        Tools::find().err().map(|missing| missing.to_string()),
    ];
    missing.iter().flatten().for_each(|missing| eprintln!("skipped: {missing}"));
    missing.iter().all(Option::is_none)
}

/// Whether an error of the command is a refusal of the machine, which is printed.
fn is_not_permitted(error: &str) -> bool {
    let refused = error.contains("is not permitted here");
    if refused {
        eprintln!("skipped: {error}");
    }
    refused
}

/// A short run of the scenario.
fn run(out: &Path) -> Command {
    let mut command = Command::new(LAB);
    command.args(["run", SCENARIO, "--profile", "cluster", "--quick", "--out"]).arg(out);
    command
}

/// The lines of a JSON file of a capture.
fn lines(bundle: &Bundle, file: &str) -> Vec<Value> {
    let text = String::from_utf8(bundle.file(file).unwrap().to_vec()).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn commits_reach_the_proxies_through_flux_and_argo_cd() {
    let _one = one();
    if !is_installed() {
        return;
    }
    let out = tempfile::tempdir().unwrap();
    let before = state::living().unwrap();
    let output = run(out.path()).output().unwrap();
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    if is_not_permitted(&error) {
        return;
    }
    assert!(output.status.success(), "{error}");
    eprintln!("{error}");
    assert!(error.contains("10 pods up") && error.contains("taken back"), "{error}");
    // Every commit about the mesh reached proxies; none was refused.
    let syncs: Vec<_> = error.lines().filter(|line| line.contains(" pushes")).collect();
    assert_eq!(syncs.len(), 5, "{error}");
    assert!(syncs.iter().filter(|line| !line.contains(" 0 pushes")).count() >= 4, "{error}");
    assert!(!error.contains("refused"), "{error}");
    assert_eq!(state::living().unwrap(), before, "a lab is left");

    let bundle =
        Bundle::open(&out.path().join("two-owners-flapping-1-cluster.stilltrace")).unwrap();
    let objects = lines(&bundle, "objects.jsonl");
    let named = |kind: &str, name: &str| {
        let found =
            objects.iter().find(|one| one["kind"] == kind && one["metadata"]["name"] == name);
        found.unwrap_or_else(|| panic!("no {kind} {name}")).clone()
    };
    assert!(named("Kustomization", "mesh")["status"]["lastAppliedRevision"].is_string());
    assert_eq!(named("Application", "payments")["status"]["sync"]["status"], "Synced");
    assert!(objects.iter().all(|one| one["kind"] != "Secret" && one["kind"] != "ConfigMap"));
    let synced = |kind: &str| {
        bundle.events().iter().any(|event| {
            event.kind == EventKind::Synced
                && event.object.kind == kind
                && event.revision.as_ref().is_some_and(|commit| commit.0.len() == 40)
                && !event.synthetic
        })
    };
    assert!(synced("Kustomization") && synced("Application"), "{:#?}", bundle.events());
    // Both write the same object, again and again.
    let audit = lines(&bundle, "audit.jsonl");
    let writes = |who: &str| {
        let by = |line: &&Value| {
            line["objectRef"]["resource"] == "destinationrules"
                && line["objectRef"]["name"] == "payments"
                && line["user"]["username"].as_str().is_some_and(|user| user.ends_with(who))
        };
        audit.iter().filter(by).count()
    };
    assert!(writes("argocd-application-controller") >= 1, "{}", audit.len());
    assert!(writes("kustomize-controller") >= 1, "{}", audit.len());
    let mut metrics = bundle.samples().iter().map(|series| series.metric.as_str());
    assert!(metrics.any(|metric| metric == "pilot_xds_pushes"), "istiod shows what it pushes");
}

/// Waits until a lab runs that was not there before, with at least so many processes.
fn folder_of(lab: &mut Child, before: &[PathBuf], processes: usize) -> Option<PathBuf> {
    let deadline = Instant::now() + Duration::from_mins(1);
    while Instant::now() < deadline && lab.try_wait().unwrap().is_none() {
        let new = state::living().unwrap().into_iter().find(|it| !before.contains(it));
        if let Some(folder) = new.filter(|folder| processes_of(folder).len() >= processes) {
            return Some(folder);
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    None
}

#[test]
fn a_killed_control_plane_leaves_nothing() {
    let _one = one();
    if !is_installed() {
        return;
    }
    let (out, before) = (tempfile::tempdir().unwrap(), state::living().unwrap());
    let errors = out.path().join("errors");
    let mut command = run(out.path());
    command.stdout(Stdio::null()).stderr(fs::File::create(&errors).unwrap());
    let mut lab = command.spawn().unwrap();
    let folder = folder_of(&mut lab, &before, 6);
    lab.kill().unwrap(); // SIGKILL: no handler runs
    lab.wait().unwrap();
    let error = fs::read_to_string(&errors).unwrap();
    if is_not_permitted(&error) {
        return;
    }
    assert_nothing_left(&folder.unwrap_or_else(|| panic!("no control plane came up: {error}")));
}
