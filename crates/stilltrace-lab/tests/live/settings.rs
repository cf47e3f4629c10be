//! Settings of a proxy as text: as our reader computes them, and as Envoy's dump shows them.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;
use stilltrace_model::{Edge, LoadBalancer, Platform, Route, TrafficPolicy, WorkloadId};

/// Options of a cluster's protocol.
const HTTP_OPTIONS: &str = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions";

/// Settings by cluster name or host.
pub(crate) type Settings = BTreeMap<String, String>;

/// What our reader says about the calls of a workload.
pub(crate) fn computed(platform: &Platform, workload: &WorkloadId) -> Settings {
    let mut all = Settings::new();
    for edge in platform.edges.values().filter(|edge| *edge.id.source == *workload) {
        let host = format!(
            "{}.{}.svc.cluster.local",
            edge.id.destination.name, edge.id.destination.namespace
        );
        let port = edge.id.port;
        all.insert(format!("outbound|{port}||{host}"), policy(&edge.policy));
        for (subset, (_, own)) in edge.subsets.as_ref() {
            all.insert(format!("outbound|{port}|{subset}|{host}"), policy(own));
        }
        all.insert(format!("{host}:{port}"), routes(edge));
    }
    all
}

/// A traffic policy; a limit that is not set is Envoy's largest number under Istio.
fn policy(policy: &TrafficPolicy) -> String {
    let pool = &policy.pool;
    let limit = |limit: Option<u32>| limit.unwrap_or(u32::MAX);
    let balancer = match policy.load_balancer.value {
        LoadBalancer::LeastRequest => "LEAST_REQUEST",
        LoadBalancer::RoundRobin => "ROUND_ROBIN",
        LoadBalancer::Random => "RANDOM",
        LoadBalancer::Passthrough => "CLUSTER_PROVIDED",
        LoadBalancer::ConsistentHash => "RING_HASH",
    };
    format!(
        "connect {} ms, connections {}, pending {}, requests {}, retries {}, per connection {}, idle {}, {balancer}, outlier {}",
        pool.connect_timeout.value.as_millis(),
        limit(pool.max_connections.value),
        limit(pool.max_pending_requests.value),
        limit(pool.max_requests.value),
        limit(pool.max_retries.value),
        pool.max_requests_per_connection.value.map_or("-".to_owned(), |number| number.to_string()),
        millis(pool.idle_timeout.value),
        policy.outlier.as_ref().map_or("-".to_owned(), |it| it.consecutive_5xx.value.to_string()),
    )
}

fn routes(edge: &Edge) -> String {
    edge.routes.iter().map(route).collect::<Vec<_>>().join("; ")
}

fn route(route: &Route) -> String {
    let to: Vec<String> = route
        .destinations
        .iter()
        .map(|to| {
            let subset = to.to.subset.as_deref().unwrap_or_default();
            format!("outbound|{}|{subset}|{} {}", to.to.port, to.to.host, to.weight.value)
        })
        .collect();
    let retries = &route.retries;
    format!(
        "to {}, timeout {}, {} retries of {} on {}",
        to.join(" "),
        millis(route.timeout.value),
        retries.attempts.value,
        millis(retries.per_try_timeout.value),
        retries.retry_on.value.join(",")
    )
}

fn millis(duration: Option<Duration>) -> String {
    duration.map_or("-".to_owned(), |duration| format!("{} ms", duration.as_millis()))
}

/// What Envoy's configuration dump shows of the same clusters and hosts.
pub(crate) fn dumped(dump: &str, wanted: &Settings) -> Settings {
    let dump: Value = serde_json::from_str(dump).unwrap();
    let mut all = Settings::new();
    for config in dump["configs"].as_array().unwrap() {
        for cluster in config["dynamic_active_clusters"].as_array().into_iter().flatten() {
            let cluster = &cluster["cluster"];
            all.insert(cluster["name"].as_str().unwrap().to_owned(), cluster_text(cluster));
        }
        for routes in config["dynamic_route_configs"].as_array().into_iter().flatten() {
            for host in routes["route_config"]["virtual_hosts"].as_array().into_iter().flatten() {
                let list: Vec<String> =
                    host["routes"].as_array().into_iter().flatten().map(route_text).collect();
                all.insert(host["name"].as_str().unwrap().to_owned(), list.join("; "));
            }
        }
    }
    all.retain(|name, _| wanted.contains_key(name));
    all
}

fn cluster_text(cluster: &Value) -> String {
    let thresholds = &cluster["circuit_breakers"]["thresholds"][0];
    let limit = |name: &str| thresholds[name].as_u64().unwrap_or(0);
    let common =
        &cluster["typed_extension_protocol_options"][HTTP_OPTIONS]["common_http_protocol_options"];
    format!(
        "connect {}, connections {}, pending {}, requests {}, retries {}, per connection {}, idle {}, {}, outlier {}",
        duration(&cluster["connect_timeout"]),
        limit("max_connections"),
        limit("max_pending_requests"),
        limit("max_requests"),
        limit("max_retries"),
        common["max_requests_per_connection"].as_u64().map_or("-".to_owned(), |it| it.to_string()),
        duration(&common["idle_timeout"]),
        cluster["lb_policy"].as_str().unwrap_or("ROUND_ROBIN"),
        cluster["outlier_detection"]["consecutive_5xx"]
            .as_u64()
            .map_or("-".to_owned(), |it| it.to_string()),
    )
}

fn route_text(route: &Value) -> String {
    let action = &route["route"];
    let to: Vec<String> = match action["cluster"].as_str() {
        Some(only) => vec![format!("{only} 100")],
        None => action["weighted_clusters"]["clusters"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|to| format!("{} {}", to["name"].as_str().unwrap(), to["weight"]))
            .collect(),
    };
    let retries = &action["retry_policy"];
    format!(
        "to {}, timeout {}, {} retries of {} on {}",
        to.join(" "),
        duration(&action["timeout"]),
        retries["num_retries"].as_u64().unwrap_or(0),
        duration(&retries["per_try_timeout"]),
        retries["retry_on"].as_str().unwrap_or_default()
    )
}

/// A duration such as `1.500s` in milliseconds; none and zero are `-`.
fn duration(value: &Value) -> String {
    let seconds = value.as_str().and_then(|text| text.strip_suffix('s')?.parse::<f64>().ok());
    match seconds {
        Some(seconds) if seconds > 0.0 => format!("{} ms", (seconds * 1_000.0).round()),
        _ => "-".to_owned(),
    }
}
