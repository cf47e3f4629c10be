//! Routes and traffic policies that requests can take.
//!
//! A subset's policy acts only where a route names the subset, and a route may send requests of
//! one service to another. So which policies are in use is decided over all routes of a caller.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Deref;
use std::sync::OnceLock;

use stilltrace_model::{
    Destination, Edge, EdgeId, Platform, Route, ServiceId, TrafficPolicy, Workload, WorkloadId,
};

use crate::observed::called_edges;

/// A platform with what most mechanisms ask of it first. It is found out once, when it is asked.
pub struct Surveyed<'p> {
    platform: &'p Platform,
    routes: OnceLock<Vec<RouteInUse<'p>>>,
    policies: OnceLock<Vec<PolicyInUse<'p>>>,
}

impl<'p> Surveyed<'p> {
    /// Nothing is looked at yet.
    pub fn new(platform: &'p Platform) -> Self {
        Self { platform, routes: OnceLock::new(), policies: OnceLock::new() }
    }

    /// All routes that send requests on, by edge and in the order in which they are tried.
    ///
    /// A route that answers by itself (a redirect, a direct response) has no destination: nothing
    /// about time, retries or pools acts on it.
    pub(crate) fn routes(&self) -> &[RouteInUse<'p>] {
        self.routes.get_or_init(|| routes(self.platform))
    }

    /// All policies in use, by edge, the one without subset first.
    pub(crate) fn policies(&self) -> &[PolicyInUse<'p>] {
        self.policies.get_or_init(|| policies(self.platform))
    }
}

impl Deref for Surveyed<'_> {
    type Target = Platform;

    fn deref(&self) -> &Platform {
        self.platform
    }
}

/// A route of an edge.
#[derive(Clone)]
pub(crate) struct RouteInUse<'a> {
    /// The edge.
    pub(crate) edge: &'a Edge,
    /// The route.
    pub(crate) route: &'a Route,
    /// Whether requests were seen on the edge.
    pub(crate) called: bool,
    prefix: String,
}

impl RouteInUse<'_> {
    /// Name of a setting of this route as in [`Edge::settings`].
    pub(crate) fn name(&self, setting: &str) -> String {
        format!("{}{setting}", self.prefix)
    }

    /// Name of the weight of one of this route's destinations as in [`Edge::settings`].
    pub(crate) fn weight_name(&self, destination: &Destination) -> String {
        let subset = destination.to.subset.as_deref().unwrap_or("*");
        self.name(&format!("weight[{}|{subset}]", destination.to.service))
    }
}

fn routes(platform: &Platform) -> Vec<RouteInUse<'_>> {
    let mut all = Vec::new();
    for (edge, called) in plausible_edges(platform) {
        for (index, route) in edge.routes.iter().enumerate() {
            if route.destinations.is_empty() {
                continue;
            }
            let prefix = match (index, route.name.as_str()) {
                (0, _) => String::new(),
                (_, "") => format!("route[{index}]."),
                (_, name) => format!("route[{name}]."),
            };
            all.push(RouteInUse { edge, route, called, prefix });
        }
    }
    all
}

/// Whether calls of the edge never reach the caller's proxy, so that none of its settings matters.
fn passes_the_proxy(platform: &Platform, edge: &EdgeId) -> bool {
    let caller = platform.workloads.get(&*edge.source);
    let proxy = caller.and_then(|caller| caller.sidecar.as_ref());
    proxy.is_some_and(|proxy| proxy.passed_by.calls_of(edge.port).is_some())
}

/// Edges on which the caller may well call, and whether it was seen to: all but those from a
/// workload to its own service, which every proxy can use and hardly any does.
fn plausible_edges(platform: &Platform) -> Vec<(&Edge, bool)> {
    let called = called_edges(platform);
    let edges = platform.edges.values().map(|edge| (edge, called.contains(&edge.id)));
    edges
        .filter(|(edge, called)| {
            if passes_the_proxy(platform, &edge.id) {
                return false;
            }
            let own = platform.services.get(&edge.id.destination);
            *called || !own.is_some_and(|own| own.workloads.contains(&edge.id.source))
        })
        .collect()
}

/// A traffic policy of an edge that at least one route of the caller leads to.
pub(crate) struct PolicyInUse<'a> {
    /// The edge.
    pub(crate) edge: &'a Edge,
    /// The policy.
    pub(crate) policy: &'a TrafficPolicy,
    /// Pods that it balances over, where Git says.
    pub(crate) endpoints: Option<u32>,
    /// Whether requests were seen on the edge.
    pub(crate) called: bool,
    protocol: &'a str,
    subset: Option<&'a str>,
}

impl PolicyInUse<'_> {
    /// Name of a setting of this policy as in [`Edge::settings`].
    pub(crate) fn name(&self, setting: &str) -> String {
        match self.subset {
            Some(subset) => format!("subset[{subset}].{setting}"),
            None => setting.to_owned(),
        }
    }

    /// Whether the proxy sees requests; limits and flags of requests mean nothing on plain TCP.
    pub(crate) fn carries_requests(&self) -> bool {
        matches!(self.protocol, "http" | "http2" | "grpc" | "grpc-web" | "auto")
    }

    /// Whether one connection carries many requests at a time.
    pub(crate) fn is_multiplexed(&self) -> bool {
        matches!(self.protocol, "http2" | "grpc")
    }

    /// The workloads behind the destination.
    pub(crate) fn workloads<'p>(&self, platform: &'p Platform) -> Vec<&'p Workload> {
        let labels = self.subset.and_then(|subset| self.edge.subsets.get(subset));
        let labels = labels.map(|(labels, _)| &labels.value);
        platform
            .workloads_of(&self.edge.id.destination)
            .filter(|workload| labels.is_none_or(|labels| carries(workload, labels)))
            .collect()
    }

    /// The destination as people say it: the service port, with the subset if there is one.
    pub(crate) fn destination(&self) -> String {
        let id = &self.edge.id;
        match self.subset {
            Some(subset) => format!("{}:{} (subset {subset})", id.destination, id.port),
            None => format!("{}:{}", id.destination, id.port),
        }
    }
}

