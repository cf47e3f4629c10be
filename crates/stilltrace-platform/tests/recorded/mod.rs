//! Reads folders of recorded cases and compares our settings with Istio's answer to each.
//!
//! A case is `input.yaml` and, in `istio.json`, what Istio 1.31 told every proxy when its code read
//! that input. The printed settings must equal it in all fields. `STILLTRACE_CASE=name` reads one
//! case only.

#![allow(clippy::print_stdout, reason = "the figures are the result")]
#![allow(clippy::unwrap_used, reason = "a failed test may panic")]

use std::path::{Path, PathBuf};

use serde_json::Value;
use stilltrace_manifest::MemoryTree;
use stilltrace_platform::{ParseCache, read};
use stilltrace_report::settings;

use crate::settings_diff::Tally;

fn cases(folder: &str) -> Vec<PathBuf> {
    let only = std::env::var("STILLTRACE_CASE").ok();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join(folder);
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut cases: Vec<PathBuf> = entries
        .filter(|path| path.is_dir())
        .filter(|path| only.as_ref().is_none_or(|only| path.ends_with(only)))
        .collect();
    cases.sort();
    cases
}

/// Fails where our settings differ from Istio's answer to any case of a folder of `tests`.
pub(crate) fn equal_istio(folder: &str) {
    let mut tally = Tally::default();
    for case in cases(folder) {
        let mut tree = MemoryTree::new();
        tree.insert("input.yaml", std::fs::read(case.join("input.yaml")).unwrap());
        let expected = std::fs::read(case.join("istio.json")).unwrap();
        let expected: Value = serde_json::from_slice(&expected).unwrap();
        let platform = read(&tree, &mut ParseCache::new());
        let name = case.file_name().unwrap().to_string_lossy();
        tally.compare(&name, &settings::document(&platform), &expected);
    }
    println!("{}", tally.report());
    assert_eq!(tally.differing(), 0, "cases that differ");
}
