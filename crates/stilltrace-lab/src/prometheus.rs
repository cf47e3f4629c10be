//! Prometheus: its configuration in the lab, and the raw samples it took.
//!
//! Three jobs every 15 s, as in a usual installation: every proxy's statistics (what a stock Istio
//! shows and what the widened view adds), the kubelet's container metrics, the node's. Relabelling turns the
//! statistics logger's names into Istio's. Targets come from a file that Prometheus watches, so a
//! change of what a proxy exports needs no restart.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};
use stilltrace_model::Platform;

use crate::envoy::STATS_PORT;
use crate::envoy::stats::{self, Kept};
use crate::http;
use crate::pods::Pod;

/// Address of Prometheus and of the exporter inside the lab.
pub const ADDRESS: Ipv4Addr = Ipv4Addr::new(198, 18, 255, 1);
/// Port of Prometheus.
pub const PORT: u16 = 9090;
/// Port of the exporter and trace sink.
pub const EXPORTER_PORT: u16 = 9101;
/// Time between scrapes in seconds, as in a usual installation.
pub const SCRAPE_SECONDS: u64 = 15;

/// The configuration file; `targets` is the file with the proxies, `istiod` where one shows metrics.
pub fn configuration(targets: &Path, scrape_seconds: u64, istiod: Option<SocketAddr>) -> String {
    let exporter = format!("{ADDRESS}:{EXPORTER_PORT}");
    let mut scrape = json!({
        "global": {
            "scrape_interval": format!("{scrape_seconds}s"),
            "evaluation_interval": format!("{scrape_seconds}s"),
        },
        "scrape_configs": [
            {
                "job_name": "envoy-stats",
                "metrics_path": "/stats/prometheus",
                "file_sd_configs": [{"files": [targets], "refresh_interval": "1m"}],
                "metric_relabel_configs": relabelling(),
            },
            {
                "job_name": "kubernetes-cadvisor",
                "metrics_path": "/metrics/cadvisor",
                "static_configs": [{"targets": [exporter]}],
            },
            {
                "job_name": "node-exporter",
                "metrics_path": "/metrics/node",
                "static_configs": [{"targets": [exporter]}],
            },
        ],
    });
    if let (Some(jobs), Some(istiod)) = (scrape["scrape_configs"].as_array_mut(), istiod) {
        let targets = [istiod.to_string()];
        jobs.push(json!({"job_name": "istiod", "static_configs": [{"targets": targets}]}));
    }
    // JSON is YAML.
    format!("{scrape:#}\n")
}

/// The file with the proxies as targets; each carries the part of its statistics to ask for: both
/// views where proxies keep everything.
pub fn targets(pods: &[Pod], platform: &Platform, kept: Kept) -> Value {
    let target = |pod: &Pod| {
        let extra = extra_stats(platform, pod);
        json!({
            "targets": [format!("{}:{STATS_PORT}", pod.address)],
            "labels": {
                "__param_filter": match kept {
                    Kept::All => stats::widened(&extra),
                    Kept::Stock => stats::scraped(&extra),
                },
                "namespace": pod.workload.namespace,
                "pod": pod.name,
                "app": pod.labels.get("app"),
            },
        })
    };
    pods.iter().map(target).collect()
}

/// Statistics that the platform keeps on a pod's proxy beyond Istio's list.
pub fn extra_stats(platform: &Platform, pod: &Pod) -> Vec<String> {
    let proxy =
        platform.workloads.get(&pod.workload).and_then(|workload| workload.sidecar.as_ref());
    proxy.map(|proxy| proxy.telemetry.extra_stats.value.clone()).unwrap_or_default()
}

