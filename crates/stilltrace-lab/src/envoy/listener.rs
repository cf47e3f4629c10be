//! Listeners: inbound with mutual TLS, outbound for the pod's own application, or the gateway's.

use serde_json::{Value, json};
use stilltrace_model::{Recording, Telemetry};

use super::{
    OUTBOUND_PORT, ProxyDir, ROUTES, World, access_log, cluster, extension, host, peer, seconds,
    socket, stats, tls, url,
};
use crate::pods::Pod;
use std::time::Duration;

/// Message of an HTTP connection manager.
pub(super) const HCM: &str =
    "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager";
/// Header that tells the server's proxy who calls. Istio's own proxies exchange this without a
/// header; upstream Envoy cannot, so this is lab equipment.
const PEER_HEADER: &str = "x-lab-peer";

/// All listeners of the pod's proxy.
pub(super) fn all(world: World<'_>, pod: &Pod, dir: &ProxyDir) -> Vec<Value> {
    if pod.is_gateway {
        let name = format!("0.0.0.0_{}", pod.port);
        return vec![plain(&name, pod, pod.port, &outbound_manager(world, pod, dir))];
    }
    let name = format!("0.0.0.0_{ROUTES}");
    vec![
        inbound(world, pod, dir),
        plain(&name, pod, OUTBOUND_PORT, &outbound_manager(world, pod, dir)),
    ]
}

/// A listener without TLS and with one filter.
fn plain(name: &str, pod: &Pod, port: u16, filter: &Value) -> Value {
    json!({
        "@type": url("envoy.config.listener.v3.Listener"),
        "name": name,
        "address": socket(pod.address, port),
        "traffic_direction": "OUTBOUND",
        "filter_chains": [{"filters": [filter]}],
    })
}

/// The listener that other pods reach.
fn inbound(world: World<'_>, pod: &Pod, dir: &ProxyDir) -> Value {
    json!({
        "@type": url("envoy.config.listener.v3.Listener"),
        "name": "virtualInbound",
        "address": socket(pod.address, pod.port),
        "traffic_direction": "INBOUND",
        "filter_chains": [{
            "name": format!("0.0.0.0_{}", pod.port),
            "filters": [inbound_manager(world, pod, dir)],
            "transport_socket": tls::downstream(world.identities, pod),
        }],
    })
}

/// HTTP towards other services.
fn outbound_manager(world: World<'_>, pod: &Pod, dir: &ProxyDir) -> Value {
    let mut manager = manager(world, pod, dir, |telemetry| &telemetry.outbound);
    manager["stat_prefix"] = format!("outbound_0.0.0.0_{ROUTES};").into();
    manager["rds"] = json!({
        "route_config_name": ROUTES,
        "config_source": {
            "path_config_source": {"path": dir.xds("rds")},
            "resource_api_version": "V3",
        },
    });
    manager["http_filters"] = filters(vec![tell_peer(&peer(world, pod))]);
    push_log(&mut manager, stats::source_logger(world, pod));
    if pod.is_gateway {
        manager["use_remote_address"] = true.into();
        manager["forward_client_cert_details"] = "SANITIZE_SET".into();
    }
    extension("envoy.filters.network.http_connection_manager", HCM, manager)
}

/// HTTP towards the pod's own application, with Istio's inbound retries for connections that
/// broke before the request was sent.
fn inbound_manager(world: World<'_>, pod: &Pod, dir: &ProxyDir) -> Value {
    let cluster = format!("inbound|{}||", pod.port);
    let mut manager = manager(world, pod, dir, |telemetry| &telemetry.inbound);
    manager["stat_prefix"] = format!("inbound_0.0.0.0_{};", pod.port).into();
    manager["route_config"] = json!({
        "name": cluster,
        "validate_clusters": false,
        "virtual_hosts": [{"name": format!("inbound|http|{}", pod.port), "domains": ["*"], "routes": [{
            "name": "default",
            "match": {"prefix": "/"},
            "route": {
                "cluster": cluster,
                "timeout": "0s",
                "retry_policy": {"retry_on": "reset-before-request", "num_retries": 2},
            },
            "decorator": {"operation": format!("{}:{}/*", host(&pod.service), pod.port)},
        }]}],
    });
    manager["http_filters"] = filters(vec![learn_peer()]);
    manager["forward_client_cert_details"] = "APPEND_FORWARD".into();
    manager["set_current_client_cert_details"] = json!({"subject": true, "dns": true, "uri": true});
    push_log(&mut manager, stats::destination_logger(world, pod));
    extension("envoy.filters.network.http_connection_manager", HCM, manager)
}

