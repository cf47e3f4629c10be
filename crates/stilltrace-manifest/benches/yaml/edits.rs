//! Every scalar of the corpus set to another value and back.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Instant;

use serde_json::{Value, json};

use crate::editing::{Effort, Outcome, edit_file};
use crate::rounded;

/// Largest file whose scalars are set to every value, and every edit of which is read again as a
/// whole. In larger files each scalar is set to one value, and one edit in a thousand read again.
const SMALL: usize = 20_000;
/// Misses that are kept by name.
const NAMED: usize = 20;

/// Edits all scalars of all files.
pub(crate) fn measure(files: &[(String, Vec<u8>)]) -> Value {
    let start = Instant::now();
    let next = AtomicUsize::new(0);
    let threads = thread::available_parallelism().map_or(1, usize::from);
    let outcome = thread::scope(|scope| {
        let workers: Vec<_> =
            (0..threads).map(|_| scope.spawn(|| edit_next(files, &next))).collect();
        let mut all = Outcome::default();
        for worker in workers {
            all.add(worker.join().unwrap());
        }
        all
    });
    let mut misses = outcome.misses;
    misses.sort();
    let count = misses.len();
    misses.truncate(NAMED);
    json!({
        "files": outcome.files,
        "scalars": outcome.scalars,
        "edits_there_and_back": outcome.edits,
        "read_again_and_compared": outcome.compared,
        "by_two_edits_of_their_own": outcome.independent,
        "misses": count,
        "first_misses": misses,
        "seconds": rounded(start.elapsed().as_secs_f64()),
    })
}

/// Edits files that no other thread has taken.
fn edit_next(files: &[(String, Vec<u8>)], next: &AtomicUsize) -> Outcome {
    let mut outcome = Outcome::default();
    while let Some((path, bytes)) = files.get(next.fetch_add(1, Ordering::Relaxed)) {
        let Ok(source) = std::str::from_utf8(bytes) else { continue };
        let small = bytes.len() <= SMALL;
        let compare_every = if small { 1 } else { 1_000 };
        let effort = Effort { scalars: usize::MAX, every_value: small, compare_every };
        outcome.add(edit_file(path, source, effort));
    }
    outcome
}
