//! What every proxy does with calls to every service port that it sees.

use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;

use stilltrace_model::{Edge, EdgeId, Route, ServiceId};

use crate::defaults;
use crate::destination_rule::Rules;
use crate::endpoints;
use crate::field::Field;
use crate::gateways;
use crate::injection::Injected;
use crate::inventory::Inventory;
use crate::matching::Caller;
use crate::mesh_config::MeshConfig;
use crate::peer_authentication::PeerPolicies;
use crate::policy::{self, Around, Client, Policies};
use crate::retries;
use crate::routes::{self, Resolve, unknown_service};
use crate::scope::{Listener, View};
use crate::services::Callee;
use crate::virtual_service::VirtualService;
use crate::workloads::Pods;

/// Everything that decides about edges.
pub(crate) struct Mesh<'a> {
    /// All objects.
    pub(crate) inventory: &'a Inventory<'a>,
    /// Mesh-wide values.
    pub(crate) config: &'a MeshConfig,
    /// The mesh configuration as written.
    pub(crate) document: Option<Field<'a>>,
    /// All services.
    pub(crate) callees: &'a [Callee],
    /// All virtual services, oldest first.
    pub(crate) virtual_services: &'a [VirtualService<'a>],
    /// All destination rules.
    pub(crate) rules: &'a Rules<'a>,
    /// Who demands mutual TLS.
    pub(crate) peers: &'a PeerPolicies<'a>,
    /// Number of pods behind each service, by index, where Git says.
    pub(crate) endpoints: Vec<Option<u32>>,
}

/// Values that many edges share, computed once.
#[derive(Default)]
pub(crate) struct Shared {
    policies: BTreeMap<(usize, u16, Option<usize>, bool), Rc<Policies>>,
    routes: BTreeMap<(usize, usize, u16), Arc<[Route]>>,
}

/// Destinations as a proxy resolves them.
struct Names<'a> {
    callees: &'a [Callee],
    namespace: &'a str,
    /// The port that a sidecar's listener serves; gateways look at the service instead.
    listener: u16,
    gateway: bool,
}

impl Names<'_> {
    fn callee(&self, host: &str) -> Option<&Callee> {
        let named = || self.callees.iter().filter(|callee| callee.host == host);
        named().find(|callee| callee.id.namespace == self.namespace).or_else(|| named().next())
    }
}

impl Resolve for Names<'_> {
    fn service(&self, host: &str) -> ServiceId {
        self.callee(host).map_or_else(|| unknown_service(host), |callee| callee.id.clone())
    }

    fn implied_port(&self, host: &str) -> u16 {
        // A sidecar looks the destination up among the services of its listener's port, so the
        // implied port is the one that the caller dials, whatever the destination exposes.
        let ports = self.callee(host).filter(|_| self.gateway).map(|callee| &callee.ports);
        match ports.filter(|ports| ports.len() == 1).and_then(|ports| ports.keys().next()) {
            Some(port) => *port,
            None => self.listener,
        }
    }
}