/// A filter that tells the server's proxy who calls.
pub(super) fn tell_peer(peer: &str) -> Value {
    extension(
        "envoy.filters.http.header_mutation",
        "envoy.extensions.filters.http.header_mutation.v3.HeaderMutation",
        json!({"mutations": {"request_mutations": [{"append": {
            "append_action": "OVERWRITE_IF_EXISTS_OR_ADD",
            "header": {"key": PEER_HEADER, "value": peer},
        }}]}}),
    )
}

/// A filter that takes the caller's name out of a request and keeps it for the logger.
pub(super) fn learn_peer() -> Value {
    extension(
        "envoy.filters.http.header_to_metadata",
        "envoy.extensions.filters.http.header_to_metadata.v3.Config",
        json!({"request_rules": [{
            "header": PEER_HEADER,
            "on_header_present": {"metadata_namespace": "lab", "key": "source_peer", "type": "STRING"},
            "remove": true,
        }]}),
    )
}

/// What both directions share: access log and tracing as the platform says of this one.
fn manager(
    world: World<'_>,
    pod: &Pod,
    dir: &ProxyDir,
    direction: fn(&Telemetry) -> &Recording,
) -> Value {
    let recording = world
        .platform
        .workloads
        .get(&pod.workload)
        .and_then(|workload| workload.sidecar.as_ref())
        .map(|proxy| direction(&proxy.telemetry));
    let mut manager = json!({
        "normalize_path": true,
        "use_remote_address": false,
        "stream_idle_timeout": seconds(Duration::ZERO),
        "server_name": "istio-envoy",
        "access_log": [],
    });
    if recording.is_some_and(|recording| recording.access_log.value) {
        push_log(&mut manager, access_log::logger(dir));
    }
    let percent = recording.map_or(0.0, |recording| recording.tracing_percent.value);
    if let Some(collector) = world.collector.filter(|_| percent > 0.0) {
        manager["tracing"] = json!({
            "client_sampling": {"value": 100.0},
            "random_sampling": {"value": percent},
            "overall_sampling": {"value": 100.0},
            "provider": extension(
                "envoy.tracers.opentelemetry",
                "envoy.config.trace.v3.OpenTelemetryConfig",
                json!({
                    "service_name": format!("{}.{}", pod.service.name, pod.service.namespace),
                    "http_service": {"http_uri": {
                        "uri": format!("http://{collector}/v1/traces"),
                        "cluster": cluster::COLLECTOR,
                        "timeout": "10s",
                    }},
                }),
            ),
        });
    }
    manager
}

/// Istio's HTTP filters behind the lab's own.
fn filters(mut first: Vec<Value>) -> Value {
    first.extend([
        extension(
            "envoy.filters.http.fault",
            "envoy.extensions.filters.http.fault.v3.HTTPFault",
            json!({}),
        ),
        extension(
            "envoy.filters.http.cors",
            "envoy.extensions.filters.http.cors.v3.Cors",
            json!({}),
        ),
        extension(
            "envoy.filters.http.router",
            "envoy.extensions.filters.http.router.v3.Router",
            json!({}),
        ),
    ]);
    first.into()
}

/// Adds a logger.
fn push_log(manager: &mut Value, logger: Value) {
    if let Some(loggers) = manager["access_log"].as_array_mut() {
        loggers.push(logger);
    }
}
