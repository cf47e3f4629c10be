//! Weight exceeds capacity: few pods get a large share of the requests.

use std::collections::BTreeMap;

use stilltrace_model::{
    Certainty, Destination, Entity, Fix, Hazard, Platform, Prediction, Setting, WorkloadId, signal,
};

use crate::draft::{self, Draft};
use crate::in_use::{RouteInUse, target_edge, workloads_with};
use crate::wording::count;
use crate::{Mechanism, Surveyed};

/// ## What happens
/// A weight says which share of the requests goes to a destination, not how many pods are there to
/// answer them. Where the share is much larger than the destination's share of the pods, each of
/// its pods gets a multiple of the load that the others have.
///
/// ## Fingerprint
/// The requests that reach those pods jump at the change and their CPU with them, while the caller
/// sends no more than before. If errors or latency rise without the jump, suspect the release that
/// the pods run.
///
/// ## Fix
/// The weight that gives every pod the same load, or more pods first.
///
/// ## Fix safety
/// Needs review: fewer requests reach the destination, which may be a release under test.
///
/// ## References
/// - Istio: `HTTPRouteDestination.weight`, issue 33470
pub(crate) struct WeightExceedsCapacity;

/// Pods of the favoured destination get at least this multiple of the average pod's load: more
/// than services are commonly sized for, since autoscalers keep them near half of their limit.
const OVERLOAD: f64 = 2.0;

impl Mechanism for WeightExceedsCapacity {
    fn name(&self) -> &'static str {
        "weight-exceeds-capacity"
    }

    fn group(&self) -> &'static str {
        "balancing"
    }

    fn hazards(&self, platform: &Surveyed<'_>) -> Vec<Hazard> {
        platform.routes().iter().flat_map(|used| overloaded(platform, used)).collect()
    }

    fn predict(&self, hazard: &Hazard) -> Vec<Prediction> {
        let Entity::Edge(edge) = &hazard.entity else { return Vec::new() };
        let mut all = vec![
            signal::EDGE_REQUESTS
                .of(edge)
                .not_rising()
                .because("the requests are shared out differently, not more of them"),
        ];
        for entity in &hazard.related {
            if let Entity::Workload(target) = entity {
                all.push(
                    signal::INBOUND_REQUESTS
                        .of(target)
                        .rises()
                        .decisive()
                        .because("the weight sends the requests to these pods"),
                );
                all.push(
                    signal::APP_CPU.of(target).rises().because("more requests need more CPU there"),
                );
            }
        }
        all
    }

    fn fix(&self, hazard: &Hazard) -> Option<Fix> {
        let (setting, line) = hazard.settings.first().zip(hazard.origins.first())?;
        if !setting.contains("weight[") || line.location().is_none() {
            return None;
        }
        let fair = hazard.value("fair_weight")?.floor().max(1.0) as u32;
        let why = format!("{fair} is this destination's share of the pods");
        Some(draft::set(line, fair.to_string(), why))
    }
}

/// A destination with its weight and the workloads that it selects.
struct Share<'a> {
    destination: &'a Destination,
    weight: f64,
    pods: f64,
    workloads: Vec<(&'a WorkloadId, f64)>,
    /// What selects them, if a subset does.
    labels: Option<&'a Setting<BTreeMap<String, String>>>,
}

