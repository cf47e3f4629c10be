//! Weight exceeds capacity: few pods get a large share of the requests.

use stilltrace_model::{Certainty, Entity, Fix, Hazard, Platform, Prediction, signal};

use crate::draft::{self, Draft};
use crate::in_use::RouteInUse;
use crate::shares::{Share, Shares};
use crate::wording::count;
use crate::{Mechanism, Surveyed};

/// ## What happens
/// A weight says which share of the requests goes to a destination, not how many pods are there to
/// answer them. Where the share is much larger than the destination's share of the pods, each of
/// its pods gets a multiple of the load that the others have. The same happens where two
/// destinations of one route select the same pods, by a label of a subset: theirs is the load of
/// both, and the pods that one of them used to select stand idle.
///
/// ## Fingerprint
/// The requests that reach those pods jump at the change and their CPU with them, while the caller
/// sends no more than before. If errors or latency rise without the jump, suspect the release that
/// the pods run.
///
/// ## Fix
/// The weight that gives every pod the same load, or more pods first. Weights that end at the same
/// pods change nothing: there the labels of a subset have to.
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

/// Hazards of a route; none where the pods of one of its destinations are not known.
fn overloaded(platform: &Platform, used: &RouteInUse<'_>) -> Vec<Hazard> {
    let Some(shares) = Shares::of(platform, used).filter(|shares| shares.all.len() > 1) else {
        return Vec::new();
    };
    let measured = shares.all.iter().filter(|share| share.pods() > 0.0 && share.weight() > 0.0);
    measured
        .filter_map(|share| {
            // Where two destinations select the same pods, others of the service stand idle that one
            // of them was meant for. Idle pods alone mean nothing: an old release may be kept.
            let is_shared = shares.overlaps(share);
            let pods = if is_shared { shares.of_services? } else { shares.selected() };
            let times = shares.per_pod(share) * pods;
            (times >= OVERLOAD)
                .then(|| describe(used, &shares, share, Load { pods, times, is_shared }))
        })
        .collect()
}

/// What the pods of a destination get.
#[derive(Debug, Clone, Copy)]
struct Load {
    /// Pods that could share the requests.
    pods: f64,
    /// Load of each of the destination's, in loads of an average one.
    times: f64,
    /// Whether another destination selects them too.
    is_shared: bool,
}

fn describe(used: &RouteInUse<'_>, shares: &Shares<'_>, share: &Share<'_>, load: Load) -> Hazard {
    let (id, to) = (&used.edge.id, &share.destination.to);
    let name = to.subset.as_ref().map_or_else(
        || to.service.to_string(),
        |subset| format!("{} (subset {subset})", to.service),
    );
    let message = format!(
        "{:.0}% of the requests of {} go to {name}, which is {} of {:.0}{}: each of them gets {:.1} \
         times the load of an average pod",
        share.weight() / shares.weights() * 100.0,
        id.source,
        count(share.pods() as u32, "pod"),
        load.pods,
        if load.is_shared { " and which another destination selects too" } else { "" },
        load.times,
    );
    let mut draft = Draft::new("weight-exceeds-capacity", id, Certainty::Certain, message)
        .setting(used.weight_name(share.destination), &share.destination.weight);
    // A share follows from all weights of the route: less for one is more for the others.
    for other in used.route.destinations.iter().filter(|other| *other != share.destination) {
        draft = draft.setting(used.weight_name(other), &other.weight);
    }
    for one in &shares.all {
        if let (Some(subset), Some(labels)) = (&one.destination.to.subset, one.labels) {
            draft = draft.setting(format!("subset[{subset}].labels"), labels);
        }
    }
    if !load.is_shared {
        let (weights, pods) = (shares.weights(), share.pods());
        let fair = (weights - share.weight()) * pods / (load.pods - pods).max(1.0);
        draft = draft.value("fair_weight", fair);
    }
    draft.related_all(share.workloads.keys().copied()).done()
}
