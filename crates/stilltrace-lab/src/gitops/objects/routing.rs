//! How the mesh treats calls to a service: VirtualService and DestinationRule.
//!
//! Every drawn value is generous: limits far above need, timeouts far above latency, retries that
//! only follow a failed connection, ejection that never takes more than a third of the pods. What
//! causes an incident comes from the scenario alone.

use super::Manifest;
use crate::gitops::draw::Draw;
use crate::gitops::value::{Value, map};
use crate::topology::{Protocol, Service};

/// Conditions under which no request that reached a server is sent again.
const HARMLESS_RETRY_ON: &[&str] = &[
    "connect-failure,refused-stream,unavailable,cancelled",
    "connect-failure,refused-stream",
    "refused-stream,unavailable",
];

/// The routing objects of one service.
pub(super) fn objects(service: &Service, draw: &mut Draw) -> Vec<Manifest> {
    let manifest = |kind, value| Manifest {
        kind,
        of: service.name.clone(),
        namespace: service.namespace.clone(),
        value,
        extra: None,
    };
    let host = format!("{}.{}.svc.cluster.local", service.name, service.namespace);
    if service.protocol == Protocol::Tcp {
        return vec![manifest("DestinationRule", destination_rule(service, &host, draw))];
    }
    vec![
        manifest("VirtualService", virtual_service(service, &host, draw)),
        manifest("DestinationRule", destination_rule(service, &host, draw)),
    ]
}

/// Version labels of a service's workloads; empty unless there are several.
fn versions(service: &Service) -> Vec<String> {
    let workloads = service.workloads();
    if workloads.len() < 2 {
        return Vec::new();
    }
    workloads.iter().filter_map(|workload| workload.labels.get("version").cloned()).collect()
}

fn virtual_service(service: &Service, host: &str, draw: &mut Draw) -> Value {
    let versions = versions(service);
    let route = if versions.is_empty() {
        vec![map! { "destination" => map! { "host" => host } }]
    } else {
        let rest = 100 / i64::try_from(versions.len()).unwrap_or(1);
        let first = 100 - rest * (i64::try_from(versions.len()).unwrap_or(1) - 1);
        let weighted = |(index, version): (usize, &String)| {
            map! {
                "destination" => map! { "host" => host, "subset" => version.as_str() },
                "weight" => if index == 0 { first } else { rest },
            }
        };
        versions.iter().enumerate().map(weighted).collect()
    };
    let mut http = map! { "route" => route };
    if draw.chance(0.5) {
        http.set("timeout", Value::from(draw.word(&["10s", "15s", "20s", "30s"])));
    }
    if draw.chance(0.5) {
        http.set(
            "retries",
            map! {
                "attempts" => draw.between(1, 3),
                "perTryTimeout" => draw.word(&["3s", "4s", "5s", "8s"]),
                "retryOn" => draw.word(HARMLESS_RETRY_ON),
            },
        );
    }
    map! {
        "apiVersion" => "networking.istio.io/v1",
        "kind" => "VirtualService",
        "metadata" => map! { "name" => service.name.as_str() },
        "spec" => map! { "hosts" => vec![host], "http" => vec![http] },
    }
}

fn destination_rule(service: &Service, host: &str, draw: &mut Draw) -> Value {
    let mut policy = map! { "connectionPool" => map! {
        "tcp" => map! {
            "maxConnections" => 64 * draw.between(8, 32),
            "connectTimeout" => draw.word(&["1s", "2s", "3s", "5s"]),
        },
        "http" => map! {
            "http1MaxPendingRequests" => 128 * draw.between(8, 32),
            "http2MaxRequests" => 128 * draw.between(16, 64),
            "idleTimeout" => draw.word(&["5m", "10m", "15m", "30m"]),
        },
    } };
    if draw.chance(0.6) {
        policy.set(
            "outlierDetection",
            map! {
                "consecutive5xxErrors" => draw.between(20, 50),
                "interval" => draw.word(&["10s", "15s", "20s", "30s"]),
                "baseEjectionTime" => draw.word(&["15s", "30s", "45s"]),
                "maxEjectionPercent" => draw.between(2, 6) * 5,
            },
        );
    }
    let mut spec = map! { "host" => host, "trafficPolicy" => policy };
    let versions = versions(service);
    if !versions.is_empty() {
        let subset = |version: &String| {
            map! { "name" => version.as_str(), "labels" => map! { "version" => version.as_str() } }
        };
        spec.set("subsets", Value::List(versions.iter().map(subset).collect()));
    }
    map! {
        "apiVersion" => "networking.istio.io/v1",
        "kind" => "DestinationRule",
        "metadata" => map! { "name" => service.name.as_str() },
        "spec" => spec,
    }
}
