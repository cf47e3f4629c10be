//! Ambient mode: pods without a sidecar, whose requests pass a node proxy that knows connections
//! only, and a waypoint where a service asks for one.
//!
//! HTTP rules work only in a waypoint: for a service without one, a `VirtualService`,
//! `DestinationRule` or route of the Gateway API is accepted and does nothing for ambient clients
//! (istio.io, "Configure waypoint proxies"; `pilot/pkg/serviceregistry/ambient/waypoints.go`, release
//! 1.31). What a waypoint routes is not computed; a gap names the waypoint and its services.

use std::collections::{BTreeMap, BTreeSet};

use stilltrace_manifest::Node;
use stilltrace_model::{
    Ambient, Ineffective, Origin, ServiceId, Waypoint, WaypointTakes, WhyIneffective, WorkloadId,
};

use crate::field::Field;
use crate::gateway_api::{self, GROUP};
use crate::hosts;
use crate::ineffective::Search;
use crate::injection::{self, Injected};
use crate::inventory::Inventory;
use crate::services::Callee;
use crate::source::Source;
use crate::workloads::Pods;

/// Label that puts a namespace or a pod into ambient mode.
pub(crate) const MODE: &str = "istio.io/dataplane-mode";
/// Label that names the waypoint of a service or of all services of a namespace.
const USE_WAYPOINT: &str = "istio.io/use-waypoint";
/// Label beside it that says which namespace the waypoint is in.
const WAYPOINT_NAMESPACE: &str = "istio.io/use-waypoint-namespace";
/// Label of a waypoint, or of its class, that says what it takes requests for.
const WAYPOINT_FOR: &str = "istio.io/waypoint-for";
/// Port of the listener that takes connections between node proxies.
const HBONE_PORT: &str = "15008";

/// The workloads in ambient mode, and the waypoints that services name.
pub(crate) fn read(search: &Search<'_>) -> Ambient {
    let ambient = search.pods.iter().filter_map(|pods| {
        let label = mode(pods, search.inventory)?;
        Some((pods.id.clone(), label.origin()))
    });
    let workloads: BTreeMap<WorkloadId, Origin> = ambient.collect();
    if workloads.is_empty() {
        return Ambient::default();
    }
    let objects = objects_by_service(search.inventory);
    let named = search.callees.iter().filter_map(|callee| {
        let waypoint = waypoint(callee, &objects, search.inventory)?;
        Some((ServiceId::clone(&callee.id), waypoint))
    });
    let mut waypoints: BTreeMap<ServiceId, Waypoint> = named.collect();
    for (rule, callee) in rules(search) {
        if let Some(waypoint) = waypoints.get_mut(&*callee.id)
            && looks_at(&waypoint.name, rule, callee, search.root)
        {
            waypoint.follows.push(rule.origin());
        }
    }
    for waypoint in waypoints.values_mut() {
        waypoint.follows.sort();
        waypoint.follows.dedup();
    }
    Ambient { workloads, waypoints }
}

/// The label that puts pods into ambient mode: the pod's counts before the namespace's, and a sidecar
/// before both. Pods in the network of their node are left out of it; waypoints are in it, and call
/// nobody of their own accord.
fn mode<'a>(pods: &Pods<'a>, inventory: &Inventory<'a>) -> Option<Field<'a>> {
    if pods.injected != Injected::Nothing || injection::is_waypoint(&pods.labels) {
        return None;
    }
    let on_host = pods.template.at(&["spec", "hostNetwork"]).and_then(|field| field.flag());
    if on_host == Some(true) {
        return None;
    }
    let own = pods.template.at(&["metadata", "labels", MODE]);
    let namespace =
        || inventory.namespace(&pods.id.namespace)?.field().at(&["metadata", "labels", MODE]);
    own.or_else(namespace).filter(|mode| mode.node().text() == Some("ambient"))
}

