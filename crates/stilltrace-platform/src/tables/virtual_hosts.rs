//! Virtual hosts of one port of a sidecar: which routes serve which host names.
//!
//! The rules of Istio's `BuildSidecarOutboundVirtualHosts` and `BuildSidecarVirtualHostWrapper`,
//! release 1.31. The first virtual service that claims a service takes the whole host.
//!
//! On a port, services and exact hosts meet in lower case; the routes of a service then lead to the
//! lower-case name, whose cluster exists only if a service is written so. Wildcards and everything
//! else compare hosts as written.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use stilltrace_model::{Alternative, Route};

use super::Plain;
use super::lookup::{Destinations, Proxy, Services, only_port};
use super::names::{self, Taken};
use crate::hosts;
use crate::matching::Caller;
use crate::ports::is_http_or_sniffed as speaks_http;
use crate::routes;
use crate::scope::{Listener, in_order_of_index};
use crate::virtual_service::VirtualService;

/// The port on which virtual services also serve hosts that no service has.
const WEB: u16 = 80;

/// A virtual host.
#[derive(Clone)]
pub(super) struct Host {
    /// Full names, sorted.
    pub(super) names: Vec<String>,
    /// The port that its service is dialled on.
    pub(super) port: u16,
    /// The service, if it is one.
    pub(super) service: Option<usize>,
    /// Its routes.
    pub(super) routes: Arc<[Route]>,
    /// Who else would have it if ages were different.
    pub(super) depends_on_age: Vec<Alternative>,
    /// The virtual service that claims it.
    claimed_by: Option<usize>,
}

/// Services that requests on one port are looked up among, by host in lower case; a proxy of all
/// ports keeps the case.
pub(super) struct Registry<'r> {
    entries: BTreeMap<String, Entry<'r>>,
    wildcards: Vec<String>,
}

struct Entry<'r> {
    callee: usize,
    /// Port to protocol.
    ports: Vec<(u16, &'r str)>,
}

impl Services for Registry<'_> {
    fn find(&self, host: &str) -> Option<(usize, Option<u16>)> {
        let entry = self.entries.get(host)?;
        Some((entry.callee, only_port(entry.ports.iter().map(|(port, _)| port))))
    }
}

impl<'r> Registry<'r> {
    /// The services of a listener that have `port`; all of them for a proxy on port 0.
    fn new(proxy: &Proxy<'r, '_>, listener: &Listener, port: u16) -> Self {
        let mesh = proxy.mesh;
        let mut entries = BTreeMap::new();
        let wanted = |own: u16| port == 0 || own == port;
        // Of several services of one name the last one that has the port answers.
        for callee in in_order_of_index(listener.services.keys().copied(), mesh.callees) {
            let Some(visible) = listener.services.get(&callee) else { continue };
            let of = &mesh.callees[callee];
            // Where all ports are served, those that no proxy carries count too.
            let named = |own: u16, protocol: &str| {
                visible.contains(&own) && protocol != "udp" || port == 0 && protocol == "udp"
            };
            let ports: Vec<(u16, &str)> = of
                .declared
                .iter()
                .map(|own| (own.number, own.protocol.as_str()))
                .filter(|(own, protocol)| wanted(*own) && named(*own, protocol))
                .collect();
            if !ports.is_empty() {
                let entry = Entry { callee, ports };
                let host = if port == 0 { of.host.clone() } else { of.host.to_ascii_lowercase() };
                entries.insert(host, entry);
            }
        }
        let wildcards = entries.keys().filter(|host| hosts::is_wildcard(host)).cloned().collect();
        Self { entries, wildcards }
    }

    /// Whether any host of a virtual service overlaps with a service.
    fn is_claimed_by(&self, service: &VirtualService<'_>) -> bool {
        service.hosts.iter().map(|host| host.to_ascii_lowercase()).any(|host| {
            if self.entries.contains_key(&host) {
                return true;
            }
            if hosts::is_wildcard(&host) {
                return self.entries.keys().any(|own| hosts::overlap(&host, own));
            }
            self.wildcards.iter().any(|own| hosts::overlap(&host, own))
        })
    }
}

/// Hosts with the same routes, before they have names.
struct Group<'g> {
    port: u16,
    /// Hosts of the virtual service that no service has.
    others: &'g [String],
    /// Services by name in the registry.
    services: Vec<&'g str>,
    routes: Arc<[Route]>,
    claimed_by: Option<usize>,
}

