//! Small repositories of several clusters, and what is in effect in each.
//!
//! A case is a folder: `case.md` says what it is about, `repo/` is the repository, `expected.txt`
//! what is read from it. `UPDATE_EXPECT=1 cargo test` rewrites the last; read the difference.

#![allow(clippy::unwrap_used, reason = "a failed test may panic")]
#![allow(clippy::disallowed_methods, reason = "the test reads its cases from disk")]

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use expect_test::expect_file;
use stilltrace_manifest::MemoryTree;
use stilltrace_model::{Location, Origin, Platform};
use stilltrace_platform::{Cluster, Options, ParseCache, read_all, read_with};

fn cases() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clusters")
}

fn tree(case: &str) -> MemoryTree {
    let root = cases().join(case).join("repo");
    let mut tree = MemoryTree::new();
    let mut folders = vec![root.clone()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(&root).unwrap().to_string_lossy().replace('\\', "/");
                tree.insert(name, std::fs::read(&path).unwrap());
            }
        }
    }
    tree
}

fn clusters(case: &str) -> Vec<Cluster> {
    read_all(&tree(case), &mut ParseCache::new(), &Options::default())
}

fn print(platform: &Platform, text: &mut String) {
    for workload in platform.workloads.values() {
        writeln!(text, "  {} {}", workload.kind, workload.id).unwrap();
        if let Some(reconciler) = &workload.reconciler {
            let path = &reconciler.path;
            writeln!(text, "    applied by {} from {path}", reconciler.object).unwrap();
        }
        for (name, value, origin) in workload.settings() {
            if let Origin::Git { at, .. } = origin {
                writeln!(text, "    {name} = {value} @ {at}").unwrap();
            }
        }
    }
    for edge in platform.edges.values() {
        writeln!(text, "  {}", edge.id).unwrap();
        for (name, value, origin) in edge.settings() {
            if let Origin::Git { at, .. } = origin {
                writeln!(text, "    {name} = {value} @ {at}").unwrap();
            }
        }
    }
    for reconciler in &platform.reconcilers {
        write!(text, "  {} {}: {}", reconciler.kind, reconciler.object.name, reconciler.path)
            .unwrap();
        if let Some(at) = &reconciler.suspended {
            write!(text, ", suspended @ {at}").unwrap();
        }
        for other in &reconciler.depends_on {
            write!(text, ", after {}", other.name).unwrap();
        }
        writeln!(text).unwrap();
    }
    for contested in &platform.contested {
        let differs = if contested.differs { "differently" } else { "alike" };
        writeln!(text, "  contested {differs}: {}", contested.object).unwrap();
        for (at, reconciler) in &contested.claims {
            writeln!(text, "    {} @ {at}", reconciler.object.name).unwrap();
        }
    }
    for gap in &platform.gaps {
        writeln!(text, "  gap: {}", gap.what).unwrap();
    }
}

#[test]
fn clusters_are_read_as_expected() {
    let mut found: Vec<PathBuf> =
        std::fs::read_dir(cases()).unwrap().map(|entry| entry.unwrap().path()).collect();
    found.sort();
    assert!(!found.is_empty());
    for case in found {
        let name = case.file_name().unwrap().to_string_lossy().into_owned();
        let mut text = String::new();
        for cluster in clusters(&name) {
            writeln!(text, "cluster {}", cluster.name).unwrap();
            print(&cluster.platform, &mut text);
        }
        expect_file![case.join("expected.txt")].assert_eq(&text);
    }
}

/// Every setting is what stands at its line, in whichever file, or is put together from it.
#[test]
fn settings_of_every_cluster_stand_at_their_lines() {
    let stands = |tree: &MemoryTree, at: &Location, value: &str| {
        let file = stilltrace_manifest::Tree::read(tree, &at.path).unwrap().unwrap();
        let text = String::from_utf8_lossy(&file[at.start..at.end]).into_owned();
        let text = text.trim_matches(['"', '\'']).to_owned();
        text.trim_end_matches(['s', 'm']) == value
            || text.contains("${")
            || text.contains("{{")
            || value.contains(text.rsplit([':', '=']).next().unwrap())
    };
    let mut seen = 0;
    for case in ["flux_two_clusters", "argo_sets", "overlays_without_reconciler"] {
        let tree = tree(case);
        for cluster in clusters(case) {
            let platform = &cluster.platform;
            let edges = platform.edges.values().flat_map(stilltrace_model::Edge::settings);
            let own = platform.workloads.values().flat_map(stilltrace_model::Workload::settings);
            for (name, value, origin) in edges.chain(own) {
                let Some(at) = origin.location() else { continue };
                let plain = value.trim_end_matches(['s', 'm']);
                assert!(
                    stands(&tree, at, plain),
                    "{case} {}: {name} = {value} @ {at}",
                    cluster.name
                );
                seen += 1;
            }
        }
    }
    assert!(seen > 20, "{seen}");
}

#[test]
fn one_cluster_can_be_asked_for_by_name() {
    let tree = tree("flux_two_clusters");
    let ask = |name: &str| {
        let options = Options { cluster: Some(name.to_owned()), ..Options::default() };
        read_with(&tree, &mut ParseCache::new(), &options)
    };
    let replicas = |platform: &Platform| -> Vec<Option<u32>> {
        platform.workloads.values().map(|workload| workload.replicas.value).collect()
    };
    assert_eq!(replicas(&ask("production")), [Some(5)]);
    assert_eq!(replicas(&ask("staging")), [Some(1)]);
    let none = ask("nowhere");
    assert!(none.workloads.is_empty());
    assert!(none.gaps[0].what.contains("production, staging"), "{:?}", none.gaps);
}

#[test]
fn the_order_of_files_does_not_matter() {
    for case in ["flux_two_clusters", "argo_sets"] {
        let tree = tree(case);
        let options = Options::default();
        let first = read_all(&tree, &mut ParseCache::new(), &options);
        let mut cache = ParseCache::new();
        assert_eq!(first, read_all(&tree, &mut cache, &options), "{case}");
        assert_eq!(first, read_all(&tree, &mut cache, &options), "{case}, from the cache");
    }
}
