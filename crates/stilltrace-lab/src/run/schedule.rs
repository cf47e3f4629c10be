//! When each commit of the window is made and when it takes effect.

use crate::gitops::Draw;
use crate::mesh::Applied;
use crate::scenario::{Incident, Phases};

/// Shortest and longest time from a commit to its effect, in seconds: what a Flux or Argo CD that
/// polls every ten seconds was measured to take.
const DELAY_S: (f64, f64) = (1.5, 9.0);

/// A commit of the window and its sync.
#[derive(Debug, Clone)]
pub(crate) struct Slot {
    /// Index of the decoy; `None` for the change.
    pub(crate) decoy: Option<usize>,
    /// When it shall take effect, in seconds after the start of the recording.
    pub(crate) planned_s: f64,
    /// Time from commit to effect, in seconds.
    pub(crate) delay_s: f64,
    /// When it took effect, in milliseconds of Unix time; `None` if it did not.
    pub(crate) in_effect_ms: Option<i64>,
    /// What it did to the mesh; `None` before the recording.
    pub(crate) applied: Option<Applied>,
}

impl Slot {
    /// When the history gains the commit, in milliseconds after the start of the recording.
    pub(crate) fn commit_ms(&self) -> i64 {
        ((self.planned_s - self.delay_s) * 1_000.0) as i64
    }
}

/// The slots of an incident, in order of time.
///
/// A commit never precedes the sync before it: that sync would have carried it.
pub(super) fn slots(incident: &Incident, phases: Phases) -> Vec<Slot> {
    let mut draw = Draw::new(incident.seed, "delays");
    let mut slots: Vec<Slot> = Vec::new();
    for (decoy, planned_s) in incident.schedule(phases) {
        let room = slots.last().map_or(f64::MAX, |last| (planned_s - last.planned_s) * 0.8);
        let delay_s = draw.real(DELAY_S.0, DELAY_S.1).min(room);
        slots.push(Slot { decoy, planned_s, delay_s, in_effect_ms: None, applied: None });
    }
    slots
}
