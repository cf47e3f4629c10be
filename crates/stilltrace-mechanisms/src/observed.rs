//! What the platform says about the recent past: who called whom, and which settings changed.

use std::collections::BTreeSet;

use stilltrace_model::{Call, EdgeId, Entity, Platform, Workload, WorkloadId};

/// The observed edge into a workload that carries most requests.
pub(crate) fn busiest_edge_into<'a>(
    platform: &'a Platform,
    workload: &WorkloadId,
) -> Option<&'a EdgeId> {
    busiest(platform.calls.iter().filter(|call| {
        let service = platform.services.get(&call.edge.destination);
        service.is_some_and(|service| service.workloads.contains(workload))
    }))
}

/// The observed edge from a workload that carries most requests.
pub(crate) fn busiest_edge_from<'a>(
    platform: &'a Platform,
    workload: &WorkloadId,
) -> Option<&'a EdgeId> {
    busiest(platform.calls.iter().filter(|call| *call.edge.source == *workload))
}

/// Ties go to the smaller edge, so that the answer does not depend on the order of the input.
fn busiest<'a>(calls: impl Iterator<Item = &'a Call>) -> Option<&'a EdgeId> {
    calls
        .max_by(|a, b| a.requests.total_cmp(&b.requests).then_with(|| b.edge.cmp(&a.edge)))
        .map(|call| &call.edge)
}

/// The edges that were seen in use.
///
/// Many settings are harmful only under load. In a plain repository, where nothing was observed,
/// flagging each of them would flag nearly every manifest there is.
pub(crate) fn called_edges(platform: &Platform) -> BTreeSet<&EdgeId> {
    platform.calls.iter().map(|call| &call.edge).collect()
}

/// Whether the workload was seen answering requests.
pub(crate) fn is_asked(platform: &Platform, workload: &WorkloadId) -> bool {
    busiest_edge_into(platform, workload).is_some()
}

/// Whether a request on `first` can be what makes the callee call on `second`.
pub(crate) fn leads_to(platform: &Platform, first: &EdgeId, second: &EdgeId) -> bool {
    let service = platform.services.get(&first.destination);
    service.is_some_and(|service| service.workloads.contains(&second.source))
}

/// The value that a setting had before the first change in the window that touched it.
pub(crate) fn value_before<'a>(
    platform: &'a Platform,
    entity: &Entity,
    setting: &str,
) -> Option<&'a str> {
    platform
        .changes
        .iter()
        .flat_map(|change| &change.settings)
        .find(|change| change.entity == *entity && change.setting == setting)
        .map(|change| change.before.as_str())
}

/// Whether a change in the window touched a setting.
pub(crate) fn changed(platform: &Platform, entity: &Entity, setting: &str) -> bool {
    value_before(platform, entity, setting).is_some()
}

/// Whether at least half of all proxies fulfil a condition: then the sum over all proxies shows
/// its cost better than a single proxy does.
pub(crate) fn on_most_proxies(platform: &Platform, holds: impl Fn(&Workload) -> bool) -> bool {
    let proxies = platform.workloads.values().filter(|workload| workload.sidecar.is_some());
    let (all, with) = proxies.fold((0_usize, 0_usize), |(all, with), workload| {
        (all + 1, with + usize::from(holds(workload)))
    });
    with > 1 && with * 2 >= all
}
