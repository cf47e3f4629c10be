//! Workloads and edges with the settings in effect on them.

use std::{collections::BTreeMap, fmt, time::Duration};

use crate::{
    Call, Change, CommitId, EdgeId, Gap, Location, ObjectRef, Origin, Owner, ServiceId, Setting,
    Workload, WorkloadId,
};

/// What is in effect at one revision, and how it came to be.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Platform {
    /// The revision in effect at the end of the window.
    pub revision: Option<CommitId>,
    /// All workloads.
    pub workloads: BTreeMap<WorkloadId, Workload>,
    /// All services.
    pub services: BTreeMap<ServiceId, Service>,
    /// Every service port that a workload's proxy may call, whether or not it does.
    pub edges: BTreeMap<EdgeId, Edge>,
    /// Who called whom, as observed, sorted; empty where nothing was observed (a plain repository).
    pub calls: Vec<Call>,
    /// Commits of the window and shortly before, oldest first, with what they changed in effect.
    pub changes: Vec<Change>,
    /// Owners by path pattern, in the order of `CODEOWNERS`: the last match wins.
    pub code_owners: Vec<(String, Vec<Owner>)>,
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
    /// `namespace/name`.
    pub id: ServiceId,
    /// Where the object starts in Git.
    pub origin: Origin,
    /// Service port to protocol (`http`, `http2`, `grpc`, `tcp`, `auto`).
    pub ports: BTreeMap<u16, String>,
    /// Workloads whose pods it selects, sorted.
    pub workloads: Vec<WorkloadId>,
}

/// Which program applies an object to the cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReconcilerKind {
    /// An Argo CD `Application`.
    ArgoCd,
    /// A Flux `Kustomization`.
    Flux,
}

impl fmt::Display for ReconcilerKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ArgoCd => "Argo CD Application",
            Self::Flux => "Flux Kustomization",
        })
    }
}

/// The Argo CD or Flux object that applies a folder of the repository.
#[derive(Debug, Clone, PartialEq)]
pub struct Reconciler {
    /// Argo CD or Flux.
    pub kind: ReconcilerKind,
    /// The object itself.
    pub object: ObjectRef,
    /// The folder it applies.
    pub path: String,
    /// Where it is written.
    pub at: Location,
}

/// The calls of one workload to one service port, and what its proxy does with them.
#[derive(Debug, Clone, PartialEq)]
pub struct Edge {
    /// Who calls what.
    pub id: EdgeId,
    /// Routes in the order in which the proxy tries them; at least one.
    pub routes: Vec<Route>,
    /// Policy towards the destination when a route names no subset.
    pub policy: TrafficPolicy,
    /// Subsets by name: the pod labels and the complete policy (nothing is inherited when reading).
    pub subsets: BTreeMap<String, (BTreeMap<String, String>, TrafficPolicy)>,
    /// Pods behind the destination, where Git says.
    pub endpoints: Option<u32>,
}

/// One route of a proxy.
#[derive(Debug, Clone, PartialEq)]
pub struct Route {
    /// The `VirtualService` that it comes from; `None` for the route a service gets by itself.
    pub object: Option<Origin>,
    /// Name in the `VirtualService`, or empty.
    pub name: String,
    /// Match conditions as printed text, such as `prefix /api`; empty matches everything.
    pub matches: Vec<String>,
    /// Where requests go, with weights that add up to the whole.
    pub destinations: Vec<Destination>,
    /// Time for the whole request with all tries; `None` is no limit.
    pub timeout: Setting<Option<Duration>>,
    /// Retry policy.
    pub retries: Retries,
    /// Injected faults.
    pub fault: Option<FaultRule>,
    /// Mirrored copies.
    pub mirrors: Vec<Mirror>,
}

/// A weighted target of a route.
#[derive(Debug, Clone, PartialEq)]
pub struct Destination {
    /// The service.
    pub service: ServiceId,
    /// The service port.
    pub port: u16,
    /// The subset, if one is named.
    pub subset: Option<String>,
    /// Relative weight; 100 for a single target.
    pub weight: Setting<u32>,
}

/// When and how often a request is sent again.
#[derive(Debug, Clone, PartialEq)]
pub struct Retries {
    /// Tries after the first; 0 is none.
    pub attempts: Setting<u32>,
    /// Time for one try; `None`: a try may use the whole timeout.
    pub per_try_timeout: Setting<Option<Duration>>,
    /// Conditions, such as `5xx`, `reset`, `connect-failure`.
    pub retry_on: Setting<Vec<String>>,
}

