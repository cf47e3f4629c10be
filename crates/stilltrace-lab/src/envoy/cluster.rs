//! Clusters: one per visible service port and subset, as in a sidecar that Istio configures.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use stilltrace_model::{
    Edge, EdgeId, LoadBalancer, Origin, OutlierDetection, Pool, ServiceId, TlsMode, TrafficPolicy,
};

use super::{
    NO_LIMIT, World, edges_of, endpoints, host, labels, outbound, peer, seconds, socket, tls, url,
};
use crate::behave::APP_PORT;
use crate::pods::Pod;

/// Cluster that spans are sent to.
pub(super) const COLLECTOR: &str = "outbound|4318||otel-collector.observability.svc.cluster.local";

/// All clusters of the pod's proxy.
pub(super) fn all(world: World<'_>, pod: &Pod) -> Vec<Value> {
    let mut clusters = Vec::new();
    for edge in edges_of(world, pod) {
        clusters.push(outbound_cluster(world, pod, edge, None, &edge.policy));
        for (name, (wanted, policy)) in edge.subsets.as_ref() {
            clusters.push(outbound_cluster(world, pod, edge, Some((name, &wanted.value)), policy));
        }
    }
    if !pod.is_gateway {
        clusters.push(inbound_cluster(world, pod));
    }
    if let Some(collector) = world.collector {
        clusters.push(json!({
            "@type": url("envoy.config.cluster.v3.Cluster"),
            "name": COLLECTOR,
            "alt_stat_name": format!("{COLLECTOR};"),
            "type": "STATIC",
            "connect_timeout": "1s",
            "load_assignment": {"cluster_name": COLLECTOR, "endpoints": [{"lb_endpoints": [
                {"endpoint": {"address": socket(collector.ip(), collector.port())}},
            ]}]},
        }));
    }
    clusters
}

/// The cluster of an edge or of one of its subsets.
fn outbound_cluster(
    world: World<'_>,
    pod: &Pod,
    edge: &Edge,
    subset: Option<(&String, &BTreeMap<String, String>)>,
    policy: &TrafficPolicy,
) -> Value {
    let service = &edge.id.destination;
    let name = outbound(service, edge.id.port, subset.map(|(name, _)| name.as_str()));
    let behind: Vec<&Pod> = endpoints(world, service)
        .into_iter()
        .filter(|pod| subset.is_none_or(|(_, wanted)| selects(world, wanted, pod)))
        .collect();
    let mut cluster = json!({
        "@type": url("envoy.config.cluster.v3.Cluster"),
        "name": name,
        // Istio's statistics tags read the name up to the semicolon.
        "alt_stat_name": format!("{name};"),
        "type": "STATIC",
        "connect_timeout": seconds(policy.pool.connect_timeout.value),
        "lb_policy": lb_policy(policy.load_balancer.value),
        "circuit_breakers": {"thresholds": [thresholds(policy)]},
        "typed_extension_protocol_options": http_options(&policy.pool, http2(world, service, edge.id.port)),
        "load_assignment": load_assignment(world, &name, &behind),
        "metadata": {"filter_metadata": {"istio": istio_metadata(edge, subset.map(|(name, _)| name), policy)}},
    });
    if let Some(outlier) = &policy.outlier {
        cluster["outlier_detection"] = outlier_detection(outlier);
        let percent = outlier.min_health_percent.value;
        cluster["common_lb_config"] = json!({"healthy_panic_threshold": {"value": percent}});
    }
    if let Some(socket) = transport(world, pod, service, edge.id.port, &behind, policy.tls.value) {
        cluster["transport_socket"] = socket;
    }
    cluster
}

/// Whether a pod has the labels of a subset.
fn selects(world: World<'_>, wanted: &BTreeMap<String, String>, pod: &Pod) -> bool {
    let has = labels(world, pod);
    wanted.iter().all(|(key, value)| has.get(key) == Some(value))
}

/// Envoy's name of a load balancing policy.
fn lb_policy(policy: LoadBalancer) -> &'static str {
    match policy {
        // Every endpoint is a static address here, so passing through means any of them.
        LoadBalancer::LeastRequest | LoadBalancer::Passthrough => "LEAST_REQUEST",
        LoadBalancer::RoundRobin => "ROUND_ROBIN",
        LoadBalancer::Random => "RANDOM",
        LoadBalancer::ConsistentHash => "RING_HASH",
    }
}

/// Circuit breaker thresholds; Istio writes the largest number where nothing is set.
fn thresholds(policy: &TrafficPolicy) -> Value {
    let pool = &policy.pool;
    let mut thresholds = json!({
        "max_connections": pool.max_connections.value.unwrap_or(NO_LIMIT),
        "max_pending_requests": pool.max_pending_requests.value.unwrap_or(NO_LIMIT),
        "max_requests": pool.max_requests.value.unwrap_or(NO_LIMIT),
        "max_retries": pool.max_retries.value.unwrap_or(NO_LIMIT),
        "track_remaining": true,
    });
    if let Some(budget) = &policy.retry_budget {
        thresholds["retry_budget"] = json!({
            "budget_percent": {"value": budget.percent.value},
            "min_retry_concurrency": budget.min_concurrency.value,
        });
    }
    thresholds
}

