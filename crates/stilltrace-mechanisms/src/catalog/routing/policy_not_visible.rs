//! Policy not visible: a rule is written for a service and does not reach the clients who call it.

use std::collections::BTreeSet;

use stilltrace_model::{
    Certainty, Fix, Hazard, Ineffective, Origin, Platform, Prediction, WhyIneffective,
};

use crate::draft::Draft;
use crate::wording;
use crate::{Mechanism, Surveyed};

/// ## What happens
/// Istio looks rules up from the client's side. A rule that the client's namespace cannot see, that
/// `exportTo` keeps from every client, that the client's `Sidecar` leaves out, whose host no service has (Istio tells upper from lower case),
/// or that lies in a namespace where nobody looks, is accepted and has no effect: calls work, with
/// defaults in place of the limits, timeouts and retries that are written.
///
/// ## Fingerprint
/// None of its own: what is missing is the effect. Requests are never cut off at the timeout that
/// is written, and never refused at the limit that is written.
///
/// ## Fix
/// By cause: add `.`, or the namespaces of the clients, to `exportTo`; add `./*` to the `Sidecar`'s egress hosts; write the host as
/// `name` or in full, as `name.namespace.svc.cluster.local`, in the case of the service's own name;
/// move the rule to the namespace of the
/// service or of its clients. Which one is meant is a decision, so no edit is proposed.
///
/// ## Fix safety
/// Needs review: the values that are written take effect for the first time.
///
/// ## References
/// - Istio: `exportTo`, `Sidecar` and destination rule lookup; issues 15556, 14817, 42570
/// - Measured with Istio 1.31's own code: `exportTo` without the own namespace, an egress list
///   without `./*`, `name.namespace` as a host, and a host of a `DestinationRule` in another case
///   than the service's all leave the rule without effect
pub(crate) struct PolicyNotVisible;

impl Mechanism for PolicyNotVisible {
    fn name(&self) -> &'static str {
        "policy-not-visible"
    }

    fn group(&self) -> &'static str {
        "routing"
    }

    fn hazards(&self, platform: &Surveyed<'_>) -> Vec<Hazard> {
        platform.ineffective.iter().filter_map(|one| describe(platform, one)).collect()
    }

    fn predict(&self, _: &Hazard) -> Vec<Prediction> {
        Vec::new()
    }

    fn fix(&self, _: &Hazard) -> Option<Fix> {
        None
    }

    fn remedy(&self, hazard: &Hazard) -> Option<String> {
        let reason = hazard.value(REASON).unwrap_or_default();
        let is = |code: f64| (reason - code).abs() < 0.5;
        let clause = if is(EXPORT) {
            "add `.` to exportTo"
        } else if is(NOBODY) {
            "add the namespaces of the clients to exportTo, or leave exportTo out"
        } else if is(EGRESS) {
            "add `./*` to the Sidecar's egress hosts"
        } else if is(HOST) {
            "write the host in full, as name.namespace.svc.cluster.local"
        } else if is(CASE) {
            "write the host in the same case as the service's"
        } else {
            "move the rule to the namespace of the service or of its clients"
        };
        Some(clause.to_owned())
    }
}

/// Name of the value that tells the reasons apart.
const REASON: &str = "reason";
/// `exportTo` leaves out the rule's own namespace.
const EXPORT: f64 = 1.0;
/// A `Sidecar` leaves out the namespace of the rule.
const EGRESS: f64 = 2.0;
/// The host names no service.
const HOST: f64 = 3.0;
/// Nobody looks in the namespace of the rule.
const NAMESPACE: f64 = 4.0;
/// The host is the service's but for the case of letters.
const CASE: f64 = 5.0;
/// `exportTo` names no namespace with clients.
const NOBODY: f64 = 6.0;

/// What the clients call the service with instead of the rule: other rules, or the defaults.
fn instead(platform: &Platform, found: &Ineffective) -> String {
    let is_route = found.object.object().is_some_and(|rule| rule.kind == "VirtualService");
    let mut places: Vec<&Origin> = Vec::new();
    if is_route {
        // By the host: of several objects that have it, edges know one only.
        let host = platform.services.get(&found.service).map(|service| &service.host);
        let tables = found.clients.iter().filter_map(|client| platform.routes.get(client));
        let hosts = tables.flat_map(|table| table.http.values().flatten());
        let hosts = hosts.filter(|named| host.is_some_and(|host| named.names.contains(host)));
        places
            .extend(hosts.flat_map(|host| host.routes.iter()).filter_map(|it| it.object.as_ref()));
    } else {
        let edges = platform.edges.values().filter(|edge| {
            *edge.id.destination == found.service && found.clients.contains(&edge.id.source)
        });
        places.extend(edges.filter_map(|edge| edge.policy.object.as_ref()));
    }
    let objects = places.into_iter().filter_map(Origin::object);
    let rules: BTreeSet<String> = objects.map(ToString::to_string).collect();
    let rules: Vec<String> = rules.into_iter().collect();
    match rules.as_slice() {
        [] => "defaults apply instead".to_owned(),
        [one] => format!("{one} applies instead"),
        several => format!("{} apply instead", several.join(" and ")),
    }
}

fn describe(platform: &Platform, found: &Ineffective) -> Option<Hazard> {
    let object = found.object.object()?;
    let (reason, because) = match found.reason {
        WhyIneffective::NotExportedToItself => (EXPORT, "exportTo leaves out its own namespace"),
        WhyIneffective::ExportedToNobody => {
            (NOBODY, "exportTo names only namespaces that have no other workload")
        }
        WhyIneffective::HiddenBySidecar => {
            (EGRESS, "their Sidecar lets the service in, but not the namespace of the rule")
        }
        WhyIneffective::UnknownHost => {
            (HOST, "Istio does not complete `name.namespace`, and no service has that host")
        }
        WhyIneffective::OtherCase => {
            (CASE, "Istio tells upper from lower case here, and no service has the host as written")
        }
        WhyIneffective::ForeignNamespace => (
            NAMESPACE,
            "Istio looks in the namespaces of the client and of the service, and this is neither",
        ),
        WhyIneffective::NoWaypoint
        | WhyIneffective::WaypointUnread
        | WhyIneffective::NotForWaypoint => return None,
    };
    let message = format!(
        "{object} has no effect on calls of {} to {}: {because}; {}",
        wording::some(&found.clients),
        found.service,
        instead(platform, found),
    );
    let draft = Draft::new("policy-not-visible", &found.service, Certainty::Certain, message);
    let clients = found.clients.iter();
    Some(
        draft
            .origin("visibility", &found.cause)
            .origin("rule", &found.object)
            .related_all(clients)
            .value(REASON, reason)
            .done(),
    )
}
