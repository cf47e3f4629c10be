//! Policy without waypoint: HTTP rules that ambient clients never pass.

use stilltrace_model::{Certainty, Fix, Hazard, Ineffective, Prediction, WhyIneffective};

use crate::draft::Draft;
use crate::wording;
use crate::{Mechanism, Surveyed};

/// ## What happens
/// Pods in ambient mode have no sidecar. Their requests pass a node proxy that knows connections and
/// identities only; HTTP routing, retries, timeouts and limits happen in a waypoint. A
/// `VirtualService`, `DestinationRule`, `HTTPRoute` or `GRPCRoute` for a service without a waypoint
/// is accepted and does nothing for these clients, while clients with a sidecar still follow it. Nor
/// does a waypoint follow the rules of its clients: it looks in its own namespace and in the service's
/// alone, for a `DestinationRule` also in the root namespace. A waypoint that is named and not there
/// stops nothing: connections go past it to the pods.
///
/// ## Fingerprint
/// None of its own: what is missing is the effect. Not even the default retries are made.
///
/// ## Fix
/// Give the service or its namespace a waypoint: the label `istio.io/use-waypoint` and a `Gateway`
/// of class `istio-waypoint`. Where there is one, put the rule into the namespace of the service. Or
/// remove the rule. It is a decision, so no edit is proposed.
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
        all.filter_map(describe).collect()
    }

    fn predict(&self, _: &Hazard) -> Vec<Prediction> {
        Vec::new()
    }

    fn fix(&self, _: &Hazard) -> Option<Fix> {
        None
    }

    fn remedy(&self, hazard: &Hazard) -> Option<String> {
        let remedy = if hazard.value(ELSEWHERE).is_some() {
            "put the rule into the namespace of the service, or remove it"
        } else if hazard.value(UNREAD).is_some() {
            "read what makes the waypoint, or add its Gateway of class `istio-waypoint`"
        } else {
            "give the service a waypoint (label `istio.io/use-waypoint`), or remove the rule"
        };
        Some(remedy.to_owned())
    }
}

/// Name of the value that says that there is a waypoint, which does not look where the rule is.
const ELSEWHERE: &str = "elsewhere";
/// Name of the value that says that the waypoint was not read.
const UNREAD: &str = "unread";

fn describe(found: &Ineffective) -> Option<Hazard> {
    let object = found.object.object()?;
    let why = match found.reason {
        WhyIneffective::NoWaypoint => "the service has no waypoint that would follow it",
        WhyIneffective::WaypointUnread => {
            "the waypoint that the service names is made by nothing that was read: unless it is there, \
             connections go past it"
        }
        WhyIneffective::NotForWaypoint => {
            "the service's waypoint follows no rules of other namespaces than its own and the \
             service's"
        }
        _ => return None,
    };
    let message = format!(
        "{object} has no effect on calls of {} to {}: they are in ambient mode, and {why}",
        wording::some(&found.clients),
        found.service,
    );
    let certainty = match found.reason {
        WhyIneffective::WaypointUnread => Certainty::DependsOnUnread,
        _ => Certainty::Certain,
    };
    let draft = Draft::new("policy-without-waypoint", &found.service, certainty, message);
    let draft = match found.reason {
        WhyIneffective::NotForWaypoint => draft.value(ELSEWHERE, 1.0),
        WhyIneffective::WaypointUnread => draft.value(UNREAD, 1.0),
        _ => draft,
    };
    let clients = found.clients.iter();
    Some(
        draft
            .origin("rule", &found.object)
            .origin("waypoint", &found.cause)
            .related_all(clients)
            .done(),
    )
}