impl Mesh<'_> {
    /// The edges of a workload's proxy. `view` and its number identify what the proxy sees.
    pub(crate) fn edges(
        &self,
        pods: &Pods<'_>,
        view: (usize, &View),
        shared: &mut Shared,
    ) -> Vec<Edge> {
        match pods.injected {
            Injected::Nothing => Vec::new(),
            Injected::Sidecar => self.sidecar_edges(pods, view, shared),
            Injected::Gateway => self.gateway_edges(pods, view.1, shared),
        }
    }

    fn sidecar_edges(
        &self,
        pods: &Pods<'_>,
        (number, view): (usize, &View),
        shared: &mut Shared,
    ) -> Vec<Edge> {
        let mut found = Vec::new();
        for (callee, ports) in &view.services {
            if self.callees[*callee].is_alias() {
                continue;
            }
            for port in ports {
                let routes = self.sidecar_routes(pods, (number, view), *callee, *port, shared);
                found.extend(self.edge(pods, *callee, *port, routes, shared));
            }
        }
        found
    }

    /// Routes of a sidecar towards one service port, from the cache unless they depend on labels.
    fn sidecar_routes(
        &self,
        pods: &Pods<'_>,
        (number, view): (usize, &View),
        callee: usize,
        port: u16,
        shared: &mut Shared,
    ) -> Arc<[Route]> {
        if let Some(routes) = shared.routes.get(&(number, callee, port)) {
            return Arc::clone(routes);
        }
        let (routes, for_all) = self.claimed_routes(pods, view, callee, port);
        let routes: Arc<[Route]> = Arc::from(routes);
        if for_all {
            shared.routes.insert((number, callee, port), Arc::clone(&routes));
        }
        routes
    }

    /// The routes of the first virtual service that has any for this caller, else the plain one;
    /// and whether they are the same for all callers with this view.
    fn claimed_routes(
        &self,
        pods: &Pods<'_>,
        view: &View,
        callee: usize,
        port: u16,
    ) -> (Vec<Route>, bool) {
        let target = &self.callees[callee];
        if !target.speaks_http(port) {
            let retries = retries::none(defaults::NOT_HTTP);
            return (vec![routes::plain(&target.id, port, retries)], true);
        }
        let namespace = pods.id.namespace.as_str();
        let client = Caller { labels: &pods.labels, namespace, gateway: "mesh", port };
        let names = Names { callees: self.callees, namespace, listener: port, gateway: false };
        let mesh_retries = self.mesh_retries();
        let mut for_all = true;
        // Where a listener on port 80 exists, virtual services also route hosts there that the
        // listener's services lack.
        let serves_80 = |l: &Listener| {
            let mut ports = l.services.iter().map(|(other, ports)| (&self.callees[*other], ports));
            ports.any(|(other, ports)| ports.contains(&80) && other.speaks_http(80))
        };
        let knows = |l: &&Listener| l.services.contains_key(&callee) || port == 80 && serves_80(l);
        let listener = view.listener(port).filter(knows);
        let claims = listener.map(|l| l.claims(callee, &target.host, self.virtual_services));
        for index in claims.into_iter().flatten() {
            let service = &self.virtual_services[index];
            for_all &= !service.looks_at_labels();
            let routes = routes::routes(service, &client, mesh_retries.as_ref(), &names);
            if !routes.is_empty() {
                return (routes, for_all);
            }
        }
        let retries = retries::read(None, mesh_retries.as_ref());
        (vec![routes::plain(&target.id, port, retries)], for_all)
    }

    /// The edges of a gateway: one per visible service port, with the routes that send requests there.
    fn gateway_edges(&self, pods: &Pods<'_>, view: &View, shared: &mut Shared) -> Vec<Edge> {
        let namespace = pods.id.namespace.as_str();
        let mesh_retries = self.mesh_retries();
        let mut by_target: BTreeMap<(ServiceId, u16), Vec<Route>> = BTreeMap::new();
        for server in gateways::servers(self.inventory, pods) {
            let client = Caller {
                labels: &pods.labels,
                namespace,
                gateway: &server.gateway,
                port: server.port,
            };
            let names =
                Names { callees: self.callees, namespace, listener: server.port, gateway: true };
            for service in self.virtual_services {
                let visible = service.visibility.includes(namespace);
                if !visible || server.served(service).is_empty() {
                    continue;
                }
                for route in routes::routes(service, &client, mesh_retries.as_ref(), &names) {
                    for target in route.destinations.clone() {
                        let routes = by_target.entry((target.service, target.port)).or_default();
                        if !routes.contains(&route) {
                            routes.push(route.clone());
                        }
                    }
                }
            }
        }
        let mut found = Vec::new();
        for (callee, ports) in &view.services {
            let target = &self.callees[*callee];
            for port in ports.iter().filter(|_| !target.is_alias()) {
                let mut routes = by_target.remove(&(target.id.clone(), *port)).unwrap_or_default();
                // Catch-alls of one virtual service do not hide the routes of another on a gateway.
                routes.sort_by_key(|route| route.matches.is_empty());
                found.extend(self.edge(pods, *callee, *port, Arc::from(routes), shared));
            }
        }
        found
    }

    fn edge(
        &self,
        pods: &Pods<'_>,
        callee: usize,
        port: u16,
        routes: Arc<[Route]>,
        shared: &mut Shared,
    ) -> Option<Edge> {
        let target = &self.callees[callee];
        let clusters = self.clusters(pods, callee, port, shared);
        let policy = clusters.policy.clone()?;
        Some(Edge {
            id: EdgeId { source: pods.id.clone(), destination: target.id.clone(), port },
            routes,
            policy,
            subsets: Arc::clone(&clusters.subsets),
            endpoints: self.endpoints[callee],
        })
    }

    /// The policies of a proxy towards a service port, from the cache unless they hold for it only.
    fn clusters(
        &self,
        pods: &Pods<'_>,
        callee: usize,
        port: u16,
        shared: &mut Shared,
    ) -> Rc<Policies> {
        let target = &self.callees[callee];
        let rule = self.rules.find(&pods.id.namespace, &pods.labels, target);
        let sidecar = pods.injected == Injected::Sidecar;
        let key = (callee, port, rule.map(|rule| rule.id), sidecar);
        if let Some(known) = shared.policies.get(&key) {
            return Rc::clone(known);
        }
        let client = Client {
            sidecar,
            labels: pods.labels.clone(),
            locality: endpoints::locality(&pods.labels),
        };
        let policies = Rc::new(policy::policies(rule, target, port, &client, &self.around()));
        if !policies.for_one_client {
            shared.policies.insert(key, Rc::clone(&policies));
        }
        policies
    }

    /// What clusters depend on in the whole mesh.
    pub(crate) fn around(&self) -> Around<'_> {
        Around { mesh: self.config, document: self.document.as_ref(), peers: self.peers }
    }

    fn mesh_retries(&self) -> Option<Field<'_>> {
        self.document.as_ref().and_then(|document| document.get("defaultHttpRetryPolicy"))
    }
}
