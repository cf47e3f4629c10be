//! What the lab adds to Istio's own configuration, so that upstream Envoys report as Istio's do.
//!
//! Stock proxies make `istio_requests_total`, exchange who they are and choose the protocol between
//! them with filters of Istio's own Envoy build. Here one `EnvoyFilter` of the lab, never part of the
//! repository, does the same with what upstream Envoy has. It shows in configuration dumps, so every
//! capture names it.

use std::net::SocketAddr;

use serde_json::{Value, json};

use super::{extension, listener, stats, url};

/// Name of the lab's object, in the root namespace.
pub const NAME: &str = "lab-stats";
/// Name of the lab's trace collector, in the root namespace.
pub const COLLECTOR: &str = "lab-collector";
/// Patches of all contexts name the same filter.
const MANAGER: &str = "envoy.filters.network.http_connection_manager";
/// Contexts in which a proxy is a client.
const CLIENTS: [&str; 2] = ["SIDECAR_OUTBOUND", "GATEWAY"];

/// The trace collector that repositories name, as a service whose one address is `address`: without
/// it proxies would make no spans, whatever share of requests is to be traced.
pub fn collector(address: SocketAddr) -> Value {
    json!({
        "apiVersion": "networking.istio.io/v1",
        "kind": "ServiceEntry",
        "metadata": {"name": COLLECTOR, "namespace": "istio-system"},
        "spec": {
            "hosts": ["collector.istio-system.svc.cluster.local"],
            "location": "MESH_EXTERNAL",
            "resolution": "STATIC",
            "ports": [
                {"number": 4317, "name": "grpc", "protocol": "GRPC", "targetPort": address.port()},
            ],
            "endpoints": [{"address": address.ip().to_string()}],
        },
    })
}

/// The lab's `EnvoyFilter`.
pub fn statistics() -> Value {
    let mut patches = Vec::new();
    for context in CLIENTS {
        patches.push(logger(context, &stats::client_logger()));
        patches.push(first(context, &tell_peer()));
        patches.push(first(context, &choose_protocol()));
    }
    patches.push(logger("SIDECAR_INBOUND", &stats::server_logger()));
    patches.push(first("SIDECAR_INBOUND", &learn_peer()));
    json!({
        "apiVersion": "networking.istio.io/v1alpha3",
        "kind": "EnvoyFilter",
        "metadata": {"name": NAME, "namespace": "istio-system"},
        "spec": {"configPatches": patches},
    })
}

/// Adds an access logger to every HTTP connection manager of a context.
fn logger(context: &str, logger: &Value) -> Value {
    json!({
        "applyTo": "NETWORK_FILTER",
        "match": matched(context),
        "patch": {"operation": "MERGE", "value": {"typed_config": {
            "@type": url(listener::HCM),
            "access_log": [logger],
        }}},
    })
}

/// Puts a filter before all others of a context.
fn first(context: &str, filter: &Value) -> Value {
    json!({
        "applyTo": "HTTP_FILTER",
        "match": matched(context),
        "patch": {"operation": "INSERT_FIRST", "value": filter},
    })
}

/// Every HTTP connection manager of a context.
fn matched(context: &str) -> Value {
    json!({"context": context, "listener": {"filterChain": {"filter": {"name": MANAGER}}}})
}

/// Tells the server's proxy who calls, in Istio's five fields.
fn tell_peer() -> Value {
    let fields =
        ["workload", "workload_namespace", "canonical_service", "canonical_revision", "cluster"];
    listener::tell_peer(&fields.map(stats::own_field).join(";"))
}

/// Takes the caller's name out of the request and keeps it for the logger.
fn learn_peer() -> Value {
    listener::learn_peer()
}

/// Tells the server's proxy that this is HTTP, as Istio's ALPN filter does: a port without a
/// declared protocol would be TCP there. Istio's filter knows what the connection pool speaks; this
/// one knows the request only, which a pool may upgrade. So it offers no name that the server would
/// agree to, and the server's proxy goes by the first bytes.
fn choose_protocol() -> Value {
    extension(
        "envoy.filters.http.set_filter_state",
        "envoy.extensions.filters.http.set_filter_state.v3.Config",
        json!({"on_request_headers": [{
            "object_key": "envoy.network.application_protocols",
            "format_string": {"text_format_source": {"inline_string":
                "%CEL(request.protocol == 'HTTP/2' ? 'istio-h2,istio' : 'istio-http/1.1,istio')%"}},
            "skip_if_empty": true,
        }]}),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_context_counts_requests_and_knows_the_other_side() {
        let filter = statistics();
        let patches = filter["spec"]["configPatches"].as_array().cloned().unwrap_or_default();
        for context in ["SIDECAR_OUTBOUND", "GATEWAY", "SIDECAR_INBOUND"] {
            let own: Vec<String> = patches
                .iter()
                .filter(|patch| patch["match"]["context"] == context)
                .map(Value::to_string)
                .collect();
            assert!(own.iter().any(|text| text.contains("requests_total")), "{context}");
            assert!(own.iter().any(|text| text.contains("x-lab-peer")), "{context}");
        }
    }
}
