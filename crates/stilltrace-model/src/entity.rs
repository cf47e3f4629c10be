//! What can be slow, changed or blamed.

use std::fmt;
use std::sync::Arc;

/// A Kubernetes service, `namespace/name`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ServiceId {
    /// Kubernetes namespace.
    pub namespace: String,
    /// Name inside the namespace.
    pub name: String,
}

/// A workload (Deployment, StatefulSet, …), `namespace/name`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WorkloadId {
    /// Kubernetes namespace.
    pub namespace: String,
    /// Name inside the namespace.
    pub name: String,
}

impl ServiceId {
    /// The service `namespace/name`.
    pub fn new(namespace: impl Into<String>, name: impl Into<String>) -> Self {
        Self { namespace: namespace.into(), name: name.into() }
    }
}

impl WorkloadId {
    /// The workload `namespace/name`.
    pub fn new(namespace: impl Into<String>, name: impl Into<String>) -> Self {
        Self { namespace: namespace.into(), name: name.into() }
    }
}

impl fmt::Display for ServiceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}

impl fmt::Display for WorkloadId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}

/// The calls of one workload to one service port.
///
/// Every proxy may know every service, so there are many edges to few names: these are shared.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EdgeId {
    /// The calling workload.
    pub source: Arc<WorkloadId>,
    /// The called service.
    pub destination: Arc<ServiceId>,
    /// The called service port.
    pub port: u16,
}

impl EdgeId {
    /// The calls of `source` to `port` of `destination`.
    pub fn new(
        source: impl Into<Arc<WorkloadId>>,
        destination: impl Into<Arc<ServiceId>>,
        port: u16,
    ) -> Self {
        Self { source: source.into(), destination: destination.into(), port }
    }
}

impl fmt::Display for EdgeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} -> {}:{}", self.source, self.destination, self.port)
    }
}

/// A pod's name, unique in its namespace.
pub type PodName = String;

/// One container of one pod.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ContainerId {
    /// Workload that the pod belongs to.
    pub workload: WorkloadId,
    /// The pod.
    pub pod: PodName,
    /// Container name; a sidecar is `istio-proxy`.
    pub container: String,
}

impl ContainerId {
    /// The name that Istio gives the injected proxy's container.
    pub const SIDECAR: &'static str = "istio-proxy";

    /// Whether this is the injected proxy.
    pub fn is_sidecar(&self) -> bool {
        self.container == Self::SIDECAR
    }
}

impl fmt::Display for ContainerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", self.workload.namespace, self.pod, self.container)
    }
}

/// Anything that a signal, a hazard or a hypothesis is about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Entity {
    /// A service as its callers see it.
    Service(ServiceId),
    /// A workload: its application and its proxy.
    Workload(WorkloadId),
    /// The calls of one workload to one service port.
    Edge(EdgeId),
    /// The whole mesh or cluster: something that every workload shares.
    Mesh,
}

impl fmt::Display for Entity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Service(id) => id.fmt(f),
            Self::Workload(id) => id.fmt(f),
            Self::Edge(id) => id.fmt(f),
            Self::Mesh => f.write_str("mesh"),
        }
    }
}

impl From<&EdgeId> for Entity {
    fn from(id: &EdgeId) -> Self {
        Self::Edge(id.clone())
    }
}

impl From<&WorkloadId> for Entity {
    fn from(id: &WorkloadId) -> Self {
        Self::Workload(id.clone())
    }
}

impl From<&ServiceId> for Entity {
    fn from(id: &ServiceId) -> Self {
        Self::Service(id.clone())
    }
}
