//! When each commit of the window is made and when it takes effect.

use crate::gitops::Draw;
use crate::mesh::Applied;
use crate::scenario::{Incident, Part, Phases};

/// Shortest and longest time from a commit to its effect, in seconds: what a Flux or Argo CD that
/// polls every ten seconds was measured to take.
const DELAY_S: (f64, f64) = (1.5, 9.0);

/// A commit of the window and its sync.
#[derive(Debug, Clone)]
pub(crate) struct Slot {
    /// What it is.
    pub(crate) part: Part,
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
    /// Whether it is one of the causes.
    pub(crate) fn is_cause(&self) -> bool {
        matches!(self.part, Part::Cause(_))
    }

    /// When the history gains the commit, in milliseconds after the start of the recording.
    pub(crate) fn commit_ms(&self) -> i64 {
        ((self.planned_s - self.delay_s) * 1_000.0) as i64
    }
}

/// The slots of an incident, in order of time.
///
/// A commit never precedes the sync before it: that sync would have carried it. Commits of one
/// sync are made one after the other.
pub(super) fn slots(incident: &Incident, phases: Phases) -> Vec<Slot> {
    let mut draw = Draw::new(incident.seed, "delays");
    let mut slots: Vec<Slot> = Vec::new();
    for (part, planned_s) in incident.schedule(phases) {
        let drawn = draw.real(DELAY_S.0, DELAY_S.1);
        let delay_s = match slots.last() {
            Some(last) if last.planned_s >= planned_s => last.delay_s * draw.real(0.2, 0.8),
            Some(last) => drawn.min((planned_s - last.planned_s) * 0.8),
            None => drawn,
        };
        slots.push(Slot { part, planned_s, delay_s, in_effect_ms: None, applied: None });
    }
    slots
}

/// The commits made before the first cause takes effect, oldest first: no symptom is earlier.
#[cfg(test)]
pub(crate) fn commit_order(incident: &Incident, phases: Phases) -> Vec<Part> {
    let mut slots = slots(incident, phases);
    slots.sort_by_key(Slot::commit_ms);
    let effect = slots.iter().filter(|slot| slot.is_cause()).map(|slot| slot.planned_s);
    let effect_ms = (effect.fold(f64::MAX, f64::min) * 1_000.0) as i64;
    slots.iter().filter(|slot| slot.commit_ms() < effect_ms).map(|slot| slot.part).collect()
}