/// Rules that turn the statistics logger's series into Istio's: the prefix goes, the five fields
/// of the other side become labels, what nobody knows is `unknown`.
fn relabelling() -> Value {
    const FIELDS: [&str; 5] =
        ["workload", "workload_namespace", "canonical_service", "canonical_revision", "cluster"];
    let mut rules = vec![json!({
        "source_labels": ["__name__"], "regex": "envoy_(istio_.+)", "target_label": "__name__", "replacement": "$1",
    })];
    for side in ["source", "destination"] {
        let peer = format!("{side}_peer");
        for (index, field) in FIELDS.iter().enumerate() {
            let mut groups = ["[^;]*"; 5];
            groups[index] = "([^;]*)";
            rules.push(json!({
                "source_labels": [peer], "regex": groups.join(";"),
                "target_label": format!("{side}_{field}"), "replacement": "$1",
            }));
        }
        // The other side's app and version are those of its canonical service.
        for (from, to) in [("canonical_service", "app"), ("canonical_revision", "version")] {
            rules.push(json!({
                "source_labels": [peer, format!("{side}_{from}")], "separator": "|", "regex": r".+\|(.+)",
                "target_label": format!("{side}_{to}"), "replacement": "$1",
            }));
        }
    }
    for label in [
        "source_workload",
        "source_workload_namespace",
        "source_principal",
        "destination_workload",
        "destination_workload_namespace",
        "destination_principal",
        "destination_service",
        "destination_service_name",
    ] {
        rules.push(json!({
            "source_labels": ["__name__", label], "separator": "|", "regex": r"istio_re[^|]+\|-?",
            "target_label": label, "replacement": "unknown",
        }));
    }
    rules.push(json!({"regex": "(source|destination)_peer", "action": "labeldrop"}));
    rules.into()
}

/// One series with the samples that Prometheus took, unaltered.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct RawSeries {
    /// Labels, the name as `__name__`.
    #[serde(rename = "metric")]
    pub labels: BTreeMap<String, String>,
    /// Samples: Unix time in seconds to the millisecond, and the value as Prometheus prints it.
    #[serde(rename = "values")]
    pub samples: Vec<(f64, String)>,
}

impl RawSeries {
    /// Name of the series.
    pub fn name(&self) -> &str {
        self.labels.get("__name__").map_or("", String::as_str)
    }

    /// Value of the last sample.
    pub fn last(&self) -> Option<f64> {
        self.samples.last().and_then(|(_, value)| value.parse().ok())
    }
}

/// An answer of Prometheus' query interface.
#[derive(Deserialize)]
struct Answer {
    status: String,
    #[serde(default)]
    error: String,
    data: Option<Data>,
}

/// Its data.
#[derive(Deserialize)]
struct Data {
    result: Vec<Value>,
}

/// Every sample of `seconds` before `end_unix_ms` of the series that `selector` selects, such as
/// `{__name__=~"istio_.+"}`. Belongs on a thread inside the lab's namespace.
pub fn raw_samples(selector: &str, seconds: u64, end_unix_ms: u64) -> io::Result<Vec<RawSeries>> {
    let query = format!("{selector}[{seconds}s]");
    let mut series: Vec<RawSeries> = query_at(&query, end_unix_ms)?
        .into_iter()
        .map(|one| serde_json::from_value(one).map_err(io::Error::other))
        .collect::<Result<_, _>>()?;
    series.sort_by(|a, b| a.labels.cmp(&b.labels));
    Ok(series)
}

/// The result of an instant query: an expression's value per series, or raw samples for a range.
pub fn query_at(query: &str, unix_ms: u64) -> io::Result<Vec<Value>> {
    let mut path = format!("/api/v1/query?query={}", http::escape(query));
    let _ = write!(path, "&time={}.{:03}", unix_ms / 1_000, unix_ms % 1_000);
    let answer = http::get(ADDRESS, PORT, &path, Duration::from_secs(30))?;
    let answer: Answer = serde_json::from_str(&answer.body).map_err(|error| {
        io::Error::other(format!("Prometheus answered {}: {error}", answer.status))
    })?;
    match answer.data {
        Some(data) if answer.status == "success" => Ok(data.result),
        _ => Err(io::Error::other(format!("Prometheus refused `{query}`: {}", answer.error))),
    }
}

/// Whether Prometheus answers queries.
pub fn is_ready() -> bool {
    http::get(ADDRESS, PORT, "/-/ready", Duration::from_secs(1))
        .is_ok_and(|answer| answer.status == 200)
}

/// Address of the exporter.
pub fn exporter() -> SocketAddr {
    SocketAddr::from((ADDRESS, EXPORTER_PORT))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_field_of_a_peer_has_a_rule() {
        let rules = relabelling();
        let targets: Vec<_> = rules
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|rule| rule["target_label"].as_str())
            .collect();
        for wanted in
            ["source_workload", "source_app", "destination_cluster", "destination_version"]
        {
            assert!(targets.contains(&wanted), "{wanted} is missing");
        }
    }
}
