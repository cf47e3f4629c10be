//! What a proxy is started with when Istio's control plane configures it.

use std::net::SocketAddr;
use std::path::Path;

use serde_json::{Value, json};

use super::stats::{self, Kept};
use super::{ADMIN_PORT, bootstrap, extension, socket};
use crate::certs::TRUST_DOMAIN;
use crate::pods::Pod;
use crate::profile::ISTIO_VERSION;

/// Label with the canonical name of a pod's service.
const CANONICAL_NAME: &str = "service.istio.io/canonical-name";

/// Where a proxy finds its configuration and its certificates.
#[derive(Debug, Clone, Copy)]
pub struct Sources<'a> {
    /// The discovery service.
    pub discovery: SocketAddr,
    /// The socket of the secret discovery service.
    pub secrets: &'a Path,
}

/// The bootstrap of the pod's proxy, in the shape of Istio's (istio/istio
/// `tools/packaging/common/envoy_bootstrap.json`); `extra` are statistics kept beyond Istio's list.
pub fn bootstrap(pod: &Pod, sources: Sources<'_>, kept: Kept, extra: &[String]) -> Value {
    let discovered =
        json!({"ads": {}, "initial_fetch_timeout": "0s", "resource_api_version": "V3"});
    let home = std::net::Ipv4Addr::LOCALHOST;
    let secrets = json!({"pipe": {"path": sources.secrets}});
    json!({
        "node": node(pod),
        "admin": {"address": socket(home, ADMIN_PORT)},
        "bootstrap_extensions": [extension(
            "envoy.bootstrap.internal_listener",
            "envoy.extensions.bootstrap.internal_listener.v3.InternalListener",
            json!({"buffer_size_kb": 64}),
        )],
        "stats_flush_interval": "5s",
        "stats_config": stats::config(kept, extra),
        "dynamic_resources": {
            "lds_config": discovered,
            "cds_config": discovered,
            "ads_config": {
                "api_type": "DELTA_GRPC",
                "transport_api_version": "V3",
                "set_node_on_first_message_only": true,
                "grpc_services": [{"envoy_grpc": {"cluster_name": "xds-grpc"}}],
            },
        },
        "static_resources": {
            "clusters": [
                grpc("xds-grpc", &socket(sources.discovery.ip(), sources.discovery.port())),
                grpc("sds-grpc", &secrets),
                bootstrap::stats_cluster(home),
            ],
            "listeners": [bootstrap::stats_listener(std::net::Ipv4Addr::UNSPECIFIED)],
        },
        "layered_runtime": bootstrap::runtime(),
    })
}

/// A static cluster that speaks gRPC.
fn grpc(name: &str, address: &Value) -> Value {
    let protocol = extension(
        "",
        "envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
        json!({"explicit_http_config": {"http2_protocol_options": {}}}),
    );
    json!({
        "name": name,
        "alt_stat_name": format!("{name};"),
        "type": "STATIC",
        "connect_timeout": "1s",
        "typed_extension_protocol_options": {
            "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": protocol["typed_config"],
        },
        "load_assignment": {"cluster_name": name, "endpoints": [{"lb_endpoints": [
            {"endpoint": {"address": address}},
        ]}]},
    })
}

/// Identity of the proxy towards the control plane, as Istio's agent tells it.
fn node(pod: &Pod) -> Value {
    let kind = if pod.is_gateway { "router" } else { "sidecar" };
    let namespace = &pod.workload.namespace;
    let service = pod.labels.get(CANONICAL_NAME).unwrap_or(&pod.workload.name);
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
            "MESH_ID": TRUST_DOMAIN,
            "ISTIO_VERSION": ISTIO_VERSION,
            "INTERCEPTION_MODE": "REDIRECT",
            "INSTANCE_IPS": pod.address.to_string(),
            "LABELS": pod.labels,
        },
    })
}
