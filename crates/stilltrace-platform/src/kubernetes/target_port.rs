//! Ports of services that lead to a port by a name which the pods do not have: no endpoint follows,
//! and nothing refuses either object.

use std::collections::BTreeSet;

use crate::inventory::Inventory;
use crate::labels::{Labels, selects};
use crate::workloads::{self, Pods};

/// Names the pods that lack the port, service by service. `pods` are sorted by id.
pub(super) fn report(inventory: &Inventory<'_>, pods: &[Pods<'_>]) {
    for service in inventory.of("", "Service") {
        let Some(spec) = service.spec() else { continue };
        let selector: Labels = spec.get("selector").map(|field| field.labels()).unwrap_or_default();
        if selector.is_empty() {
            continue;
        }
        for port in spec.list("ports") {
            let Some(target) = port.get("targetPort") else { continue };
            let named = target.node().as_i64().is_none() && !target.is_variable();
            let Some(name) =
                target.node().text().filter(|text| named && text.parse::<u16>().is_err())
            else {
                continue;
            };
            let protocol = port.get("protocol").and_then(|field| field.node().text());
            let udp = protocol.is_some_and(|protocol| protocol.eq_ignore_ascii_case("udp"));
            let own = workloads::of_namespace(pods, service.namespace()).iter();
            let selected = own.filter(|pods| pods.stay() && selects(&selector, &pods.labels));
            let lacking: BTreeSet<String> = selected
                .filter(|pods| pods.container_port(name, udp).is_none())
                .map(|pods| pods.source.id.to_string())
                .collect();
            let Some(first) = lacking.first() else { continue };
            let more = match lacking.len() - 1 {
                0 => String::new(),
                more => format!(" and {more} more"),
            };
            service.gaps.add(
                format!(
                    "{}: {}: no container of {first}{more} has a port called `{name}`",
                    target.origin(),
                    service.id
                ),
                "its pods are no endpoints of this port: calls that lead to them alone are answered \
                 with 503",
                "name a port of the containers, or its number",
            );
        }
    }
}
