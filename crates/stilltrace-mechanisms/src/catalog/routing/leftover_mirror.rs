//! Leftover mirror: a copy of every request does real work elsewhere.

use stilltrace_model::{Certainty, Entity, Fix, Hazard, Mirror, Platform, Prediction, signal};

use crate::draft::{self, Draft};
use crate::in_use::RouteInUse;
use crate::{Mechanism, Surveyed};

/// ## What happens
/// A mirror sends a copy of requests to a second service and throws the answers away. Without a
/// percentage it copies all of them. The second service, and every database that both share, does
/// the work once more.
///
/// ## Fingerprint
/// Requests that reach the mirror's pods rise although the caller sends no more than before, and
/// nobody sees errors. Copies make a service see more requests than its callers issued, as retries
/// do; they do so without any failure.
///
/// ## Fix
/// A percentage of 0, which switches the mirror off and keeps its place.
///
/// ## Fix safety
/// Needs review: somebody may be comparing the answers.
///
/// ## References
/// - Istio: `HTTPRoute.mirrors`, `mirrorPercentage` (absent means all requests)
pub(crate) struct LeftoverMirror;

impl Mechanism for LeftoverMirror {
    fn name(&self) -> &'static str {
        "leftover-mirror"
    }

    fn group(&self) -> &'static str {
        "routing"
    }

    fn hazards(&self, platform: &Surveyed<'_>) -> Vec<Hazard> {
        let mut all = Vec::new();
        for used in platform.routes() {
            // A copy for which there is no cluster is lost, and nobody works twice.
            let live = used.route.mirrors.iter();
            let live = live.filter(|one| one.percent.value > 0.0 && one.to.has_cluster);
            all.extend(live.map(|mirror| describe(platform, used, mirror)));
        }
        all
    }

    fn predict(&self, hazard: &Hazard) -> Vec<Prediction> {
        let Entity::Edge(edge) = &hazard.entity else { return Vec::new() };
        let mut all = vec![
            signal::EDGE_REQUESTS
                .of(edge)
                .not_rising()
                .because("the copies are made by the proxy, not by more requests"),
            signal::CONNECTION_FAILED
                .of(edge)
                .not_rising()
                .because("copies are made without any failure"),
        ];
        for entity in &hazard.related {
            if let Entity::Workload(target) = entity {
                all.push(
                    signal::INBOUND_REQUESTS
                        .of(target)
                        .rises()
                        .decisive()
                        .because("the copies arrive here"),
                );
            }
        }
        all
    }

    fn fix(&self, hazard: &Hazard) -> Option<Fix> {
        let line = hazard.origins.first().filter(|line| line.location().is_some())?;
        let percentage = line.field().is_some_and(|field| field.to_lowercase().contains("percent"));
        percentage.then(|| draft::set(line, "0", "no request is copied any more".to_owned()))
    }

    fn remedy(&self, hazard: &Hazard) -> Option<String> {
        let edit = self.fix(hazard).map(|fix| draft::clause(&fix));
        Some(edit.unwrap_or_else(|| "take the mirror out, or give it a percentage".to_owned()))
    }
}

fn describe(platform: &Platform, used: &RouteInUse<'_>, mirror: &Mirror) -> Hazard {
    let id = &used.edge.id;
    let route = if used.edge.routes.len() > 1 { ", on one of its routes," } else { "" };
    let message = format!(
        "{}% of the requests of {} to {}{} are sent a second time, to {}:{}, which does the work again",
        mirror.percent.value, id.source, id.destination, route, mirror.to.service, mirror.to.port,
    );
    let name = used.name(&format!("mirror[{}]", mirror.to.service));
    let mut draft = Draft::new("leftover-mirror", id, Certainty::Certain, message)
        .setting(name.clone(), &mirror.percent);
    if !mirror.percent.is_written() {
        draft = draft.origin(name, &mirror.to.host_origin);
    }
    let targets = platform.workloads_of(&mirror.to.service);
    draft.related_all(targets.map(|target| &target.id)).done()
}
