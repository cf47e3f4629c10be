//! CPU use in 10 ms windows, as recorded per container.

use std::collections::BTreeMap;

use stilltrace_model::{
    Bursts, Capture, ContainerId, Entity, Gap, Plan, Series, Signal, Timestamp, Want, WorkloadId,
    signal,
};

use crate::prometheus::times;
use crate::source::Source;

/// Length of the span over which a peak is averaged, in microseconds: shorter than a person
/// notices, longer than the sampling can be off by.
const PEAK_US: u32 = 100_000;
/// Span that a value looks back on, in milliseconds: one scrape interval, so that both views of
/// the same seconds can be compared.
const LOOK_BACK_MS: i64 = 15_000;

/// Recorded windows.
pub struct RecordedWindows<'a> {
    bursts: &'a BTreeMap<ContainerId, Bursts>,
}

impl<'a> RecordedWindows<'a> {
    /// Answers from recorded windows.
    pub fn new(bursts: &'a BTreeMap<ContainerId, Bursts>) -> Self {
        Self { bursts }
    }

    fn of(&self, workload: &WorkloadId, is_proxy: bool) -> Vec<(&ContainerId, &Bursts)> {
        let own = |id: &ContainerId| id.workload == *workload && id.is_sidecar() == is_proxy;
        self.bursts.iter().filter(|(id, _)| own(id)).collect()
    }

    fn series(&self, want: &Want, times: &[Timestamp]) -> Option<Series> {
        let Entity::Workload(workload) = &want.entity else { return None };
        let measure = measure_of(want.signal)?;
        let containers = self.of(workload, measure.is_proxy);
        let mut points = Vec::new();
        for time in times {
            let values: Vec<f64> = containers
                .iter()
                .filter_map(|(_, bursts)| (measure.value)(bursts, *time))
                .collect();
            if !values.is_empty() {
                points.push((*time, (measure.join)(&values)));
            }
        }
        if points.is_empty() {
            return None;
        }
        let names: Vec<String> = containers.iter().map(|(id, _)| id.to_string()).collect();
        let method = containers.first().map_or("", |(_, one)| one.source.as_str());
        let query =
            format!("bursts.csv ({method}): {}, container {}", measure.text, names.join(", "));
        Some(Series { points, query, source: self.name().to_owned() })
    }
}

/// How a signal comes out of windows.
struct Measure {
    is_proxy: bool,
    /// What is computed, for the reader of the report.
    text: &'static str,
    value: fn(&Bursts, Timestamp) -> Option<f64>,
    /// One value out of those of all pods.
    join: fn(&[f64]) -> f64,
}

fn measure_of(signal: Signal) -> Option<Measure> {
    let stalled = |is_proxy| Measure {
        is_proxy,
        text: "throttled time ÷ time over the last 15 s, mean of the pods",
        value: stalled,
        join: |values| values.iter().sum::<f64>() / values.len() as f64,
    };
    if signal == signal::PROXY_STALLED {
        Some(stalled(true))
    } else if signal == signal::APP_STALLED {
        Some(stalled(false))
    } else if signal == signal::PROXY_CPU_PEAK {
        Some(Measure {
            is_proxy: true,
            text: "highest CPU use over 100 ms within the last 15 s, highest of the pods",
            value: peak,
            join: |values| values.iter().copied().fold(0.0, f64::max),
        })
    } else {
        None
    }
}

impl Source for RecordedWindows<'_> {
    fn name(&self) -> &'static str {
        "windows"
    }

    fn answer(&self, plan: &Plan, capture: &mut Capture) {
        capture.bursts.extend(self.bursts.iter().map(|(id, one)| (id.clone(), one.clone())));
        let times = times(plan.window);
        let mut absent: BTreeMap<&'static str, Vec<String>> = BTreeMap::new();
        for want in &plan.wants {
            let Some(measure) = measure_of(want.signal) else { continue };
            if let Some(series) = self.series(want, &times) {
                capture.series.insert(want.clone(), series);
            } else if !self.is_known_without(want, measure.is_proxy) {
                absent.entry(want.signal.remedy).or_default().push(want.entity.to_string());
            }
        }
        for (remedy, mut entities) in absent {
            entities.sort();
            entities.dedup();
            capture.gaps.push(Gap {
                what: format!("no 10 ms windows of {}", summary(&entities)),
                why: "stalls shorter than a scrape interval cannot be seen".to_owned(),
                remedy: remedy.to_owned(),
                ..Gap::default()
            });
        }
    }
}

