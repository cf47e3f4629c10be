//! The answer: what is wrong, why, and how sure that is.

use crate::{
    Change, CommitInfo, ContainerId, Entity, Fix, Gap, Location, ObjectRef, Owner, ServiceId, Side,
    Timestamp, Want, Window,
};

/// The answer to a [`crate::Question`].
#[derive(Debug, Clone, PartialEq)]
pub struct Diagnosis {
    /// What kind of answer this is.
    pub verdict: Verdict,
    /// The service asked about.
    pub service: ServiceId,
    /// What is wrong with it; `None` when nothing is.
    pub symptom: Option<Symptom>,
    /// One sentence that sums up the answer.
    pub headline: String,
    /// Ranked, best first.
    pub hypotheses: Vec<Judged>,
    /// The platform stack trace.
    pub frames: Vec<Frame>,
    /// Suspects that were looked at and let go.
    pub rejected: Vec<Rejected>,
    /// What could not be seen.
    pub gaps: Vec<Gap>,
    /// The proposed fix.
    pub fix: Option<Fix>,
    /// Changes in the window, oldest first.
    pub changes: Vec<Change>,
    /// What the answer rests on.
    pub inputs: Inputs,
}

/// Kinds of answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// A platform change or setting is the cause.
    Cause,
    /// Positive evidence that something other than the platform is the cause.
    NotThePlatform,
    /// The anomaly is real, the evidence does not separate the candidates.
    NotProven,
    /// Nothing is wrong with the service.
    NoAnomaly,
}

impl Verdict {
    /// The word that reports use.
    pub fn word(self) -> &'static str {
        match self {
            Self::Cause => "cause",
            Self::NotThePlatform => "not-the-platform",
            Self::NotProven => "not-proven",
            Self::NoAnomaly => "no-anomaly",
        }
    }
}

/// Which indicator of the service suffers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Indicator {
    /// 99th percentile of latency, in seconds.
    LatencyP99,
    /// Median latency, in seconds.
    LatencyP50,
    /// Share of failed requests.
    Errors,
}

impl Indicator {
    /// The word that reports use.
    pub fn word(self) -> &'static str {
        match self {
            Self::LatencyP99 => "latency_p99",
            Self::LatencyP50 => "latency_p50",
            Self::Errors => "error_ratio",
        }
    }
}

/// What is wrong with the service.
#[derive(Debug, Clone, PartialEq)]
pub struct Symptom {
    /// The indicator that suffers most.
    pub indicator: Indicator,
    /// When it began, as exactly as the samples say.
    pub onset: Timestamp,
    /// Typical value before.
    pub before: f64,
    /// Typical value after.
    pub after: f64,
    /// The time that was looked at.
    pub window: Window,
    /// The objective, if there is one.
    pub target: Option<f64>,
    /// The measurement behind it.
    pub evidence: Evidence,
}

/// A signal before and after the onset.
#[derive(Debug, Clone, PartialEq)]
pub struct Reading {
    /// Which signal of what.
    pub want: Want,
    /// Typical value before the onset; `None` without samples there.
    pub before: Option<f64>,
    /// Typical value after the onset.
    pub after: f64,
    /// Spread of the values before, in the unit (scaled median absolute deviation).
    pub spread: f64,
    /// The exact query.
    pub query: String,
    /// The source that answered.
    pub source: String,
}

/// A measured value with its baseline and the way to see it again.
#[derive(Debug, Clone, PartialEq)]
pub struct Evidence {
    /// What was measured, as a noun phrase.
    pub what: String,
    /// The value.
    pub value: Measure,
    /// The value to compare with, if there is one.
    pub baseline: Option<Measure>,
    /// Unit symbol; empty for text.
    pub unit: &'static str,
    /// The exact query, command or address that shows it.
    pub query: String,
    /// Where it came from: `prometheus`, `git`, `events`, …
    pub source: String,
}

/// A number or a text.
#[derive(Debug, Clone, PartialEq)]
pub enum Measure {
    /// A number in the evidence's unit.
    Number(f64),
    /// A configured value, a name, a time.
    Text(String),
}

/// A judged hypothesis.
#[derive(Debug, Clone, PartialEq)]
pub struct Judged {
    /// Rule name, or `none/…` for causes outside the platform.
    pub mechanism: String,
    /// One sentence: what happened.
    pub statement: String,
    /// Probability-like, between 0 and 1.
    pub confidence: f64,
    /// What it is about.
    pub entity: Entity,
    /// The line that caused it.
    pub origin: Option<Cause>,
    /// Who owns that line or entity.
    pub owner: Option<Owner>,
    /// Predictions that came true.
    pub supported_by: Vec<Evidence>,
    /// Predictions that did not.
    pub contradicted_by: Vec<Evidence>,
}

