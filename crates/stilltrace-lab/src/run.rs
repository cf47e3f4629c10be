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
pub mod revisions;
mod schedule;
mod targets;

use std::path::Path;
use std::time::Instant;

use stilltrace_model::Platform;

use crate::cluster::{Engines, Plan, Tools};
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
/// Time that a control plane may take to apply the first revision, in seconds. Commits carry the time at
/// which they are pushed, so the start of the recording is chosen before the boot.
const CLUSTER_BOOT_S: u32 = 60;
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
    /// The profile cannot show the fault.
    #[error(
        "{scenario} exists only in {profiles}, not in {profile}; take `--profile` with one of these"
    )]
    Elsewhere {
        /// The scenario.
        scenario: String,
        /// Profiles that can.
        profiles: String,
        /// The one that was asked for.
        profile: &'static str,
    },
    /// The control plane took longer than the start of the recording allows.
    #[error(
        "the control plane was ready {seconds:.0} s too late for the times of the commits; record again \
         on a machine with less to do"
    )]
    Late {
        /// How much too late.
        seconds: f64,
    },
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
    exists_in(&incident, mesh.profile)?;
    let phases = if options.quick { incident.scenario.quick } else { incident.scenario.phases };
    if !options.control {
        incident.stage(phases);
    }
    let mut slots = schedule::slots(&incident, phases);
    let workshop = tempfile::tempdir().map_err(|source| io("a temporary folder", source))?;

    // Engines apply commits, whose times are those of the recording. Else the files are enough, which
    // do not depend on the time, so the mesh can boot before the time is known.
    let set_start = (mesh.profile == Profile::Cluster)
        .then(|| now_ms() + i64::from(CLUSTER_BOOT_S + phases.warm_s) * 1_000);
    let folder = workshop.path().join("repo.git");
    let first =
        if set_start.is_some() { folder.clone() } else { workshop.path().join("draft.git") };
    let draft =
        repository(&incident, options, &slots, &[], set_start.unwrap_or_else(now_ms), &first)?;
    let targets = targets::targets(&draft, &first, mesh.profile)?;
    let recovery_s = if options.control { 0 } else { phases.recovery_s };
    let innocent = match recovery_s {
        0 => None,
        _ => innocent(&incident, &slots, workshop.path(), mesh.profile)?,
    };
    let earlier = slots.iter().take_while(|slot| slot.planned_s < 0.0).count();
    let target = targets.get(earlier).cloned().unwrap_or_default();
    introduce(&incident, options, mesh.profile, &draft, &target.platform, say);
    let started = Instant::now();
    let (bystanders, kept) = (incident.scenario.bystanders, incident.scenario.statistics);
    let scrape_seconds = if options.quick { QUICK_SCRAPE_SECONDS } else { mesh.scrape_seconds };
    let cluster = plan(&incident, &targets, &target)?;
    let mesh = MeshOptions { cluster, kept, scrape_seconds, bystanders, ..mesh };
    let mut mesh = Mesh::boot(mesh, incident.topology.clone(), target.desired())?;
    let mut churn = Churn::new(incident.scenario.churn_every_s);
    let took = started.elapsed().as_secs_f64();
    say(&format!("{} pods up in {took:.2} s", mesh.pods().len()));
    let seconds = u64::from(phases.warm_s + phases.recorded_s() + recovery_s);
    let warm_ms = i64::from(phases.warm_s) * 1_000;
    if let Some(set) = set_start {
        wait_for_start(&mut churn, &mut mesh, set - warm_ms)?;
    }
    mesh.load(&incident.topology.traffic, seconds)?;
    let start_ms = set_start.unwrap_or_else(|| now_ms() + warm_ms);
    let repository = match set_start {
        Some(_) => draft,
        None => repository(&incident, options, &slots, &[], start_ms, &folder)?,
    };
    drive(&mut mesh, &mut churn, &mut slots, &targets, options, start_ms, say)?;
    let end_ms = start_ms + i64::from(phases.recorded_s()) * 1_000;
    churn.wait_until(&mut mesh, end_ms)?;
    mesh.keep_evidence()?;
    if let Some(innocent) = innocent {
        take_back(&mut mesh, &innocent)?;
        say("        taken back");
        churn.wait_until(&mut mesh, end_ms + i64::from(recovery_s) * 1_000)?;
    }
    mesh.wait_for_load()?;
    let records = mesh.records(u64::from(phases.recorded_s() + recovery_s) + SAMPLES_BEFORE_S)?;
    mesh.shutdown()?;
    Ok(Run { incident, options, phases, start_ms, slots, repository, folder: workshop, records })
}

