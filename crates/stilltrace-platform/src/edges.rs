//! What every proxy does with calls to every service port that it sees.

use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;

use stilltrace_model::{Edge, EdgeId, Route, Setting, WorkloadId};

use crate::destination_rule::Rules;
use crate::directory::Directory;
use crate::endpoints;
use crate::field::Field;
use crate::gateway_api::Listener;
use crate::injection::Injected;
use crate::installation::Installation;
use crate::inventory::Inventory;
use crate::mesh_config::MeshConfig;
use crate::peer_authentication::PeerPolicies;
use crate::policy::{self, Around, Client, Policies};
use crate::ports;
use crate::scope::View;
use crate::services::Callee;
use crate::tables::{ProxyRoutes, Tables};
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
    /// What Istio is installed with.
    pub(crate) installation: &'a Installation<'a>,
    /// The share of requests traced where no proxy's configuration says one, in percent.
    pub(crate) sampling: Setting<f64>,
    /// All services.
    pub(crate) callees: &'a [Callee],
    /// Services by name.
    pub(crate) directory: &'a Directory,
    /// All virtual services, oldest first.
    pub(crate) virtual_services: &'a [VirtualService<'a>],
    /// All listeners of gateways of the Gateway API.
    pub(crate) listeners: &'a [Listener<'a>],
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
    /// What proxies route.
    pub(crate) tables: Tables,
}

impl Mesh<'_> {
    /// The edges of a workload's proxy: one per service port that it sees.
    pub(crate) fn edges(
        &self,
        pods: &Pods<'_>,
        view: &View,
        routes: &ProxyRoutes,
        shared: &mut Shared,
    ) -> Vec<Edge> {
        let source = Arc::new(pods.id.clone());
        let mut found = Vec::new();
        for (callee, ports) in &view.services {
            if self.callees[*callee].is_alias() {
                continue;
            }
            for port in ports {
                let towards = match pods.injected {
                    Injected::Nothing => continue,
                    Injected::Sidecar => shared.tables.towards(self, routes, *callee, *port),
                    Injected::Gateway => routes.led_to(*callee, *port),
                };
                found.extend(self.edge((pods, &source), *callee, *port, towards, shared));
            }
        }
        found
    }

    fn edge(
        &self,
        (pods, source): (&Pods<'_>, &Arc<WorkloadId>),
        callee: usize,
        port: u16,
        routes: Arc<[Route]>,
        shared: &mut Shared,
    ) -> Option<Edge> {
        let target = &self.callees[callee];
        let clusters = self.clusters(pods, callee, port, shared);
        let policy = clusters.policy.clone()?;
        Some(Edge {
            id: EdgeId::new(Arc::clone(source), Arc::clone(&target.id), port),
            routes,
            policy,
            subsets: Arc::clone(&clusters.subsets),
            endpoints: self.endpoints[callee],
            protocol: self.own_protocol(callee, port),
        })
    }

    /// The protocol of a port where another service of the same name may say something else of it.
    fn own_protocol(&self, callee: usize, port: u16) -> Option<Setting<String>> {
        let target = &self.callees[callee];
        let named = self.directory.named(&target.host).iter();
        let twins = named.filter(|twin| self.callees[**twin].id == target.id).count();
        let own = (twins > 1).then(|| ports::explained(&target.declared));
        own.and_then(|mut ports| ports.remove(&port))
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

    /// The mesh's default retry policy, where one is written.
    pub(crate) fn retries(&self) -> Option<Field<'_>> {
        self.document.as_ref().and_then(|document| document.get("defaultHttpRetryPolicy"))
    }
}
