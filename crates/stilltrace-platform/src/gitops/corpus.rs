//! Every reconciler of public repositories is followed, or refused with its reason.
//!
//! The repositories lie outside: `STILLTRACE_CORPORA` names the folder that holds `gitops-repos`.
//! Without it the test is skipped with a printed reason; the figures are printed with
//! `--nocapture`.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "the figures are the result")]
#![allow(clippy::unwrap_used, clippy::disallowed_methods, reason = "a test that reads a corpus")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use stilltrace_manifest::{MemoryTree, ParseCache};

use super::walk::Outcome;
use super::{Options, read};

fn corpus() -> Option<PathBuf> {
    let default = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data");
    let root = std::env::var_os("STILLTRACE_CORPORA").map_or(default, PathBuf::from);
    let repositories = root.join("gitops-repos");
    repositories.is_dir().then_some(repositories)
}

fn tree(folder: &Path) -> MemoryTree {
    let mut tree = MemoryTree::new();
    let mut open = vec![folder.to_path_buf()];
    while let Some(next) = open.pop() {
        for entry in std::fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_symlink() {
            } else if path.is_dir() {
                open.push(path);
            } else if let Some(name) = path.strip_prefix(folder).unwrap().to_str() {
                tree.insert(name, std::fs::read(&path).unwrap());
            }
        }
    }
    tree
}

#[test]
fn every_reconciler_is_applied_or_refused_with_its_reason() {
    let Some(corpus) = corpus() else {
        eprintln!("skipped: no gitops-repos in STILLTRACE_CORPORA");
        return;
    };
    let mut folders: Vec<PathBuf> = std::fs::read_dir(corpus)
        .unwrap()
        .map(|entry| entry.unwrap().path().join("tree"))
        .collect();
    folders.retain(|folder| folder.is_dir());
    folders.sort();
    let mut totals: BTreeMap<(String, String), usize> = BTreeMap::new();
    let mut forgotten = Vec::new();
    for folder in &folders {
        let name = folder.parent().unwrap().file_name().unwrap().to_string_lossy().into_owned();
        let tree = tree(folder);
        let repository = read(&tree, &ParseCache::new(), &Options::default());
        println!("== {name}");
        for cluster in repository.clusters.iter().take(12) {
            let (objects, gaps) = (cluster.applied.len(), cluster.gaps.to_sorted().len());
            println!(
                "  {}: {objects} objects, {gaps} gaps, {} contested",
                cluster.name,
                cluster.contested.len()
            );
        }
        println!("  {} clusters", repository.clusters.len());
        if std::env::var_os("SHOW_GAPS")
            .is_some_and(|wanted| name.contains(wanted.to_str().unwrap()))
        {
            for cluster in &repository.clusters {
                for gap in cluster.gaps.to_sorted() {
                    println!("    [{}] {}", cluster.name, gap.what);
                }
            }
        }
        for ((kind, place), outcome) in &repository.outcomes {
            let told = match outcome {
                Outcome::Applied => "applied".to_owned(),
                Outcome::Nothing => "applies nothing".to_owned(),
                Outcome::Refused(reason) => format!("gap: {reason}"),
            };
            let _ = place;
            *totals.entry((kind.clone(), told)).or_default() += 1;
        }
        for object in &repository.reconcilers {
            let key = (object.kind().to_owned(), object.mark().to_string());
            if !repository.outcomes.contains_key(&key) {
                forgotten.push(format!("{name} {} {}", key.0, key.1));
            }
        }
    }
    for ((kind, told), count) in &totals {
        println!("{kind:16} {count:5} {told}");
    }
    assert!(forgotten.is_empty(), "neither followed nor refused: {forgotten:#?}");
    assert!(totals.len() > 4, "{totals:?}");
}
