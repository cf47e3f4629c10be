//! What every proxy routes: virtual hosts by port and connections that are forwarded, as Istio 1.31
//! delivers them.
//!
//! A table depends on what the proxy sees, and on its pods' labels only where a virtual service or
//! destination rule looks at them; proxies that are told the same share one table. The routes of
//! edges are taken from it.

mod gateway;
mod listeners;
mod lookup;
mod names;
mod tcp;
mod virtual_hosts;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use stilltrace_model::{Destination, Route, RouteTable, ServiceId, Setting, TcpRoute, VirtualHost};

use crate::defaults;
use crate::edges::Mesh;
use crate::injection::Injected;
use crate::labels::Labels;
use crate::retries;
use crate::routes::{self, Hashing};
use crate::scope::View;
use crate::workloads::Pods;
use listeners::{Action, Requests};
use lookup::Proxy;
use virtual_hosts::Host;

/// Tables that were computed, by what they depend on.
#[derive(Default)]
pub(crate) struct Tables {
    computed: BTreeMap<(usize, Option<Labels>), Arc<ProxyRoutes>>,
    plain: Plain,
}

/// What a proxy routes, also by service port.
pub(crate) struct ProxyRoutes {
    /// The whole table.
    pub(crate) table: Arc<RouteTable>,
    /// Routes by service and port.
    towards: BTreeMap<(usize, u16), Arc<[Route]>>,
}

/// Routes of services that no virtual service claims, by service and port.
#[derive(Default)]
struct Plain(BTreeMap<(usize, u16), Arc<[Route]>>);

impl Tables {
    /// What the proxy of these pods routes. `view` and its number identify what it sees.
    pub(crate) fn of(
        &mut self,
        mesh: &Mesh<'_>,
        pods: &Pods<'_>,
        (number, view): (usize, &View),
    ) -> Arc<ProxyRoutes> {
        let gateway = pods.injected == Injected::Gateway;
        let labels = (gateway || looks_at_labels(mesh, pods, view)).then(|| pods.labels.clone());
        let key = (number, labels);
        if let Some(known) = self.computed.get(&key) {
            return Arc::clone(known);
        }
        let proxy = Proxy::new(mesh, &pods.id, &pods.labels, view, !gateway);
        let routes = if gateway {
            gateway::routes(&proxy, pods)
        } else {
            sidecar_routes(&proxy, &mut self.plain)
        };
        let routes = Arc::new(routes);
        self.computed.insert(key, Arc::clone(&routes));
        routes
    }

    /// The routes of a proxy towards one service port.
    pub(crate) fn towards(
        &mut self,
        mesh: &Mesh<'_>,
        routes: &ProxyRoutes,
        callee: usize,
        port: u16,
    ) -> Arc<[Route]> {
        match routes.towards.get(&(callee, port)) {
            Some(routes) => Arc::clone(routes),
            None => self.plain.unhashed(mesh, callee, port),
        }
    }
}

impl ProxyRoutes {
    /// The routes of a gateway that lead to a service port; none where its hosts lead elsewhere.
    pub(crate) fn led_to(&self, callee: usize, port: u16) -> Arc<[Route]> {
        self.towards.get(&(callee, port)).map_or_else(|| Arc::from([]), Arc::clone)
    }
}

/// Whether what a sidecar routes depends on the labels of its pods.
fn looks_at_labels(mesh: &Mesh<'_>, pods: &Pods<'_>, view: &View) -> bool {
    let mut seen = view.listeners.iter().flat_map(|listener| &listener.virtual_services);
    let mut own = mesh.directory.in_front_of(&pods.id).iter();
    seen.any(|index| mesh.virtual_services[*index].looks_at_labels())
        || mesh.rules.look_at_labels(&pods.id.namespace)
        || own.any(|callee| mesh.callees[*callee].is_dialled_by_endpoint())
}

impl Plain {
    /// The route of a service port for a proxy, which may hash requests. `host` is the name that
    /// its virtual host goes by.
    fn of(&mut self, proxy: &Proxy<'_, '_>, host: &str, callee: usize, port: u16) -> Arc<[Route]> {
        let service = &proxy.mesh.callees[callee];
        let mut routes = self.unhashed(proxy.mesh, callee, port);
        if host != service.host {
            return renamed(proxy, host, port, &routes);
        }
        if let Hashing::By(key) = proxy.hash_of_service(callee, port) {
            for route in Arc::make_mut(&mut routes) {
                route.hash.push(key.clone());
            }
        }
        if !proxy.has_cluster(&service.host, port, None) {
            let all = Arc::make_mut(&mut routes).iter_mut();
            for destination in all.flat_map(|route| &mut route.destinations) {
                destination.to.has_cluster = false;
            }
        }
        routes
    }

    /// The route of a service port without any rule.
    fn unhashed(&mut self, mesh: &Mesh<'_>, callee: usize, port: u16) -> Arc<[Route]> {
        let build = || {
            let service = &mesh.callees[callee];
            let retries = if service.speaks_http(port) {
                retries::read(None, mesh.retries().as_ref()).0
            } else {
                retries::none(defaults::NOT_HTTP)
            };
            Arc::from([routes::plain(
                ServiceId::clone(&service.id),
                service.host.clone(),
                port,
                retries,
            )])
        };
        Arc::clone(self.0.entry((callee, port)).or_insert_with(build))
    }
}