/// The virtual hosts that a listener serves on `port`; 0 is a proxy for all ports.
pub(super) fn of_port(
    proxy: &Proxy<'_, '_>,
    listener: &Listener,
    port: u16,
    plain: &mut Plain,
) -> Vec<Host> {
    let registry = Registry::new(proxy, listener, port);
    let mut claims: Vec<Claim<'_>> = Vec::new();
    for index in &listener.virtual_services {
        let service = &proxy.mesh.virtual_services[*index];
        if port != WEB && !registry.is_claimed_by(service) {
            continue;
        }
        let caller =
            Caller { labels: proxy.labels, namespace: proxy.namespace, gateway: "mesh", port };
        let destinations = Destinations { proxy, services: &registry, dialled: port };
        let routes = routes::routes(service, &caller, &destinations);
        if routes.is_empty() {
            continue;
        }
        let (strangers, known) = separate(service, *index, &registry, listener);
        if service.is_of_gateway_api() && !routes_any(proxy, service, &known, &registry) {
            continue;
        }
        claims.push(Claim { index: *index, strangers, known, routes: Arc::from(routes) });
    }
    let mut assembly = Assembly::new(proxy, listener, &registry, port);
    let mut claimed = BTreeSet::new();
    for claim in &claims {
        for group in claim.groups(&registry, port) {
            claimed.extend(group.services.iter().copied());
            assembly.add(&group);
        }
    }
    for (host, entry) in &registry.entries {
        let callee = entry.callee;
        if claimed.contains(host.as_str()) || proxy.mesh.callees[callee].is_alias() {
            continue;
        }
        for (own, _) in entry.ports.iter().filter(|(_, protocol)| speaks_http(protocol)) {
            assembly.add_plain(host, callee, *own, plain.of(proxy, host, callee, *own));
        }
    }
    if port == 0 {
        // In Istio's order, which shows where a service has several ports.
        assembly.hosts.sort_by_cached_key(|host| format!("{}:{}", host.names.join(","), host.port));
    }
    assembly.hosts
}

/// Whether a route of the Gateway API is the caller's own or that of a service that it routes: others
/// have no say.
fn routes_any(
    proxy: &Proxy<'_, '_>,
    service: &VirtualService<'_>,
    known: &[&str],
    registry: &Registry<'_>,
) -> bool {
    let home = service.source.namespace();
    let entries = known.iter().filter_map(|host| registry.entries.get(*host));
    let mut namespaces = entries.map(|entry| &proxy.mesh.callees[entry.callee].id.namespace);
    namespaces.any(|namespace| namespace == home || proxy.namespace == home)
}

/// Hosts of a virtual service that no service has, and the services that it claims.
fn separate<'r>(
    service: &VirtualService<'_>,
    index: usize,
    registry: &'r Registry<'_>,
    listener: &Listener,
) -> (Vec<String>, Vec<&'r str>) {
    let (mut strangers, mut known) = (Vec::new(), Vec::new());
    let lower = service.hosts.iter().map(|host| host.to_ascii_lowercase());
    let (wild, exact): (Vec<String>, Vec<String>) =
        lower.partition(|host| hosts::is_wildcard(host));
    for host in exact {
        match registry.entries.get_key_value(&host) {
            Some((own, _)) => known.push(own.as_str()),
            None => strangers.push(host),
        }
    }
    for host in wild {
        if service.is_of_gateway_api() {
            strangers.push(host);
            continue;
        }
        let mut any = false;
        for own in registry.entries.keys() {
            if !hosts::overlap(own, &host) {
                continue;
            }
            any = true;
            // A service belongs to the virtual service with the most specific host only; which
            // that is, Istio looks up by names as written.
            if listener.most_specific(own) == Some(index) {
                known.push(own.as_str());
            }
        }
        if !any {
            strangers.push(host);
        }
    }
    (strangers, known)
}

/// A virtual service that has routes for the caller.
struct Claim<'c> {
    /// Its index.
    index: usize,
    /// Its hosts that no service has.
    strangers: Vec<String>,
    /// The services that it claims, by name in the registry.
    known: Vec<&'c str>,
    /// Its routes.
    routes: Arc<[Route]>,
}

impl Claim<'_> {
    /// The hosts by the port of their services.
    fn groups(&self, registry: &Registry<'_>, port: u16) -> Vec<Group<'_>> {
        let mut by_port: BTreeMap<u16, Vec<&str>> = BTreeMap::new();
        for host in &self.known {
            let entry = registry.entries.get(*host);
            for (own, protocol) in entry.iter().flat_map(|entry| &entry.ports) {
                if speaks_http(protocol) {
                    by_port.entry(*own).or_default().push(host);
                }
            }
        }
        if by_port.is_empty() && port == WEB {
            by_port.insert(WEB, Vec::new());
        }
        let group = |(port, services)| Group {
            port,
            others: &self.strangers,
            services,
            routes: Arc::clone(&self.routes),
            claimed_by: Some(self.index),
        };
        by_port.into_iter().map(group).collect()
    }
}

/// Gives virtual hosts their names, first come, first served.
struct Assembly<'s, 'p, 'a> {
    proxy: &'s Proxy<'p, 'a>,
    listener: &'s Listener,
    registry: &'s Registry<'s>,
    port: u16,
    seen: BTreeMap<(String, u16), usize>,
    taken: Taken,
    hosts: Vec<Host>,
}

