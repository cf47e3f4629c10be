//! Prometheus: the query behind each signal, and its answer from captured samples.

mod absent;
mod catalog;
mod quantile;
mod query;
mod rate;
mod selector;
mod store;

use stilltrace_capture::RawSeries;
use stilltrace_model::{Call, Capture, ContainerId, Plan, Series, Timestamp, Want, Window};

use crate::source::Source;
use catalog::Pods;
pub use query::{Evaluation, Query, Values};
pub use selector::{Matcher, Selector, Test};
pub use store::SampleStore;

/// Time between two values of a series, in milliseconds. Finer than the scrapes of 15 s, so that
/// the onset shows up as soon as a sample carries it, whatever the phase of the scrapes.
pub const STEP_MS: i64 = 5_000;

/// Values of one series, at most; a longer window is looked at in longer steps.
const MAX_STEPS: i64 = 2_000;

/// Prometheus as it was recorded: raw samples, evaluated here as Prometheus would.
pub struct RecordedPrometheus<'a> {
    store: SampleStore<'a>,
    containers: &'a [ContainerId],
    calls: &'a [Call],
}

impl<'a> RecordedPrometheus<'a> {
    /// Answers from captured series. `containers` say which pods a workload has, `calls` which
    /// edges were used; both sorted.
    pub fn new(samples: &'a [RawSeries], containers: &'a [ContainerId], calls: &'a [Call]) -> Self {
        Self { store: SampleStore::new(samples), containers, calls }
    }
}

impl Source for RecordedPrometheus<'_> {
    fn name(&self) -> &'static str {
        "prometheus"
    }

    fn answer(&self, plan: &Plan, capture: &mut Capture) {
        let times = times(plan.window);
        let evaluation = Evaluation::new(&self.store, &times);
        let pods = Pods::new(self.containers);
        let mut absent = absent::Absent::default();
        for want in &plan.wants {
            let Some(query) = catalog::query(want, &pods) else { continue };
            let values = evaluation.evaluate(&query);
            let points: Vec<(Timestamp, f64)> = times
                .iter()
                .zip(values.iter())
                .filter_map(|(time, value)| Some((*time, (*value)?)))
                .filter(|(_, value)| value.is_finite())
                .collect();
            if points.is_empty() {
                absent.note(want);
            } else {
                let source = self.name().to_owned();
                capture
                    .series
                    .insert(want.clone(), Series { points, query: query.promql(), source });
            }
        }
        capture.gaps.extend(absent.gaps(self.calls, capture, &self.store));
    }
}

/// The query behind a signal of an entity; `None` where Prometheus does not have it. `containers`,
/// sorted, say which pods a workload has.
pub fn query(want: &Want, containers: &[ContainerId]) -> Option<Query> {
    catalog::query(want, &Pods::new(containers))
}

/// The times of evaluation: whole multiples of the step, so that two captures of one time agree.
pub fn times(window: Window) -> Vec<Timestamp> {
    let (from, to) = (window.from.0, window.to.0);
    let span = to.saturating_sub(from).max(0);
    let steps_needed = span / STEP_MS / MAX_STEPS + 1;
    let step = STEP_MS.saturating_mul(steps_needed);
    let Some(first) = from.checked_add(step - 1).map(|time| time.div_euclid(step) * step) else {
        return Vec::new();
    };
    let count = if first < to { (to - first - 1) / step + 1 } else { 0 };
    (0..count).map(|index| Timestamp(first + index * step)).collect()
}