/// Routes of a service whose virtual host goes by the lower-case form of its name: they lead to the
/// cluster of that name, as Istio writes them, whether or not a service is called so.
fn renamed(proxy: &Proxy<'_, '_>, host: &str, port: u16, routes: &[Route]) -> Arc<[Route]> {
    let mut routes: Arc<[Route]> = Arc::from(routes);
    let twin = proxy.view.by_host.get(host);
    let hashing = twin.map(|callee| proxy.hash_of_service(*callee, port));
    for route in Arc::make_mut(&mut routes) {
        for target in route.destinations.iter_mut().map(|destination| &mut destination.to) {
            target.service = proxy.service_id(host);
            host.clone_into(&mut target.host);
            target.has_cluster = proxy.has_cluster(host, port, None);
        }
        if let Some(Hashing::By(key)) = &hashing {
            route.hash.push(key.clone());
        }
    }
    routes
}

fn sidecar_routes(proxy: &Proxy<'_, '_>, plain: &mut Plain) -> ProxyRoutes {
    let mut requests: BTreeSet<Requests> = BTreeSet::new();
    let mut tcp = Vec::new();
    for entry in listeners::of(proxy) {
        for chain in entry.into_chains() {
            match chain.action {
                Action::Requests(list) => drop(requests.insert(list)),
                Action::Forward(route) => tcp.push(*route),
                Action::Own => {}
            }
        }
    }
    let mut table = RouteTable { http: BTreeMap::new(), tcp };
    let mut towards = BTreeMap::new();
    let mut by_port: BTreeMap<u16, PortHosts> = BTreeMap::new();
    let shared: BTreeSet<u16> =
        requests.iter().filter(|list| list.only.is_none()).map(|list| list.port).collect();
    for list in &requests {
        let hosts =
            by_port.entry(list.port).or_insert_with(|| PortHosts::new(proxy, list.port, plain));
        let group: &mut Vec<VirtualHost> = table.http.entry(list.port.to_string()).or_default();
        let Some(only) = list.only else {
            for host in &hosts.all {
                group.push(listed(host, host.names.clone(), &list.name));
                let callee = host.service.map(|callee| seen_as(proxy, callee));
                if let Some(callee) = callee.or_else(|| imported(proxy, host)) {
                    towards.insert((callee, host.port), Arc::clone(&host.routes));
                }
            }
            continue;
        };
        let name = &proxy.mesh.callees[only].host;
        let Some(host) = hosts.named(name) else { continue };
        let names = vec![name.clone()];
        towards.insert((seen_as(proxy, only), list.port), Arc::clone(&host.routes));
        // Of two equal virtual hosts the one in the shared list is kept.
        if !(shared.contains(&list.port) && host.names == names) {
            group.push(listed(host, names, &list.name));
        }
    }
    table.http.retain(|_, hosts| !hosts.is_empty());
    add_connections(proxy, &table.tcp, &mut towards);
    ProxyRoutes { table: Arc::new(table), towards }
}

/// The virtual hosts that the listener for a port serves.
struct PortHosts {
    all: Vec<Host>,
    by_name: BTreeMap<String, usize>,
}

impl PortHosts {
    fn new(proxy: &Proxy<'_, '_>, port: u16, plain: &mut Plain) -> Self {
        let all = proxy.view.listener(port).map_or_else(Vec::new, |listener| {
            let wanted = if listener.is_http_proxy() { 0 } else { port };
            virtual_hosts::of_port(proxy, listener, wanted, plain)
        });
        let mut by_name = BTreeMap::new();
        for (index, host) in all.iter().enumerate() {
            for name in &host.names {
                by_name.entry(name.clone()).or_insert(index);
            }
        }
        Self { all, by_name }
    }

    fn named(&self, name: &str) -> Option<&Host> {
        self.all.get(*self.by_name.get(name)?)
    }
}

/// The service whose clusters a proxy has, where several services of one name share a virtual host.
fn seen_as(proxy: &Proxy<'_, '_>, callee: usize) -> usize {
    let host = &proxy.mesh.callees[callee].host;
    proxy.view.by_host.get(host).copied().unwrap_or(callee)
}

/// The service of a host that only a virtual service brings into the proxy's sight.
fn imported(proxy: &Proxy<'_, '_>, host: &Host) -> Option<usize> {
    let [name] = host.names.as_slice() else { return None };
    proxy.view.by_host.get(name).copied()
}

fn listed(host: &Host, names: Vec<String>, list: &str) -> VirtualHost {
    VirtualHost {
        names,
        listed_in: list.to_owned(),
        routes: Arc::clone(&host.routes),
        https_redirect: None,
        depends_on_age: host.depends_on_age.clone(),
    }
}

/// Connections to a service port that are forwarded elsewhere, as routes of that port.
fn add_connections(
    proxy: &Proxy<'_, '_>,
    tcp: &[TcpRoute],
    towards: &mut BTreeMap<(usize, u16), Arc<[Route]>>,
) {
    for route in tcp.iter().filter(|route| route.sni.is_empty() && route.subnets.is_empty()) {
        let Some(callee) = proxy.view.by_host.get(&route.listen) else { continue };
        let http = proxy.mesh.callees[*callee].speaks_http(route.port);
        if !http && !route.destinations.is_empty() {
            let whole = forwarded(route.destinations.clone(), route);
            towards.insert((*callee, route.port), Arc::from([whole]));
        }
    }
}

/// A route for connections: there are no requests to limit or to repeat.
fn forwarded(destinations: Vec<Destination>, route: &TcpRoute) -> Route {
    let none = retries::none(defaults::NOT_HTTP);
    Route {
        object: route.object.clone(),
        ..Route::towards(destinations, Setting::default_of(None, defaults::NOT_HTTP), none)
    }
}
