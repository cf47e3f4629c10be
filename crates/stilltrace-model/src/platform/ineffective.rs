//! Rules that are written, accepted, and yet do nothing for those whom they seem to be for.

use crate::{Origin, ServiceId, WorkloadId};

/// A `VirtualService` or `DestinationRule` that does not apply to clients whom its author must have
/// meant: they call the service, and its settings are the defaults instead.
#[derive(Debug, Clone, PartialEq)]
pub struct Ineffective {
    /// The rule.
    pub object: Origin,
    /// The line that takes the effect away.
    pub cause: Origin,
    /// Why it does nothing.
    pub reason: WhyIneffective,
    /// The service that it is written for.
    pub service: ServiceId,
    /// Workloads that call the service without the rule, sorted; never empty.
    pub clients: Vec<WorkloadId>,
}

/// Why a rule does nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum WhyIneffective {
    /// `exportTo` lists other namespaces and leaves out the rule's own.
    NotExportedToItself,
    /// `exportTo` lists namespaces in which there is no client of the service.
    ExportedToNobody,
    /// The clients' `Sidecar` lets the service in, but not the namespace of the rule.
    HiddenBySidecar,
    /// The host is `name.namespace`, which Istio does not complete: no service has that host.
    UnknownHost,
    /// The host differs from the service's in the case of letters alone, which Istio tells apart.
    OtherCase,
    /// A `DestinationRule` in a namespace that is neither the client's, the service's nor the root.
    ForeignNamespace,
    /// The clients have no sidecar (ambient mode), and the service no waypoint that would apply it.
    NoWaypoint,
    /// The clients have no sidecar (ambient mode), and nothing that was read makes the waypoint that
    /// the service names.
    WaypointUnread,
    /// The clients have no sidecar (ambient mode), and the service's waypoint does not look in the
    /// namespace of the rule.
    NotForWaypoint,
}
