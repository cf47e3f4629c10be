//! Compares what our reader says with what Istio's control plane tells its proxies, field by field.
//!
//! Istio's side is JSON, `{"workloads": {"namespace/name": {sidecar, edges, http, …}}}`, in which a
//! setting at its default is absent. Every setting that the model holds has its counterpart there
//! or under another name; the few that Istio decides elsewhere (CPU, telemetry) are not compared.

#![allow(clippy::unwrap_used, reason = "a failed test may panic")]

mod matches;
mod policy;
mod route;
mod score;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde_json::{Map, Value, json};
use stilltrace_model::{Edge, Platform, Route, ServiceId, Workload, WorkloadId};

pub(crate) use score::{Ours, Score};

/// Compares all workloads, edges and routes.
pub(crate) fn compare(platform: &Platform, expected: &Value, score: &mut Score) {
    let Some(workloads) = expected["workloads"].as_object() else { return };
    let proxied = platform.workloads.values().filter(|workload| workload.sidecar.is_some());
    let ours: Vec<String> = proxied.map(|workload| workload.id.to_string()).collect();
    let theirs: Vec<String> = workloads.keys().cloned().collect();
    score.compare("workloads", "all", Ours::counted(json!(ours)), &json!(theirs));
    for (name, wanted) in workloads {
        let (namespace, own) = name.split_once('/').unwrap();
        if let Some(workload) = platform.workloads.get(&WorkloadId::new(namespace, own)) {
            compare_workload(platform, workload, wanted, score);
        }
    }
}

fn compare_workload(platform: &Platform, workload: &Workload, wanted: &Value, score: &mut Score) {
    let name = workload.id.to_string();
    let edges: BTreeMap<String, &Edge> = platform
        .edges
        .values()
        .filter(|edge| *edge.id.source == workload.id)
        .map(|edge| (format!("{}|{}", host(&edge.id.destination), edge.id.port), edge))
        .collect();
    let empty = Map::new();
    let theirs = wanted["edges"].as_object().unwrap_or(&empty);
    if !workload.is_gateway {
        let visible: Vec<&String> = edges.keys().collect();
        let all: Vec<&String> = theirs.keys().collect();
        score.compare("visible hosts", &name, Ours::counted(json!(visible)), &json!(all));
        compare_scope(workload, wanted, score);
    }
    for (key, edge) in &edges {
        let place = format!("{name} -> {key}");
        if let Some(wanted) = theirs.get(key) {
            compare_service(platform, edge, wanted, &place, score);
            policy::compare_edge(edge, wanted, &place, score);
        }
        let http = platform.services.get(&edge.id.destination).is_some_and(|service| {
            let protocol = service.ports.get(&edge.id.port).map(|own| own.value.as_str());
            matches!(protocol, Some("http" | "http2" | "grpc" | "grpc-web" | "auto"))
        });
        if !workload.is_gateway && http {
            let (host, port) = key.split_once('|').unwrap();
            route::compare_all(edge, named(&wanted["http"][port], host), &place, score);
        }
    }
    if workload.is_gateway {
        compare_gateway(&edges, &wanted["http"], &name, score);
    }
}

/// The `Sidecar` that limits what the proxy sees, if one does. Istio names one of the root namespace
/// under the client's namespace, and also names one that limits nothing.
fn compare_scope(workload: &Workload, wanted: &Value, score: &mut Score) {
    let Some(proxy) = &workload.sidecar else { return };
    let origin = &proxy.scope.hosts.origin;
    let Some(object) = origin.object() else { return };
    let sidecar = json!(format!("{}/{}", workload.id.namespace, object.name));
    let ours = Ours::from(Some(origin), sidecar);
    score.compare("sidecar", &workload.id.to_string(), ours, &wanted["sidecar"]);
}

/// What the service port itself says: its protocol and how many pods are behind it.
fn compare_service(
    platform: &Platform,
    edge: &Edge,
    wanted: &Value,
    place: &str,
    score: &mut Score,
) {
    if let Some(service) = platform.services.get(&edge.id.destination) {
        let protocol = service.ports.get(&edge.id.port).map(|own| &own.value);
        let theirs = wanted["proto"].as_str().unwrap_or("http");
        let ours = Ours::from(Some(&service.origin), json!(protocol));
        score.compare("protocol", place, ours, &json!(theirs));
    }
    if let (Some(pods), Some(theirs)) = (edge.endpoints, wanted["ep"][0].as_u64()) {
        score.compare("endpoints", place, Ours::counted(json!(pods)), &json!(theirs));
    }
}

/// A gateway has an edge to every cluster that its routes name, with those routes and no others.
fn compare_gateway(edges: &BTreeMap<String, &Edge>, wanted: &Value, name: &str, score: &mut Score) {
    let mut theirs: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let hosts = wanted.as_object().into_iter().flatten().filter_map(|(_, hosts)| hosts.as_object());
    for route in hosts.flatten().flat_map(|(_, routes)| routes.as_array().into_iter().flatten()) {
        for to in route["to"].as_array().into_iter().flatten() {
            let target = to[0].as_str().unwrap();
            let known = !route["no_cluster"].as_array().is_some_and(|list| list.contains(&to[0]));
            let cluster: Vec<&str> = target.splitn(3, '|').take(2).collect();
            let retries = match route.get("retries") {
                None => 2,
                Some(Value::String(_)) => 0,
                Some(block) => block["n"].as_u64().unwrap(),
            };
            let matched = matches::sorted(&route["match"]);
            let text =
                format!("{} {matched} {retries} {:?}", route["vs"], route["timeout_ms"].as_f64());
            // A missing subset is a missing cluster, but not a missing service port.
            if known || target.matches('|').count() > 1 {
                theirs.entry(cluster.join("|")).or_default().insert(text);
            }
        }
    }
    let ours: BTreeMap<String, BTreeSet<String>> = edges
        .iter()
        .filter(|(_, edge)| !edge.routes.is_empty())
        .map(|(key, edge)| (key.clone(), edge.routes.iter().map(gateway_route).collect()))
        .collect();
    score.compare("gateway edges", name, Ours::counted(json!(ours)), &json!(theirs));
}

/// A gateway's route in one line.
fn gateway_route(route: &Route) -> String {
    let vs = route.object.as_ref().and_then(|origin| origin.object());
    let vs = vs.map(|object| format!("{}/{}", object.namespace, object.name));
    let matched = matches::of(&route.matches.texts());
    let timeout = route.timeout.value.map(millis);
    format!("{} {matched} {} {timeout:?}", json!(vs), route.retries.attempts.value)
}

/// The routes of a host; several names of one service are joined with a comma.
fn named<'a>(hosts: &'a Value, host: &str) -> &'a Value {
    let entries = hosts.as_object().into_iter().flatten();
    let mut fitting = entries.filter(|(key, _)| key.split(',').any(|name| name == host));
    fitting.next().map_or(&Value::Null, |(_, routes)| routes)
}

/// The full name of a service; hosts of a `ServiceEntry` stand for themselves.
fn host(id: &ServiceId) -> String {
    if id.name.contains('.') || id.name.contains('*') {
        id.name.clone()
    } else {
        format!("{}.{}.svc.cluster.local", id.name, id.namespace)
    }
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1_000.0
}
