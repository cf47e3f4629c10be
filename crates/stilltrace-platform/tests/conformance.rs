//! Agreement with what Istio's own control plane computes, over a corpus of small meshes.
//!
//! The corpus lies outside the repository: `STILLTRACE_CORPORA` names the folder that holds
//! `xds-golden`. Without it the test is skipped with a printed reason. Every field that the model
//! holds is compared; the figures are printed with `--nocapture`.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "the figures are the result")]
#![allow(clippy::unwrap_used, reason = "a failed test may panic")]
#![allow(clippy::disallowed_methods, reason = "the test reads the corpus from disk")]

mod agreement;

use std::path::{Path, PathBuf};

use agreement::Score;
use serde_json::Value;
use stilltrace_manifest::MemoryTree;
use stilltrace_platform::{ParseCache, read};

/// Cases that agreed when this was last raised.
const AGREEING: usize = 319;

fn corpus() -> Option<PathBuf> {
    let default = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data");
    let root = std::env::var_os("STILLTRACE_CORPORA").map_or(default, PathBuf::from);
    let golden = root.join("xds-golden");
    golden.is_dir().then_some(golden)
}

#[test]
fn settings_are_what_istio_computes() {
    let Some(corpus) = corpus() else {
        eprintln!("skipped: no xds-golden in STILLTRACE_CORPORA");
        return;
    };
    let mut cases: Vec<PathBuf> = std::fs::read_dir(corpus)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_dir())
        .collect();
    cases.sort();
    let mut score = Score::default();
    let mut clean = 0;
    for case in &cases {
        let before = score.misses().len();
        score.begin(case.file_name().unwrap().to_string_lossy());
        let input = std::fs::read(case.join("input.yaml")).unwrap();
        let expected = std::fs::read(case.join("expected.json")).unwrap();
        let expected: Value = serde_json::from_slice(&expected).unwrap();
        let mut tree = MemoryTree::new();
        tree.insert("input.yaml", input);
        let platform = read(&tree, &mut ParseCache::new());
        agreement::compare(&platform, &expected, &mut score);
        clean += usize::from(score.misses().len() == before);
    }
    println!("{clean} of {} cases agree in all fields that are compared", cases.len());
    println!("{} comparisons\n{}", score.compared(), score.report());
    assert!(clean >= AGREEING, "only {clean} cases agree, {AGREEING} did before");
}
