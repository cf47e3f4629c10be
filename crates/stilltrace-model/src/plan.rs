//! Which evidence to fetch.

use crate::{CommitId, Entity, Location, Signal, Window};

/// One signal of one entity.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Want {
    /// The signal.
    pub signal: Signal,
    /// Of what.
    pub entity: Entity,
}

/// A line whose last change must be known.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Line {
    /// Path from the repository root.
    pub path: String,
    /// Line, from 1.
    pub line: u32,
    /// `None`: the line in the revision in effect. `Some`: a line that this commit removed, read
    /// in its first parent.
    pub removed_by: Option<CommitId>,
}

impl From<&Location> for Line {
    fn from(at: &Location) -> Self {
        Self { path: at.path.to_string(), line: at.line, removed_by: None }
    }
}

/// Everything that a diagnosis wants to see: the union over all hypotheses plus a baseline set.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// The time to fetch.
    pub window: Window,
    /// Signals, sorted, without repeats.
    pub wants: Vec<Want>,
    /// Lines to blame, sorted, without repeats.
    pub lines: Vec<Line>,
}
