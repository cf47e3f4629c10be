//! Who called whom, told from request counters where the calls themselves were not recorded.

use std::collections::BTreeMap;

use stilltrace_capture::RawSeries;
use stilltrace_model::{Call, EdgeId, Platform, ServiceId, Timestamp, Window, WorkloadId};

/// Calls of the window as the callers' proxies counted them (Istio's `istio_requests_total` with
/// `reporter="source"`), sorted. The counter does not name the port: an edge is told only where the
/// platform has one port for its two ends.
pub(crate) fn from_samples(
    samples: &[RawSeries],
    platform: &Platform,
    window: Window,
) -> Vec<Call> {
    let mut requests: BTreeMap<EdgeId, f64> = BTreeMap::new();
    for series in samples {
        let Some(edge) = edge(series, platform) else { continue };
        *requests.entry(edge).or_default() += increase(&series.points, window);
    }
    let used = requests.into_iter().filter(|(_, requests)| *requests > 0.0);
    used.map(|(edge, requests)| Call { edge, requests }).collect()
}

/// The edge that a series counts requests of, if it does and there is only one.
fn edge(series: &RawSeries, platform: &Platform) -> Option<EdgeId> {
    if series.metric != "istio_requests_total" || series.label("reporter") != Some("source") {
        return None;
    }
    let label = |name| series.label(name);
    let from = EdgeId::new(
        WorkloadId::new(label("source_workload_namespace")?, label("source_workload")?),
        ServiceId::new(label("destination_service_namespace")?, label("destination_service_name")?),
        0,
    );
    let to = EdgeId { port: u16::MAX, ..from.clone() };
    let mut edges = platform.edges.range(from..=to);
    let (edge, _) = edges.next()?;
    edges.next().is_none().then(|| edge.clone())
}

/// What a counter grew by inside the window; after a reset it counts from zero.
fn increase(points: &[(Timestamp, f64)], window: Window) -> f64 {
    let inside = points.iter().filter(|(time, _)| (window.from..=window.to).contains(time));
    let values: Vec<f64> = inside.map(|(_, value)| *value).filter(|one| one.is_finite()).collect();
    let steps = values.windows(2).map(|pair| match pair {
        [before, after] if after >= before => after - before,
        [_, after] => after.max(0.0),
        _ => 0.0,
    });
    steps.sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_counter_grows_inside_the_window_and_from_zero_after_a_reset() {
        let window = Window { from: Timestamp(100), to: Timestamp(200) };
        let points = [
            (90, 1.0),
            (100, 10.0),
            (150, 15.0),
            (160, f64::NAN),
            (170, 2.0),
            (200, 4.0),
            (210, 99.0),
        ];
        let points = points.map(|(time, value)| (Timestamp(time), value));
        assert!((increase(&points, window) - 9.0).abs() < 1e-9);
        assert!(increase(&[], window).abs() < 1e-9);
    }
}
