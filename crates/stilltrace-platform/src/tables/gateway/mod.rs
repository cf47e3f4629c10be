//! What a gateway routes: the virtual services bound to its servers.
//!
//! The rules of Istio's `buildGatewayHTTPRouteConfig`, release 1.31: the routes of all virtual
//! services of a host follow each other, catch-alls at the end.

mod connections;
mod servers;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use stilltrace_model::{Origin, Route, RouteTable, VirtualHost};

use super::ProxyRoutes;
use super::lookup::{Destinations, Proxy, Services, only_port};
use super::names;
use crate::hosts;
use crate::matching::Caller;
use crate::routes;
use crate::virtual_service::VirtualService;
use crate::workloads::Pods;
use servers::{Merged, Server};

/// Everything that the gateway proxy of these pods routes.
pub(super) fn routes(proxy: &Proxy<'_, '_>, pods: &Pods<'_>) -> ProxyRoutes {
    let merged = servers::merge(proxy.mesh, pods);
    let mut table = RouteTable::default();
    for name in merged.route_names() {
        let hosts = virtual_hosts(proxy, &merged, &name);
        table.http.insert(name, hosts);
    }
    table.tcp = connections::of(proxy, &merged);
    let towards = by_target(proxy, &table);
    ProxyRoutes { table: Arc::new(table), towards }
}

/// Virtual services bound to a gateway that the proxy sees, in order of precedence.
fn bound<'p>(proxy: &Proxy<'p, '_>, gateway: &str) -> Vec<(usize, &'p VirtualService<'p>)> {
    let services = proxy.mesh.virtual_services.iter().enumerate();
    let sees = |service: &VirtualService<'_>| {
        service.visibility.includes(proxy.namespace) && service.gateways.contains(gateway)
    };
    let mut found: Vec<_> = services.filter(|(_, service)| sees(service)).collect();
    found.sort_by_key(|(_, service)| service.class_for(proxy.namespace));
    found
}

/// Services as a virtual service bound to a gateway finds them: first in its own namespace.
struct Nearby<'n, 'p, 'a> {
    proxy: &'n Proxy<'p, 'a>,
    namespace: &'n str,
}

impl Services for Nearby<'_, '_, '_> {
    fn find(&self, host: &str) -> Option<(usize, Option<u16>)> {
        let mesh = self.proxy.mesh;
        let visible = |index: &usize| {
            let callee = &mesh.callees[*index];
            callee.id.namespace == self.namespace
                && callee.visibility.includes(self.proxy.namespace)
        };
        let own = mesh.directory.named(host).iter().copied().find(visible);
        let known = own.or_else(|| self.proxy.view.by_host.get(host).copied());
        let sees = |index: &usize| mesh.callees[*index].visibility.includes(self.proxy.namespace);
        let any = || mesh.directory.named(host).iter().copied().find(sees);
        let callee = known.or_else(any)?;
        // Ports that no proxy carries count too.
        let declared = mesh.callees[callee].declared.iter().map(|port| &port.number);
        Some((callee, only_port(declared)))
    }
}

/// The routes of one virtual service for one gateway; many hosts have the same.
type Block = (String, usize);

/// A virtual host that is being put together.
struct Draft {
    blocks: Vec<Block>,
    https_redirect: Option<Origin>,
}

/// The virtual hosts of one list, by host name.
fn virtual_hosts(proxy: &Proxy<'_, '_>, merged: &Merged, name: &str) -> Vec<VirtualHost> {
    let mut built: BTreeMap<Block, Vec<Route>> = BTreeMap::new();
    let mut drafts: BTreeMap<String, Draft> = BTreeMap::new();
    for server in merged.servers_of(name) {
        for (index, service) in bound(proxy, &server.gateway) {
            let shared = intersection(server, service);
            if shared.is_empty() {
                continue;
            }
            let block = (server.gateway.clone(), index);
            let routes =
                built.entry(block.clone()).or_insert_with(|| routes_of(proxy, server, service));
            if routes.is_empty() {
                continue;
            }
            for host in shared {
                let empty = || Draft { blocks: Vec::new(), https_redirect: None };
                let draft = drafts.entry(host.to_ascii_lowercase()).or_insert_with(empty);
                draft.blocks.push(block.clone());
                draft.https_redirect = draft.https_redirect.take().or(server.https_redirect());
            }
        }
        if let Some(redirect) = server.https_redirect() {
            for host in &server.hosts {
                let empty = || Draft { blocks: Vec::new(), https_redirect: None };
                let draft = drafts.entry(host.to_ascii_lowercase()).or_insert_with(empty);
                draft.https_redirect.get_or_insert(redirect.clone());
            }
        }
    }
    if drafts.is_empty() {
        // Every request is answered with 404.
        drafts.insert("*".to_owned(), Draft { blocks: Vec::new(), https_redirect: None });
    }
    collapse(drafts, name, &built)
}

