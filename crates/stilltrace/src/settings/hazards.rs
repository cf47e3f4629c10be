//! Hazards that the settings alone decide, joined with what to do about them.

use stilltrace_manifest::parallel;
use stilltrace_mechanisms::{Surveyed, catalog};
use stilltrace_model::{Certainty, Entity, Platform};
use stilltrace_report::settings::Advised;

use super::named::Narrowed;

/// Hazards of the whole platform, by entity. What needs measurements to matter is left to `why`.
pub(super) fn of(platform: &Platform) -> Vec<Advised> {
    // Each mechanism walks all edges, which shows in a mesh of thousands.
    let surveyed = Surveyed::new(platform);
    let found = parallel::map(catalog(), |mechanism| {
        let hazards = mechanism.hazards(&surveyed).into_iter();
        let certain = hazards.filter(|hazard| hazard.certainty != Certainty::NeedsLiveData);
        certain.map(|hazard| Advised { remedy: mechanism.remedy(&hazard), hazard }).collect()
    });
    let mut found: Vec<Advised> = found.into_iter().flat_map(|found: Vec<_>| found).collect();
    found.sort_by(|a, b| {
        let key = |one: &'_ Advised| (one.hazard.entity.clone(), one.hazard.mechanism);
        key(a).cmp(&key(b)).then_with(|| a.hazard.message.cmp(&b.hazard.message))
    });
    found.dedup();
    found
}

/// Leaves those that concern what is left of the platform.
pub(super) fn keep(hazards: &mut Vec<Advised>, platform: &Platform, narrowed: &Narrowed) {
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
                || clients.any(|client| {
                    platform.workloads.contains_key(client) || narrowed.is_ambient_caller(client)
                });
            concerned && narrowed.calls(platform, service)
        }
        Entity::Mesh => true,
    });
}