fn policies(platform: &Platform) -> Vec<PolicyInUse<'_>> {
    let elsewhere = targets_elsewhere(platform);
    let mut all = Vec::new();
    for (edge, called) in plausible_edges(platform) {
        let protocol = protocol(platform, edge);
        for subset in subsets_in_use(edge, &elsewhere) {
            let found = match subset {
                None => Some((edge.policy.as_ref(), edge.endpoints)),
                Some(name) => edge.subsets.get(name).map(|(labels, policy)| {
                    (policy.as_ref(), pods_of(platform, &edge.id.destination, &labels.value))
                }),
            };
            if let Some((policy, endpoints)) = found {
                all.push(PolicyInUse { edge, policy, endpoints, called, protocol, subset });
            }
        }
    }
    all
}

/// The protocol of the called port; HTTP where the service is not known, such as an external host.
fn protocol<'a>(platform: &'a Platform, edge: &Edge) -> &'a str {
    let service = platform.services.get(&edge.id.destination);
    let protocol = service.and_then(|service| service.ports.get(&edge.id.port));
    protocol.map_or("http", |protocol| protocol.value.as_str())
}

type Target<'a> = (&'a WorkloadId, &'a ServiceId, u16);

/// The subsets by which a caller's routes of one host address ports of another. Kept apart from
/// what routes address at their own host, which is nearly everything.
fn targets_elsewhere(platform: &Platform) -> BTreeMap<Target<'_>, BTreeSet<Option<&str>>> {
    let mut targets: BTreeMap<_, BTreeSet<_>> = BTreeMap::new();
    for edge in platform.edges.values() {
        for destination in edge.routes.iter().flat_map(|route| &route.destinations) {
            if !is_own(edge, destination) {
                targets
                    .entry((&*edge.id.source, &destination.to.service, destination.to.port))
                    .or_default()
                    .insert(destination.to.subset.as_deref());
            }
        }
    }
    targets
}

/// The subsets of an edge's destination that any route of the caller addresses, sorted.
fn subsets_in_use<'a>(
    edge: &'a Edge,
    elsewhere: &BTreeMap<Target<'a>, BTreeSet<Option<&'a str>>>,
) -> Vec<Option<&'a str>> {
    let destinations = edge.routes.iter().flat_map(|route| &route.destinations);
    let mut subsets: Vec<Option<&str>> = destinations
        .filter(|destination| is_own(edge, destination))
        .map(|destination| destination.to.subset.as_deref())
        .collect();
    if !elsewhere.is_empty() {
        let key = (&*edge.id.source, &*edge.id.destination, edge.id.port);
        subsets.extend(elsewhere.get(&key).into_iter().flatten());
    }
    subsets.sort_unstable();
    subsets.dedup();
    subsets
}

/// Whether a route of the edge sends requests to the edge's own service port.
fn is_own(edge: &Edge, destination: &Destination) -> bool {
    destination.to.port == edge.id.port && destination.to.service == *edge.id.destination
}

/// The policy that acts on requests which `route` of `edge` sends to `destination`.
pub(crate) fn policy_towards<'a>(
    platform: &'a Platform,
    edge: &'a Edge,
    destination: &Destination,
) -> Option<&'a TrafficPolicy> {
    let target = target_edge(platform, edge, destination)?;
    match &destination.to.subset {
        None => Some(&target.policy),
        Some(name) => target.subsets.get(name).map(|(_, policy)| policy.as_ref()),
    }
}

/// The edge from the same caller to the service port that a destination names.
pub(crate) fn target_edge<'a>(
    platform: &'a Platform,
    edge: &'a Edge,
    destination: &Destination,
) -> Option<&'a Edge> {
    if is_own(edge, destination) {
        return Some(edge);
    }
    let mut id = edge.id.clone();
    id.destination = destination.to.service.clone().into();
    id.port = destination.to.port;
    platform.edges.get(&id)
}

/// The workloads behind a service whose pods carry all of `labels`.
pub(crate) fn workloads_with<'p>(
    platform: &'p Platform,
    service: &ServiceId,
    labels: &BTreeMap<String, String>,
) -> impl Iterator<Item = &'p Workload> {
    platform.workloads_of(service).filter(move |workload| carries(workload, labels))
}

/// Whether the pods of a workload carry all of `labels`.
fn carries(workload: &Workload, labels: &BTreeMap<String, String>) -> bool {
    labels.iter().all(|(key, value)| workload.labels.get(key) == Some(value))
}

/// Pods behind a service that carry all of `labels`, where Git says how many there are.
pub(crate) fn pods_of(
    platform: &Platform,
    service: &ServiceId,
    labels: &BTreeMap<String, String>,
) -> Option<u32> {
    let mut pods = 0_u32;
    for workload in workloads_with(platform, service, labels) {
        pods = pods.saturating_add(workload.replicas.value?);
    }
    Some(pods)
}
