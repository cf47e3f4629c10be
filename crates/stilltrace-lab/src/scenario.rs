//! An incident to be recorded, as data: what runs, what was wrong before, what changes, what is
//! to be found.
//!
//! A scenario is a folder `lab/scenarios/NAME` with a `scenario.yaml` that a stranger can write
//! without touching Rust. `NAME` is the rule's name of the mechanism where one is meant. Objects
//! are named by kind and by the service of the topology that they are about; which file sets a
//! value is for the generated repository to decide (`gitops`).
//!
//! `variants` hold what differs from seed to seed: seed 1 takes the first, seed 2 the second, and
//! so on, round and round. A field given in a variant replaces the scenario's.

mod form;
mod happening;
mod moves;
mod valid;
mod variant;

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
mod tests;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::envoy::stats::Kept;
use crate::gitops::{Draw, Edit, LayoutWish, Preset, Renaming, image_repository_of};
use crate::profile::Profile;
use crate::topology::{Behaviour, Topology, TopologyError, Traffic};

pub use happening::{ClientRetries, Happening};
pub use moves::{Direction, Move, Signal};
pub use variant::Variant;

/// Largest scenario file that is read, in bytes.
const MAX_BYTES: u64 = 1 << 20;
/// Fewest harmless changes around the recording.
pub(crate) const FEWEST_DECOYS: usize = 3;

/// `scenario.yaml`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    /// One line: what happens.
    pub title: String,
    /// Name of a file in `lab/topologies`, without `.yaml`.
    pub topology: String,
    /// The service whose callers suffer.
    pub victim: String,
    /// Traffic, if it is not the topology's.
    #[serde(default)]
    pub traffic: Option<Traffic>,
    /// Behaviour of services, before and after, if it is not the topology's.
    #[serde(default)]
    pub behaviour: BTreeMap<String, Behaviour>,
    /// Behaviour of releases.
    #[serde(default)]
    pub releases: Vec<Release>,
    /// Length of the phases when recording.
    pub phases: Phases,
    /// Length of the phases in a quick run.
    pub quick: Phases,
    /// What the repository's layout must be; the seed decides the rest.
    #[serde(default)]
    pub(crate) layout: LayoutWish,
    /// Whether services keep the topology's names.
    #[serde(default)]
    pub names: Names,
    /// Values that the repository holds from the start.
    #[serde(default)]
    pub(crate) base: Vec<Preset>,
    /// The change that causes the incident; absent where no commit does.
    #[serde(default)]
    pub(crate) change: Option<Edit>,
    /// Further changes that cause it too.
    #[serde(default)]
    pub(crate) also: Vec<Planted>,
    /// What ends the incident where taking the change back does not.
    #[serde(default)]
    pub(crate) cure: Vec<Edit>,
    /// What happens outside Git in the fault phase.
    #[serde(default)]
    pub happens: Happening,
    /// Harmless changes in the same minutes.
    pub(crate) decoys: Vec<Edit>,
    /// What is to be found.
    pub expect: Expected,
    /// The signals that must move, or stay.
    #[serde(default)]
    pub moves: Vec<Move>,
    /// Services beside the topology's that nobody calls: what proxies without a scope know too.
    #[serde(default)]
    pub bystanders: u32,
    /// Time between two rollouts among the bystanders, in seconds; none if absent.
    #[serde(default)]
    pub churn_every_s: Option<f64>,
    /// What proxies keep of their statistics.
    #[serde(default)]
    pub statistics: Kept,
    /// Profiles in which the fault exists; all if empty.
    #[serde(default)]
    pub profiles: Vec<String>,
    /// What differs from seed to seed.
    #[serde(default)]
    pub variants: Vec<Variant>,
}

/// One more change that causes the incident.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Planted {
    /// The change.
    pub(crate) change: Edit,
    /// Rule name of its mechanism.
    pub(crate) mechanism: String,
    /// The edge, if one is at fault.
    #[serde(default)]
    pub(crate) edge: Option<ExpectedEdge>,
    /// Seconds after the first change.
    #[serde(default)]
    pub(crate) after_s: f64,
}

/// A change that causes the incident, with what is to be found about it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cause<'a> {
    /// The change.
    pub(crate) change: &'a Edit,
    /// Rule name of its mechanism, or `none/…`.
    pub(crate) mechanism: &'a str,
    /// The edge, if one is at fault.
    pub(crate) edge: Option<&'a ExpectedEdge>,
    /// Seconds after the start of the fault phase.
    pub(crate) after_s: f64,
}

/// A commit of the window.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Part {
    /// The harmless change of this index.
    Decoy(usize),
    /// The cause of this index.
    Cause(usize),
}

/// How one release of a service behaves.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Release {
    /// The service.
    pub of: String,
    /// The image's tag.
    pub tag: String,
    /// What its application does with a request.
    pub behaviour: Behaviour,
}

