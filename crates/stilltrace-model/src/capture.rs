//! What was seen: samples, bursts, events, line histories, and the gaps between them.

use std::collections::BTreeMap;

use crate::{CommitId, CommitInfo, ContainerId, EdgeId, Line, ObjectRef, Timestamp, Want, Window};

/// Recorded evidence of one incident, as answers to a [`crate::Plan`].
///
/// Asking never fails as a whole: what could not be had is in `gaps`.
#[derive(Debug, Clone, PartialEq)]
pub struct Capture {
    /// The time that the evidence covers.
    pub window: Window,
    /// One series per wanted signal that has any sample, in the order of the plan.
    pub series: BTreeMap<Want, Series>,
    /// Short windows of CPU use per container.
    pub bursts: BTreeMap<ContainerId, Bursts>,
    /// What happened, sorted by time.
    pub events: Vec<Event>,
    /// The last change of each line asked for, with the text around it.
    pub lines: BTreeMap<Line, LineRecord>,
    /// What could not be had.
    pub gaps: Vec<Gap>,
}

/// The samples of one signal of one entity.
#[derive(Debug, Clone, PartialEq)]
pub struct Series {
    /// Samples sorted by time; a missing sample is absent, never zero.
    pub points: Vec<(Timestamp, f64)>,
    /// The exact query that yields them, in the language of the source.
    pub query: String,
    /// The source that answered, such as `prometheus`.
    pub source: String,
}

/// Which end of an edge reported a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reporter {
    /// The caller's proxy: counts once per request of the caller.
    Source,
    /// The callee's proxy: counts once per attempt.
    Destination,
}

/// CPU use of one container in short windows of equal length.
#[derive(Debug, Clone, PartialEq)]
pub struct Bursts {
    /// Start of the first window.
    pub start: Timestamp,
    /// Length of a window in microseconds.
    pub window_us: u32,
    /// CPU time used per window, in microseconds (over all threads, so it may exceed the window).
    pub on_cpu_us: Vec<u32>,
    /// Time stopped by the CPU quota per window, in microseconds.
    pub throttled_us: Vec<u32>,
    /// Time runnable but waiting per window, in microseconds; `None` where nothing measured it.
    pub waiting_us: Option<Vec<u32>>,
    /// Where it comes from, such as `cgroup cpu.stat at 10 ms`.
    pub source: String,
}

/// The line of a file and its history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LineRecord {
    /// The commit that gave the line its present text (or removed it).
    pub commit: CommitInfo,
    /// Path that the file had in that commit, where it was renamed since.
    pub original_path: Option<String>,
    /// Number of the first line in `context`.
    pub first_line: u32,
    /// A few lines around the line, hostile text.
    pub context: Vec<String>,
}

/// Something that happened.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// When.
    pub time: Timestamp,
    /// What.
    pub kind: EventKind,
    /// The object it happened to.
    pub object: ObjectRef,
    /// The Git revision involved, if any.
    pub revision: Option<CommitId>,
    /// Text as recorded, hostile.
    pub message: String,
    /// A stand-in that no controller produced.
    pub synthetic: bool,
}

/// Kinds of events.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum EventKind {
    /// A GitOps engine applied a revision.
    Synced,
    /// A GitOps engine failed to apply a revision.
    SyncFailed,
    /// A workload got new pods or a new pod template.
    RolledOut,
    /// The number of pods changed.
    Scaled,
    /// Anything else from the Kubernetes event stream.
    Other,
}

/// An observed edge.
#[derive(Debug, Clone, PartialEq)]
pub struct Call {
    /// Who called what.
    pub edge: EdgeId,
    /// Requests seen in the window.
    pub requests: f64,
}

/// How much of an answer a gap touches, the most first.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Bearing {
    /// What the whole answer is about, such as which cluster was read.
    Answer,
    /// Objects that somebody applies and that could not be had.
    Objects,
    /// Objects that are written and that nobody is known to apply.
    Unapplied,
    /// Single values or pieces of evidence.
    #[default]
    Value,
}

/// Evidence that could not be had.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Gap {
    /// How much of the answer it touches; gaps sort by it.
    pub bearing: Bearing,
    /// What is missing.
    pub what: String,
    /// Why that matters for the answer.
    pub why: String,
    /// The smallest change that would close it.
    pub remedy: String,
}
