//! Workloads and edges with the settings in effect on them.

use std::{collections::BTreeMap, sync::Arc};

use crate::{
    Call, Change, CommitId, EdgeId, Gap, Origin, Owner, ServiceId, Setting, Workload, WorkloadId,
};

mod ambient;
mod filter;
mod inbound;
mod ineffective;
mod listing;
mod owners;
mod policy;
mod reconciler;
mod refusal;
mod route;

pub use ambient::{Ambient, Waypoint, WaypointTakes};
pub use filter::{FilterPatch, PatchReach, PatchedPart};
pub use inbound::{Inbound, InboundPort, InboundRetries, MutualTls, TowardsApplication};
pub use ineffective::{Ineffective, WhyIneffective};
pub use policy::{
    Discovery, EndpointCount, HashTable, Http2, LoadBalancer, Locality, OutlierDetection, Pool,
    RetryBudget, TcpKeepalive, TlsMode, TrafficPolicy, Warmup,
};
pub use reconciler::{Contested, Reconciler, ReconcilerKind};
pub use refusal::Refusal;
pub use route::{
    AbortStatus, Alternative, Answer, Destination, FaultRule, HashKey, Injected, Mirror,
    NamedCondition, PathCondition, Retries, Rewrite, Route, RouteMatch, RouteTable, Target,
    TcpRoute, TextCondition, VirtualHost,
};

/// What is in effect at one revision, and how it came to be.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Platform {
    /// The revision in effect at the end of the window.
    pub revision: Option<CommitId>,
    /// The release of Istio that the repository installs, where it says.
    pub istio_version: Option<Setting<String>>,
    /// All workloads.
    pub workloads: BTreeMap<WorkloadId, Workload>,
    /// All services.
    pub services: BTreeMap<ServiceId, Service>,
    /// Every service port that a workload's proxy may call, whether or not it does.
    pub edges: BTreeMap<EdgeId, Edge>,
    /// Everything that a workload's proxy routes, hosts without a service included.
    pub routes: BTreeMap<WorkloadId, Arc<RouteTable>>,
    /// Who called whom, as observed, sorted; empty where nothing was observed (a plain repository).
    pub calls: Vec<Call>,
    /// Commits of the window and shortly before, oldest first, with what they changed in effect.
    pub changes: Vec<Change>,
    /// Owners by path pattern, in the order of `CODEOWNERS`: the last match wins.
    pub code_owners: Vec<(String, Vec<Owner>)>,
    /// What would be in effect if objects without a creation time were of other ages; only where
    /// some of them conflict, and enough for every one of those to win once. Whatever differs from
    /// this platform depends on age.
    pub under_other_ages: Vec<Platform>,
    /// Objects that admission would refuse, sorted; none of their values is in effect.
    pub refused: Vec<Refusal>,
    /// Rules that do nothing for those whom they are written for, by the place of the rule.
    pub ineffective: Vec<Ineffective>,
    /// Workloads without a proxy of their own, and what stands before services instead.
    pub ambient: Ambient,
    /// Who applies something to the cluster, whether or not that includes workloads.
    pub reconcilers: Vec<Reconciler>,
    /// Objects that several reconcilers apply, sorted.
    pub contested: Vec<Contested>,
    /// What could not be read or decided.
    pub gaps: Vec<Gap>,
}

impl Platform {
    /// The workload behind a service port: those whose pods the service selects.
    pub fn workloads_of<'a>(&'a self, service: &ServiceId) -> impl Iterator<Item = &'a Workload> {
        let selected = self
            .services
            .get(service)
            .map(|service| service.workloads.as_slice())
            .unwrap_or_default();
        selected.iter().filter_map(|id| self.workloads.get(id))
    }

    /// Pods behind a service, where every workload behind it says how many it has.
    pub fn endpoints_of(&self, service: &ServiceId) -> Option<u32> {
        let mut sum = 0_u32;
        let mut any = false;
        for workload in self.workloads_of(service) {
            sum = sum.saturating_add(workload.replicas.value?);
            any = true;
        }
        any.then_some(sum)
    }
}

/// A Kubernetes service.
#[derive(Debug, Clone, PartialEq)]
pub struct Service {
    /// `namespace/name`; for a host of a `ServiceEntry` the name is the host.
    pub id: ServiceId,
    /// Full host name, as proxies know it.
    pub host: String,
    /// Where the object starts in Git.
    pub origin: Origin,
    /// Service port to protocol (`http`, `http2`, `grpc`, `tcp`, `auto`).
    pub ports: BTreeMap<u16, Setting<String>>,
    /// Workloads whose pods it selects, sorted.
    pub workloads: Vec<WorkloadId>,
    /// The host that it is only another name for (`ExternalName`), with the line that says so.
    pub alias_of: Option<Setting<String>>,
}

/// The calls of one workload to one service port, and what its proxy does with them.
///
/// Many edges have the same routes and policies, so these are shared.
#[derive(Debug, Clone, PartialEq)]
pub struct Edge {
    /// Who calls what.
    pub id: EdgeId,
    /// Routes in the order in which the proxy tries them. At least one for a sidecar; a gateway has
    /// only those that its own hosts lead to.
    pub routes: Arc<[Route]>,
    /// Policy towards the destination when a route names no subset.
    pub policy: Arc<TrafficPolicy>,
    /// Subsets by name.
    pub subsets: Arc<Subsets>,
    /// Pods behind the destination, where Git says.
    pub endpoints: Option<u32>,
    /// Protocol of the port as this proxy knows it, where several services of one namespace have
    /// the destination's name; otherwise that of the service counts.
    pub protocol: Option<Setting<String>>,
}

/// Subsets by name: the pod labels and the complete policy (nothing is inherited when reading).
///
/// A node of the map has room for eleven values and most rules have one or two subsets, so the
/// large ones lie behind a pointer.
pub type Subsets = BTreeMap<String, (Setting<BTreeMap<String, String>>, Box<TrafficPolicy>)>;
