//! One run of a scenario: repository, mesh, traffic, syncs at their times, records.
//!
//! ```text
//! boot   load starts          recording starts            change synced            end
//!  |        |---- warm_s -------|--------- quiet_s ----------|------- fault_s -------|
//!       (base revision)             decoy       decoy            decoy
//! ```
//!
//! The mesh is configured from the repository at each revision, by our own reader or by Istio's
//! control plane ([`Profile`]), so it is the line in Git that causes what is
//! recorded. Commit times, syncs and samples share one
//! clock, the machine's.

mod churn;
mod lock;
pub mod rehearsal;
pub mod revisions;
mod schedule;
mod targets;

use std::path::Path;
use std::time::Instant;

use crate::gitops::{self, Edit, GitopsError, Planned, Presence, Repository, Request};
use crate::harvest::Records;
use crate::mesh::{Applied, Mesh, MeshError, MeshOptions};
use crate::profile::Profile;
use crate::rendered::RenderError;
use crate::scenario::{Incident, Part, Phases, ScenarioError};

use churn::Churn;
pub(crate) use schedule::Slot;
#[cfg(test)]
pub(crate) use schedule::commit_order;
pub use targets::Target;

/// How long one retrieves samples beyond the recording's start, in seconds: rates need samples
/// from before it.
const SAMPLES_BEFORE_S: u64 = 60;

