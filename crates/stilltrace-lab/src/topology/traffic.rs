//! What clients send.

use serde::{Deserialize, Serialize};

/// Open-loop traffic: arrivals do not wait for answers, as real clients do not.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Traffic {
    /// Requests a second outside peaks (Poisson arrivals).
    pub rate: f64,
    /// `Host` header of the requests.
    pub host: String,
    /// Path of the requests.
    pub path: String,
    /// Recurring peaks.
    pub peaks: Option<Peaks>,
    /// A slow change of the rate over the run, as a surge of real demand.
    pub ramp: Option<Ramp>,
    /// How long a client waits for an answer, in milliseconds.
    pub timeout_ms: u64,
    /// Another rate for a while. Scenarios set it.
    pub surge: Option<Surge>,
    /// Clients that ask again, for a while. Scenarios set it.
    pub retries: Option<Retries>,
}

/// Another rate from `from_s` to `to_s` after the load began.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Surge {
    /// Start, in seconds.
    pub from_s: f64,
    /// End, in seconds.
    pub to_s: f64,
    /// Rate meanwhile, as a multiple of the rate otherwise.
    pub factor: f64,
}

/// Clients that give an answer less time and ask again, from `from_s` to `to_s` after the load
/// began.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Retries {
    /// Start, in seconds.
    pub from_s: f64,
    /// End, in seconds.
    pub to_s: f64,
    /// How often they ask again at most.
    pub attempts: u32,
    /// How long they wait for one answer, in milliseconds.
    pub timeout_ms: u64,
}

/// Recurring peaks of traffic.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Peaks {
    /// Distance between the starts of two peaks, in seconds.
    pub every_s: f64,
    /// Length of a peak, in seconds.
    pub for_s: f64,
    /// Rate inside a peak as a multiple of the rate outside.
    pub factor: f64,
}

/// A change of the rate from `from_s` on, reaching `factor` at `to_s` and staying there.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Ramp {
    /// Start, in seconds after the load began.
    pub from_s: f64,
    /// End, in seconds after the load began.
    pub to_s: f64,
    /// Rate from `to_s` on, as a multiple of `rate`.
    pub factor: f64,
}

impl Default for Traffic {
    fn default() -> Self {
        Self {
            rate: 100.0,
            host: "shop.example.com".into(),
            path: "/".into(),
            peaks: None,
            ramp: None,
            timeout_ms: 10_000,
            surge: None,
            retries: None,
        }
    }
}

impl Traffic {
    /// Rate at `t` seconds after the load began, in requests a second.
    pub fn rate_at(&self, t: f64) -> f64 {
        let ramp = self.ramp.map_or(1.0, |ramp| ramp.factor_at(t));
        let peak = match self.peaks {
            Some(peaks) if peaks.every_s > 0.0 && t % peaks.every_s < peaks.for_s => peaks.factor,
            _ => 1.0,
        };
        let surge = match self.surge {
            Some(surge) if (surge.from_s..surge.to_s).contains(&t) => surge.factor,
            _ => 1.0,
        };
        self.rate * ramp * peak * surge
    }

    /// Mean rate over a long time, in requests a second, the ramp at its end.
    pub(super) fn mean_rate(&self) -> f64 {
        let ramp = self.ramp.map_or(1.0, |ramp| ramp.factor.max(1.0));
        let peak = self.peaks.map_or(1.0, |peaks| {
            let share = (peaks.for_s / peaks.every_s).clamp(0.0, 1.0);
            1.0 + (peaks.factor - 1.0) * share
        });
        self.rate * ramp * peak
    }
}

impl Ramp {
    /// Multiple of the rate at `t` seconds.
    fn factor_at(self, t: f64) -> f64 {
        if t <= self.from_s {
            1.0
        } else if t >= self.to_s {
            self.factor
        } else {
            1.0 + (self.factor - 1.0) * (t - self.from_s) / (self.to_s - self.from_s)
        }
    }
}