/// Hosts with the same routes share a virtual host.
fn collapse(
    drafts: BTreeMap<String, Draft>,
    list: &str,
    built: &BTreeMap<Block, Vec<Route>>,
) -> Vec<VirtualHost> {
    let mut order: Vec<(String, Draft)> = drafts.into_iter().collect();
    order.sort_by(|(a, _), (b, _)| hosts::specificity(a, b));
    let mut groups: Vec<(Vec<String>, Draft)> = Vec::new();
    let mut latest: BTreeMap<Vec<Block>, usize> = BTreeMap::new();
    for (host, draft) in order {
        let known = latest
            .get(&draft.blocks)
            .copied()
            .filter(|at| groups[*at].1.https_redirect.is_some() == draft.https_redirect.is_some());
        if let Some((hosts, _)) = known.and_then(|at| groups.get_mut(at)) {
            hosts.push(host);
        } else {
            latest.insert(draft.blocks.clone(), groups.len());
            groups.push((vec![host], draft));
        }
    }
    let finish = |(hosts, draft): (Vec<String>, Draft)| {
        let all = draft.blocks.iter().filter_map(|block| built.get(block)).flatten().cloned();
        let (wide, mut routes): (Vec<Route>, Vec<Route>) =
            all.partition(|route| route.matches.is_everything());
        routes.extend(wide);
        VirtualHost {
            names: names::full(&hosts),
            listed_in: list.to_owned(),
            routes: Arc::from(routes),
            https_redirect: draft.https_redirect,
            depends_on_age: Vec::new(),
        }
    };
    let mut found: Vec<VirtualHost> = groups.into_iter().map(finish).collect();
    found.sort_by(|a, b| a.names.cmp(&b.names));
    found
}

fn routes_of(proxy: &Proxy<'_, '_>, server: &Server, service: &VirtualService<'_>) -> Vec<Route> {
    let caller = Caller {
        labels: proxy.labels,
        namespace: proxy.namespace,
        gateway: &server.gateway,
        port: server.port,
    };
    let nearby = Nearby { proxy, namespace: service.source.namespace() };
    let destinations = Destinations { proxy, services: &nearby, dialled: server.port };
    routes::routes(service, &caller, &destinations)
}

/// The hosts that clients of a server reach through a virtual service: of two that overlap, the
/// narrower one.
fn intersection(server: &Server, service: &VirtualService<'_>) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for own in server.hosts_for(service.source.namespace()) {
        for host in &service.hosts {
            if hosts::covers(host, own) {
                found.insert(own.to_owned());
            } else if hosts::covers(own, host) {
                found.insert(host.clone());
            }
        }
    }
    found
}

/// Routes by the service port that they send requests to, for edges.
fn by_target(proxy: &Proxy<'_, '_>, table: &RouteTable) -> BTreeMap<(usize, u16), Arc<[Route]>> {
    let mut found: BTreeMap<(usize, u16), Vec<Route>> = BTreeMap::new();
    let all = table.http.values().flatten().flat_map(|host| host.routes.iter());
    let forwarded =
        table.tcp.iter().map(|route| super::forwarded(route.destinations.clone(), route));
    for route in all.cloned().chain(forwarded) {
        for destination in &route.destinations {
            let Some(callee) = proxy.view.by_host.get(&destination.to.host) else { continue };
            let routes = found.entry((*callee, destination.to.port)).or_default();
            if !routes.contains(&route) {
                routes.push(route.clone());
            }
        }
    }
    let finish = |mut routes: Vec<Route>| {
        // Catch-alls of one virtual service do not hide the routes of another on a gateway.
        routes.sort_by_key(|route| route.matches.is_everything());
        Arc::from(routes)
    };
    found.into_iter().map(|(key, routes)| (key, finish(routes))).collect()
}
