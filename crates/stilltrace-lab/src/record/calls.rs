//! Who called whom during the recording, from the callers' own counters.

use std::collections::BTreeMap;

use stilltrace_model::{Call, EdgeId, ServiceId, WorkloadId};

use crate::prometheus::RawSeries;
use crate::run::Run;

/// The observed edges with their requests.
pub(super) fn of(run: &Run) -> Vec<Call> {
    let mut calls: BTreeMap<EdgeId, f64> = BTreeMap::new();
    for series in run.records.series.iter().filter(|series| series.name() == "istio_requests_total")
    {
        if label(series, "reporter") == "source"
            && let Some(edge) = edge(run, series)
        {
            *calls.entry(edge).or_default() += increase(series, run.start_ms, run.end_ms());
        }
    }
    calls
        .into_iter()
        .filter(|(_, requests)| *requests > 0.0)
        .map(|(edge, requests)| Call { edge, requests: requests.round() })
        .collect()
}

/// The edge that a series counts. Istio's metrics name no port: the topology's is taken.
fn edge(run: &Run, series: &RawSeries) -> Option<EdgeId> {
    let (namespace, name) =
        (label(series, "destination_service_namespace"), label(series, "destination_service_name"));
    let service = run.incident.topology.service(namespace, name)?;
    Some(EdgeId::new(
        WorkloadId::new(
            label(series, "source_workload_namespace"),
            label(series, "source_workload"),
        ),
        ServiceId::new(namespace, name),
        service.port,
    ))
}

fn label<'a>(series: &'a RawSeries, name: &str) -> &'a str {
    series.labels.get(name).map_or("", String::as_str)
}

/// How far a counter rose between two times; a counter that falls has started anew.
pub(super) fn increase(series: &RawSeries, from_ms: i64, to_ms: i64) -> f64 {
    let mut last: Option<f64> = None;
    let mut sum = 0.0;
    for (seconds, value) in &series.samples {
        let at = (seconds * 1_000.0) as i64;
        let Ok(value) = value.parse::<f64>() else { continue };
        if at >= to_ms {
            break;
        }
        if at >= from_ms {
            // A series that appears in the window was at zero before.
            let before = last.unwrap_or(0.0);
            sum += if value >= before { value - before } else { value };
        }
        last = Some(value);
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_counter_that_falls_has_started_anew() {
        let sample = |second: f64, value: &str| (second, value.to_owned());
        let series = RawSeries {
            labels: BTreeMap::new(),
            samples: vec![sample(1.0, "5"), sample(2.0, "9"), sample(3.0, "2"), sample(4.0, "3")],
        };
        assert!((increase(&series, 1_500, 3_500) - 6.0).abs() < 1e-9);
        assert!((increase(&series, 0, 2_500) - 9.0).abs() < 1e-9);
    }
}
