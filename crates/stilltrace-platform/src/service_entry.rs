//! Hosts of `ServiceEntry` objects, with the endpoints that the object writes or selects.

use std::collections::BTreeMap;
use std::net::IpAddr;

use stilltrace_model::ServiceId;

use crate::endpoints::{self, Backends, Endpoint};
use crate::field::Field;
use crate::inventory::Inventory;
use crate::mesh_config::MeshConfig;
use crate::ports::{self, Port, Target};
use crate::services::{self, Address, Callee, Resolution};
use crate::source::Source;
use crate::visibility::Visibility;

/// Adds the hosts of a `ServiceEntry`.
pub(crate) fn read(
    source: &Source,
    inventory: &Inventory<'_>,
    mesh: &MeshConfig,
    backends: &Backends<'_>,
    found: &mut Vec<Callee>,
) {
    let Some(spec) = source.spec() else { return };
    let namespace = source.namespace();
    let declared = ports::of_entry(&spec);
    let text = |key: &str| spec.get(key).and_then(|field| field.text());
    let resolution = match text("resolution") {
        Some("STATIC") => Resolution::Pushed,
        Some("DNS") => Resolution::Dns,
        Some("DNS_ROUND_ROBIN") => Resolution::DnsRoundRobin,
        Some("DYNAMIC_DNS") => Resolution::DynamicDns,
        _ => Resolution::Dialled,
    };
    let by_name = matches!(resolution, Resolution::Dns | Resolution::DnsRoundRobin);
    let selector = spec.get("workloadSelector");
    let selector = selector.map(|s| s.get("labels").map(|l| l.labels()).unwrap_or_default());
    let written = spec.list("endpoints");
    let endpoints = match &selector {
        Some(labels) => backends.of_entry(namespace, labels, &declared, by_name),
        None if written.is_empty() && by_name => itself(namespace, &declared),
        None => endpoints::written(namespace, &written, &declared),
    };
    for host in spec.get("hosts").map(|hosts| hosts.texts()).unwrap_or_default() {
        found.push(Callee {
            id: ServiceId::new(namespace, host),
            host: host.to_ascii_lowercase(),
            ports: ports::carried(&declared),
            declared: declared.clone(),
            workloads: services::selected(selector.as_ref(), namespace, backends.pods),
            endpoints: endpoints.clone(),
            visibility: Visibility::read(Some(&spec), &mesh.service_export_to, namespace),
            resolution: resolution.clone(),
            addresses: addresses(&spec),
            kubernetes: false,
            // Istio's default location is outside.
            external: text("location") != Some("MESH_INTERNAL"),
            origin: source.origin(),
            created: source.created,
            distribution: services::distribution(source, inventory),
        });
    }
}

/// The addresses of a `ServiceEntry`; a range of one address is that address.
fn addresses(spec: &Field<'_>) -> Vec<Address> {
    let written = spec.get("addresses").map(|list| list.texts()).unwrap_or_default();
    if written.is_empty() {
        return vec![Address::Any];
    }
    let read = |text: &&str| {
        let (ip, bits) = text.split_once('/').map_or((*text, None), |(ip, bits)| (ip, Some(bits)));
        let address: IpAddr = ip.parse().ok()?;
        let all = if address.is_ipv4() { "32" } else { "128" };
        match bits {
            Some(bits) if bits != all => Some(Address::Range((*text).to_owned())),
            _ => Some(Address::Fixed(ip.to_owned())),
        }
    };
    written.iter().filter_map(read).collect()
}

/// A host that is its own only endpoint, found by DNS.
fn itself(namespace: &str, declared: &[Port]) -> BTreeMap<u16, Vec<Endpoint>> {
    let endpoint = |port: &Port| {
        let own = match port.target {
            Target::Number(number) => number,
            Target::Same | Target::Named(_) => port.number,
        };
        (port.number, vec![Endpoint::by_name(namespace, own)])
    };
    declared.iter().map(endpoint).collect()
}
