//! One run of a scenario: repository, mesh, traffic, syncs at their times, records.
//!
//! ```text
//! boot   load starts          recording starts            change synced            end
//!  |        |---- warm_s -------|--------- quiet_s ----------|------- fault_s -------|
//!       (base revision)             decoy       decoy            decoy
//! ```
//!
//! The mesh is configured from what our own reader makes of the repository at each revision, so it
//! is the line in Git that causes what is recorded. Commit times, syncs and samples share one
//! clock, the machine's.

mod lock;
pub mod revisions;
mod schedule;

use std::path::Path;
use std::time::Duration;

use stilltrace_manifest::ParseCache;
use stilltrace_model::Platform;

use crate::gitops::{self, GitopsError, Planned, Repository, Request};
use crate::harvest::Records;
use crate::mesh::{Applied, Mesh, MeshError, MeshOptions};
use crate::scenario::{Incident, Phases, ScenarioError};

pub(crate) use schedule::Slot;

/// How long one retrieves samples beyond the recording's start, in seconds: rates need samples
/// from before it.
const SAMPLES_BEFORE_S: u64 = 60;

/// Choices of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RunOptions {
    /// Seed of everything that is drawn.
    pub seed: u64,
    /// Short phases, for checking that everything works.
    pub quick: bool,
    /// Leave the change out: the same run with all other commits.
    pub control: bool,
}

/// What a run left.
#[derive(Debug)]
pub struct Run {
    /// What was run.
    pub incident: Incident,
    /// Choices of the run.
    pub options: RunOptions,
    /// Length of its phases.
    pub phases: Phases,
    /// Start of the recording, in milliseconds of Unix time.
    pub start_ms: i64,
    /// The commits of the window with their syncs, in order.
    pub(crate) slots: Vec<Slot>,
    /// The repository, in a folder that lives as long as the run.
    pub(crate) repository: Repository,
    /// The folder that holds it, as `repo.git`.
    pub(crate) folder: tempfile::TempDir,
    /// What was recorded.
    pub(crate) records: Records,
}

impl Run {
    /// End of the recording, in milliseconds of Unix time.
    pub fn end_ms(&self) -> i64 {
        self.start_ms + i64::from(self.phases.recorded_s()) * 1_000
    }

    /// When the change took effect or, in a control run, would have.
    pub fn change_ms(&self) -> i64 {
        let change = self.slots.iter().find(|slot| slot.decoy.is_none());
        change
            .and_then(|slot| slot.in_effect_ms)
            .unwrap_or_else(|| self.start_ms + i64::from(self.phases.quiet_s) * 1_000)
    }
}

