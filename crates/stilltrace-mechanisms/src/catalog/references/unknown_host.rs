//! Unknown host: a route sends requests to a host that the caller's proxy does not know.

use stilltrace_model::{
    Certainty, Entity, Fix, Hazard, Origin, Platform, Prediction, Service, ServiceId,
};

use crate::draft::Draft;
use crate::no_cluster::{self, Unreachable};
use crate::{Mechanism, Surveyed};

/// ## What happens
/// A route names a destination that the caller's proxy has no cluster for: a misspelt name, a port
/// that the service does not have, a service that the caller's `Sidecar` or an `exportTo` keeps
/// from it - or `name.namespace`, which looks like a service and is not completed by Istio, or a
/// name in another case than the service's: Istio writes routes of a `ServiceEntry` host in lower
/// case, and its cluster as the host is written. The object is accepted, and every request that takes the route is answered with 503.
///
/// ## Fingerprint
/// Requests without a cluster (`NC`) appear at the caller from the change on. No connection is
/// tried.
///
/// ## Fix
/// Write the name of the service in full (`name.namespace.svc.cluster.local`), with a port that it
/// has, and let the caller see it. Which of these is meant is a decision, so no edit is proposed.
///
/// ## Fix safety
/// Needs review: requests reach the destination for the first time.
///
/// ## References
/// - Istio: analyzer message IST0101; Kiali: KIA1101
/// - Measured with Istio 1.31's own code: `name.namespace` is completed nowhere, and requests to a
///   `ServiceEntry` host with upper-case letters lead to a lower-case cluster that does not exist
/// - Envoy: response flag `NC`
pub(crate) struct UnknownHost;

impl Mechanism for UnknownHost {
    fn name(&self) -> &'static str {
        "unknown-host"
    }

    fn group(&self) -> &'static str {
        "references"
    }

    fn aliases(&self) -> &'static [&'static str] {
        &["IST0101", "KIA1101"]
    }

    fn hazards(&self, platform: &Surveyed<'_>) -> Vec<Hazard> {
        let all = no_cluster::unreachable(platform);
        all.iter().filter_map(|found| describe(platform, found)).collect()
    }

    fn predict(&self, hazard: &Hazard) -> Vec<Prediction> {
        match &hazard.entity {
            Entity::Edge(edge) => no_cluster::predictions(edge),
            _ => Vec::new(),
        }
    }

    fn fix(&self, _: &Hazard) -> Option<Fix> {
        None
    }

    fn remedy(&self, hazard: &Hazard) -> Option<String> {
        let reason = hazard.value(REASON).unwrap_or_default();
        let is = |code: f64| (reason - code).abs() < 0.5;
        let clause = if is(NOT_COMPLETED) {
            "write the host in full, as name.namespace.svc.cluster.local"
        } else if is(NOT_TOLD) {
            "let the caller see the service: by its exportTo, or in the egress hosts of the \
             caller's Sidecar"
        } else if is(OTHER_CASE) {
            "write the host in lower case, in the service and where it is named"
        } else if is(WRONG_PORT) {
            "name a port that the service has"
        } else {
            "name a host that a Service or ServiceEntry has"
        };
        Some(clause.to_owned())
    }
}

/// Name of the value that tells the reasons apart.
const REASON: &str = "reason";
/// The host is `name.namespace`.
const NOT_COMPLETED: f64 = 1.0;
/// No service has the host.
const NO_SERVICE: f64 = 2.0;
/// An `exportTo` or a `Sidecar` keeps the service from the caller.
const NOT_TOLD: f64 = 3.0;
/// The service has other ports.
const WRONG_PORT: f64 = 4.0;
/// A service has the host but for the case of letters.
const OTHER_CASE: f64 = 5.0;

/// Why the proxy has no cluster for a target; `None` where the port was left out.
fn reason(platform: &Platform, found: &Unreachable<'_>) -> Option<(String, f64)> {
    let target = &found.to.to;
    if let Some((name, namespace)) = target.host.split_once('.')
        && !namespace.contains('.')
        && platform.services.contains_key(&ServiceId::new(namespace, name))
    {
        let full = format!("{name}.{namespace}.svc.cluster.local");
        return Some((format!("which Istio does not complete to {full}"), NOT_COMPLETED));
    }
    let Some(service) = platform.services.get(&target.service) else {
        return Some(match other_case(platform, &target.host) {
            Some(twin) => {
                let host = &twin.host;
                (format!("which differs from {host} in the case of letters"), OTHER_CASE)
            }
            None => ("which no service has".to_owned(), NO_SERVICE),
        });
    };
    if service.ports.contains_key(&target.port) {
        return Some(("which the caller's proxy is not told about".to_owned(), NOT_TOLD));
    }
    let left_out = matches!(target.port_origin, Origin::Default { .. });
    (!left_out).then(|| {
        let ports: Vec<String> = service.ports.keys().map(ToString::to_string).collect();
        let text = format!("which has no port {}, only {}", target.port, ports.join(", "));
        (text, WRONG_PORT)
    })
}

/// The service that has this host but for the case of letters.
fn other_case<'p>(platform: &'p Platform, host: &str) -> Option<&'p Service> {
    platform.services.values().find(|own| own.host != host && own.host.eq_ignore_ascii_case(host))
}

fn describe(platform: &Platform, found: &Unreachable<'_>) -> Option<Hazard> {
    let target = &found.to.to;
    let (reason, code) = reason(platform, found)?;
    let id = &found.used.edge.id;
    let message = format!(
        "a route of {} sends requests to {}, {reason}: they are answered with 503",
        id.source, target.host,
    );
    let weight = found.used.weight_name(found.to);
    let mut draft = Draft::new("unknown-host", id, Certainty::Certain, message);
    if let Some(twin) = other_case(platform, &target.host) {
        draft = draft.origin(weight.clone(), &twin.origin);
    }
    let draft = draft
        .origin(weight.clone(), &target.host_origin)
        .origin(weight.clone(), &target.port_origin)
        .setting(weight, &found.to.weight)
        .value(REASON, code);
    Some(draft.done())
}
