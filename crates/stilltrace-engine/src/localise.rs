//! Where the excess sits: which proxy, path or server explains the added time.
//!
//! Every edge and every server is converted to one unit, seconds added per second (added latency ×
//! requests) or, for an error symptom, failed requests per second. Both ends of an edge are
//! compared first: what the caller reports beyond the callee's own report is the edge's own (proxy,
//! pool, network, retries); what the callee reports beyond what its own callees explain is the
//! server's own. Localising knows nothing of mechanisms: it says where, never why.

use std::collections::BTreeMap;

use stilltrace_model::{Capture, EdgeId, Entity, Indicator, Platform, Signal, WorkloadId, signal};

use crate::{
    measure,
    reach::{Reach, workloads_behind},
    symptom::Onset,
};

/// The excess that edges and servers do not pass on, as shares of the whole.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Location {
    /// Own excess of each edge, in seconds per second or failures per second; never negative.
    pub(crate) edges: BTreeMap<EdgeId, f64>,
    /// Own excess of each server; never negative.
    pub(crate) servers: BTreeMap<WorkloadId, f64>,
    /// Edges whose callee did not report: their excess may belong to either end.
    pub(crate) one_sided: Vec<EdgeId>,
}

/// Distributes the excess over the reachable part of the call graph.
pub(crate) fn locate(
    capture: &Capture,
    platform: &Platform,
    reach: &Reach,
    indicator: Indicator,
    onset: &Onset,
) -> Location {
    let view = View { capture, onset, errors: indicator == Indicator::Errors };
    let mut location = Location::default();
    let mut passed_on: BTreeMap<WorkloadId, f64> = BTreeMap::new();
    let mut reported: BTreeMap<WorkloadId, f64> = BTreeMap::new();
    for edge in &reach.edges {
        let Some(sent) =
            view.excess(edge, signal::EDGE_LATENCY, signal::EDGE_ERRORS, signal::EDGE_REQUESTS)
        else {
            continue;
        };
        *passed_on.entry(WorkloadId::clone(&edge.source)).or_default() += sent.max(0.0);
        let served = view.excess(
            edge,
            signal::EDGE_SERVER_LATENCY,
            signal::EDGE_SERVER_ERRORS,
            signal::EDGE_ATTEMPTS,
        );
        if let Some(excess) = served {
            let behind = workloads_behind(&edge.destination, platform);
            for workload in &behind {
                *reported.entry(workload.clone()).or_default() +=
                    excess.max(0.0) / behind.len() as f64;
            }
        } else {
            location.one_sided.push(edge.clone());
        }
        let own = sent - served.unwrap_or(0.0);
        location.edges.insert(edge.clone(), own.max(0.0));
    }
    for (workload, reported) in reported {
        let own = reported - passed_on.get(&workload).copied().unwrap_or(0.0);
        location.servers.insert(workload, own.max(0.0));
    }
    location
}

impl Location {
    /// All excess together.
    pub(crate) fn total(&self) -> f64 {
        self.edges.values().sum::<f64>() + self.servers.values().sum::<f64>()
    }

    /// The share of the excess that a cause at this entity can explain, between 0 and 1; `None`
    /// where no excess was measured at all.
    ///
    /// A proxy or path cause at a workload shows on the edges at both its sides; a cause at an edge
    /// also loads the server behind it. A cause in the application shows in its server alone.
    pub(crate) fn share(
        &self,
        entity: &Entity,
        in_application: bool,
        platform: &Platform,
    ) -> Option<f64> {
        let total = self.total();
        if total <= 0.0 {
            return None;
        }
        let explained = match entity {
            // More requests for a service load all that it calls, and what gives way first may be any
            // of it.
            Entity::Mesh | Entity::Service(_) => return None,
            Entity::Edge(edge) => {
                self.edges.get(edge).copied().unwrap_or(0.0)
                    + self.behind(&edge.destination, platform)
            }
            Entity::Workload(workload) if in_application => {
                self.servers.get(workload).copied().unwrap_or(0.0)
            }
            Entity::Workload(workload) => {
                let touching = self.edges.iter().filter(|(edge, _)| {
                    *edge.source == *workload
                        || workloads_behind(&edge.destination, platform).contains(workload)
                });
                touching.map(|(_, excess)| excess).sum::<f64>()
                    + self.servers.get(workload).copied().unwrap_or(0.0)
            }
        };
        Some((explained / total).clamp(0.0, 1.0))
    }

    /// The edge or server with the most own excess, edges first when equal.
    pub(crate) fn top(&self) -> Option<(Entity, f64)> {
        let edges = self.edges.iter().map(|(edge, excess)| (Entity::Edge(edge.clone()), *excess));
        let servers = self
            .servers
            .iter()
            .map(|(workload, excess)| (Entity::Workload(workload.clone()), *excess));
        let mut all: Vec<(Entity, f64)> =
            edges.chain(servers).filter(|(_, excess)| *excess > 0.0).collect();
        all.sort_by(|a, b| b.1.total_cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
        all.into_iter().next()
    }

    fn behind(&self, service: &stilltrace_model::ServiceId, platform: &Platform) -> f64 {
        workloads_behind(service, platform)
            .iter()
            .filter_map(|workload| self.servers.get(workload))
            .sum()
    }
}

struct View<'a> {
    capture: &'a Capture,
    onset: &'a Onset,
    errors: bool,
}

impl View<'_> {
    /// Added seconds, or added failures, per second.
    fn excess(&self, edge: &EdgeId, latency: Signal, errors: Signal, rate: Signal) -> Option<f64> {
        let rate = measure::reading(self.capture, &rate.of(edge), self.onset)?.after;
        let bad = if self.errors { errors } else { latency };
        let bad = measure::reading(self.capture, &bad.of(edge), self.onset)?;
        Some((bad.after - bad.before.unwrap_or(0.0)) * rate)
    }
}