/// An injected delay or abort.
#[derive(Debug, Clone, PartialEq)]
pub struct FaultRule {
    /// Added delay and the share of requests in percent.
    pub delay: Option<(Setting<Duration>, f64)>,
    /// HTTP status answered and the share of requests in percent.
    pub abort: Option<(Setting<u16>, f64)>,
}

/// A copy of requests sent elsewhere.
#[derive(Debug, Clone, PartialEq)]
pub struct Mirror {
    /// Where copies go.
    pub destination: ServiceId,
    /// Port there.
    pub port: u16,
    /// Share of requests in percent.
    pub percent: Setting<f64>,
}

/// How a proxy treats a destination (`DestinationRule` traffic policy with defaults filled in).
#[derive(Debug, Clone, PartialEq)]
pub struct TrafficPolicy {
    /// The `DestinationRule` that applies, if any.
    pub object: Option<Origin>,
    /// Connection pool limits.
    pub pool: Pool,
    /// Outlier detection, if a block is present.
    pub outlier: Option<OutlierDetection>,
    /// Load balancing.
    pub load_balancer: Setting<LoadBalancer>,
    /// Transport security towards the destination.
    pub tls: Setting<TlsMode>,
    /// Bound on parallel retries, if set.
    pub retry_budget: Option<RetryBudget>,
}

/// Connection pool limits of one client proxy towards one destination. `None` is no limit.
#[derive(Debug, Clone, PartialEq)]
pub struct Pool {
    /// `tcp.maxConnections`.
    pub max_connections: Setting<Option<u32>>,
    /// `tcp.connectTimeout`.
    pub connect_timeout: Setting<Duration>,
    /// `http.http1MaxPendingRequests`.
    pub max_pending_requests: Setting<Option<u32>>,
    /// `http.http2MaxRequests`: requests in flight, HTTP/1.1 included.
    pub max_requests: Setting<Option<u32>>,
    /// `http.maxRequestsPerConnection`.
    pub max_requests_per_connection: Setting<Option<u32>>,
    /// `http.maxRetries`: retries in flight.
    pub max_retries: Setting<Option<u32>>,
    /// `http.idleTimeout`; `None` is the proxy's default of 1 h.
    pub idle_timeout: Setting<Option<Duration>>,
}

/// When a proxy stops sending to an endpoint.
#[derive(Debug, Clone, PartialEq)]
pub struct OutlierDetection {
    /// Where the block starts.
    pub origin: Origin,
    /// Failures in a row that eject; 0 switches the detector off.
    pub consecutive_5xx: Setting<u32>,
    /// Time between sweeps.
    pub interval: Setting<Duration>,
    /// First ejection time; grows with repeats.
    pub base_ejection_time: Setting<Duration>,
    /// Share of endpoints that may be ejected at once.
    pub max_ejection_percent: Setting<u32>,
    /// Below this share of healthy endpoints ejections are ignored.
    pub min_health_percent: Setting<u32>,
}

/// Bound on parallel retries as a share of requests in flight.
#[derive(Debug, Clone, PartialEq)]
pub struct RetryBudget {
    /// Share in percent.
    pub percent: Setting<f64>,
    /// Retries always allowed.
    pub min_concurrency: Setting<u32>,
}

/// Load balancing policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LoadBalancer {
    /// Two random choices, the less loaded one; Istio's default.
    LeastRequest,
    /// In turn.
    RoundRobin,
    /// At random.
    Random,
    /// To the address the caller dialled.
    Passthrough,
    /// By a hash of the request.
    ConsistentHash,
}

impl fmt::Display for LoadBalancer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::LeastRequest => "LEAST_REQUEST",
            Self::RoundRobin => "ROUND_ROBIN",
            Self::Random => "RANDOM",
            Self::Passthrough => "PASSTHROUGH",
            Self::ConsistentHash => "consistentHash",
        })
    }
}

/// Transport security towards a destination.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TlsMode {
    /// Mutual TLS to endpoints that have a proxy, plaintext to the others; Istio's default.
    Auto,
    /// Mutual TLS with Istio's certificates, always.
    IstioMutual,
    /// TLS without a client certificate.
    Simple,
    /// TLS with the user's own client certificate.
    Mutual,
    /// Plaintext.
    Disable,
}

impl fmt::Display for TlsMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Auto => "auto",
            Self::IstioMutual => "ISTIO_MUTUAL",
            Self::Simple => "SIMPLE",
            Self::Mutual => "MUTUAL",
            Self::Disable => "DISABLE",
        })
    }
}

mod listing;
mod owners;
