//! Fresh meshes of seeded chance, computed by Istio's own code and by us, in all fields but routes.
//!
//! `STILLTRACE_ISTIO_XDS` names the program that runs Istio's control-plane code on a folder of
//! manifests; without it the test is skipped with a printed reason. `STILLTRACE_FRESH=n` computes n
//! meshes from `STILLTRACE_SEED` (default 1) on; the few of a plain run are always the same.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "the figures are the result")]
#![allow(clippy::unwrap_used, reason = "a failed test may panic")]
#![allow(clippy::disallowed_methods, reason = "the program reads folders")]

mod fresh;
mod settings_diff;

use std::path::PathBuf;
use std::process::Command;

use serde_json::Value;
use settings_diff::Tally;
use stilltrace_manifest::MemoryTree;
use stilltrace_platform::{ParseCache, read};
use stilltrace_report::settings;

/// Meshes of a plain run.
const MESHES: u64 = 24;

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

#[test]
fn fresh_meshes_are_what_istio_computes() {
    let Some(program) =
        std::env::var_os("STILLTRACE_ISTIO_XDS").filter(|path| PathBuf::from(path).is_file())
    else {
        eprintln!("skipped: STILLTRACE_ISTIO_XDS names no program");
        return;
    };
    let folder = std::env::var_os("STILLTRACE_FRESH_DIR").map_or_else(
        || std::env::temp_dir().join(format!("stilltrace-fresh-{}", std::process::id())),
        PathBuf::from,
    );
    let first = number("STILLTRACE_SEED", 1);
    let seeds = first..first + number("STILLTRACE_FRESH", MESHES);
    for seed in seeds.clone() {
        let case = folder.join(format!("seed-{seed:06}"));
        std::fs::create_dir_all(&case).unwrap();
        std::fs::write(case.join("input.yaml"), fresh::manifests(seed)).unwrap();
    }
    let output = Command::new(program).arg("-cases").arg(&folder).output().unwrap();
    let mut tally = Tally::default();
    let mut computed = 0;
    for seed in seeds {
        let name = format!("seed-{seed:06}");
        let case = folder.join(&name);
        let Ok(expected) = std::fs::read(case.join("expected.json")) else { continue };
        computed += 1;
        let expected: Value = serde_json::from_slice(&expected).unwrap();
        let mut tree = MemoryTree::new();
        tree.insert("input.yaml", std::fs::read(case.join("input.yaml")).unwrap());
        let platform = read(&tree, &mut ParseCache::new());
        tally.compare(&name, &settings::document(&platform), &expected);
    }
    if std::env::var_os("STILLTRACE_FRESH_DIR").is_none() {
        std::fs::remove_dir_all(&folder).unwrap();
    }
    let complaints = String::from_utf8_lossy(&output.stderr);
    println!("{}\n{computed} computed\n{complaints}", tally.report());
    assert!(computed > 0, "Istio's program computed nothing: {complaints}");
    assert_eq!(tally.differing_clusters(), 0, "meshes that differ in other fields than routes");
}
