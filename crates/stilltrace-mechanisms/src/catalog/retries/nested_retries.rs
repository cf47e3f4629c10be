//! Nested retries: several layers send the same request again, and the layers multiply.

use std::collections::BTreeSet;

use stilltrace_model::{Certainty, Edge, Entity, Fix, Hazard, Platform, Prediction, signal};

use crate::draft::Draft;
use crate::in_use::RouteInUse;
use crate::observed::leads_to;
use crate::retrying::{is_bounded, retried_when_overloaded};
use crate::{Mechanism, Surveyed};

/// ## What happens
/// Each proxy on the way of a request retries what the next one reports as failed. The layers
/// multiply: three layers of four tries send 64 requests to a service that is already failing.
///
/// ## Fingerprint
/// Several edges of one path carry more than one attempt per request at the same time, and the
/// service at the end answers with errors. The requests at the beginning of the path do not grow.
/// If the ratio is above one all the time and without errors, it is a fan-out in code.
///
/// ## Fix
/// Retry at one layer, nearest to the fault or nearest to the user, and not at the others. Which
/// layer keeps its retries is a decision, so no edit is proposed.
///
/// ## Fix safety
/// Needs review: failures that only another layer's retry had hidden become visible.
///
/// ## References
/// - Istio: `HTTPRetry`, issue 58086
/// - Google SRE book, "Addressing Cascading Failures"
pub(crate) struct NestedRetries;

/// More tries than this for one request. Two layers of one retry each make 4; what lies above 6
/// is at least two layers of Istio's default of two retries.
const TRIES: u64 = 6;

/// Longer paths are cut here; their product is far above the limit by then.
const DEPTH: usize = 8;

impl Mechanism for NestedRetries {
    fn name(&self) -> &'static str {
        "nested-retries"
    }

    fn group(&self) -> &'static str {
        "retries"
    }

    /// Only along observed calls: a repository alone does not say who calls whom. Only conditions
    /// that overload fulfils, because Istio's default ones make every path of two calls nested and
    /// seldom matter.
    fn hazards(&self, platform: &Surveyed<'_>) -> Vec<Hazard> {
        let all = platform.routes().iter().filter(|used| {
            used.called
                && retried_when_overloaded(&used.route.retries)
                && !is_bounded(platform, used.edge, used.route)
        });
        let layers: Vec<_> = all.cloned().collect();
        layers.iter().filter_map(|layer| describe(platform, &layers, layer)).collect()
    }

    fn predict(&self, hazard: &Hazard) -> Vec<Prediction> {
        let Entity::Edge(edge) = &hazard.entity else { return Vec::new() };
        let mut all = vec![
            signal::ATTEMPT_RATIO
                .of(edge)
                .rises()
                .decisive()
                .because("failed requests are sent again at this layer"),
            signal::EDGE_SERVER_ERRORS
                .of(edge)
                .rises()
                .decisive()
                .because("the callee answers with errors, which is what the layers retry"),
        ];
        for entity in &hazard.related {
            if let Entity::Edge(other) = entity {
                all.push(
                    signal::ATTEMPT_RATIO
                        .of(other)
                        .rises()
                        .decisive()
                        .because("the same requests are sent again at this layer too"),
                );
            }
        }
        all
    }

    fn fix(&self, _: &Hazard) -> Option<Fix> {
        None
    }
}

type Layers<'a> = [RouteInUse<'a>];

fn tries(layer: &RouteInUse<'_>) -> u64 {
    u64::from(layer.route.retries.attempts.value) + 1
}

fn describe(platform: &Platform, layers: &Layers<'_>, layer: &RouteInUse<'_>) -> Option<Hazard> {
    let above = longest(layer.edge, &|edge| {
        layers.iter().filter(|other| leads_to(platform, &other.edge.id, &edge.id)).collect()
    });
    let below = longest(layer.edge, &|edge| {
        layers.iter().filter(|other| leads_to(platform, &edge.id, &other.edge.id)).collect()
    });
    let others: Vec<_> = above.iter().rev().chain(&below).copied().collect();
    let product = others.iter().fold(tries(layer), |all, other| all.saturating_mul(tries(other)));
    if others.is_empty() || product <= TRIES {
        return None;
    }
    let id = &layer.edge.id;
    let path: Vec<_> =
        above.iter().rev().copied().chain([layer]).chain(below.iter().copied()).collect();
    let message = format!(
        "retries multiply along {}: one request becomes up to {product} while the last callee fails",
        say(&path),
    );
    let retries = &layer.route.retries;
    let mut draft = Draft::new("nested-retries", id, Certainty::NeedsLiveData, message)
        .setting(layer.name("retries.attempts"), &retries.attempts)
        .setting(layer.name("retries.retryOn"), &retries.retry_on)
        .value("tries", product as f64);
    for other in others {
        draft = draft.related(&other.edge.id);
    }
    Some(draft.done())
}

/// The layers of a path; of a long one only the ends.
fn say(path: &[&RouteInUse<'_>]) -> String {
    let one = |layer: &RouteInUse<'_>| {
        let id = &layer.edge.id;
        format!("{} to {} ({} tries)", id.source, id.destination, tries(layer))
    };
    match path {
        [first, middle @ .., last] if middle.len() > 1 => {
            format!("{}, {} more, {}", one(first), middle.len(), one(last))
        }
        _ => path.iter().map(|layer| one(layer)).collect::<Vec<_>>().join(", "),
    }
}

/// The chain of layers from `edge` on that multiplies most, without `edge` itself.
fn longest<'a>(
    edge: &'a Edge,
    next: &dyn Fn(&Edge) -> Vec<&'a RouteInUse<'a>>,
) -> Vec<&'a RouteInUse<'a>> {
    let mut chain: Vec<&RouteInUse<'_>> = Vec::new();
    let mut seen = BTreeSet::from([&edge.id]);
    let mut at = edge;
    while chain.len() < DEPTH {
        let candidates = next(at).into_iter().filter(|layer| !seen.contains(&layer.edge.id));
        // Ties go to the smaller edge.
        let best = candidates
            .max_by(|a, b| tries(a).cmp(&tries(b)).then_with(|| b.edge.id.cmp(&a.edge.id)));
        let Some(best) = best else { break };
        seen.insert(&best.edge.id);
        chain.push(best);
        at = best.edge;
    }
    chain
}
