//! Ambient mode: pods without a sidecar, whose requests pass a node proxy that knows connections
//! only, and a waypoint where a service asks for one.
//!
//! HTTP rules work only in a waypoint: for a service without one, a `VirtualService` or
//! `DestinationRule` is accepted and does nothing for ambient clients (istio.io, "Configure waypoint
//! proxies"; `pilot/pkg/serviceregistry/ambient/waypoints.go`, release 1.31).

use std::collections::BTreeMap;

use stilltrace_model::{Ineffective, WhyIneffective, WorkloadId};

use crate::hosts;
use crate::ineffective::Search;
use crate::injection::Injected;
use crate::inventory::Inventory;
use crate::labels::Labels;
use crate::services::Callee;
use crate::source::Source;
use crate::workloads::Pods;

/// Label that puts a namespace or a pod into ambient mode.
const MODE: &str = "istio.io/dataplane-mode";
/// Label that names the waypoint of a service or of all services of a namespace.
const USE_WAYPOINT: &str = "istio.io/use-waypoint";

/// Whether pods are in ambient mode: the pod's label counts before the namespace's, and a sidecar
/// before both.
pub(crate) fn is_ambient(pods: &Pods<'_>, inventory: &Inventory<'_>) -> bool {
    let namespace = inventory.namespace_labels(&pods.id.namespace);
    let mode = pods.labels.get(MODE).or_else(|| namespace.get(MODE));
    pods.injected == Injected::Nothing && mode.is_some_and(|mode| mode == "ambient")
}

/// Rules for services that no waypoint serves, with the ambient clients that get no HTTP routing.
pub(crate) fn ineffective(search: &Search<'_>) -> Vec<Ineffective> {
    let ambient = search.pods.iter().filter(|pods| is_ambient(pods, search.inventory));
    let clients: Vec<WorkloadId> = ambient.map(|pods| pods.id.clone()).collect();
    if clients.is_empty() {
        return Vec::new();
    }
    let labels = service_labels(search.inventory);
    let mut found = Vec::new();
    for kind in ["VirtualService", "DestinationRule"] {
        for source in search.inventory.of("networking.istio.io", kind) {
            for callee in named(source, search.callees) {
                if waypoint(callee, &labels, search.inventory).is_none() {
                    found.push(Ineffective {
                        object: source.origin(),
                        cause: callee.origin.clone(),
                        reason: WhyIneffective::NoWaypoint,
                        service: callee.id.clone(),
                        clients: clients.clone(),
                    });
                }
            }
        }
    }
    found
}

/// The services of a rule for the mesh.
fn named<'a>(source: &Source, callees: &'a [Callee]) -> Vec<&'a Callee> {
    let Some(spec) = source.spec() else { return Vec::new() };
    let gateways = spec.get("gateways").map(|list| list.texts()).unwrap_or_default();
    if !gateways.is_empty() && !gateways.contains(&"mesh") {
        return Vec::new();
    }
    let mut written = spec.get("hosts").map(|list| list.texts()).unwrap_or_default();
    written.extend(spec.get("host").and_then(|host| host.node().text()));
    let full = |host: &&str| hosts::complete(host, source.namespace()).to_ascii_lowercase();
    let names: Vec<String> = written.iter().map(full).collect();
    callees.iter().filter(|callee| names.contains(&callee.host)).collect()
}

/// Labels of `Service` and `ServiceEntry` objects by kind, namespace and name.
fn service_labels(inventory: &Inventory<'_>) -> BTreeMap<(String, String), Labels> {
    let services = inventory.of("", "Service").iter();
    services
        .map(|source| {
            let id = (source.namespace().to_owned(), source.name().to_owned());
            (id, source.labels())
        })
        .collect()
}

/// Name of the waypoint that serves a service; `none` on the service switches its namespace's off.
fn waypoint(
    callee: &Callee,
    labels: &BTreeMap<(String, String), Labels>,
    inventory: &Inventory<'_>,
) -> Option<String> {
    let id = (callee.id.namespace.clone(), callee.id.name.clone());
    let own = labels.get(&id).and_then(|labels| labels.get(USE_WAYPOINT)).cloned();
    let namespace = inventory.namespace_labels(&callee.id.namespace);
    let name = own.or_else(|| namespace.get(USE_WAYPOINT).cloned());
    name.filter(|name| !name.is_empty() && name != "none")
}