/// Hazards of a route; none where the pods of one of its destinations are not known.
fn overloaded(platform: &Platform, used: &RouteInUse<'_>) -> Vec<Hazard> {
    let shares: Option<Vec<Share<'_>>> =
        used.route.destinations.iter().map(|to| share(platform, used, to)).collect();
    let Some(shares) = shares.filter(|shares| shares.len() > 1) else { return Vec::new() };
    let Some(services) = pods_of_services(platform, used) else { return Vec::new() };
    let weights: f64 = shares.iter().map(|share| share.weight).sum();
    let selected: BTreeMap<_, _> =
        shares.iter().flat_map(|share| share.workloads.iter().copied()).collect();
    let selected: f64 = selected.values().sum();
    // Two destinations may select the same pods, and pods that none selects stand idle: that is how
    // an old release is kept, so as many idle pods as busy ones are no hazard.
    let onto = |workload: &WorkloadId| -> f64 {
        let selects = |share: &&Share<'_>| share.workloads.iter().any(|(one, _)| *one == workload);
        shares.iter().filter(selects).map(|share| share.weight / share.pods).sum()
    };
    let per_pod = |share: &Share<'_>| {
        let loads = share.workloads.iter().map(|(workload, _)| onto(workload));
        loads.fold(0.0, f64::max) / weights
    };
    let is_overload = |load: f64| load * selected >= OVERLOAD || load * services > OVERLOAD;
    let pods = if services > selected { services } else { selected };
    shares
        .iter()
        .filter(|share| share.pods > 0.0 && share.weight > 0.0)
        .map(|share| (share, per_pod(share)))
        .filter(|(_, load)| is_overload(*load))
        .map(|(share, load)| describe(used, &shares, share, load * pods, (weights, pods)))
        .collect()
}

/// Pods behind the services that a route names, if Git says how many there are.
fn pods_of_services(platform: &Platform, used: &RouteInUse<'_>) -> Option<f64> {
    let everything = BTreeMap::new();
    let mut all = BTreeMap::new();
    for to in &used.route.destinations {
        for workload in workloads_with(platform, &to.to.service, &everything) {
            all.insert(&workload.id, f64::from(workload.replicas.value?));
        }
    }
    Some(all.values().sum())
}

fn share<'a>(
    platform: &'a Platform,
    used: &RouteInUse<'a>,
    destination: &'a Destination,
) -> Option<Share<'a>> {
    let edge = target_edge(platform, used.edge, destination)?;
    let everything = BTreeMap::new();
    let labels = match &destination.to.subset {
        Some(subset) => Some(&edge.subsets.get(subset)?.0),
        None => None,
    };
    let wanted = labels.map_or(&everything, |labels| &labels.value);
    let mut workloads = Vec::new();
    for workload in workloads_with(platform, &destination.to.service, wanted) {
        workloads.push((&workload.id, f64::from(workload.replicas.value?)));
    }
    let pods = workloads.iter().map(|(_, pods)| pods).sum();
    Some(Share {
        destination,
        weight: f64::from(destination.weight.value),
        pods,
        workloads,
        labels,
    })
}

fn describe(
    used: &RouteInUse<'_>,
    shares: &[Share<'_>],
    share: &Share<'_>,
    load: f64,
    (weights, pods): (f64, f64),
) -> Hazard {
    let (id, to) = (&used.edge.id, &share.destination.to);
    let name = to.subset.as_ref().map_or_else(
        || to.service.to_string(),
        |subset| format!("{} (subset {subset})", to.service),
    );
    let message = format!(
        "{:.0}% of the requests of {} go to {name}, which is {} of {pods:.0}: each of them gets \
         {load:.1} times the load of an average pod",
        share.weight / weights * 100.0,
        id.source,
        count(share.pods as u32, "pod"),
    );
    let fair = (weights - share.weight) * share.pods / (pods - share.pods).max(1.0);
    let mut draft = Draft::new("weight-exceeds-capacity", id, Certainty::Certain, message)
        .setting(used.weight_name(share.destination), &share.destination.weight);
    // A share follows from all weights of the route: less for one is more for the others.
    for other in used.route.destinations.iter().filter(|other| *other != share.destination) {
        draft = draft.setting(used.weight_name(other), &other.weight);
    }
    for one in shares {
        if let (Some(subset), Some(labels)) = (&one.destination.to.subset, one.labels) {
            draft = draft.setting(format!("subset[{subset}].labels"), labels);
        }
    }
    let workloads = share.workloads.iter().map(|(workload, _)| *workload);
    draft.value("fair_weight", fair).related_all(workloads).done()
}
