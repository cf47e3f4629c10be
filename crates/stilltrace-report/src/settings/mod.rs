//! The effective settings as JSON: the document of `stilltrace settings -o json`.
//!
//! One object per workload whose pods have a proxy, in the notation of Envoy and Istio that operators know
//! from configuration dumps; a setting at its default is absent. Beside the values, every edge,
//! subset, route and inbound port carries `origins`, the line or default behind each of its fields,
//! and `depends_on_age` where only the unknown ages of objects decide.

mod age;
mod ambient;
mod cluster;
mod hazard;
mod inbound;
mod object;
mod pods;
mod proxy;
mod route;
mod stream;

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};
use stilltrace_model::{Edge, Gap, Platform, Refusal, SidecarProxy, Workload, WorkloadId};

use object::Object;

pub use hazard::Advised;

/// Every setting in effect as one JSON document: one line, ending with a line break.
///
/// The same platform gives the same bytes on every machine.
pub fn settings(platform: &Platform) -> String {
    let mut whole = String::new();
    write(platform, &[], &mut |part| whole.push_str(part));
    whole
}

/// The same, handed to `sink` part by part: the document of a large mesh is large.
pub fn write(platform: &Platform, hazards: &[Advised], sink: &mut dyn FnMut(&str)) {
    if platform.under_other_ages.is_empty() {
        stream::write(platform, hazards, sink);
    } else {
        // Documents are compared, so they are needed as trees.
        let mut document = document(platform);
        add_hazards(&mut document, platform, hazards);
        sink(&text(&document));
    }
}

/// A document as text: one line, ending with a line break.
pub fn text(document: &Value) -> String {
    crate::json::compact(document) + "\n"
}

/// Adds the hazards that these settings make up.
pub fn add_hazards(document: &mut Value, platform: &Platform, hazards: &[Advised]) {
    document["hazards"] = Value::Array(hazard::list(platform, hazards));
}

/// Adds the pods of workloads that the platform does not show, such as those that are called.
pub fn add_pods<'w>(
    document: &mut Value,
    platform: &Platform,
    workloads: impl IntoIterator<Item = &'w Workload>,
) {
    for workload in workloads {
        document["pods"][workload.id.to_string()] = pods::describe(platform, workload);
    }
}

/// The document as a tree, for programs that go on with it.
pub fn document(platform: &Platform) -> Value {
    let mut edges: BTreeMap<&WorkloadId, Vec<&Edge>> = BTreeMap::new();
    for edge in platform.edges.values() {
        edges.entry(&edge.id.source).or_default().push(edge);
    }
    let mut workloads = Map::new();
    for (workload, proxy) in described(platform) {
        let own = edges.get(&workload.id).map(Vec::as_slice).unwrap_or_default();
        workloads.insert(workload.id.to_string(), describe(platform, workload, proxy, own));
    }
    let gaps: Vec<Value> = platform.gaps.iter().map(gap).collect();
    let proxies = proxy::all(platform);
    let mut document = json!({"workloads": workloads, "proxies": proxies, "gaps": gaps});
    document["pods"] = Value::Object(pods::all(platform));
    if let Some(ambient) = ambient::describe(platform) {
        document["ambient"] = ambient;
    }
    for other in &platform.under_other_ages {
        age::annotate(&mut document, &self::document(other));
    }
    if !platform.refused.is_empty() {
        document["invalid"] = platform.refused.iter().map(refusal).collect();
    }
    document
}

/// The workloads that the document has: those with a proxy and pods.
fn described(platform: &Platform) -> impl Iterator<Item = (&Workload, &SidecarProxy)> {
    let running = platform.workloads.values().filter(|one| one.replicas.value != Some(0));
    running.filter_map(|workload| Some((workload, workload.sidecar.as_ref()?)))
}

/// Why admission refuses an object; nothing of it is among the workloads.
fn refusal(refusal: &Refusal) -> Value {
    let mut described = object::location(&refusal.at);
    described.insert("object".to_owned(), object::reference(&refusal.object));
    described.insert("field".to_owned(), json!(refusal.field));
    described.insert("message".to_owned(), json!(refusal.message));
    Value::Object(described)
}

fn gap(gap: &Gap) -> Value {
    json!({"what": gap.what, "why": gap.why, "remedy": gap.remedy})
}

/// One workload with its proxy.
fn describe(
    platform: &Platform,
    workload: &Workload,
    proxy: &SidecarProxy,
    edges: &[&Edge],
) -> Value {
    let mut clusters = Map::new();
    for edge in edges {
        let Some(service) = platform.services.get(&edge.id.destination) else { continue };
        let key = format!("{}|{}", service.host, edge.id.port);
        let mut described = cluster::describe(edge, service);
        if let Some(patches) = proxy::of_edge(proxy, &service.host, edge.id.port) {
            described["patched_by"] = patches;
        }
        clusters.insert(key, described);
    }
    let mut described = rest(workload, proxy);
    described["edges"] = Value::Object(clusters);
    if let Some(table) = platform.routes.get(&workload.id) {
        for (name, value) in
            [("http", route::http(table, workload.is_gateway)), ("tcp", route::tcp(table))]
        {
            if let Some(value) = value {
                described[name] = value;
            }
        }
    }
    described
}

/// What a workload has beside edges and routes.
fn rest(workload: &Workload, proxy: &SidecarProxy) -> Value {
    let mut object = Object::default();
    if workload.is_gateway {
        object.put_from("gateway", json!(true), &workload.origin);
    }
    if let Some(origin) = &proxy.scope.object
        && let Some(sidecar) = origin.object()
    {
        // Istio names a Sidecar of the root namespace under the namespace that it acts in.
        let name = format!("{}/{}", workload.id.namespace, sidecar.name);
        object.put_from("sidecar", json!(name), origin);
    }
    if let Some(policy) = &proxy.outbound_policy {
        object.set("outbound_policy", policy, Some(json!(policy.value.to_string())));
    }
    if !workload.is_gateway {
        let ports = proxy.inbound.iter();
        let patches = proxy::of_inbound(proxy);
        let ports = ports.map(|(port, inbound)| {
            let mut described = inbound::describe(inbound);
            if let Some(patches) = &patches {
                described["patched_by"] = patches.clone();
            }
            (port.to_string(), described)
        });
        object.put("inbound", Value::Object(ports.collect()));
    }
    object.into_value()
}
