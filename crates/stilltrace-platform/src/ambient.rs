//! Ambient mode: pods without a sidecar, whose requests pass a node proxy that knows connections
//! only, and a waypoint where a service asks for one.
//!
//! HTTP rules work only in a waypoint: for a service without one, a `VirtualService`,
//! `DestinationRule` or route of the Gateway API is accepted and does nothing for ambient clients
//! (istio.io, "Configure waypoint proxies"; `pilot/pkg/serviceregistry/ambient/waypoints.go`, release
//! 1.31). What a waypoint routes is not computed; a gap names the waypoint and its services.

use std::collections::{BTreeMap, BTreeSet};

use stilltrace_model::{Ineffective, ServiceId, WhyIneffective, WorkloadId};

use crate::gateway_api::GROUP;
use crate::hosts;
use crate::ineffective::Search;
use crate::injection::Injected;
use crate::inventory::Inventory;
use crate::labels::Labels;
use crate::services::Callee;
use crate::source::Source;
use crate::workloads::Pods;

/// Label that puts a namespace or a pod into ambient mode.
pub(crate) const MODE: &str = "istio.io/dataplane-mode";
/// Label that names the waypoint of a service or of all services of a namespace.
const USE_WAYPOINT: &str = "istio.io/use-waypoint";
/// Label beside it that says which namespace the waypoint is in.
const WAYPOINT_NAMESPACE: &str = "istio.io/use-waypoint-namespace";
/// Label of a waypoint that says what it takes requests for.
const WAYPOINT_FOR: &str = "istio.io/waypoint-for";

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
    let mut served: BTreeMap<(String, String), (&Source, BTreeSet<String>)> = BTreeMap::new();
    for (source, callee) in rules(search) {
        let waypoint = waypoint(callee, &labels, search.inventory);
        let mut ignored = |reason| {
            found.push(Ineffective {
                object: source.origin(),
                cause: callee.origin.clone(),
                reason,
                service: ServiceId::clone(&callee.id),
                clients: clients.clone(),
            });
        };
        match waypoint.filter(|waypoint| waypoint.serves(callee, search.inventory)) {
            Some(waypoint) if !waypoint.follows(source, callee, search.root) => {
                ignored(WhyIneffective::NotForWaypoint);
            }
            Some(waypoint) => {
                let entry = served.entry((waypoint.namespace, waypoint.name));
                let (_, services) = entry.or_insert_with(|| (source, BTreeSet::new()));
                services.insert(callee.id.to_string());
            }
            None => ignored(WhyIneffective::NoWaypoint),
        }
    }
    for ((namespace, name), (source, services)) in served {
        let services: Vec<String> = services.into_iter().collect();
        source.gaps.add(
            format!("routes of the waypoint {namespace}/{name} are not computed"),
            format!(
                "it is what follows the rules for calls of ambient clients to {}",
                services.join(", ")
            ),
            "read the waypoint's own configuration in the cluster",
        );
    }
    found
}

/// Rules of every kind that are meant for requests in the mesh, each with a service that it is for.
fn rules<'a>(search: &Search<'a>) -> Vec<(&'a Source, &'a Callee)> {
    let mut found = Vec::new();
    for kind in ["VirtualService", "DestinationRule"] {
        for source in search.inventory.of("networking.istio.io", kind) {
            found.extend(named(source, search.callees).into_iter().map(|callee| (*source, callee)));
        }
    }
    for kind in ["HTTPRoute", "GRPCRoute"] {
        for source in search.inventory.of(GROUP, kind) {
            let callees = routed(source, search.callees);
            found.extend(callees.into_iter().map(|callee| (*source, callee)));
        }
    }
    found
}

/// The services that a route of the Gateway API attaches to.
fn routed<'a>(source: &Source, callees: &'a [Callee]) -> Vec<&'a Callee> {
    let references = source.spec().map(|spec| spec.list("parentRefs")).unwrap_or_default();
    let named = |callee: &&Callee| {
        references.iter().any(|reference| {
            let text = |key: &str| reference.get(key).and_then(|field| field.text());
            let place = text("namespace").unwrap_or(source.namespace());
            text("kind") == Some("Service")
                && text("group") == Some("")
                && callee.kubernetes
                && (callee.id.namespace.as_str(), Some(callee.id.name.as_str()))
                    == (place, text("name"))
        })
    };
    callees.iter().filter(named).collect()
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
    // Istio compares hosts of virtual services in lower case, those of destination rules as written.
    let lower = |host: &str| match source.id.kind.as_str() {
        "VirtualService" => host.to_ascii_lowercase(),
        _ => host.to_owned(),
    };
    let full = |host: &&str| lower(&hosts::complete(host, source.namespace()));
    let names: Vec<String> = written.iter().map(full).collect();
    callees.iter().filter(|callee| names.contains(&lower(&callee.host))).collect()
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

/// A waypoint as a service or namespace names it.
struct Waypoint {
    namespace: String,
    name: String,
}

impl Waypoint {
    /// Whether it looks in the namespace of a rule: its own and the service's, for destination rules
    /// also the root namespace (`getVirtualServiceForWaypoint`, `destinationRule`). The rules of
    /// clients are for sidecars only.
    fn follows(&self, rule: &Source, callee: &Callee, root: &str) -> bool {
        let place = rule.namespace();
        place == self.namespace
            || place == callee.id.namespace
            || rule.id.kind == "DestinationRule" && place == root
    }

    /// Whether it takes the service's requests, as far as Git holds it: not if it is for workloads
    /// only, or for routes of its own namespace only and the service is in another.
    fn serves(&self, callee: &Callee, inventory: &Inventory<'_>) -> bool {
        let mut gateways = inventory.of(GROUP, "Gateway").iter();
        let known = gateways.find(|gateway| {
            (gateway.namespace(), gateway.name()) == (&*self.namespace, &*self.name)
        });
        let Some(gateway) = known else { return true };
        let labels = gateway.labels();
        let takes = labels.get(WAYPOINT_FOR).map_or("service", String::as_str);
        let listeners = gateway.spec().map(|spec| spec.list("listeners")).unwrap_or_default();
        let open = listeners.iter().any(|listener| {
            let from = listener.at(&["allowedRoutes", "namespaces", "from"]);
            from.is_some_and(|from| from.text() != Some("Same"))
        });
        matches!(takes, "service" | "all") && (open || callee.id.namespace == self.namespace)
    }
}

/// The waypoint that a service names, or its namespace does; `none` on the service switches its
/// namespace's off.
fn waypoint(
    callee: &Callee,
    labels: &BTreeMap<(String, String), Labels>,
    inventory: &Inventory<'_>,
) -> Option<Waypoint> {
    let id = (callee.id.namespace.clone(), callee.id.name.clone());
    let own = labels.get(&id).filter(|labels| labels.contains_key(USE_WAYPOINT)).cloned();
    let labels = own.unwrap_or_else(|| inventory.namespace_labels(&callee.id.namespace));
    let name = labels.get(USE_WAYPOINT).filter(|name| !name.is_empty() && *name != "none")?;
    let namespace = labels.get(WAYPOINT_NAMESPACE).filter(|namespace| !namespace.is_empty());
    Some(Waypoint {
        namespace: namespace.unwrap_or(&callee.id.namespace).clone(),
        name: name.clone(),
    })
}
