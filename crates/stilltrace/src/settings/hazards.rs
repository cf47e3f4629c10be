//! Hazards that the settings alone decide, joined with what to do about them.

use std::collections::BTreeSet;

use stilltrace_mechanisms::catalog;
use stilltrace_model::{Certainty, Entity, Platform, ServiceId};
use stilltrace_report::settings::Advised;

/// Hazards of the whole platform, by entity. What needs measurements to matter is left to `why`.
pub(super) fn of(platform: &Platform) -> Vec<Advised> {
    let mut found = Vec::new();
    for mechanism in catalog() {
        let hazards = mechanism.hazards(platform).into_iter();
        found.extend(
            hazards
                .filter(|hazard| hazard.certainty != Certainty::NeedsLiveData)
                .map(|hazard| Advised { remedy: mechanism.remedy(&hazard), hazard }),
        );
    }
    found.sort_by(|a, b| {
        let key = |one: &'_ Advised| (one.hazard.entity.clone(), one.hazard.mechanism);
        key(a).cmp(&key(b)).then_with(|| a.hazard.message.cmp(&b.hazard.message))
    });
    found.dedup();
    found
}

/// Leaves those that concern what is left of the platform.
pub(super) fn keep(hazards: &mut Vec<Advised>, platform: &Platform) {
    let called: BTreeSet<&ServiceId> =
        platform.edges.keys().map(|edge| &edge.destination).collect();
    hazards.retain(|advised| match &advised.hazard.entity {
        Entity::Edge(edge) => platform.edges.contains_key(edge),
        Entity::Workload(workload) => platform.workloads.contains_key(workload),
        Entity::Service(service) => {
            let clients = advised.hazard.related.iter().filter_map(|entity| match entity {
                Entity::Workload(id) => Some(id),
                _ => None,
            });
            let mut clients = clients.peekable();
            let concerned = clients.peek().is_none()
                || clients.any(|client| platform.workloads.contains_key(client));
            called.contains(service) && concerned
        }
        Entity::Mesh => true,
    });
}
