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
mod structure;

use editing::{Effort, Outcome, edit_file};
use structure::{Counts, restructure};

/// Scalars of each file.
const SCALARS: usize = 50;

/// Every how manyth file is taken where every edit reads the whole file.
const SKIP: usize = 40;

/// Files with more bytes are left to the benchmark where every edit reads the whole file.
const LARGE: usize = 60_000;

#[test]
fn a_scalar_set_and_set_back_leaves_the_file_as_it_was() {
    let files = files::manifests();
    if files.is_empty() {
        eprintln!("skipped: no folder gitops-repos in STILLTRACE_CORPORA");
        return;
    }
    let effort = Effort { scalars: SCALARS, every_value: false, compare_every: 16 };
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

#[test]
fn what_is_added_and_taken_out_again_leaves_the_file_as_it_was() {
    let files = files::manifests();
    if files.is_empty() {
        eprintln!("skipped: no folder gitops-repos in STILLTRACE_CORPORA");
        return;
    }
    let edit = |files: &[(String, Vec<u8>)]| {
        let mut counts = Counts::default();
        for (path, bytes) in files {
            let Ok(source) = std::str::from_utf8(bytes) else { continue };
            // Each edit reads the file four times, so large files get fewer edits or none.
            if bytes.len() > LARGE {
                continue;
            }
            let edits = (20_000 / bytes.len().max(1)).clamp(1, SCALARS);
            counts.add(restructure(path, source, edits));
        }
        counts
    };
    let files: Vec<(String, Vec<u8>)> = files.into_iter().step_by(SKIP).collect();
    let (first, second) = files.split_at(files.len() / 2);
    let counts = std::thread::scope(|scope| {
        let other = scope.spawn(|| edit(second));
        let mut counts = edit(first);
        counts.add(other.join().unwrap());
        counts
    });
    eprintln!(
        "{} entries and items added and taken out again, {} refused because aliases repeat them; \
         {} behind an unended block scalar refused; {} files cannot be read to their end",
        counts.edits, counts.shared, counts.unended, counts.unread
    );
    let shown: Vec<&String> = counts.misses.iter().take(20).collect();
    assert!(counts.misses.is_empty(), "{} misses: {shown:#?}", counts.misses.len());
}
