//! What a proxy is started with, in the shape of Istio's bootstrap.

use std::net::Ipv4Addr;

use serde_json::{Value, json};

use super::stats::{self, Kept};
use super::{ADMIN_PORT, ProxyDir, STATS_PORT, World, canonical, extension, labels, socket};
use crate::pods::Pod;
use crate::profile::ISTIO_VERSION;

/// Static cluster that leads back to the proxy's own administration interface.
const STATS_CLUSTER: &str = "prometheus_stats";

/// The bootstrap of the pod's proxy; `extra` are statistics kept beyond Istio's list.
pub fn bootstrap(
    world: World<'_>,
    pod: &Pod,
    dir: &ProxyDir,
    kept: Kept,
    extra: &[String],
) -> Value {
    let source = |kind: &str| json!({"path_config_source": {"path": dir.xds(kind)}, "resource_api_version": "V3"});
    json!({
        "node": node(world, pod),
        "admin": {"address": socket(pod.address, ADMIN_PORT)},
        // Pods share a loopback device, so each must say which address its connections come from.
        "cluster_manager": {"upstream_bind_config": {"source_address": {
            "address": pod.address.to_string(), "port_value": 0,
        }}},
        "stats_flush_interval": "5s",
        "stats_config": stats::config(kept, extra),
        "dynamic_resources": {"lds_config": source("lds"), "cds_config": source("cds")},
        "static_resources": {
            "clusters": [stats_cluster(pod.address)],
            "listeners": [stats_listener(pod.address)],
        },
        "layered_runtime": runtime(),
    })
}

/// Limits of the whole proxy.
pub(super) fn runtime() -> Value {
    json!({"layers": [{
        "name": "static",
        "static_layer": {"overload": {"global_downstream_max_connections": 50_000}},
    }]})
}

/// The cluster that leads to the proxy's administration interface at `address`.
pub(super) fn stats_cluster(address: Ipv4Addr) -> Value {
    json!({
        "name": STATS_CLUSTER,
        "alt_stat_name": format!("{STATS_CLUSTER};"),
        "type": "STATIC",
        "connect_timeout": "0.25s",
        "load_assignment": {"cluster_name": STATS_CLUSTER, "endpoints": [{"lb_endpoints": [
            {"endpoint": {"address": socket(address, ADMIN_PORT)}},
        ]}]},
    })
}

/// Identity of the proxy towards a control plane.
fn node(world: World<'_>, pod: &Pod) -> Value {
    let kind = if pod.is_gateway { "router" } else { "sidecar" };
    let namespace = &pod.workload.namespace;
    let (service, _) = canonical(world, pod);
    json!({
        "id": format!("{kind}~{}~{}.{namespace}~{namespace}.svc.cluster.local", pod.address, pod.name),
        "cluster": format!("{service}.{namespace}"),
        "locality": {"region": "lab", "zone": "a"},
        "metadata": {
            "NAMESPACE": namespace,
            "NAME": pod.name,
            "WORKLOAD_NAME": pod.workload.name,
            "SERVICE_ACCOUNT": pod.service_account,
            "CLUSTER_ID": "Kubernetes",
            "MESH_ID": crate::certs::TRUST_DOMAIN,
            "ISTIO_VERSION": ISTIO_VERSION,
            "INSTANCE_IPS": pod.address.to_string(),
            "LABELS": labels(world, pod),
        },
    })
}

/// The listener that Prometheus asks.
pub(super) fn stats_listener(address: Ipv4Addr) -> Value {
    let manager = json!({
        "stat_prefix": "stats",
        "http_filters": [extension(
            "envoy.filters.http.router",
            "envoy.extensions.filters.http.router.v3.Router",
            json!({}),
        )],
        "route_config": {"virtual_hosts": [{"name": "backend", "domains": ["*"], "routes": [
            {"match": {"prefix": "/stats/prometheus"}, "route": {"cluster": STATS_CLUSTER}},
        ]}]},
    });
    json!({
        "name": format!("0.0.0.0_{STATS_PORT}"),
        "address": socket(address, STATS_PORT),
        "ignore_global_conn_limit": true,
        "bypass_overload_manager": true,
        "filter_chains": [{"filters": [extension(
            "envoy.filters.network.http_connection_manager",
            "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
            manager,
        )]}],
    })
}