/// The guilty line.
#[derive(Debug, Clone, PartialEq)]
pub struct Cause {
    /// Where.
    pub at: Location,
    /// In the revision in effect, or removed by the commit.
    pub side: Side,
    /// The commit that made it so.
    pub commit: Option<CommitInfo>,
    /// The object that the line ends up in.
    pub object: ObjectRef,
    /// The field in that object.
    pub field: String,
    /// Value before the commit, if the commit changed it in the window.
    pub before: Option<String>,
    /// Value in effect.
    pub after: String,
    /// Text around the line, hostile; empty where it could not be read.
    pub context: Vec<String>,
    /// Number of the first line of `context`.
    pub first_line: u32,
    /// What the line does, for the caret.
    pub note: String,
}

/// Layers of the platform stack trace, outermost first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Layer {
    /// What users see.
    Slo,
    /// The pods.
    Workload,
    /// CPU time below the scrape interval.
    Kernel,
    /// Requests between proxies.
    Mesh,
    /// Settings in effect.
    Config,
    /// Who applied them.
    Gitops,
    /// The commit and the line.
    Git,
    /// Who answers for it.
    Owner,
}

impl Layer {
    /// The word that reports use.
    pub fn word(self) -> &'static str {
        match self {
            Self::Slo => "slo",
            Self::Workload => "workload",
            Self::Kernel => "kernel",
            Self::Mesh => "mesh",
            Self::Config => "config",
            Self::Gitops => "gitops",
            Self::Git => "git",
            Self::Owner => "owner",
        }
    }
}

/// One layer of the platform stack trace. It cannot be made without evidence.
#[derive(Debug, Clone, PartialEq)]
pub struct Frame {
    layer: Layer,
    statement: String,
    time: Option<Timestamp>,
    evidence: Vec<Evidence>,
    picture: Option<Picture>,
}

impl Frame {
    /// A frame that says `statement` because of `evidence`.
    pub fn new(layer: Layer, statement: impl Into<String>, evidence: Evidence) -> Self {
        Self {
            layer,
            statement: statement.into(),
            time: None,
            evidence: vec![evidence],
            picture: None,
        }
    }

    /// Adds evidence.
    #[must_use]
    pub fn and(mut self, evidence: Evidence) -> Self {
        self.evidence.push(evidence);
        self
    }

    /// Says when it happened.
    #[must_use]
    pub fn at(mut self, time: Timestamp) -> Self {
        self.time = Some(time);
        self
    }

    /// Adds a picture.
    #[must_use]
    pub fn drawn(mut self, picture: Picture) -> Self {
        self.picture = Some(picture);
        self
    }

    /// The layer.
    pub fn layer(&self) -> Layer {
        self.layer
    }

    /// One line.
    pub fn statement(&self) -> &str {
        &self.statement
    }

    /// When it happened, if it has a time.
    pub fn time(&self) -> Option<Timestamp> {
        self.time
    }

    /// Never empty.
    pub fn evidence(&self) -> &[Evidence] {
        &self.evidence
    }

    /// A picture of the evidence.
    pub fn picture(&self) -> Option<&Picture> {
        self.picture.as_ref()
    }
}

/// Short windows of one container against what a dashboard shows of them.
#[derive(Debug, Clone, PartialEq)]
pub struct Picture {
    /// The container.
    pub container: ContainerId,
    /// Start of the first column.
    pub start: Timestamp,
    /// Length of a column in seconds.
    pub column_seconds: f64,
    /// Highest CPU use over 100 ms in each column, in cores.
    pub peaks: Vec<f64>,
    /// Share of each column in which the container stood still at its limit.
    pub stalled: Vec<f64>,
    /// Average CPU use of each 15 s span, in cores: what a dashboard shows.
    pub dashboard: Vec<f64>,
    /// CPU limit in cores, if there is one.
    pub limit: Option<f64>,
    /// The column in which the symptom began.
    pub onset_column: Option<usize>,
}

/// A suspect that was let go.
#[derive(Debug, Clone, PartialEq)]
pub struct Rejected {
    /// What was suspected: a commit, a hazard, a kind of cause.
    pub suspect: String,
    /// Why it is not the cause, with the deciding number.
    pub reason: String,
    /// The commit, if it is one.
    pub commit: Option<CommitInfo>,
}

/// What an answer rests on.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Inputs {
    /// Digest of the capture, if it came from one.
    pub capture_digest: Option<String>,
    /// The Git revision in effect.
    pub revision: Option<String>,
    /// Version of the program.
    pub tool_version: String,
    /// Version of the rule set.
    pub rules_version: String,
    /// Parts of the evidence that are stand-ins which no controller produced, as a sentence each.
    pub synthetic: Vec<String>,
}
