//! What Istio tells a proxy, in the common notation.
//!
//! Not compared: where endpoints come from and the mesh-wide rule for unknown hosts, which the lab
//! replaces (static endpoints; no call leaves the mesh); clusters of a gateway that no route of it
//! leads to; hosts on a port that no service has.

use serde_json::{Map, Value, json};
use stilltrace_lab::pods::Pod;

use crate::notation::Fields;

/// Conditions of the retries that Istio gives every route.
const DEFAULT_RETRY_ON: &str =
    "connect-failure,refused-stream,unavailable,cancelled,retriable-status-codes";

/// All settings of the proxy of `pod`.
pub(crate) fn settings(workload: &Value, pod: &Pod) -> Value {
    let edges = workload["edges"].as_object().unwrap();
    let public = gateway_routes(&workload["http"]);
    let mut clusters = Map::new();
    for (key, edge) in edges {
        if pod.is_gateway && !leads_to(&public, key) {
            continue;
        }
        clusters.insert(key.clone(), cluster(edge));
        for (subset, edge) in edge["subsets"].as_object().into_iter().flatten() {
            clusters.insert(format!("{key}|{subset}"), cluster(edge));
        }
    }
    let (routes, inbound) = if pod.is_gateway {
        (public, Value::Null)
    } else {
        let inbound = &workload["inbound"][pod.port.to_string()];
        (sidecar_routes(edges, &workload["http"]), pool(inbound))
    };
    json!({"clusters": clusters, "routes": routes, "inbound": inbound})
}

/// A cluster with Istio's defaults.
fn cluster(edge: &Value) -> Value {
    let mut fields = pool(edge).as_object().cloned().unwrap();
    for elsewhere in ["proto", "subsets", "ep"] {
        fields.remove(elsewhere);
    }
    let (pods, marked) = (edge["ep"][0].as_u64(), edge["ep"][1].as_u64());
    fields.insert("endpoints".into(), json!(pods));
    fields.entry("lb").or_insert_with(|| "LEAST_REQUEST".into());
    let tls = match edge["tls"].as_str() {
        None => "plaintext",
        Some("auto" | "istio_mutual") if pods == marked => "mutual with Istio's certificates",
        Some(other) => other,
    };
    fields.insert("tls".into(), tls.into());
    if let Some(Value::Object(outlier)) = fields.remove("outlier") {
        fields.insert("outlier".into(), outlier_detection(outlier));
        fields.entry("panic_pct").or_insert_with(|| json!(0));
    }
    Value::Object(fields)
}

/// Envoy's own defaults where the block says nothing.
fn outlier_detection(mut block: Fields) -> Value {
    let defaults = [
        ("consecutive_5xx", 5),
        ("enforcing_consecutive_5xx", 100),
        ("interval_ms", 10_000),
        ("base_ejection_ms", 30_000),
        ("max_ejection_pct", 10),
    ];
    for (field, default) in defaults {
        block.entry(field).or_insert_with(|| default.into());
    }
    Value::Object(block)
}

/// The settings of a connection pool with Istio's default.
fn pool(block: &Value) -> Value {
    let mut fields = block.as_object().cloned().unwrap_or_default();
    fields.entry("connect_timeout_ms").or_insert_with(|| 10_000.into());
    Value::Object(fields)
}

/// The routes of every service port.
fn sidecar_routes(edges: &Fields, http: &Value) -> Map<String, Value> {
    let mut all: Map<String, Value> = edges
        .keys()
        .map(|key| (key.clone(), json!([route(&json!({"to": [[key, 100]]}))])))
        .collect();
    for (port, hosts) in http.as_object().into_iter().flatten() {
        for (names, routes) in hosts.as_object().into_iter().flatten() {
            // Several names of one service are joined with a comma.
            let mut keys = names.split(',').map(|name| format!("{name}|{port}"));
            if let Some(key) = keys.find(|key| edges.contains_key(key)) {
                all.insert(key, routes.as_array().unwrap().iter().map(route).collect());
            }
        }
    }
    all
}

/// The routes of all listeners and hosts of a gateway.
fn gateway_routes(http: &Value) -> Map<String, Value> {
    let hosts = http.as_object().into_iter().flatten().map(|(_, hosts)| hosts);
    let lists = hosts.flat_map(|hosts| hosts.as_object().unwrap().values());
    let routes: Vec<Value> = lists.flat_map(|list| list.as_array().unwrap()).map(route).collect();
    Map::from_iter([("gateway".to_owned(), routes.into())])
}

/// Whether a route names a service port or a subset of it.
fn leads_to(routes: &Map<String, Value>, key: &str) -> bool {
    let routes = routes.values().flat_map(|list| list.as_array().unwrap());
    let targets = routes.flat_map(|route| route["to"].as_array().into_iter().flatten());
    let mut names = targets.map(|to| to[0].as_str().unwrap());
    names.any(|name| {
        name.strip_prefix(key).is_some_and(|rest| rest.is_empty() || rest.starts_with('|'))
    })
}

/// A route with Istio's defaults.
fn route(route: &Value) -> Value {
    let mut fields = route.as_object().cloned().unwrap();
    // Follows from the clusters, which are compared by name.
    fields.remove("no_cluster");
    let retries = fields.remove("retries");
    let retries = retries.unwrap_or_else(|| json!({"n": 2, "on": DEFAULT_RETRY_ON}));
    match retries {
        Value::Object(retries) => {
            for (field, value) in retries {
                fields.insert(format!("retries {field}"), value);
            }
        }
        other => drop(fields.insert("retries".into(), other)),
    }
    Value::Object(fields)
}