/// Whether a service port speaks HTTP/2 (istio/istio `pkg/config/protocol`).
fn http2(world: World<'_>, service: &ServiceId, port: u16) -> bool {
    let protocol = world.platform.services.get(service).and_then(|known| known.ports.get(&port));
    protocol
        .is_some_and(|protocol| matches!(protocol.value.as_str(), "http2" | "grpc" | "grpc-web"))
}

/// HTTP/1.1 or HTTP/2 upstream with the pool's limits on the life of a connection.
fn http_options(pool: &Pool, http2: bool) -> Value {
    let mut common = json!({});
    if let Some(requests) = pool.max_requests_per_connection.value.filter(|requests| *requests > 0)
    {
        common["max_requests_per_connection"] = requests.into();
    }
    if let Some(idle) = pool.idle_timeout.value {
        common["idle_timeout"] = seconds(idle).into();
    }
    let version = if http2 { "http2_protocol_options" } else { "http_protocol_options" };
    json!({"envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
        "@type": url("envoy.extensions.upstreams.http.v3.HttpProtocolOptions"),
        "common_http_protocol_options": common,
        "explicit_http_config": {version: {}},
    }})
}

/// Outlier detection as Istio writes it: only the detector of consecutive failures.
fn outlier_detection(outlier: &OutlierDetection) -> Value {
    let failures = outlier.consecutive_5xx.value;
    json!({
        "consecutive_5xx": failures.max(1),
        "enforcing_consecutive_5xx": if failures == 0 { 0 } else { 100 },
        "enforcing_success_rate": 0,
        "interval": seconds(outlier.interval.value),
        "base_ejection_time": seconds(outlier.base_ejection_time.value),
        "max_ejection_percent": outlier.max_ejection_percent.value,
    })
}

/// Endpoints with Istio's metadata about the workload behind each. A pod's port is the topology's,
/// whatever number its service gives it.
fn load_assignment(world: World<'_>, cluster: &str, behind: &[&Pod]) -> Value {
    let endpoint = |pod: &&Pod| {
        json!({
            "endpoint": {"address": socket(pod.address, pod.port)},
            "load_balancing_weight": 1,
            "metadata": {"filter_metadata": {"istio": {"workload": peer(world, pod)}}},
        })
    };
    let endpoints: Vec<Value> = behind.iter().map(endpoint).collect();
    let localities =
        if endpoints.is_empty() { json!([]) } else { json!([{"lb_endpoints": endpoints}]) };
    json!({"cluster_name": cluster, "endpoints": localities})
}

/// Transport security towards the endpoints; every pod of the lab has a proxy.
fn transport(
    world: World<'_>,
    pod: &Pod,
    service: &ServiceId,
    port: u16,
    behind: &[&Pod],
    mode: TlsMode,
) -> Option<Value> {
    let own = match mode {
        TlsMode::Disable => return None,
        TlsMode::Simple => None,
        TlsMode::Auto | TlsMode::IstioMutual | TlsMode::Mutual => Some(tls::account(pod)),
    };
    let peers = behind.iter().map(|pod| tls::account(pod)).collect();
    let sni = format!("outbound_.{port}_._.{}", host(service));
    Some(tls::upstream(world.identities, own.as_ref(), &peers, &sni))
}

/// The metadata by which Istio ties a cluster to its objects.
fn istio_metadata(edge: &Edge, subset: Option<&String>, policy: &TrafficPolicy) -> Value {
    let service = &edge.id.destination;
    let mut metadata = json!({
        "services": [{"host": host(service), "name": service.name, "namespace": service.namespace}],
        "default_original_port": edge.id.port,
    });
    if let Some(subset) = subset {
        metadata["subset"] = subset.as_str().into();
    }
    if let Some(object) = policy.object.as_ref().and_then(Origin::object) {
        metadata["config"] = super::route::config_path(object, "destination-rule").into();
    }
    metadata
}

/// The cluster towards the pod's own application. Istio gives it the connection pool that the
/// server's own proxy has for its service (istio/istio `pilot/pkg/networking/core/cluster.go`).
fn inbound_cluster(world: World<'_>, pod: &Pod) -> Value {
    let name = format!("inbound|{}||", pod.port);
    let own = EdgeId::new(pod.workload.clone(), pod.service.clone(), pod.port);
    let unset = crate::defaults::policy();
    let policy = world.platform.edges.get(&own).map_or(&unset, |edge| &edge.policy);
    json!({
        "@type": url("envoy.config.cluster.v3.Cluster"),
        "name": name,
        "alt_stat_name": format!("{name};"),
        "type": "STATIC",
        "connect_timeout": seconds(policy.pool.connect_timeout.value),
        "circuit_breakers": {"thresholds": [thresholds(policy)]},
        "typed_extension_protocol_options": http_options(&policy.pool, http2(world, &pod.service, pod.port)),
        "load_assignment": {"cluster_name": name, "endpoints": [{"lb_endpoints": [
            {"endpoint": {"address": socket(pod.address, APP_PORT)}},
        ]}]},
        "metadata": {"filter_metadata": {"istio": {"services": [
            {"host": host(&pod.service), "name": pod.service.name, "namespace": pod.service.namespace},
        ]}}},
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_limit_is_the_largest_number() {
        let policy = crate::defaults::policy();
        let thresholds = thresholds(&policy);
        assert_eq!(thresholds["max_connections"], json!(4_294_967_295_u32));
        assert_eq!(thresholds.get("retry_budget"), None);
    }
}
