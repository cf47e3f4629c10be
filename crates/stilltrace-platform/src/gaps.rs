//! Collects what could not be read or decided, without stopping the read.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use stilltrace_manifest::{Mark, Problem, ProblemKind};
use stilltrace_model::{Bearing, Gap};

use crate::age::rivals::{Rival, Rivals, Rounds};

/// How many gaps are kept; hostile input must not make the answer grow without bound.
const MAX_GAPS: usize = 1_000;

/// A list of gaps that many readers add to, on several threads. Repeats count once, and the list is
/// the same whoever adds first.
#[derive(Debug, Default)]
pub(crate) struct Gaps {
    found: Mutex<BTreeSet<Gap>>,
    rivals: Mutex<Rivals>,
    depend_on_age: AtomicBool,
    closed: AtomicBool,
    refused_values: Mutex<BTreeSet<Mark>>,
}

impl Gaps {
    /// Adds a gap of a single value.
    pub(crate) fn add(
        &self,
        what: impl Into<String>,
        why: impl Into<String>,
        remedy: impl Into<String>,
    ) {
        self.add_bearing(Bearing::Value, what, why, remedy);
    }

    /// Adds a gap that touches more than a value.
    pub(crate) fn add_bearing(
        &self,
        bearing: Bearing,
        what: impl Into<String>,
        why: impl Into<String>,
        remedy: impl Into<String>,
    ) {
        if !self.closed.load(Ordering::Relaxed) {
            let (what, why, remedy) = (what.into(), why.into(), remedy.into());
            self.insert(Gap { bearing, what, why, remedy });
        }
    }

    /// Notes that a value has the wrong type and was reported; whoever reads it need not say so again.
    pub(crate) fn note_refused_value(&self, mark: &Mark) {
        lock(&self.refused_values).insert(mark.clone());
    }

    /// Whether that was noted of the value at `mark`.
    pub(crate) fn is_refused_value(&self, mark: &Mark) -> bool {
        lock(&self.refused_values).contains(mark)
    }

    /// Notes that a conflict is decided by creation times that are unknown.
    pub(crate) fn depend_on_age(&self, about: &str, winner: Rival, loser: Rival) {
        if !self.closed.load(Ordering::Relaxed) {
            self.depend_on_age.store(true, Ordering::Relaxed);
            lock(&self.rivals).add(about, winner, loser);
        }
    }

    /// Whether such a conflict was found.
    pub(crate) fn has_undecided(&self) -> bool {
        self.depend_on_age.load(Ordering::Relaxed)
    }

    /// Further guesses at the unknown times; without the two that are always made.
    pub(crate) fn rounds(&self) -> Rounds {
        lock(&self.rivals).rounds()
    }

    /// Computes something again without naming the same gaps once more.
    pub(crate) fn silently<T>(&self, compute: impl FnOnce() -> T) -> T {
        self.closed.store(true, Ordering::Relaxed);
        let result = compute();
        self.closed.store(false, Ordering::Relaxed);
        result
    }

    /// Adds what the manifest reader could not read, or read where others refuse.
    pub(crate) fn add_problem(&self, problem: &Problem) {
        match problem.kind {
            // Whoever applies the file reads it as it is read here.
            ProblemKind::Tolerated => return,
            // `sigs.k8s.io/yaml` decodes with the last one; Kustomize's decoder of resources refuses.
            ProblemKind::Repeated => {
                return self.add(
                    problem.to_string(),
                    "the answer takes the last one, as kubectl and Argo CD do where they apply the \
                     file as it is; Kustomize, and Flux with it, refuse the file, so that nothing \
                     is applied that is built with it",
                    "keep the one that is meant",
                );
            }
            _ => {}
        }
        self.add_bearing(
            Bearing::Objects,
            problem.to_string(),
            "the objects and settings written there are not part of the answer",
            "correct the file, or take it out of the folders that are applied",
        );
    }

    /// Adds what is legitimate and not evaluated.
    pub(crate) fn add_unsupported(&self, problem: &Problem) {
        self.add_bearing(
            Bearing::Objects,
            problem.to_string(),
            "what it stands for is not part of the answer",
            "write the value or the manifest into Git",
        );
    }

    /// Adds a gap that was found elsewhere.
    pub(crate) fn add_gap(&self, gap: &Gap) {
        self.insert(gap.clone());
    }

    /// Keeps the gap; of too many, the first in order are kept.
    fn insert(&self, gap: Gap) {
        let mut found = lock(&self.found);
        found.insert(gap);
        if found.len() > MAX_GAPS {
            found.pop_last();
        }
    }

    /// Calls `tell` on every gap so far, in order.
    pub(crate) fn for_each(&self, mut tell: impl FnMut(&Gap)) {
        lock(&self.found).iter().for_each(&mut tell);
    }

    /// All gaps, what changes most of the answer first.
    pub(crate) fn to_sorted(&self) -> Vec<Gap> {
        lock(&self.found).iter().cloned().collect()
    }
}

/// What a lock guards, also after a panic of whoever held it.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::{Gaps, MAX_GAPS};

    #[test]
    fn of_too_many_gaps_the_same_stay_whoever_comes_first() {
        let (up, down) = (Gaps::default(), Gaps::default());
        let add = |gaps: &Gaps, number: usize| gaps.add(format!("{number:05}"), "why", "remedy");
        (0..2 * MAX_GAPS).for_each(|number| add(&up, number));
        (0..2 * MAX_GAPS).rev().for_each(|number| add(&down, number));
        assert_eq!(up.to_sorted().len(), MAX_GAPS);
        assert_eq!(up.to_sorted(), down.to_sorted());
    }
}
