//! Destination without a port: the caller's port is used, whatever the destination listens on.

use stilltrace_model::{Certainty, Entity, Fix, Hazard, Origin, Platform, Prediction, ServiceId};

use crate::draft::Draft;
use crate::no_cluster::{self, Unreachable};
use crate::{Mechanism, Surveyed};

/// ## What happens
/// A route moves requests to another service and names no port. The proxy then uses the port that
/// the caller dialled, not the one that the service has - even where it has only one. No such
/// cluster exists, and every request is answered with 503. Istio's documentation says that services
/// with a single port need none; admission and analysis are silent.
///
/// ## Fingerprint
/// Requests without a cluster (`NC`) appear at the caller from the change on. No connection is
/// tried.
///
/// ## Fix
/// Name the port of the destination. No edit is proposed: the block has no line for it yet.
///
/// ## Fix safety
/// Needs review: requests reach the destination for the first time.
///
/// ## References
/// - Istio: analyzer message IST0112, which speaks only where the service has several ports
/// - Measured with Istio 1.31's own code and a live Envoy: 503 with `no_cluster`; with `port`, 200
/// - Envoy: response flag `NC`
pub(crate) struct DestinationPortUnspecified;

impl Mechanism for DestinationPortUnspecified {
    fn name(&self) -> &'static str {
        "destination-port-unspecified"
    }

    fn group(&self) -> &'static str {
        "references"
    }

    fn aliases(&self) -> &'static [&'static str] {
        &["IST0112"]
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

    fn remedy(&self, _: &Hazard) -> Option<String> {
        Some("name the port of the destination, under `destination.port.number`".to_owned())
    }
}

/// The ports of a service that is known, but not under the port that is meant.
fn other_ports(platform: &Platform, service: &ServiceId, port: u16) -> Option<Vec<u16>> {
    let ports: Vec<u16> = platform.services.get(service)?.ports.keys().copied().collect();
    (!ports.is_empty() && !ports.contains(&port)).then_some(ports)
}

fn describe(platform: &Platform, found: &Unreachable<'_>) -> Option<Hazard> {
    let target = &found.to.to;
    matches!(target.port_origin, Origin::Default { .. }).then_some(())?;
    let ports = other_ports(platform, &target.service, target.port)?;
    let listed: Vec<String> = ports.iter().map(ToString::to_string).collect();
    let id = &found.used.edge.id;
    let message = format!(
        "a route of {} sends requests to {} without naming a port, so the caller's port {} is used; \
         the service has {}: they are answered with {}",
        id.source,
        target.service,
        target.port,
        listed.join(", "),
        found.used.route.status_without_cluster(),
    );
    let weight = found.used.weight_name(found.to);
    let name = "destination-port-unspecified";
    let draft = Draft::new(name, id, Certainty::Certain, message)
        .origin(weight.clone(), &target.host_origin)
        .setting(weight, &found.to.weight);
    Some(draft.done())
}
