//! The revisions of a scenario's repository without running it: what a run would tell its mesh.

use std::path::Path;

use stilltrace_manifest::{MemoryTree, ParseCache};

use super::{RunError, RunOptions, Target, io, repository, schedule};
use crate::gitops::{self, LayoutWish, Request};
use crate::profile::Profile;
use crate::scenario::Incident;
use crate::topology::Topology;

/// Start of the recording that the commits lie around, in milliseconds of Unix time; no file
/// depends on it.
const START_MS: i64 = 1_772_632_800_000;

/// Who decides in which files the repository keeps what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LayoutBy {
    /// The scenario, as when it is recorded.
    Scenario,
    /// The seed alone.
    Seed,
}

/// A scenario's repository.
#[derive(Debug, Clone)]
pub struct Revisions {
    /// What runs, under the names that the repository uses.
    pub topology: Topology,
    /// Folders that something applies to the cluster.
    pub applied: Vec<String>,
    /// The files, oldest revision first: the base, then each commit of the window.
    pub trees: Vec<MemoryTree>,
}

impl Revisions {
    /// The revision `index`, the base being 0, as a mesh of a profile takes it.
    ///
    /// # Errors
    /// When there is no such revision, or it cannot be applied.
    pub fn target(&self, index: usize, profile: Profile) -> Result<Target, RunError> {
        let tree = self.trees.get(index).cloned().unwrap_or_default();
        Target::read(&tree, &self.applied, profile, &mut ParseCache::new())
    }
}

/// The repository that `seed` makes of a topology in which nothing happens.
///
/// # Errors
/// When Git cannot write the repository.
pub fn at_rest(topology: &Topology, seed: u64) -> Result<Revisions, RunError> {
    let workshop = tempfile::tempdir().map_err(|source| io("a temporary folder", source))?;
    let layout = LayoutWish::default();
    let request = Request { topology, layout, seed, start_ms: START_MS, base: &[], window: &[] };
    let made = gitops::generate(&request, &workshop.path().join("repo.git"))?;
    let trees = vec![gitops::tree(&made.base.files)];
    let applied = made.reconcilers.into_iter().map(|reconciler| reconciler.path).collect();
    Ok(Revisions { topology: topology.clone(), applied, trees })
}

/// The repository that `seed` makes of the scenario in `folder`.
///
/// # Errors
/// When the scenario cannot be read, or Git cannot write the repository.
pub fn revisions(folder: &Path, seed: u64, layout: LayoutBy) -> Result<Revisions, RunError> {
    let mut incident = Incident::read(folder, seed)?;
    if layout == LayoutBy::Seed {
        incident.scenario.layout = LayoutWish::default();
    }
    let slots = schedule::slots(&incident, incident.scenario.phases);
    let options = RunOptions { seed, quick: false, control: false };
    let workshop = tempfile::tempdir().map_err(|source| io("a temporary folder", source))?;
    let bare = workshop.path().join("repo.git");
    let made = repository(&incident, options, &slots, &[], START_MS, &bare)?;
    let later = made.window.iter().flatten().map(|commit| &commit.revision.files);
    let trees = std::iter::once(&made.base.files).chain(later).map(gitops::tree).collect();
    let applied = made.reconcilers.into_iter().map(|reconciler| reconciler.path).collect();
    Ok(Revisions { topology: incident.topology, applied, trees })
}
