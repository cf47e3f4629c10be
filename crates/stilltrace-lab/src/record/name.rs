//! Names of recordings: `SCENARIO-SEED`, with what is not usual about the run behind it.

use std::fmt;

use crate::profile::Profile;
use crate::run::RunOptions;

/// Ends of names, in this order.
const CLUSTER: &str = "-cluster";
const CONTROL: &str = "-control";

/// The name of a recording, which its files begin with.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct RecordingName {
    /// The scenario.
    pub scenario: String,
    /// Seed of the run.
    pub seed: u64,
    /// Whether it was recorded in profile `cluster`. The other two do not tell their recordings apart:
    /// a folder holds those of one of them.
    pub in_cluster: bool,
    /// Whether the change was left out.
    pub control: bool,
}

impl RecordingName {
    /// The name of a run.
    pub fn of(scenario: &str, options: RunOptions, profile: Profile) -> Self {
        Self {
            scenario: scenario.to_owned(),
            seed: options.seed,
            in_cluster: profile == Profile::Cluster,
            control: options.control,
        }
    }

    /// Reads a name; `None` if it is none.
    pub fn parse(name: &str) -> Option<Self> {
        let (name, control) = cut(name, CONTROL);
        let (name, in_cluster) = cut(name, CLUSTER);
        let (scenario, seed) = name.rsplit_once('-')?;
        let seed = seed.parse().ok()?;
        Some(Self { scenario: scenario.to_owned(), seed, in_cluster, control })
    }
}

impl fmt::Display for RecordingName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let cluster = if self.in_cluster { CLUSTER } else { "" };
        let control = if self.control { CONTROL } else { "" };
        write!(f, "{}-{}{cluster}{control}", self.scenario, self.seed)
    }
}

/// A name without an end, and whether it had that.
fn cut<'a>(name: &'a str, end: &str) -> (&'a str, bool) {
    name.strip_suffix(end).map_or((name, false), |rest| (rest, true))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_read_as_it_is_written() {
        for text in
            ["slow-1", "a-b-20", "slow-1-control", "slow-1-cluster", "slow-1-cluster-control"]
        {
            assert_eq!(
                RecordingName::parse(text).map(|name| name.to_string()).as_deref(),
                Some(text)
            );
        }
        for text in ["slow", "slow-x", "1", "slow-1-other"] {
            assert_eq!(RecordingName::parse(text), None, "{text}");
        }
    }
}
