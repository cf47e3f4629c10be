//! Collects what could not be read or decided, without stopping the read.

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;

use stilltrace_manifest::{Mark, Problem, ProblemKind};
use stilltrace_model::{Bearing, Gap};

use crate::age::rivals::{Rival, Rivals, Rounds};

/// How many gaps are kept; hostile input must not make the answer grow without bound.
const MAX_GAPS: usize = 1_000;

/// A list of gaps that many readers add to. Repeats count once.
#[derive(Debug, Default)]
pub(crate) struct Gaps {
    found: RefCell<BTreeSet<Gap>>,
    rivals: RefCell<Rivals>,
    depend_on_age: Cell<bool>,
    closed: Cell<bool>,
    refused_values: RefCell<BTreeSet<Mark>>,
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
        let mut found = self.found.borrow_mut();
        if found.len() < MAX_GAPS && !self.closed.get() {
            let (what, why, remedy) = (what.into(), why.into(), remedy.into());
            found.insert(Gap { bearing, what, why, remedy });
        }
    }

    /// Notes that a value has the wrong type and was reported; whoever reads it need not say so again.
    pub(crate) fn note_refused_value(&self, mark: &Mark) {
        self.refused_values.borrow_mut().insert(mark.clone());
    }

    /// Whether that was noted of the value at `mark`.
    pub(crate) fn is_refused_value(&self, mark: &Mark) -> bool {
        self.refused_values.borrow().contains(mark)
    }

    /// Notes that a conflict is decided by creation times that are unknown.
    pub(crate) fn depend_on_age(&self, about: &str, winner: Rival, loser: Rival) {
        if !self.closed.get() {
            self.depend_on_age.set(true);
            self.rivals.borrow_mut().add(about, winner, loser);
        }
    }

    /// Whether such a conflict was found.
    pub(crate) fn has_undecided(&self) -> bool {
        self.depend_on_age.get()
    }

    /// Further guesses at the unknown times; without the two that are always made.
    pub(crate) fn rounds(&self) -> Rounds {
        self.rivals.borrow().rounds()
    }

    /// Computes something again without naming the same gaps once more.
    pub(crate) fn silently<T>(&self, compute: impl FnOnce() -> T) -> T {
        self.closed.set(true);
        let result = compute();
        self.closed.set(false);
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
        let mut found = self.found.borrow_mut();
        if found.len() < MAX_GAPS {
            found.insert(gap.clone());
        }
    }

    /// Calls `tell` on every gap so far, in order.
    pub(crate) fn for_each(&self, mut tell: impl FnMut(&Gap)) {
        self.found.borrow().iter().for_each(&mut tell);
    }

    /// All gaps, what changes most of the answer first.
    pub(crate) fn to_sorted(&self) -> Vec<Gap> {
        self.found.borrow().iter().cloned().collect()
    }
}