/// Rules for services that no waypoint serves, with the ambient clients that get no HTTP routing.
pub(crate) fn ineffective(search: &Search<'_>, ambient: &Ambient) -> Vec<Ineffective> {
    if ambient.workloads.is_empty() {
        return Vec::new();
    }
    let mut found = Vec::new();
    let mut served: BTreeMap<&str, (&Source, BTreeSet<String>)> = BTreeMap::new();
    for (source, callee) in rules(search) {
        let waypoint = ambient.waypoints.get(&*callee.id);
        let (reason, cause) = match waypoint.map(|waypoint| (waypoint, waypoint.takes)) {
            Some((waypoint, WaypointTakes::Requests | WaypointTakes::Unread))
                if !looks_at(&waypoint.name, source, callee, search.root) =>
            {
                (WhyIneffective::NotForWaypoint, &waypoint.label)
            }
            Some((waypoint, WaypointTakes::Requests)) => {
                let entry = served.entry(&waypoint.name);
                let (_, services) = entry.or_insert_with(|| (source, BTreeSet::new()));
                services.insert(callee.id.to_string());
                continue;
            }
            Some((waypoint, WaypointTakes::Unread)) => {
                (WhyIneffective::WaypointUnread, &waypoint.label)
            }
            _ => (WhyIneffective::NoWaypoint, &callee.origin),
        };
        let clients = ambient.workloads.keys().filter(|client| !callee.workloads.contains(client));
        let clients: Vec<WorkloadId> = clients.cloned().collect();
        if !clients.is_empty() {
            let (object, cause) = (source.origin(), cause.clone());
            let service = ServiceId::clone(&callee.id);
            found.push(Ineffective { object, cause, reason, service, clients });
        }
    }
    for (name, (source, services)) in served {
        let services: Vec<String> = services.into_iter().collect();
        source.gaps.add(
            format!("routes of the waypoint {name} are not computed"),
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

/// `Service` and `ServiceEntry` objects by namespace, and name or host.
fn objects_by_service<'a>(inventory: &Inventory<'a>) -> BTreeMap<(&'a str, &'a str), &'a Source> {
    let services = inventory.of("", "Service").iter();
    let services = services.map(|source| ((source.namespace(), source.name()), *source));
    let entries = inventory.of("networking.istio.io", "ServiceEntry").iter();
    let entries = entries.flat_map(|source| {
        let hosts = source.spec().and_then(|spec| spec.get("hosts"));
        let hosts = hosts.map(|hosts| hosts.texts()).unwrap_or_default().into_iter();
        hosts.map(|host| ((source.namespace(), host), *source))
    });
    services.chain(entries).collect()
}

/// Whether the waypoint `name` looks in the namespace of a rule: its own and the service's, for
/// destination rules also the root namespace (`getVirtualServiceForWaypoint`, `destinationRule`). The
/// rules of clients are for sidecars only.
fn looks_at(name: &str, rule: &Source, callee: &Callee, root: &str) -> bool {
    let place = rule.namespace();
    name.split_once('/').is_some_and(|(own, _)| own == place)
        || place == callee.id.namespace
        || rule.id.kind == "DestinationRule" && place == root
}

/// What a waypoint does with the requests for a service that names it: none if it is for workloads
/// only, or for services of namespaces that its listener for connections between node proxies leaves
/// out (`makeAllowedRoutes`). One that is not there is passed by (`fetchWaypointForTarget`).
fn takes(namespace: &str, name: &str, callee: &Callee, inventory: &Inventory<'_>) -> WaypointTakes {
    let mut gateways = inventory.of(GROUP, "Gateway").iter();
    let known = gateways.find(|one| (one.namespace(), one.name()) == (namespace, name));
    let Some(gateway) = known else { return WaypointTakes::Unread };
    let class = gateway.root.at(&["spec", "gatewayClassName"]).and_then(Node::text);
    let classes = inventory.of(GROUP, "GatewayClass").iter();
    let class = classes.into_iter().find(|one| Some(one.name()) == class);
    let traffic = |source: &Source| source.labels().remove(WAYPOINT_FOR);
    let traffic = traffic(gateway).or_else(|| traffic(class?));
    if !matches!(traffic.as_deref().unwrap_or("service"), "service" | "all") {
        return WaypointTakes::OtherTraffic;
    }
    let listeners = gateway.spec().map(|spec| spec.list("listeners")).unwrap_or_default();
    let own = listeners.iter().find(|listener| {
        let is = |key: &str, value: &str| {
            listener.get(key).and_then(|it| it.node().text()) == Some(value)
        };
        is("protocol", "HBONE") && is("port", HBONE_PORT)
    });
    let rule = own.and_then(|listener| listener.at(&["allowedRoutes", "namespaces"]));
    let from = rule.as_ref().and_then(|rule| rule.get("from")?.text()).unwrap_or("Same");
    let allowed = match from {
        "All" => true,
        "Selector" => rule.and_then(|rule| rule.get("selector")).is_some_and(|wanted| {
            gateway_api::selects(wanted.node(), &callee.id.namespace, inventory)
        }),
        _ => callee.id.namespace == namespace,
    };
    if allowed { WaypointTakes::Requests } else { WaypointTakes::OtherNamespaces }
}

/// The waypoint that a service names, or its namespace does; `none` on the service switches its
/// namespace's off.
fn waypoint(
    callee: &Callee,
    objects: &BTreeMap<(&str, &str), &Source>,
    inventory: &Inventory<'_>,
) -> Option<Waypoint> {
    let label = |source: &Source, key: &str| {
        let label = source.field().at(&["metadata", "labels", key])?;
        Some((label.node().text()?.to_owned(), label.origin()))
    };
    let own = objects.get(&(callee.id.namespace.as_str(), callee.id.name.as_str())).copied();
    let object = own
        .filter(|own| label(own, USE_WAYPOINT).is_some())
        .or_else(|| inventory.namespace(&callee.id.namespace))?;
    let (name, origin) = label(object, USE_WAYPOINT)?;
    if name.is_empty() || name == "none" {
        return None;
    }
    let namespace = label(object, WAYPOINT_NAMESPACE).map(|(namespace, _)| namespace);
    let namespace = namespace.filter(|namespace| !namespace.is_empty());
    let namespace = namespace.unwrap_or_else(|| callee.id.namespace.clone());
    Some(Waypoint {
        takes: takes(&namespace, &name, callee, inventory),
        name: format!("{namespace}/{name}"),
        label: origin,
        follows: Vec::new(),
    })
}
