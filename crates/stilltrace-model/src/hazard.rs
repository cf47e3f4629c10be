//! States of configuration that can cause harm, and what would be seen if they did.

use crate::{CommitId, Entity, Location, Origin, Signal, Want};

/// A state of configuration that can cause harm.
#[derive(Debug, Clone, PartialEq)]
pub struct Hazard {
    /// Rule name of the mechanism, such as `retry-storm`.
    pub mechanism: &'static str,
    /// The workload or edge it sits on.
    pub entity: Entity,
    /// One sentence with the values: what can happen.
    pub message: String,
    /// The lines and defaults that make it up, the most telling first; never empty.
    pub origins: Vec<Origin>,
    /// Names of the settings that make it up, as in [`crate::Edge::settings`], in the order of
    /// `origins`. A change of one of them is a trigger of this hazard.
    pub settings: Vec<String>,
    /// Whether the configuration alone decides.
    pub certainty: Certainty,
    /// Limits and thresholds of the hazard that its predictions need, by name, in SI base units
    /// (`per_try_timeout` in seconds, `cpu_limit` in cores).
    pub values: Vec<(&'static str, f64)>,
    /// Other entities on which its effect shows and that its predictions may name, such as the
    /// busiest edge into a throttled workload or the target of a mirror; no repeats.
    pub related: Vec<Entity>,
}

impl Hazard {
    /// A named value, as put in by the mechanism's `hazards()`.
    pub fn value(&self, name: &str) -> Option<f64> {
        self.values.iter().find(|(key, _)| *key == name).map(|(_, value)| *value)
    }
}

/// How sure the configuration alone makes a hazard.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Certainty {
    /// Decidable from the repository.
    Certain,
    /// Depends on which of two objects is older, which Git does not know.
    DependsOnAge,
    /// Does not hold if objects that somebody applies and that could not be read say otherwise.
    DependsOnUnread,
    /// Needs live facts: latency, rate, endpoint counts.
    NeedsLiveData,
}

/// A signal that must move, or must not, if a hypothesis holds.
#[derive(Debug, Clone, PartialEq)]
pub struct Prediction {
    /// Which signal of what.
    pub want: Want,
    /// What it must do.
    pub expect: Expect,
    /// How much hangs on it.
    pub weight: Weight,
    /// Why, as a clause for the report: `tries are cut short and sent again`.
    pub because: &'static str,
}

impl Prediction {
    /// Marks the prediction as one without which the hypothesis is not proven.
    #[must_use]
    pub fn decisive(mut self) -> Self {
        self.weight = Weight::Decisive;
        self
    }

    /// Says why, as a clause for the report.
    #[must_use]
    pub fn because(mut self, because: &'static str) -> Self {
        self.because = because;
        self
    }
}

/// What a signal must do from before the onset to after.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Expect {
    /// Rise by clearly more than its noise.
    Rises,
    /// Fall by clearly more than its noise.
    Falls,
    /// Stay within its noise.
    Steady,
    /// Not rise; it may fall.
    NotRising,
    /// Be above a value after the onset, in the signal's unit.
    Exceeds(f64),
    /// Be below a value after the onset, in the signal's unit.
    Below(f64),
}

/// How much hangs on a prediction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Weight {
    /// Adds to or takes from the confidence.
    Supporting,
    /// Without it the hypothesis is not proven; against it the hypothesis is rejected.
    Decisive,
}

/// What would undo a hazard.
#[derive(Debug, Clone, PartialEq)]
pub struct Fix {
    /// The line to edit.
    pub origin: Origin,
    /// The edit.
    pub edit: Edit,
    /// One sentence: what it does.
    pub explanation: String,
    /// Whether someone must look at it first.
    pub safety: Safety,
    /// The patch as a unified diff, once a repository has made one of it.
    pub patch: Option<String>,
}

/// An edit at an origin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Edit {
    /// Replace the value.
    Set(String),
    /// Remove the entry.
    Remove,
    /// Undo what a commit did to this line: put the earlier text back.
    Restore {
        /// The earlier value as reports print it.
        value: String,
        /// The commit that changed it, and where the earlier text stands in that commit's first
        /// parent; `None` where it was written nowhere.
        earlier: Option<(CommitId, Location)>,
    },
}

/// Whether a fix can be taken without thought.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Safety {
    /// Changes nothing that anyone can rely on.
    Safe,
    /// Needs review: some requests will behave differently.
    Review,
}

impl Signal {
    /// The signal of an entity, to predict something about.
    pub fn of(self, entity: impl Into<Entity>) -> Want {
        Want { signal: self, entity: entity.into() }
    }
}

impl Want {
    /// Predicts a rise.
    pub fn rises(self) -> Prediction {
        self.expect(Expect::Rises)
    }

    /// Predicts a fall.
    pub fn falls(self) -> Prediction {
        self.expect(Expect::Falls)
    }

    /// Predicts no change.
    pub fn steady(self) -> Prediction {
        self.expect(Expect::Steady)
    }

    /// Predicts no rise.
    pub fn not_rising(self) -> Prediction {
        self.expect(Expect::NotRising)
    }

    /// Predicts a value above `limit` after the onset.
    pub fn exceeds(self, limit: f64) -> Prediction {
        self.expect(Expect::Exceeds(limit))
    }

    /// Predicts a value below `limit` after the onset.
    pub fn below(self, limit: f64) -> Prediction {
        self.expect(Expect::Below(limit))
    }

    fn expect(self, expect: Expect) -> Prediction {
        Prediction { want: self, expect, weight: Weight::Supporting, because: "" }
    }
}