impl<'s, 'p, 'a> Assembly<'s, 'p, 'a> {
    fn new(
        proxy: &'s Proxy<'p, 'a>,
        listener: &'s Listener,
        registry: &'s Registry<'s>,
        port: u16,
    ) -> Self {
        let seen = BTreeMap::new();
        Self { proxy, listener, registry, port, seen, taken: Taken::default(), hosts: Vec::new() }
    }

    fn add(&mut self, group: &Group<'_>) {
        for host in group.others {
            self.add_host(host, None, group);
        }
        for host in &group.services {
            self.add_host(host, self.registry.entries.get(*host).map(|entry| entry.callee), group);
        }
    }

    /// A service that nobody claims. Its full name is its own, whatever others have.
    fn add_plain(&mut self, host: &str, callee: usize, port: u16, routes: Arc<[Route]>) {
        let of = &self.proxy.mesh.callees[callee];
        let own = self.own_names(host, Some(callee));
        let alone = own.len() == 1 && !of.answers_for_pods();
        let names = if alone { own } else { self.free_names(self.all_names(&own, callee), &own) };
        let names = if alone { names } else { names::full(&names) };
        let depends_on_age = Vec::new();
        let service = Some(callee);
        self.hosts.push(Host { names, port, service, routes, depends_on_age, claimed_by: None });
    }

    /// The names that nobody else has. For a proxy of all ports every name also comes with its
    /// port, so that no two hosts share one.
    fn free_names(&mut self, names: Vec<String>, own: &[String]) -> Vec<String> {
        if self.port == 0 {
            return names;
        }
        let entries = &self.registry.entries;
        let is_service = |name: &str| {
            let own = entries.get(name).map(|entry| &self.proxy.mesh.callees[entry.callee]);
            own.is_some_and(|own| !own.is_alias())
        };
        self.taken.take(names, own, is_service)
    }

    fn add_host(&mut self, host: &str, found: Option<usize>, group: &Group<'_>) {
        let key = (host.to_owned(), group.port);
        if let Some(first) = self.seen.get(&key) {
            self.report_age(*first, group);
            return;
        }
        // For a proxy of all ports, names without a port are those of port 80.
        if self.port == 0 && group.port != WEB && found.is_none() {
            return;
        }
        let own = self.own_names(host, found);
        let names = match found {
            None => vec![host.to_owned()],
            Some(callee) => self.all_names(&own, callee),
        };
        let names = self.free_names(names, &own);
        if names.is_empty() {
            return;
        }
        self.seen.insert(key, self.hosts.len());
        self.hosts.push(Host {
            names: names::full(&names),
            port: group.port,
            service: found.filter(|callee| !self.proxy.mesh.callees[*callee].is_alias()),
            routes: Arc::clone(&group.routes),
            depends_on_age: Vec::new(),
            claimed_by: group.claimed_by,
        });
    }

    /// The host itself and the aliases that lead to it.
    fn own_names(&self, host: &str, found: Option<usize>) -> Vec<String> {
        let mut own = vec![host.to_owned()];
        if let Some(callee) = found {
            let aliases = self.proxy.mesh.directory.aliases_of(callee);
            let of = &self.proxy.mesh.callees[callee];
            let named = aliases.iter().map(|alias| &self.proxy.mesh.callees[*alias].host);
            own.extend(named.filter(|host| self.listener.shows(of, host)).cloned());
        }
        own
    }

    /// All names of a service; a headless one also answers for its pods' names.
    fn all_names(&self, own: &[String], callee: usize) -> Vec<String> {
        let mut names: Vec<String> =
            own.iter().flat_map(|host| names::forms(host, self.proxy.namespace)).collect();
        if self.proxy.mesh.callees[callee].answers_for_pods() {
            let pods: Vec<String> = names.iter().map(|name| format!("*.{name}")).collect();
            names.extend(pods);
        }
        names
    }

    /// Two virtual services of one class claim a host: which is older is not always known.
    fn report_age(&mut self, first: usize, group: &Group<'_>) {
        let services = self.proxy.mesh.virtual_services;
        let Some(host) = self.hosts.get_mut(first) else { return };
        let (Some(winner), Some(loser)) = (host.claimed_by, group.claimed_by) else { return };
        let (winner, loser) = (&services[winner], &services[loser]);
        let namespace = self.proxy.namespace;
        let known = winner.source.created.is_some() && loser.source.created.is_some();
        if known || winner.class_for(namespace) != loser.class_for(namespace) {
            return;
        }
        let alternative =
            Alternative { object: loser.source.origin(), routes: Arc::clone(&group.routes) };
        if !host.depends_on_age.contains(&alternative) {
            host.depends_on_age.push(alternative);
        }
    }
}