/// Time between scrapes in a quick run, in seconds: its phases hardly hold two of the usual ones.
const QUICK_SCRAPE_SECONDS: u64 = 5;
/// When a cure is committed, in milliseconds after the start of a recording: behind all else.
const CURED_AFTER_MS: i64 = 1_200_000;

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

    /// When the change began to take effect or, in a control run, would have.
    pub fn change_began_ms(&self) -> i64 {
        let change = self.slots.iter().find(|slot| slot.is_cause());
        let began = change.and_then(|slot| slot.applied.as_ref()).map(|applied| applied.unix_ms);
        began
            .and_then(|began| i64::try_from(began).ok())
            .unwrap_or_else(|| self.change_ms())
            .min(self.change_ms())
    }

    /// When the change took effect or, in a control run, would have.
    pub fn change_ms(&self) -> i64 {
        let change = self.slots.iter().find(|slot| slot.is_cause());
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
    /// The repository cannot be applied.
    #[error(transparent)]
    Render(#[from] RenderError),
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
    let mut incident = Incident::read(folder, options.seed)?;
    let phases = if options.quick { incident.scenario.quick } else { incident.scenario.phases };
    if !options.control {
        incident.stage(phases);
    }
    let mut slots = schedule::slots(&incident, phases);
    let workshop = tempfile::tempdir().map_err(|source| io("a temporary folder", source))?;

    // The files do not depend on the time, so the mesh can boot before the time is known.
    let draft = workshop.path().join("draft.git");
    let draft = repository(&incident, options, &slots, &[], now_ms(), &draft)?;
    let targets = targets::targets(&draft, mesh.profile)?;
    let recovery_s = if options.control { 0 } else { phases.recovery_s };
    let innocent = match recovery_s {
        0 => None,
        _ => innocent(&incident, &slots, workshop.path(), mesh.profile)?,
    };
    let earlier = slots.iter().take_while(|slot| slot.planned_s < 0.0).count();
    let target = targets.get(earlier).cloned().unwrap_or_default();
    let before = &target.platform;
    say(&format!(
        "{} {}, profile {}: {} commits, {} workloads, {} edges, {} gaps",
        incident.name,
        options.seed,
        mesh.profile.name(),
        draft.commits,
        before.workloads.len(),
        before.edges.len(),
        before.gaps.len()
    ));
    for gap in &before.gaps {
        say(&format!("  gap: {} ({})", gap.what, gap.why));
    }

    let started = Instant::now();
    let (bystanders, kept) = (incident.scenario.bystanders, incident.scenario.statistics);
    let scrape_seconds = if options.quick { QUICK_SCRAPE_SECONDS } else { mesh.scrape_seconds };
    let mesh = MeshOptions { kept, scrape_seconds, bystanders, ..mesh };
    let mut mesh = Mesh::boot(mesh, incident.topology.clone(), target.desired())?;
    let mut churn = Churn::new(incident.scenario.churn_every_s);
    let took = started.elapsed().as_secs_f64();
    say(&format!("{} pods up in {took:.2} s", mesh.pods().len()));
    let seconds = u64::from(phases.warm_s + phases.recorded_s() + recovery_s);
    mesh.load(&incident.topology.traffic, seconds)?;
    let start_ms = now_ms() + i64::from(phases.warm_s) * 1_000;
    let folder = workshop.path().join("repo.git");
    let repository = repository(&incident, options, &slots, &[], start_ms, &folder)?;
    drive(&mut mesh, &mut churn, &mut slots, &targets, options, start_ms, say)?;
    let end_ms = start_ms + i64::from(phases.recorded_s()) * 1_000;
    churn.wait_until(&mut mesh, end_ms)?;
    if let Some(innocent) = innocent {
        mesh.apply(innocent.desired())?;
        say("        taken back");
        churn.wait_until(&mut mesh, end_ms + i64::from(recovery_s) * 1_000)?;
    }
    mesh.wait_for_load()?;
    let records = mesh.records(u64::from(phases.recorded_s() + recovery_s) + SAMPLES_BEFORE_S)?;
    mesh.shutdown()?;
    Ok(Run { incident, options, phases, start_ms, slots, repository, folder: workshop, records })
}

/// What would be in effect at the end if the causes had never been and the cure had come; `None`
/// where nothing is taken back.
fn innocent(
    incident: &Incident,
    slots: &[Slot],
    workshop: &Path,
    profile: Profile,
) -> Result<Option<Target>, RunError> {
    let control = RunOptions { seed: incident.seed, quick: false, control: true };
    let (cure, folder) = (&incident.scenario.cure, workshop.join("innocent.git"));
    let made = repository(incident, control, slots, cure, now_ms(), &folder)?;
    Ok(targets::targets(&made, profile)?.pop())
}

/// The incident's repository with the commits of the slots and those of `cure` behind them, for a
/// recording that starts at `start_ms`.
fn repository(
    incident: &Incident,
    options: RunOptions,
    slots: &[Slot],
    cure: &[Edit],
    start_ms: i64,
    folder: &Path,
) -> Result<Repository, GitopsError> {
    let scenario = &incident.scenario;
    let presence = |slot: &Slot, edit: &Edit| match (slot.is_cause() && options.control, edit.live)
    {
        (true, _) => Presence::Omitted,
        (false, true) => Presence::Live,
        (false, false) => Presence::Committed,
    };
    let cured = |edit: &Edit| Planned {
        edit: edit.clone(),
        commit_ms: start_ms + CURED_AFTER_MS,
        presence: Presence::Committed,
    };
    let planned: Vec<_> = slots
        .iter()
        .filter_map(|slot| Some((slot, scenario.edit(slot.part)?)))
        .map(|(slot, edit)| Planned {
            edit: edit.clone(),
            commit_ms: start_ms + slot.commit_ms(),
            presence: presence(slot, edit),
        })
        .chain(cure.iter().map(cured))
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

/// Applies each revision when its time has come.
fn drive(
    mesh: &mut Mesh,
    churn: &mut Churn,
    slots: &mut [Slot],
    targets: &[Target],
    options: RunOptions,
    start_ms: i64,
    say: &mut dyn FnMut(&str),
) -> Result<(), RunError> {
    for (index, slot) in slots.iter_mut().enumerate() {
        let planned_ms = start_ms + (slot.planned_s * 1_000.0) as i64;
        if slot.is_cause() && options.control {
            continue;
        }
        if slot.planned_s < 0.0 {
            slot.in_effect_ms = Some(planned_ms);
            continue;
        }
        churn.wait_until(mesh, planned_ms)?;
        let Some(target) = targets.get(index + 1) else { continue };
        let applied = mesh.apply(target.desired())?;
        slot.in_effect_ms = i64::try_from(applied.settled_unix_ms).ok();
        say(&describe(slot, &applied));
        slot.applied = Some(applied);
    }
    Ok(())
}

/// What a sync did, in one line.
fn describe(slot: &Slot, applied: &Applied) -> String {
    let what = match slot.part {
        Part::Decoy(index) => format!("decoy {index}"),
        Part::Cause(_) => "change".to_owned(),
    };
    let refused: Vec<_> =
        applied.refused.iter().map(|(object, why)| format!("; refused {object}: {why}")).collect();
    format!(
        "{:6.1} s  {what}: {} objects, {} pushes, {} limits, {} releases, {} restarts, {} ms{}",
        slot.planned_s,
        applied.objects.len(),
        applied.files.len(),
        applied.limits.len(),
        applied.releases.len(),
        applied.restarts.len(),
        applied.settled_unix_ms.saturating_sub(applied.unix_ms),
        refused.concat()
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
