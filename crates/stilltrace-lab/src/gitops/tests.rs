//! What every generated repository must be.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use super::*;

const SHOP: &str = include_str!("../../../../lab/topologies/shop.yaml");
/// 2026-03-04T14:02:10Z, a Wednesday.
const START_MS: i64 = 1_772_632_930_000;

fn edit(kind: &str, of: &str, field: &str, from: Value, to: Value) -> Edit {
    Edit {
        kind: kind.into(),
        of: of.into(),
        name: None,
        field: field.into(),
        from: Some(from),
        to: Some(to),
        at: None,
        live: false,
    }
}

fn window() -> Vec<Planned> {
    let edits = [
        edit(
            "Telemetry",
            "mesh",
            "spec.tracing[0].randomSamplingPercentage",
            Value::Int(1),
            Value::Int(2),
        ),
        edit(
            "DestinationRule",
            "payments",
            "spec.trafficPolicy.outlierDetection.interval",
            Value::from("10s"),
            Value::from("15s"),
        ),
        edit(
            "VirtualService",
            "payments",
            "spec.http[0].retries.attempts",
            Value::Int(2),
            Value::Int(10),
        ),
        edit("Image", "checkout", "", Value::from("2.7.3"), Value::from("2.8.0")),
        edit(
            "Deployment",
            "checkout",
            "spec.template.metadata.annotations[\"sidecar.istio.io/proxyCPULimit\"]",
            Value::from("1"),
            Value::from("80m"),
        ),
    ];
    let at = [-120_000, 8_000, 20_000, 33_000, 41_000];
    edits
        .into_iter()
        .zip(at)
        .map(|(edit, at)| Planned { edit, commit_ms: START_MS + at, presence: Presence::Committed })
        .collect()
}

fn repository(seed: u64, window: &[Planned], folder: &Path) -> Repository {
    let topology = Topology::parse(SHOP).unwrap();
    let request = Request {
        topology: &topology,
        layout: LayoutWish::default(),
        seed,
        start_ms: START_MS,
        base: &[],
        window,
    };
    generate(&request, folder).unwrap()
}

fn git(folder: &Path, arguments: &[&str]) -> String {
    let output = Command::new("git").arg("-C").arg(folder).args(arguments).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn a_repository_has_the_size_and_age_of_a_real_one() {
    for seed in 0..8 {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path().join("repo.git");
        let repository = repository(seed, &window(), &folder);
        let files = git(&folder, &["ls-tree", "-r", "--name-only", "main"]);
        let yaml = files.lines().filter(|path| edit::is_yaml(path)).count();
        assert!(yaml >= 60, "seed {seed}: {yaml} YAML files");
        for folder in ["clusters/", "apps/", "platform/istio/", "tenants/"] {
            assert!(files.lines().any(|path| path.starts_with(folder)), "seed {seed}: {folder}");
        }
        assert!(files.contains("CODEOWNERS") && files.contains("catalog-info.yaml"));
        let log = git(&folder, &["log", "--format=%H%x09%an%x09%cs%x09%ct", "main"]);
        assert!(log.lines().count() >= 30 && log.lines().count() == repository.commits);
        let column = |index: usize| -> BTreeSet<_> {
            log.lines().filter_map(|line| line.split('\t').nth(index)).collect()
        };
        assert!(column(1).len() >= 4, "seed {seed}: authors");
        assert!(column(2).len() >= 4, "seed {seed}: days");
        let times: Vec<i64> =
            log.lines().filter_map(|line| line.rsplit('\t').next()?.parse().ok()).collect();
        assert!(times.is_sorted_by(|newer, older| newer >= older), "seed {seed}: times");
        git(&folder, &["fsck", "--strict"]);
    }
}

#[test]
fn every_commit_changes_something_and_the_window_exactly_one_line() {
    for seed in 0..8 {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path().join("repo.git");
        let repository = repository(seed, &window(), &folder);
        let log = git(&folder, &["log", "--format=%H", "--shortstat", "main"]);
        assert_eq!(log.matches("changed").count(), repository.commits, "seed {seed}\n{log}");
        for commit in repository.window.iter().flatten() {
            let id = commit.revision.commit.as_str();
            let numbers = git(&folder, &["show", "--format=", "--numstat", id]);
            assert_eq!(numbers.trim(), format!("1\t1\t{}", commit.path), "seed {seed}");
            let text = git(&folder, &["show", &format!("{id}:{}", commit.path)]);
            let blame = git(
                &folder,
                &[
                    "blame",
                    "-l",
                    "-s",
                    "-L",
                    &format!("{0},{0}", commit.line),
                    id,
                    "--",
                    &commit.path,
                ],
            );
            assert!(blame.starts_with(id), "seed {seed}: {blame}{text}");
        }
    }
}

#[test]
fn the_same_plan_gives_the_same_commit_ids() {
    let folder = tempfile::tempdir().unwrap();
    let first = repository(7, &window(), &folder.path().join("a"));
    let second = repository(7, &window(), &folder.path().join("b"));
    assert_eq!(first.base.commit, second.base.commit);
    let ids = |repository: &Repository| -> Vec<String> {
        repository.window.iter().flatten().map(|commit| commit.revision.commit.clone()).collect()
    };
    assert_eq!(ids(&first), ids(&second));
    assert_ne!(first.base.commit, repository_of_seed_8(folder.path()).base.commit);
}

fn repository_of_seed_8(folder: &Path) -> Repository {
    repository(8, &window(), &folder.join("c"))
}

#[test]
fn leaving_the_change_out_changes_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let mut control = window();
    control[2].presence = Presence::Omitted;
    let with = repository(3, &window(), &folder.path().join("a"));
    let without = repository(3, &control, &folder.path().join("b"));
    assert_eq!(with.base.commit, without.base.commit);
    assert!(without.window[2].is_none());
    let log = |name: &str, format: &str| git(&folder.path().join(name), &["log", format, "main"]);
    let (all, fewer) = (log("a", "--format=%an %ct %s"), log("b", "--format=%an %ct %s"));
    let fewer: Vec<_> = fewer.lines().collect();
    let left: Vec<_> = all.lines().filter(|line| !fewer.contains(line)).collect();
    assert_eq!(left.len(), 1, "{left:?}");
}

