//! Missing subset: a route sends requests to a group of pods that does not exist.

use std::collections::BTreeMap;

use stilltrace_model::{
    Bearing, Certainty, Destination, Edge, Entity, Fix, Hazard, Origin, Platform, Prediction,
    signal,
};

use crate::draft::Draft;
use crate::in_use::{RouteInUse, target_edge, workloads_with};
use crate::{Mechanism, Surveyed};

/// ## What happens
/// A route names a subset that no `DestinationRule` in effect defines: the proxy has no cluster for
/// it and answers 503 at once. Or the subset is defined, but no pod carries its labels: the cluster
/// is empty, with the same result.
///
/// ## Fingerprint
/// Requests without a cluster (`NC`), or without a healthy endpoint (`UH`) where the subset is
/// empty, appear at the caller from the change on. No connection is tried.
///
/// ## Fix
/// Define the subset before a route names it, and remove the route before the subset. Whether the
/// route or the subset is wrong is a decision, so no edit is proposed.
///
/// ## Fix safety
/// Needs review: the requests will go to other pods than today, where they go nowhere.
///
/// ## References
/// - Istio: traffic management best practices, analyzer messages IST0101 and IST0173
/// - Kiali: KIA1107, KIA0203
/// - Envoy: response flags `NC` and `UH`
pub(crate) struct MissingSubset;

impl Mechanism for MissingSubset {
    fn name(&self) -> &'static str {
        "missing-subset"
    }

    fn group(&self) -> &'static str {
        "references"
    }

    fn aliases(&self) -> &'static [&'static str] {
        &["IST0101", "IST0173", "KIA1107", "KIA0203"]
    }

    fn hazards(&self, platform: &Surveyed<'_>) -> Vec<Hazard> {
        let mut all = Vec::new();
        for used in platform.routes() {
            let broken = used.route.destinations.iter();
            all.extend(broken.filter_map(|to| describe(platform, used, to)));
        }
        all
    }

    fn predict(&self, hazard: &Hazard) -> Vec<Prediction> {
        let Entity::Edge(edge) = &hazard.entity else { return Vec::new() };
        let flag = if hazard.value("empty").is_some() {
            signal::NO_HEALTHY_UPSTREAM
        } else {
            signal::NO_ROUTE
        };
        vec![
            flag.of(edge).rises().decisive().because("there is no pod behind the subset"),
            signal::EDGE_ERRORS.of(edge).rises().because("such requests are answered with 503"),
            signal::CONNECTION_FAILED.of(edge).not_rising().because("no connection is tried"),
        ]
    }

    fn fix(&self, _: &Hazard) -> Option<Fix> {
        None
    }

    fn remedy(&self, hazard: &Hazard) -> Option<String> {
        if hazard.value("empty").is_some() {
            return Some(
                "give the subset the labels that its pods carry, or take it out of the route"
                    .to_owned(),
            );
        }
        Some(
            "define the subset in the DestinationRule in effect, or take it out of the route"
                .to_owned(),
        )
    }
}

/// What is wrong with a subset.
enum Fault<'a> {
    /// No rule in effect defines it.
    Undefined,
    /// It is defined with these labels, and no pod carries them.
    Empty(&'a BTreeMap<String, String>),
}

fn fault<'a>(
    platform: &Platform,
    edge: &'a Edge,
    to: &Destination,
    subset: &str,
) -> Option<Fault<'a>> {
    let Some((labels, _)) = edge.subsets.get(subset) else { return Some(Fault::Undefined) };
    let labels = &labels.value;
    // A service without any known workload may have its pods elsewhere.
    let known = platform.workloads_of(&to.to.service).next().is_some();
    let empty = workloads_with(platform, &to.to.service, labels).next().is_none();
    (known && empty).then_some(Fault::Empty(labels))
}

fn describe(platform: &Platform, used: &RouteInUse<'_>, to: &Destination) -> Option<Hazard> {
    let subset = to.to.subset.as_deref()?;
    if to.weight.value == 0 {
        return None;
    }
    let edge = target_edge(platform, used.edge, to)?;
    let fault = fault(platform, edge, to, subset)?;
    let (reason, defined) = match &fault {
        Fault::Undefined => match edge.policy.object.as_ref().and_then(Origin::object) {
            Some(rule) => (format!("which {rule}, the rule in effect, does not define"), false),
            None => ("which no DestinationRule in effect defines".to_owned(), false),
        },
        Fault::Empty(labels) => {
            let labels: Vec<_> =
                labels.iter().map(|(key, value)| format!("{key}={value}")).collect();
            (format!("but no pod carries its labels ({})", labels.join(",")), true)
        }
    };
    let id = &used.edge.id;
    let mut message = format!(
        "a route of {} sends requests to subset {subset} of {}, {reason}: they are answered with 503",
        id.source, to.to.service,
    );
    let mut certainty = Certainty::Certain;
    // What could not be read may hold the rule, or the pods.
    if platform.gaps.iter().any(|gap| gap.bearing == Bearing::Objects) {
        certainty = Certainty::DependsOnUnread;
        let missing = if defined {
            "pods that could not be read do"
        } else {
            "one that could not be read does"
        };
        message.extend([", unless ", missing, " (see the gaps)"]);
    }
    let weight = used.weight_name(to);
    let mut draft = Draft::new("missing-subset", id, certainty, message);
    // Where the subset is there and empty, its labels tell most.
    let labels = edge.subsets.get(subset).filter(|_| defined).map(|(labels, _)| &labels.origin);
    if let Some(labels) = labels {
        draft = draft.origin(format!("subset[{subset}].labels"), labels);
    }
    if let Some(named) = &to.to.subset_origin {
        draft = draft.origin(weight.clone(), named);
    }
    draft = draft.setting(weight.clone(), &to.weight);
    if let Some(route) = &used.route.object {
        draft = draft.origin(weight, route);
    }
    // The subset's settings vanish together with it, whichever of them is looked at.
    let policy = format!("subset[{subset}].loadBalancer");
    if let Some(rule) = &edge.policy.object {
        draft = draft.origin(policy, rule);
    }
    if defined {
        draft = draft.value("empty", 1.0);
    }
    Some(draft.done())
}