impl RecordedWindows<'_> {
    /// Whether the workload was recorded and simply has no such container: a gateway has no
    /// application, a workload outside the mesh no proxy.
    fn is_known_without(&self, want: &Want, is_proxy: bool) -> bool {
        let Entity::Workload(workload) = &want.entity else { return false };
        !self.of(workload, !is_proxy).is_empty()
    }
}

fn summary(entities: &[String]) -> String {
    const NAMED: usize = 3;
    let named = entities.get(..NAMED).unwrap_or(entities).join(", ");
    match entities.len().checked_sub(NAMED) {
        None | Some(0) => named,
        Some(more) => format!("{named} and {more} more"),
    }
}

/// Windows that lie in the 15 s before `at`; `None` where those were not recorded whole.
fn before<'a>(bursts: &Bursts, values: &'a [u32], at: Timestamp) -> Option<&'a [u32]> {
    let window_ms = i64::from(bursts.window_us / 1_000).max(1);
    let index =
        |time: i64| usize::try_from(time.saturating_sub(bursts.start.0).div_euclid(window_ms)).ok();
    let from = index(at.0.checked_sub(LOOK_BACK_MS)?)?;
    values.get(from..index(at.0)?)
}

/// Share of the last 15 s in which the container stood still. The kernel adds up the throttled
/// time of every CPU, so a window counts for its own length at most.
fn stalled(bursts: &Bursts, at: Timestamp) -> Option<f64> {
    let windows = before(bursts, &bursts.throttled_us, at)?;
    let stopped: f64 = windows.iter().map(|us| f64::from((*us).min(bursts.window_us))).sum();
    Some(stopped / (LOOK_BACK_MS as f64 * 1_000.0))
}

/// Highest CPU use over 100 ms within the last 15 s, in cores.
fn peak(bursts: &Bursts, at: Timestamp) -> Option<f64> {
    let windows = before(bursts, &bursts.on_cpu_us, at)?;
    let length = usize::try_from(PEAK_US / bursts.window_us.max(1)).ok()?.max(1);
    let mut highest = 0_u64;
    let mut sum = 0_u64;
    for (index, used) in windows.iter().enumerate() {
        sum += u64::from(*used);
        if let Some(old) = index.checked_sub(length).and_then(|old| windows.get(old)) {
            sum -= u64::from(*old);
        }
        highest = highest.max(sum);
    }
    Some(highest as f64 / (length as f64 * f64::from(bursts.window_us)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bursts(on_cpu_us: Vec<u32>, throttled_us: Vec<u32>) -> Bursts {
        Bursts {
            start: Timestamp(0),
            window_us: 10_000,
            on_cpu_us,
            throttled_us,
            waiting_us: None,
            source: "test".to_owned(),
        }
    }

    #[test]
    fn a_burst_of_100_ms_is_a_peak_that_the_average_hides() {
        let mut used = vec![0; 1_500];
        for window in used.iter_mut().skip(700).take(10) {
            *window = 10_000;
        }
        let one = bursts(used, vec![0; 1_500]);
        assert_eq!(peak(&one, Timestamp(15_000)), Some(1.0));
        assert_eq!(peak(&one, Timestamp(14_990)), None, "15 s must have been recorded");
    }

    #[test]
    fn time_throttled_on_several_cpus_counts_once() {
        let one = bursts(vec![0; 1_500], [vec![20_000; 150], vec![0; 1_350]].concat());
        assert_eq!(stalled(&one, Timestamp(15_000)), Some(0.1));
    }
}
