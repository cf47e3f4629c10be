//! Ambient mode: workloads without a proxy of their own, and waypoints before services.

use std::collections::BTreeMap;

use crate::{Origin, ServiceId, WorkloadId};

/// What ambient mode makes of a platform.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Ambient {
    /// Workloads in ambient mode, each with the label that says so.
    pub workloads: BTreeMap<WorkloadId, Origin>,
    /// The waypoint that a service names, by service; empty where no workload is in ambient mode.
    pub waypoints: BTreeMap<ServiceId, Waypoint>,
}

/// The waypoint that a service or its namespace names.
#[derive(Debug, Clone, PartialEq)]
pub struct Waypoint {
    /// `namespace/name` of its `Gateway`.
    pub name: String,
    /// The label that names it.
    pub label: Origin,
    /// What becomes of the service's requests.
    pub takes: WaypointTakes,
    /// Rules for the service that it looks at, sorted by their place.
    pub follows: Vec<Origin>,
}

/// Whether a waypoint takes the requests for a service that names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WaypointTakes {
    /// It does.
    Requests,
    /// Only those that are sent to pods, or none (`istio.io/waypoint-for`).
    OtherTraffic,
    /// Only those for services of namespaces that its listeners allow.
    OtherNamespaces,
    /// Nothing that was read makes the waypoint. Without it nothing stands before the service.
    Unread,
}