/// Length of the phases of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Phases {
    /// Traffic before the recording begins, in seconds.
    pub warm_s: u32,
    /// From the start of the recording to the sync of the change, in seconds.
    pub quiet_s: u32,
    /// From the sync of the change to the end of the recording, in seconds.
    pub fault_s: u32,
    /// From the end of the recording, when the change is taken back, to the end of the traffic, in
    /// seconds. No capture holds this phase; it shows that the change was the cause.
    #[serde(default)]
    pub recovery_s: u32,
}

impl Phases {
    /// Length of the recording in seconds.
    pub fn recorded_s(self) -> u32 {
        self.quiet_s + self.fault_s
    }
}

/// Whether services keep the topology's names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Names {
    /// The topology's names.
    #[default]
    Written,
    /// Names from word lists, by the seed.
    Drawn,
}

/// What is to be found.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Expected {
    /// `cause`, `not-the-platform` or `no-anomaly`.
    pub verdict: String,
    /// Rule name of the mechanism, or `none/…`.
    pub mechanism: String,
    /// The edge, if one is at fault.
    #[serde(default)]
    pub edge: Option<ExpectedEdge>,
}

/// The calls of one service to another.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExpectedEdge {
    /// The caller, or `gateway`.
    pub source: String,
    /// The callee.
    pub destination: String,
}

/// A scenario as one seed has it, under the names that the repository uses.
#[derive(Debug, Clone)]
pub struct Incident {
    /// Name of the scenario's folder.
    pub name: String,
    /// The seed.
    pub seed: u64,
    /// What runs.
    pub topology: Topology,
    /// The scenario with names and values of this seed.
    pub scenario: Scenario,
}

/// Why a scenario cannot be run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ScenarioError {
    /// The file cannot be read.
    #[error("{}: {source}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The file is not a scenario.
    #[error("{}:{reason}", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// The topology cannot be run.
    #[error(transparent)]
    Topology(#[from] TopologyError),
}

impl Scenario {
    /// Whether the fault exists in `profile`.
    pub fn runs_in(&self, profile: Profile) -> bool {
        self.profiles.is_empty() || self.profiles.iter().any(|name| name == profile.name())
    }

    /// Reads `folder/scenario.yaml`.
    pub fn read(folder: &Path) -> Result<Self, ScenarioError> {
        let path = folder.join("scenario.yaml");
        let unreadable = |source| ScenarioError::Unreadable { path: path.clone(), source };
        let malformed = |reason| ScenarioError::Malformed { path: path.clone(), reason };
        if std::fs::metadata(&path).map_err(unreadable)?.len() > MAX_BYTES {
            return Err(malformed(format!("1: larger than {MAX_BYTES} bytes")));
        }
        let text = std::fs::read_to_string(&path).map_err(unreadable)?;
        Self::parse(&text).map_err(malformed)
    }

    /// Reads the text of a scenario; what is wrong is told as `line: message`.
    pub fn parse(text: &str) -> Result<Self, String> {
        crate::form::check(text, form::SCENARIO)?;
        let scenario: Self = serde_saphyr::from_str(text).map_err(|error| format!("1: {error}"))?;
        scenario.check(text)?;
        Ok(scenario)
    }

    /// The changes that cause the incident, the first one first.
    pub(crate) fn causes(&self) -> Vec<Cause<'_>> {
        let first = self.change.as_ref().map(|change| Cause {
            change,
            mechanism: &self.expect.mechanism,
            edge: self.expect.edge.as_ref(),
            after_s: 0.0,
        });
        let more = self.also.iter().map(|planted| Cause {
            change: &planted.change,
            mechanism: &planted.mechanism,
            edge: planted.edge.as_ref(),
            after_s: planted.after_s,
        });
        first.into_iter().chain(more).collect()
    }

    /// The change of a commit of the window.
    pub(crate) fn edit(&self, part: Part) -> Option<&Edit> {
        match part {
            Part::Decoy(index) => self.decoys.get(index),
            Part::Cause(index) => self.causes().get(index).map(|cause| cause.change),
        }
    }
}

impl Incident {
    /// The incident that a seed makes of the scenario in `folder`. Topologies lie in
    /// `../../topologies`, seen from there.
    pub fn read(folder: &Path, seed: u64) -> Result<Self, ScenarioError> {
        let scenario = Scenario::read(folder)?.for_seed(seed);
        let path = folder.join("../../topologies").join(format!("{}.yaml", scenario.topology));
        if !path.is_file() {
            let at = folder.join("scenario.yaml");
            let text = std::fs::read_to_string(&at).unwrap_or_default();
            let known = topologies(&folder.join("../../topologies")).join(", ");
            let message = format!("`topology` is `{}`; allowed: {known}", scenario.topology);
            let reason = crate::form::at(&text, "topology", &message);
            return Err(ScenarioError::Malformed { path: at, reason });
        }
        let topology = Topology::read(&path)?;
        scenario.fits(&topology).map_err(|(field, message)| {
            let at = folder.join("scenario.yaml");
            let text = std::fs::read_to_string(&at).unwrap_or_default();
            ScenarioError::Malformed { reason: crate::form::at(&text, &field, &message), path: at }
        })?;
        let name = folder
            .canonicalize()
            .ok()
            .and_then(|folder| folder.file_name().map(|name| name.to_string_lossy().into_owned()));
        Ok(Self::new(name.unwrap_or_default(), scenario, &topology, seed))
    }

