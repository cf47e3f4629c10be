//! Unknown host: a route sends requests to a host that the caller's proxy does not know.

use std::collections::BTreeMap;

use stilltrace_model::{
    Bearing, Certainty, Destination, EdgeId, Entity, Fix, Hazard, Origin, Platform, Prediction,
    Route, Service, ServiceId, Target,
};

use crate::draft::Draft;
use crate::no_cluster::{self, Unreachable};
use crate::{Mechanism, Surveyed};

/// ## What happens
/// A route names a destination that the caller's proxy has no cluster for: a misspelt name, a port
/// that the service does not have, a service that the caller's `Sidecar` or an `exportTo` keeps
/// from it - or `name.namespace`, which looks like a service and is not completed by Istio, or a
/// name in another case than the service's: Istio writes routes of a `ServiceEntry` host in lower
/// case, and its cluster as the host is written. Or a backend of a Gateway API route may not be used:
/// no `ReferenceGrant` allows it, or its kind is not one that Istio knows. The object is accepted, and
/// every request that takes the route is answered with 503, or with 500 where the route is one of the
/// Gateway API; of a split, the share that goes there.
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
        let beside = all.iter().filter_map(|found| describe(platform, found));
        beside.chain(of_gateways(platform)).collect()
    }

    fn predict(&self, hazard: &Hazard) -> Vec<Prediction> {
        match &hazard.entity {
            Entity::Edge(edge) => no_cluster::predictions(edge),
            _ => hazard
                .related
                .iter()
                .find_map(|entity| match entity {
                    Entity::Edge(edge) => Some(no_cluster::predictions(edge)),
                    _ => None,
                })
                .unwrap_or_default(),
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
        } else if is(NOT_ALLOWED) {
            "name a Service, and for one of another namespace add a ReferenceGrant there"
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
/// A route of the Gateway API may not use the backend.
const NOT_ALLOWED: f64 = 6.0;

/// Why the proxy has no cluster for a target; `None` where the port was left out.
fn reason(platform: &Platform, target: &Target) -> Option<(String, f64)> {
    if target.host == Target::UNKNOWN {
        let why = "which no ReferenceGrant allows, or of a kind that Istio does not know";
        return Some((why.to_owned(), NOT_ALLOWED));
    }
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
    let weight = found.used.weight_name(found.to);
    let id = &found.used.edge.id;
    let hazard = draft(platform, id.into(), (id, found.used.route, found.to), &weight)?;
    Some(hazard.done())
}

/// Routes of gateways of which no destination exists: they are routes of no edge, so the hazard is
/// one of the gateway.
fn of_gateways(platform: &Platform) -> Vec<Hazard> {
    let mut found = BTreeMap::new();
    for (workload, table) in &platform.routes {
        let gateway = platform.workloads.get(workload).is_some_and(|own| own.is_gateway);
        if !gateway {
            continue;
        }
        let routes = table.http.values().flatten().flat_map(|host| host.routes.iter());
        for route in routes.filter(|route| route.destinations.iter().all(|to| !to.to.has_cluster)) {
            for to in route.destinations.iter().filter(|to| to.weight.value > 0) {
                let id = EdgeId::new(workload.clone(), to.to.service.clone(), to.to.port);
                let weight = format!("route[{}].weight[{}|*]", route.name, to.to.service);
                let of = Entity::from(workload);
                if let Some(draft) = draft(platform, of, (&id, route, to), &weight) {
                    let hazard = draft.related(&id).done();
                    found.entry((id, hazard.origins.clone())).or_insert(hazard);
                }
            }
        }
    }
    found.into_values().collect()
}

fn draft(
    platform: &Platform,
    entity: Entity,
    (id, route, to): (&EdgeId, &Route, &Destination),
    weight: &str,
) -> Option<Draft> {
    let target = &to.to;
    let (reason, code) = reason(platform, target)?;
    let named = if target.host == Target::UNKNOWN { "a backend" } else { target.host.as_str() };
    let mut message = format!(
        "a route of {} sends requests to {named}, {reason}: they are answered with {}",
        id.source,
        route.status_without_cluster(),
    );
    let mut certainty = Certainty::Certain;
    // What could not be read may hold the service.
    if code == NO_SERVICE && platform.gaps.iter().any(|gap| gap.bearing == Bearing::Objects) {
        certainty = Certainty::DependsOnUnread;
        message.push_str(", unless a service that could not be read has it (see the gaps)");
    }
    let mut draft = Draft::new("unknown-host", entity, certainty, message)
        .origin(weight, &target.host_origin)
        .origin(weight, &target.port_origin)
        .setting(weight, &to.weight)
        .value(REASON, code);
    if let Some(twin) = other_case(platform, &target.host) {
        draft = draft.origin(weight, &twin.origin);
    }
    Some(draft)
}
