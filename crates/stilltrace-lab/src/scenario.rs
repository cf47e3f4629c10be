//! An incident to be recorded, as data: what runs, what was wrong before, what changes, what is
//! to be found.
//!
//! A scenario is a folder `lab/scenarios/NAME` with a `scenario.yaml` that a stranger can write
//! without touching Rust. `NAME` is the rule's name of the mechanism where one is meant. Objects
//! are named by kind and by the service of the topology that they are about; which file sets a
//! value is for the generated repository to decide ([`crate::gitops`]).
//!
//! `variants` hold what differs from seed to seed: seed 1 takes the first, seed 2 the second, and
//! so on, round and round. A field given in a variant replaces the scenario's.

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
mod tests;
mod variant;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::gitops::{Draw, Edit, LayoutWish, Preset, Renaming, image_repository_of};
use crate::topology::{Behaviour, Topology, TopologyError, Traffic};

pub use variant::Variant;

/// Largest scenario file that is read, in bytes.
const MAX_BYTES: u64 = 1 << 20;
/// Shortest and longest phase, in seconds.
const PHASE_SECONDS: std::ops::RangeInclusive<u32> = 5..=600;

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
    /// The change that causes the incident.
    pub(crate) change: Edit,
    /// Harmless changes in the same minutes.
    pub(crate) decoys: Vec<Edit>,
    /// What is to be found.
    pub expect: Expected,
    /// What differs from seed to seed.
    #[serde(default)]
    pub variants: Vec<Variant>,
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
    /// From the sync of the change to the end, in seconds.
    pub fault_s: u32,
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
    #[error("{}: {reason}", path.display())]
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
    /// Reads `folder/scenario.yaml`.
    pub fn read(folder: &Path) -> Result<Self, ScenarioError> {
        let path = folder.join("scenario.yaml");
        let unreadable = |source| ScenarioError::Unreadable { path: path.clone(), source };
        let malformed = |reason| ScenarioError::Malformed { path: path.clone(), reason };
        if std::fs::metadata(&path).map_err(unreadable)?.len() > MAX_BYTES {
            return Err(malformed(format!("larger than {MAX_BYTES} bytes")));
        }
        let text = std::fs::read_to_string(&path).map_err(unreadable)?;
        Self::parse(&text).map_err(malformed)
    }

    /// Reads the text of a scenario.
    pub fn parse(text: &str) -> Result<Self, String> {
        let scenario: Self = serde_saphyr::from_str(text).map_err(|error| error.to_string())?;
        for phases in [scenario.phases, scenario.quick] {
            for (name, seconds) in [("quiet_s", phases.quiet_s), ("fault_s", phases.fault_s)] {
                if !PHASE_SECONDS.contains(&seconds) {
                    return Err(format!("`{name}` is {seconds}; it must be between 5 and 600"));
                }
            }
        }
        if scenario.decoys.len() < 3 {
            return Err("`decoys` needs at least three harmless changes".to_owned());
        }
        Ok(scenario)
    }
}

impl Incident {
    /// The incident that a seed makes of the scenario in `folder`. Topologies lie in
    /// `../../topologies`, seen from there.
    pub fn read(folder: &Path, seed: u64) -> Result<Self, ScenarioError> {
        let scenario = Scenario::read(folder)?.for_seed(seed);
        let path = folder.join("../../topologies").join(format!("{}.yaml", scenario.topology));
        let topology = Topology::read(&path)?;
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

    /// When the change and the decoys take effect, in seconds after the start of the recording,
    /// in order; the change is `None`.
    ///
    /// One decoy lies before the recording, one may follow the change closely, the others lie in
    /// the quiet phase, so that being last before the symptom means nothing.
    pub(crate) fn schedule(&self, phases: Phases) -> Vec<(Option<usize>, f64)> {
        let mut draw = Draw::new(self.seed, "schedule");
        let quiet = f64::from(phases.quiet_s);
        let mut order: Vec<_> = (0..self.scenario.decoys.len()).collect();
        draw.shuffle(&mut order);
        let mut times = Vec::new();
        let inside = order.len().saturating_sub(2).max(1);
        for (position, decoy) in order.into_iter().enumerate() {
            let at = if position == 0 {
                -draw.real(40.0, 150.0)
            } else if position <= inside {
                // Equal shares of the quiet phase, away from its ends.
                let share = (quiet * 0.8) / inside as f64;
                quiet * 0.12 + share * (position as f64 - 1.0) + draw.real(0.1, 0.7) * share
            } else {
                quiet + draw.real(0.03, 0.08) * f64::from(phases.fault_s)
            };
            times.push((Some(decoy), at));
        }
        times.push((None, quiet));
        times.sort_by(|a, b| a.1.total_cmp(&b.1));
        times
    }
}
