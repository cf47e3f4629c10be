//! What Prometheus scraped, reduced to what a diagnosis can ask for: the view of a stock
//! installation, and what one with a widened `proxyStatsMatcher` sees beside it.

use stilltrace_capture::RawSeries;
use stilltrace_model::Timestamp;

use crate::envoy::stats::widened_metrics;
use crate::prometheus;
use crate::run::Run;

/// Metrics that are kept, by prefix: requests and their latency, configuration updates of proxies, what
/// istiod says of them,
/// CPU of containers and node, and whether scrapes succeeded.
const METRICS: &[&str] = &[
    "istio_requests_total",
    "istio_request_duration_milliseconds_",
    "envoy_cluster_manager_cds_update_success",
    "envoy_cluster_manager_cds_update_rejected",
    "envoy_cluster_manager_cds_update_time",
    "envoy_listener_manager_lds_update_success",
    "envoy_listener_manager_lds_update_rejected",
    "envoy_listener_manager_lds_update_time",
    "pilot_xds_pushes",
    "pilot_total_xds_rejects",
    "pilot_proxy_convergence_time_",
    "pilot_k8s_cfg_events",
    "container_cpu_",
    "container_spec_cpu_",
    "node_cpu_seconds_total",
    "up",
];
/// Labels that say again what another label says.
const REPEATED_LABELS: &[&str] = &[
    "__name__",
    "app",
    "connection_security_policy",
    "id",
    "name",
    "source_app",
    "source_canonical_revision",
    "source_canonical_service",
    "source_cluster",
    "source_principal",
    "source_version",
    "destination_app",
    "destination_canonical_revision",
    "destination_canonical_service",
    "destination_cluster",
    "destination_principal",
    "destination_version",
    "request_protocol",
];

/// The series that a stock installation has, with samples up to the end of the recording.
pub(super) fn stock(run: &Run) -> Vec<RawSeries> {
    kept(run, |metric| {
        METRICS.iter().any(|prefix| {
            metric.strip_prefix(prefix).is_some_and(|rest| rest.is_empty() || prefix.ends_with('_'))
        })
    })
}

/// The series that the widened view adds; those that stayed zero are left out.
pub(super) fn widened(run: &Run) -> Vec<RawSeries> {
    let names = widened_metrics();
    let mut all = kept(run, |metric| names.contains(metric));
    all.retain(|series| series.points.iter().any(|(_, value)| *value != 0.0));
    all
}

/// The series with a name that is wanted.
fn kept(run: &Run, wanted: impl Fn(&str) -> bool) -> Vec<RawSeries> {
    let series = run.records.series.iter().filter(|series| wanted(series.name()));
    let mut all: Vec<RawSeries> =
        series.filter_map(|series| reduced(series, run.end_ms())).collect();
    all.sort_by(|a, b| (&a.metric, &a.labels).cmp(&(&b.metric, &b.labels)));
    all
}

/// One series without what others say too, or nothing if it has no samples.
fn reduced(series: &prometheus::RawSeries, end_ms: i64) -> Option<RawSeries> {
    let metric = series.name();
    let labels = series
        .labels
        .iter()
        .filter(|(name, _)| !REPEATED_LABELS.contains(&name.as_str()))
        // The pod says which proxy it is; nodes have no other name.
        .filter(|(name, _)| *name != "instance" || metric.starts_with("node_"))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    let points: Vec<_> = series
        .samples
        .iter()
        .filter_map(|(seconds, value)| {
            let at = Timestamp((seconds * 1_000.0).round() as i64);
            Some((at, value.parse().ok()?))
        })
        .filter(|(at, _): &(Timestamp, f64)| at.0 < end_ms)
        .collect();
    (!points.is_empty()).then(|| RawSeries { metric: metric.to_owned(), labels, points })
}
