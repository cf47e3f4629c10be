//! The printed settings against what Istio's own control plane computes, in all fields.
//!
//! The corpus lies outside the repository: `STILLTRACE_CORPORA` names the folder that holds
//! `xds-golden`; without it the test is skipped with a printed reason. Of every case, the document
//! of `stilltrace settings -o json` without its origins must equal `expected.json`. Figures by field
//! and the cases that differ are printed with `--nocapture`; `STILLTRACE_MISSES=n` prints the first
//! n differences, `STILLTRACE_CASE=name` reads one case only.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "the figures are the result")]
#![allow(clippy::unwrap_used, reason = "a failed test may panic")]
#![allow(clippy::disallowed_methods, reason = "the test reads the corpus from disk")]

mod settings_diff;

use std::path::{Path, PathBuf};

use serde_json::Value;
use settings_diff::Tally;
use stilltrace_manifest::MemoryTree;
use stilltrace_platform::{ParseCache, read};
use stilltrace_report::settings;

fn corpus() -> Option<PathBuf> {
    let default = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data");
    let root = std::env::var_os("STILLTRACE_CORPORA").map_or(default, PathBuf::from);
    let golden = root.join("xds-golden");
    golden.is_dir().then_some(golden)
}

#[test]
fn printed_settings_are_what_istio_computes() {
    let Some(corpus) = corpus() else {
        eprintln!("skipped: no xds-golden in STILLTRACE_CORPORA");
        return;
    };
    let only = std::env::var("STILLTRACE_CASE").ok();
    let mut cases: Vec<PathBuf> = std::fs::read_dir(corpus)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_dir())
        .filter(|path| only.as_ref().is_none_or(|only| path.ends_with(only)))
        .collect();
    cases.sort();
    let mut tally = Tally::default();
    for case in &cases {
        let input = std::fs::read(case.join("input.yaml")).unwrap();
        let expected = std::fs::read(case.join("expected.json")).unwrap();
        let expected: Value = serde_json::from_slice(&expected).unwrap();
        let mut tree = MemoryTree::new();
        tree.insert("input.yaml", input);
        let platform = read(&tree, &mut ParseCache::new());
        let name = case.file_name().unwrap().to_string_lossy();
        tally.compare(&name, &settings::document(&platform), &expected);
    }
    println!("{}", tally.report());
    assert_eq!(tally.differing(), 0, "cases that differ");
}
