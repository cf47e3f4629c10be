//! Connections that a gateway forwards without looking at requests.
//!
//! The rules of Istio's `createGatewayTCPFilterChainOpts`, release 1.31.

use std::collections::{BTreeMap, BTreeSet};

use stilltrace_model::{Destination, ServiceId, Setting, Target, TcpRoute};

use super::bound;
use super::servers::{Merged, Opened, Server};
use crate::connections::Connections;
use crate::defaults;
use crate::hosts;
use crate::tables::lookup::Proxy;
use crate::tables::tcp;
use crate::virtual_service::VirtualService;

/// Names in greetings by port and address, so that none is served twice.
type Greetings = BTreeMap<u16, BTreeMap<String, String>>;

/// Everything that the servers of a gateway forward.
pub(super) fn of(proxy: &Proxy<'_, '_>, merged: &Merged) -> Vec<TcpRoute> {
    let mut found = Vec::new();
    let mut greetings = Greetings::new();
    for (opened, server) in merged.forwarding() {
        if server.passes_to_clusters() {
            found.extend(to_clusters(proxy, opened, server));
        } else if server.passes_through() {
            found.extend(by_greeting(proxy, opened, server, &mut greetings));
        } else {
            found.extend(all(proxy, opened, server));
        }
    }
    found
}

/// The first entry of `tcp` that is meant for the server takes every connection.
fn all(proxy: &Proxy<'_, '_>, opened: &Opened, server: &Server) -> Option<TcpRoute> {
    for (_, service) in bound(proxy, &server.gateway) {
        if !shares_host(server, service) {
            continue;
        }
        let meant = |entry: &&Connections| {
            let for_server = entry.cases.is_empty()
                || entry.cases.iter().any(|case| case.is_for_server(server.port, &server.gateway));
            for_server && entry.entries > 0
        };
        if let Some(entry) = service.tcp.iter().find(meant) {
            let mut route =
                placed(tcp::weighted(proxy, server.port, entry), opened, server, service);
            if server.has_tls() {
                route.sni = sni(&server.greeting());
                route.sni_origin.clone_from(&server.hosts_origin);
            }
            return Some(route);
        }
    }
    None
}

/// Encrypted connections by the name in the greeting.
fn by_greeting(
    proxy: &Proxy<'_, '_>,
    opened: &Opened,
    server: &Server,
    greetings: &mut Greetings,
) -> Vec<TcpRoute> {
    let mut found = Vec::new();
    for (_, service) in bound(proxy, &server.gateway) {
        if !shares_host(server, service) {
            continue;
        }
        for entry in service.tls.iter().filter(|entry| entry.entries > 0) {
            for case in &entry.cases {
                if !case.is_for_server(server.port, &server.gateway) {
                    continue;
                }
                let known = greetings.entry(opened.port).or_default();
                if case.sni.iter().any(|name| known.get(name) == Some(&opened.bind)) {
                    continue;
                }
                known.extend(case.sni.iter().map(|name| (name.clone(), opened.bind.clone())));
                let mut route =
                    placed(tcp::weighted(proxy, server.port, entry), opened, server, service);
                route.sni = sni(&case.sni);
                route.sni_origin.clone_from(&case.sni_origin);
                found.push(route);
            }
        }
    }
    found
}

/// Encrypted connections whose greeting names a cluster of this proxy.
fn to_clusters(proxy: &Proxy<'_, '_>, opened: &Opened, server: &Server) -> Vec<TcpRoute> {
    let mut found = Vec::new();
    for (callee, ports) in &proxy.view.services {
        let service = &proxy.mesh.callees[*callee];
        let wanted = server.greeting().iter().any(|host| hosts::covers(host, &service.host));
        if service.external || !wanted {
            continue;
        }
        let rule = proxy.rule(*callee);
        let subsets: BTreeSet<&str> =
            rule.iter().flat_map(|rule| &rule.subsets).map(|(name, _)| *name).collect();
        for port in ports {
            for subset in std::iter::once("").chain(subsets.iter().copied()) {
                let cluster = format!("outbound_.{port}_.{subset}_.{}", service.host);
                let id = ServiceId::clone(&service.id);
                let to = Target::implied(id, cluster.clone(), *port, defaults::OWN_ROUTE);
                let weight = Setting::default_of(100, defaults::SINGLE);
                found.push(TcpRoute {
                    listen: listen(opened),
                    listen_origin: server.bind_origin.clone(),
                    port: opened.port,
                    port_origin: server.port_origin.clone(),
                    sni: vec![cluster],
                    sni_origin: Some(service.origin.clone()),
                    subnets: Vec::new(),
                    subnets_origin: None,
                    destinations: vec![Destination { to, weight }],
                    object: None,
                    live_name: None,
                    named: false,
                    idle_timeout: proxy.idle_time(*callee),
                });
            }
        }
    }
    found
}

fn placed(
    mut route: TcpRoute,
    opened: &Opened,
    server: &Server,
    service: &VirtualService<'_>,
) -> TcpRoute {
    route.listen = listen(opened);
    route.listen_origin = server.bind_origin.clone();
    route.port = opened.port;
    route.port_origin = server.port_origin.clone();
    route.object = Some(service.source.origin());
    route.live_name.clone_from(&service.live_name);
    route
}

fn listen(opened: &Opened) -> String {
    if opened.bind.is_empty() { "*".to_owned() } else { opened.bind.clone() }
}

/// Names in a greeting as Envoy gets them; the name of everything is no condition.
fn sni(names: &[String]) -> Vec<String> {
    if names.iter().any(|name| name == "*") {
        return Vec::new();
    }
    let mut names = names.to_vec();
    names.sort();
    names
}

/// Whether a host of the virtual service overlaps with one that the server offers it.
fn shares_host(server: &Server, service: &VirtualService<'_>) -> bool {
    let mut offered = server.hosts_for(service.source.namespace());
    offered.any(|own| service.hosts.iter().any(|host| hosts::overlap(own, host)))
}