/// Why a run failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RunError {
    /// The scenario cannot be run.
    #[error(transparent)]
    Scenario(#[from] ScenarioError),
    /// Its repository cannot be made.
    #[error(transparent)]
    Gitops(#[from] GitopsError),
    /// The mesh failed.
    #[error(transparent)]
    Mesh(#[from] MeshError),
    /// Another lab runs.
    #[error("another lab runs on this machine (lock {path}); two at once would measure each other")]
    Busy {
        /// The lock file.
        path: String,
    },
    /// A file cannot be used.
    #[error("{what}: {source}")]
    Io {
        /// The file or what was being done.
        what: String,
        /// What the system said.
        source: std::io::Error,
    },
}

/// Runs a scenario. `say` is told what happens, one line at a time.
pub fn run(
    folder: &Path,
    options: RunOptions,
    mesh: MeshOptions,
    say: &mut dyn FnMut(&str),
) -> Result<Run, RunError> {
    let _lock = lock::Lock::take()?;
    let incident = Incident::read(folder, options.seed)?;
    let phases = if options.quick { incident.scenario.quick } else { incident.scenario.phases };
    let mut slots = schedule::slots(&incident, phases);
    let workshop = tempfile::tempdir().map_err(|source| io("a temporary folder", source))?;

    // The files do not depend on the time, so the mesh can boot before the time is known.
    let draft =
        repository(&incident, options, &slots, now_ms(), &workshop.path().join("draft.git"))?;
    let platforms = platforms(&draft);
    let earlier = slots.iter().take_while(|slot| slot.planned_s < 0.0).count();
    let before = platforms.get(earlier).cloned().unwrap_or_default();
    say(&format!(
        "{} {}: {} commits, {} workloads, {} edges, {} gaps",
        incident.name,
        options.seed,
        draft.commits,
        before.workloads.len(),
        before.edges.len(),
        before.gaps.len()
    ));
    for gap in &before.gaps {
        say(&format!("  gap: {} ({})", gap.what, gap.why));
    }

    let mut mesh = Mesh::boot(mesh, incident.topology.clone(), &before)?;
    say(&format!("{} pods up", mesh.pods().len()));
    let seconds = u64::from(phases.warm_s + phases.recorded_s());
    mesh.load(&incident.topology.traffic, seconds)?;
    let start_ms = now_ms() + i64::from(phases.warm_s) * 1_000;
    let repository =
        repository(&incident, options, &slots, start_ms, &workshop.path().join("repo.git"))?;
    drive(&mut mesh, &mut slots, &platforms, options, start_ms, say)?;
    mesh.wait_for_load()?;
    let records = mesh.records(u64::from(phases.recorded_s()) + SAMPLES_BEFORE_S)?;
    mesh.shutdown()?;
    Ok(Run { incident, options, phases, start_ms, slots, repository, folder: workshop, records })
}

/// The incident's repository with the commits of the slots, for a recording that starts at
/// `start_ms`.
fn repository(
    incident: &Incident,
    options: RunOptions,
    slots: &[Slot],
    start_ms: i64,
    folder: &Path,
) -> Result<Repository, GitopsError> {
    let scenario = &incident.scenario;
    let planned: Vec<_> = slots
        .iter()
        .map(|slot| Planned {
            edit: slot
                .decoy
                .and_then(|index| scenario.decoys.get(index))
                .unwrap_or(&scenario.change)
                .clone(),
            commit_ms: start_ms + slot.commit_ms(),
            omitted: slot.decoy.is_none() && options.control,
        })
        .collect();
    gitops::generate(
        &Request {
            topology: &incident.topology,
            layout: scenario.layout,
            seed: options.seed,
            start_ms,
            base: &scenario.base,
            window: &planned,
        },
        folder,
    )
}

/// What is in effect at the base and after each slot.
fn platforms(repository: &Repository) -> Vec<Platform> {
    let mut cache = ParseCache::new();
    let mut platforms =
        vec![stilltrace_platform::read(&gitops::tree(&repository.base.files), &mut cache)];
    for commit in &repository.window {
        let next = match commit {
            Some(commit) => {
                stilltrace_platform::read(&gitops::tree(&commit.revision.files), &mut cache)
            }
            None => platforms.last().cloned().unwrap_or_default(),
        };
        platforms.push(next);
    }
    platforms
}

/// Applies each revision when its time has come.
fn drive(
    mesh: &mut Mesh,
    slots: &mut [Slot],
    platforms: &[Platform],
    options: RunOptions,
    start_ms: i64,
    say: &mut dyn FnMut(&str),
) -> Result<(), RunError> {
    for (index, slot) in slots.iter_mut().enumerate() {
        let planned_ms = start_ms + (slot.planned_s * 1_000.0) as i64;
        if slot.decoy.is_none() && options.control {
            continue;
        }
        if slot.planned_s < 0.0 {
            slot.in_effect_ms = Some(planned_ms);
            continue;
        }
        let wait = u64::try_from(planned_ms - now_ms()).unwrap_or(0);
        std::thread::sleep(Duration::from_millis(wait));
        let Some(platform) = platforms.get(index + 1) else { continue };
        let applied = mesh.apply(platform)?;
        slot.in_effect_ms = i64::try_from(applied.settled_unix_ms).ok();
        say(&describe(slot, &applied));
        slot.applied = Some(applied);
    }
    Ok(())
}

/// What a sync did, in one line.
fn describe(slot: &Slot, applied: &Applied) -> String {
    let what = slot.decoy.map_or_else(|| "change".to_owned(), |index| format!("decoy {index}"));
    format!(
        "{:6.1} s  {what}: {} files, {} limits, {} releases, {} restarts",
        slot.planned_s,
        applied.files.len(),
        applied.limits.len(),
        applied.releases.len(),
        applied.restarts.len()
    )
}

/// Unix time in milliseconds.
fn now_ms() -> i64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    i64::try_from(now.unwrap_or_default().as_millis()).unwrap_or(i64::MAX)
}

fn io(what: &str, source: std::io::Error) -> RunError {
    RunError::Io { what: what.to_owned(), source }
}