#[test]
fn messages_do_not_name_values() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path().join("repo.git");
    let repository = repository(5, &window(), &folder);
    for commit in repository.window.iter().flatten() {
        let message = git(&folder, &["show", "-s", "--format=%B", &commit.revision.commit]);
        for word in ["attempts", "10", "80m", "retry", "limit"] {
            assert!(!message.contains(word), "{message}");
        }
    }
}

#[test]
fn our_reader_finds_every_change_at_the_line_of_its_commit() {
    let topology = Topology::parse(SHOP).unwrap();
    for seed in 0..6 {
        let folder = tempfile::tempdir().unwrap();
        let repository = repository(seed, &window(), &folder.path().join("repo.git"));
        let mut cache = stilltrace_platform::ParseCache::new();
        let mut before = stilltrace_platform::read(&tree(&repository.base.files), &mut cache);
        assert!(before.gaps.is_empty(), "seed {seed}: {:#?}", before.gaps);
        let workloads: usize = topology.services.iter().map(|s| s.workloads().len()).sum();
        assert_eq!(before.workloads.len(), workloads + 1, "seed {seed}: the gateway and the rest");
        for commit in repository.window.iter().flatten() {
            let after = stilltrace_platform::read(&tree(&commit.revision.files), &mut cache);
            let changes = stilltrace_platform::compare(&before, &after);
            assert!(!changes.is_empty(), "seed {seed}: {} {}", commit.path, commit.field);
            for change in changes {
                let at = change.origin_after.location().unwrap();
                assert_eq!(
                    (&*at.path, at.line),
                    (commit.path.as_str(), commit.line),
                    "seed {seed}"
                );
                let object = change.origin_after.object().unwrap();
                assert_eq!(object.kind, commit.object.kind, "seed {seed}");
                assert_eq!(object.name, commit.object.name, "seed {seed}");
                assert_eq!(change.origin_after.field(), Some(commit.field.as_str()), "seed {seed}");
            }
            before = after;
        }
    }
}

#[test]
fn every_call_of_the_topology_is_an_edge_under_any_names() {
    let written = Topology::parse(SHOP).unwrap();
    for seed in 0..4 {
        let renaming = Renaming::draw(&written, seed);
        let topology = renaming.apply(&written);
        let folder = tempfile::tempdir().unwrap();
        let request = Request {
            topology: &topology,
            layout: LayoutWish::default(),
            seed,
            start_ms: START_MS,
            base: &[],
            window: &[],
        };
        let repository = generate(&request, &folder.path().join("repo.git")).unwrap();
        let mut cache = stilltrace_platform::ParseCache::new();
        let platform = stilltrace_platform::read(&tree(&repository.base.files), &mut cache);
        for pod in crate::pods::plan(&topology, seed) {
            for (service, _) in &pod.calls {
                let found = platform
                    .edges
                    .keys()
                    .any(|edge| *edge.source == pod.workload && *edge.destination == *service);
                assert!(found, "seed {seed}: {} -> {service}", pod.workload);
            }
        }
    }
}
