//! Which workloads and edges can matter to the service asked about.

use std::collections::BTreeSet;

use stilltrace_model::{EdgeId, Entity, Platform, ServiceId, WorkloadId};

/// The observed calls that lead to the service and away from it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Reach {
    /// Edges into the service, and every edge downstream of it.
    pub(crate) edges: BTreeSet<EdgeId>,
    /// Workloads at either end of those edges.
    pub(crate) workloads: BTreeSet<WorkloadId>,
}

impl Reach {
    /// Follows the observed calls; where none were observed, every call that a proxy may make.
    pub(crate) fn of(service: &ServiceId, platform: &Platform) -> Self {
        let calls: Vec<EdgeId> = if platform.calls.is_empty() {
            platform.edges.keys().cloned().collect()
        } else {
            platform.calls.iter().map(|call| call.edge.clone()).collect()
        };
        let mut reach = Self::default();
        for edge in calls.iter().filter(|edge| *edge.destination == *service) {
            reach.workloads.insert(WorkloadId::clone(&edge.source));
            reach.edges.insert(edge.clone());
        }
        let mut open: Vec<WorkloadId> = workloads_behind(service, platform);
        let mut seen: BTreeSet<WorkloadId> = BTreeSet::new();
        while let Some(workload) = open.pop() {
            if !seen.insert(workload.clone()) {
                continue;
            }
            for edge in calls.iter().filter(|edge| *edge.source == workload) {
                reach.edges.insert(edge.clone());
                open.extend(workloads_behind(&edge.destination, platform));
            }
        }
        reach.workloads.extend(seen);
        reach
    }

    /// Whether something about the entity can reach the service.
    pub(crate) fn contains(&self, entity: &Entity) -> bool {
        match entity {
            Entity::Edge(edge) => self.edges.contains(edge),
            Entity::Workload(workload) => self.workloads.contains(workload),
            Entity::Service(service) => self.edges.iter().any(|edge| *edge.destination == *service),
            Entity::Mesh => true,
        }
    }
}

/// Workloads that a service selects; for a service that the repository does not hold, the workload
/// of the same name, so that captures without objects still connect.
pub(crate) fn workloads_behind(service: &ServiceId, platform: &Platform) -> Vec<WorkloadId> {
    let selected: Vec<WorkloadId> =
        platform.workloads_of(service).map(|workload| workload.id.clone()).collect();
    if selected.is_empty() {
        vec![WorkloadId::new(&service.namespace, &service.name)]
    } else {
        selected
    }
}