    /// Puts traffic, behaviour and names of a scenario into its topology.
    pub fn new(name: String, mut scenario: Scenario, topology: &Topology, seed: u64) -> Self {
        let mut topology = topology.clone();
        if let Some(traffic) = &scenario.traffic {
            topology.traffic = traffic.clone();
        }
        for service in &mut topology.services {
            if let Some(behaviour) = scenario.behaviour.get(&service.name) {
                service.behaviour = behaviour.clone();
            }
            for workload in &mut service.workloads {
                if let Some(behaviour) = scenario.behaviour.get(&workload.name) {
                    workload.behaviour = Some(behaviour.clone());
                }
            }
        }
        if scenario.names == Names::Drawn {
            let renaming = Renaming::draw(&topology, seed);
            topology = renaming.apply(&topology);
            scenario.rename(&renaming);
        }
        for release in &scenario.releases {
            for service in topology.services.iter_mut().filter(|service| service.name == release.of)
            {
                let image = format!("{}:{}", image_repository_of(service), release.tag);
                service.releases.insert(image, release.behaviour.clone());
            }
        }
        Self { name, seed, topology, scenario }
    }

    /// When causes and decoys take effect, in seconds after the start of the recording, in order
    /// of their commits.
    ///
    /// One decoy lies before the recording, most lie in the quiet phase. In three of four
    /// incidents another is committed right behind the first cause and carried by the same sync,
    /// and then it is often one about the victim: neither the last commit before a symptom nor the
    /// last one near the victim may give the cause away. A last one may follow the cause closely.
    pub(crate) fn schedule(&self, phases: Phases) -> Vec<(Part, f64)> {
        let mut draw = Draw::new(self.seed, "schedule");
        let (quiet, fault) = (f64::from(phases.quiet_s), f64::from(phases.fault_s));
        let causes = self.scenario.causes();
        let mut order: Vec<_> = (0..self.scenario.decoys.len()).collect();
        draw.shuffle(&mut order);
        let follower = draw.chance(FOLLOWED).then(|| self.follower(&order, &mut draw)).flatten();
        order.retain(|decoy| Some(*decoy) != follower);
        let mut times: Vec<_> = causes
            .iter()
            .enumerate()
            .map(|(index, cause)| (Part::Cause(index), quiet + cause.after_s))
            .collect();
        let trailing = order.len() > 2 && draw.chance(0.5);
        let inside = order.len().saturating_sub(1 + usize::from(trailing)).max(1);
        for (position, decoy) in order.into_iter().enumerate() {
            let at = if position == 0 {
                -draw.real(40.0, 150.0)
            } else if position <= inside {
                // Equal shares of the quiet phase, away from its ends.
                let share = (quiet * 0.8) / inside as f64;
                quiet * 0.12 + share * (position as f64 - 1.0) + draw.real(0.1, 0.7) * share
            } else {
                quiet + draw.real(0.03, 0.08) * fault
            };
            times.push((Part::Decoy(decoy), at));
        }
        // Behind the first cause and at its time; sorting keeps the order of equals.
        times.extend(follower.map(|decoy| (Part::Decoy(decoy), quiet)));
        times.sort_by(|a, b| a.1.total_cmp(&b.1));
        times
    }

    /// The decoy right behind the cause: one about the victim if there is any, mostly.
    fn follower(&self, order: &[usize], draw: &mut Draw) -> Option<usize> {
        let scenario = &self.scenario;
        let near: Vec<_> = order
            .iter()
            .copied()
            .filter(|decoy| {
                scenario.decoys.get(*decoy).is_some_and(|decoy| decoy.of == scenario.victim)
            })
            .collect();
        let pick = if near.is_empty() || draw.chance(FOLLOWED_BY_ANY) { order } else { &near };
        draw.pick(pick).copied()
    }
}

/// Share of incidents in which another commit is carried by the cause's sync.
const FOLLOWED: f64 = 0.8;
/// Share of those in which it is any decoy, not one about the victim.
const FOLLOWED_BY_ANY: f64 = 0.15;

/// Names of the topologies in a folder, sorted.
fn topologies(folder: &Path) -> Vec<String> {
    let files = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut names: Vec<_> = files
        .filter_map(|file| Some(file.file_name().to_str()?.strip_suffix(".yaml")?.to_owned()))
        .collect();
    names.sort();
    names
}
