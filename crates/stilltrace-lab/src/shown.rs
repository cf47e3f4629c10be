//! Whether a fault shows: its signals leave the noise of runs without it, and come back.

use std::fmt;

use crate::record::Moved;
use crate::scenario::Direction;

/// How much further than the controls ever went a signal must move.
pub(crate) const BEYOND_NOISE: f64 = 1.5;
/// Share of its value before the change that any signal may wander, controls or not.
pub(crate) const WANDER: f64 = 0.05;
/// Share of its way that a signal must have come back in the recovery phase.
const RETURNED: f64 = 0.6;

/// How one signal fared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// It did what it must.
    Shown,
    /// It did not leave the noise of the controls, or not in the right direction.
    Noise,
    /// It moved by less than the scenario asks for.
    TooLittle,
    /// It must stay and did not.
    Moved,
    /// It did not come back when the change was taken back.
    Stayed,
}

impl fmt::Display for Fate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Shown => "shown",
            Self::Noise => "LOST IN NOISE",
            Self::TooLittle => "TOO LITTLE",
            Self::Moved => "MOVED, MUST STAY",
            Self::Stayed => "DID NOT COME BACK",
        })
    }
}

/// How far signals wander from the quiet phase to the fault phase when there is no fault: the
/// largest distance in any control.
pub fn noise(controls: &[Moved]) -> f64 {
    controls.iter().map(|control| (control.fault - control.quiet).abs()).fold(0.0, f64::max)
}

/// How a signal fared, given the noise of the controls.
pub fn fate(moved: &Moved, noise: f64) -> Fate {
    let Moved { wanted, quiet, fault, recovered } = moved;
    let margin = (noise * BEYOND_NOISE).max(quiet.abs() * WANDER);
    let way = fault - quiet;
    let (forward, factor) = match wanted.direction {
        Direction::Steady => {
            return if way.abs() <= margin.max(quiet.abs() * 2.0 * WANDER) {
                Fate::Shown
            } else {
                Fate::Moved
            };
        }
        Direction::Rises => (way, fault / quiet),
        Direction::Falls => (-way, quiet / fault),
    };
    if forward <= margin {
        return Fate::Noise;
    }
    // From nothing, any step is beyond every factor.
    if wanted.by.is_some_and(|by| factor.is_finite() && factor < by) {
        return Fate::TooLittle;
    }
    let back = recovered
        .is_none_or(|after| (after - quiet).abs() <= margin.max(way.abs() * (1.0 - RETURNED)));
    if wanted.returns && !back { Fate::Stayed } else { Fate::Shown }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::{Move, Signal};

    fn moved(direction: Direction, by: Option<f64>, values: (f64, f64, f64)) -> Moved {
        let wanted = Move {
            signal: Signal::ClientP99,
            of: None,
            flag: None,
            metric: None,
            labels: std::collections::BTreeMap::default(),
            direction,
            by,
            returns: true,
        };
        Moved { wanted, quiet: values.0, fault: values.1, recovered: Some(values.2) }
    }

    #[test]
    fn a_signal_must_leave_the_noise_of_the_controls_and_come_back() {
        let controls = [moved(Direction::Rises, None, (30.0, 36.0, 0.0))];
        let noise = noise(&controls);
        assert!((noise - 6.0).abs() < 1e-9);
        let rises = |by, values| fate(&moved(Direction::Rises, by, values), noise);
        assert_eq!(rises(None, (30.0, 60.0, 31.0)), Fate::Shown);
        assert_eq!(rises(None, (30.0, 38.0, 30.0)), Fate::Noise);
        assert_eq!(rises(None, (30.0, 10.0, 30.0)), Fate::Noise);
        assert_eq!(rises(Some(3.0), (30.0, 60.0, 31.0)), Fate::TooLittle);
        assert_eq!(rises(None, (30.0, 60.0, 58.0)), Fate::Stayed);
        assert_eq!(rises(Some(3.0), (0.0, 40.0, 0.0)), Fate::Shown);
    }

    #[test]
    fn what_must_fall_or_stay_is_held_to_it() {
        assert_eq!(fate(&moved(Direction::Falls, None, (9.0, 1.0, 9.0)), 1.0), Fate::Shown);
        assert_eq!(fate(&moved(Direction::Falls, None, (9.0, 12.0, 9.0)), 1.0), Fate::Noise);
        assert_eq!(fate(&moved(Direction::Steady, None, (9.0, 9.5, 9.0)), 1.0), Fate::Shown);
        assert_eq!(fate(&moved(Direction::Steady, None, (9.0, 14.0, 9.0)), 1.0), Fate::Moved);
    }
}
