//! The pod's port behind a port of a `Gateway`: what the services of the pods translate it to.
//!
//! Istio's `resolvePorts` and `GetProxyServiceTargetsByPod`, release 1.31.

use std::collections::BTreeSet;

use crate::field::Field;
use crate::hosts;
use crate::inventory::Inventory;
use crate::labels::selects;
use crate::ports::{self, Port, Target};
use crate::workloads::Pods;

/// A service with this label keeps its ports out of the translation.
const UNTRANSLATED: &str = "experimental.istio.io/disable-gateway-port-translation";

/// A service port that leads to the pods.
pub(super) struct ServicePort {
    /// Full name of the service.
    pub(super) host: String,
    /// The port that clients dial.
    pub(super) number: u16,
    /// The pods' port.
    pub(super) target: u16,
    /// Whether it counts for gateways that select pods by labels.
    translates: bool,
}

/// Service ports that lead to the pods, oldest service first.
pub(super) fn targets(inventory: &Inventory<'_>, pods: &Pods<'_>) -> Vec<ServicePort> {
    let services = inventory.of("", "Service").iter();
    let mut sources: Vec<_> =
        services.filter(|source| source.namespace() == pods.id.namespace).collect();
    sources.sort_by_key(|source| (source.created, source.name()));
    let mut found = Vec::new();
    for source in sources {
        let Some(spec) = source.spec() else { continue };
        let selector = spec.get("selector").map(|labels| labels.labels()).unwrap_or_default();
        if selector.is_empty() || !selects(&selector, &pods.labels) {
            continue;
        }
        let host = hosts::service(source.name(), source.namespace());
        let translates = !source.labels().contains_key(UNTRANSLATED);
        let mut seen = BTreeSet::new();
        for port in ports::of_service(Some(&spec)) {
            let Some(target) = target_port(&port, pods) else { continue };
            // Of two service ports with one target and protocol the first counts.
            if seen.insert((target, port.protocol)) {
                let (host, number) = (host.clone(), port.number);
                found.push(ServicePort { host, number, target, translates });
            }
        }
    }
    found
}

/// The pods' port for a port that clients dial; the same where no service translates it.
pub(super) fn resolve(port: u16, targets: &[ServicePort]) -> u16 {
    let mut known = targets.iter().filter(|service| service.translates);
    known.find(|service| service.number == port).map_or(port, |service| service.target)
}

/// The pods' port behind a service port; a name is looked up among the containers' ports.
fn target_port(port: &Port, pods: &Pods<'_>) -> Option<u16> {
    let name = match &port.target {
        Target::Same => return Some(port.number),
        Target::Number(number) => return Some(*number),
        Target::Named(name) => name,
    };
    let containers = pods.template.at(&["spec", "containers"])?.items();
    let mut ports = containers.iter().flat_map(|container| container.list("ports"));
    let named = |port: &Field<'_>| port.get("name").and_then(|own| own.text()) == Some(name);
    ports.find(named)?.get("containerPort")?.port()
}