/// Says what is run.
fn introduce(
    incident: &Incident,
    options: RunOptions,
    profile: Profile,
    repository: &Repository,
    before: &Platform,
    say: &mut dyn FnMut(&str),
) {
    say(&format!(
        "{} {}, profile {}: {} commits, {} workloads, {} edges, {} gaps",
        incident.name,
        options.seed,
        profile.name(),
        repository.commits,
        before.workloads.len(),
        before.edges.len(),
        before.gaps.len()
    ));
    for gap in &before.gaps {
        say(&format!("  gap: {} ({})", gap.what, gap.why));
    }
}

/// Lets the mesh be as if the causes had never been.
fn take_back(mesh: &mut Mesh, innocent: &Target) -> Result<(), RunError> {
    mesh.unblock()?;
    mesh.apply(innocent.desired())?;
    Ok(())
}

/// Refuses a profile that the scenario does not name.
fn exists_in(incident: &Incident, profile: Profile) -> Result<(), RunError> {
    if incident.scenario.runs_in(profile) {
        return Ok(());
    }
    Err(RunError::Elsewhere {
        scenario: incident.name.clone(),
        profiles: incident.scenario.profiles.join(", "),
        profile: profile.name(),
    })
}

/// What a control plane starts with; `None` where there is none.
fn plan(incident: &Incident, targets: &[Target], first: &Target) -> Result<Option<Plan>, RunError> {
    let Some(base) = first.pushed.clone() else { return Ok(None) };
    let roots = targets.iter().filter_map(|target| target.pushed.as_ref());
    let engines = Engines::of(roots.flat_map(|pushed| &pushed.roots));
    let services = incident.topology.services.iter().map(|service| service.namespace.clone());
    let namespaces = services.chain([incident.topology.gateway.namespace.clone()]).collect();
    Ok(Some(Plan { tools: Tools::find()?, engines, namespaces, base }))
}

/// Waits until load must start, if that is still to come.
fn wait_for_start(churn: &mut Churn, mesh: &mut Mesh, at_ms: i64) -> Result<(), RunError> {
    let late_ms = now_ms() - at_ms;
    if late_ms > 0 {
        return Err(RunError::Late { seconds: late_ms as f64 / 1e3 });
    }
    churn.wait_until(mesh, at_ms)
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
    Ok(targets::targets(&made, &folder, profile)?.pop())
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
        let Some(target) = targets.get(index + 1) else { continue };
        if let Some(pushed) = &target.pushed {
            churn.wait_until(mesh, start_ms + slot.commit_ms())?;
            mesh.push(pushed)?;
        }
        churn.wait_until(mesh, planned_ms)?;
        let applied = mesh.apply(target.desired())?;
        let is_refused = target.pushed.is_some() && !applied.refused.is_empty();
        slot.in_effect_ms = i64::try_from(applied.settled_unix_ms).ok().filter(|_| !is_refused);
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
    // Engines do not tell how many objects a commit changed.
    let objects = match applied.objects.len() {
        0 => String::new(),
        count => format!("{count} objects, "),
    };
    let refused: Vec<_> =
        applied.refused.iter().map(|(object, why)| format!("; refused {object}: {why}")).collect();
    format!(
        "{:6.1} s  {what}: {objects}{} pushes, {} limits, {} releases, {} restarts, {} ms{}",
        slot.planned_s,
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
