//! Scalars of public GitOps repositories are set to other values and back.
#![allow(
    clippy::unwrap_used,
    clippy::print_stderr,
    clippy::disallowed_methods,
    reason = "a failure is the test's result, and it reads a corpus"
)]

mod editing;
#[path = "../benches/files/mod.rs"]
mod files;

use editing::{Effort, Outcome, edit_file};

/// Scalars of each file.
const SCALARS: usize = 50;

#[test]
fn a_scalar_set_and_set_back_leaves_the_file_as_it_was() {
    let files = files::manifests();
    if files.is_empty() {
        eprintln!("skipped: no folder gitops-repos in STILLTRACE_CORPORA");
        return;
    }
    let effort = Effort { scalars: SCALARS, every_value: false, compare_every: 40 };
    let edit = |files: &[(String, Vec<u8>)]| {
        let mut outcome = Outcome::default();
        for (path, bytes) in files {
            let Ok(source) = std::str::from_utf8(bytes) else { continue };
            outcome.add(edit_file(path, source, effort));
        }
        outcome
    };
    let (first, second) = files.split_at(files.len() / 2);
    let outcome = std::thread::scope(|scope| {
        let other = scope.spawn(|| edit(second));
        let mut outcome = edit(first);
        outcome.add(other.join().unwrap());
        outcome
    });
    eprintln!(
        "{} scalars of {} files set and set back, {} of these by edits of their own, {} files read again",
        outcome.scalars, outcome.files, outcome.independent, outcome.compared
    );
    let shown: Vec<&String> = outcome.misses.iter().take(20).collect();
    assert!(outcome.misses.is_empty(), "{} misses: {shown:#?}", outcome.misses.len());
}
