//! Policy without waypoint: HTTP rules that ambient clients never pass.

use stilltrace_model::{Certainty, Fix, Hazard, Ineffective, Prediction, WhyIneffective};

use crate::draft::Draft;
use crate::wording;
use crate::{Mechanism, Surveyed};

/// ## What happens
/// Pods in ambient mode have no sidecar. Their requests pass a node proxy that knows connections and
/// identities only; HTTP routing, retries, timeouts and limits happen in a waypoint. A
/// `VirtualService`, `DestinationRule`, `HTTPRoute` or `GRPCRoute` for a service without a waypoint
/// is accepted and does nothing for these clients, while clients with a sidecar still follow it.
///
/// ## Fingerprint
/// None of its own: what is missing is the effect. Not even the default retries are made.
///
/// ## Fix
/// Give the service or its namespace a waypoint: the label `istio.io/use-waypoint` and a `Gateway`
/// of class `istio-waypoint`. Or remove the rule. It is a decision, so no edit is proposed.
///
/// ## Fix safety
/// Needs review: a waypoint is one more hop for every request of the service.
///
/// ## References
/// - Istio: configure waypoint proxies; layer 7 features of ambient mode; issue 58086
pub(crate) struct PolicyWithoutWaypoint;

impl Mechanism for PolicyWithoutWaypoint {
    fn name(&self) -> &'static str {
        "policy-without-waypoint"
    }

    fn group(&self) -> &'static str {
        "ambient"
    }

    fn hazards(&self, platform: &Surveyed<'_>) -> Vec<Hazard> {
        let all = platform.ineffective.iter();
        all.filter(|found| found.reason == WhyIneffective::NoWaypoint)
            .filter_map(describe)
            .collect()
    }

    fn predict(&self, _: &Hazard) -> Vec<Prediction> {
        Vec::new()
    }

    fn fix(&self, _: &Hazard) -> Option<Fix> {
        None
    }

    fn remedy(&self, _: &Hazard) -> Option<String> {
        Some(
            "give the service a waypoint (label `istio.io/use-waypoint`), or remove the rule"
                .to_owned(),
        )
    }
}

fn describe(found: &Ineffective) -> Option<Hazard> {
    let object = found.object.object()?;
    let message = format!(
        "{object} has no effect on calls of {} to {}: they are in ambient mode, and the service has \
         no waypoint that would follow it",
        wording::some(&found.clients),
        found.service,
    );
    let draft = Draft::new("policy-without-waypoint", &found.service, Certainty::Certain, message);
    let clients = found.clients.iter();
    Some(
        draft
            .origin("rule", &found.object)
            .origin("waypoint", &found.cause)
            .related_all(clients)
            .done(),
    )
}
