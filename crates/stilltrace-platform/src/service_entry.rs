//! Hosts of `ServiceEntry` objects, with the endpoints that the object writes or selects.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use stilltrace_model::{Origin, ServiceId, Setting};

use crate::age::report_undecided;
use crate::defaults;
use crate::endpoints::{self, Backends, Endpoint};
use crate::field::Field;
use crate::inventory::Inventory;
use crate::labels::Labels;
use crate::mesh_config::MeshConfig;
use crate::ports::{self, Port, Target};
use crate::services::{self, Address, Callee, Resolution};
use crate::source::Source;
use crate::visibility::Visibility;

/// What entries for one host must have in common to be merged.
#[derive(PartialEq)]
struct Kind {
    labels: Labels,
    selector: Option<Labels>,
    /// As written: a list that says the default is not the same as none.
    export_to: BTreeSet<String>,
}

/// Reads all hosts, oldest first. Entries of one namespace for one host are merged where they are
/// of one kind: the oldest gains the ports of the others.
pub(crate) fn read(
    inventory: &Inventory<'_>,
    mesh: &MeshConfig,
    backends: &Backends<'_>,
) -> Vec<Callee> {
    let mut found: Vec<(Kind, Callee)> = Vec::new();
    let mut first: BTreeMap<String, &Source> = BTreeMap::new();
    for source in inventory.of("networking.istio.io", "ServiceEntry") {
        for (kind, callee) in hosts(source, inventory, mesh, backends) {
            let older = *first.entry(callee.host.clone()).or_insert(source);
            if !std::ptr::eq(older, *source) {
                report_undecided(older, source, &format!("both name {}", callee.host));
            }
            let twin = found.iter_mut().find(|(own_kind, own)| {
                let place = own.host == callee.host && own.id.namespace == callee.id.namespace;
                place && own.resolution == callee.resolution && *own_kind == kind
            });
            match twin {
                Some((_, twin)) => merge(twin, callee),
                None => found.push((kind, callee)),
            }
        }
    }
    found.into_iter().map(|(_, callee)| callee).collect()
}

/// Adds the ports that the older entry lacks, and the endpoints.
fn merge(older: &mut Callee, younger: Callee) {
    for port in younger.declared {
        if older.declared.iter().all(|own| own.number != port.number) {
            older.declared.push(port);
        }
    }
    older.ports = ports::carried(&older.declared);
    let single = older.resolution == Resolution::DnsRoundRobin;
    for (port, endpoints) in younger.endpoints {
        let own = older.endpoints.entry(port).or_default();
        if !single || own.is_empty() {
            own.extend(endpoints);
        }
    }
    older.workloads.extend(younger.workloads);
    older.workloads.sort();
    older.workloads.dedup();
}

/// The hosts of one entry.
fn hosts(
    source: &Source,
    inventory: &Inventory<'_>,
    mesh: &MeshConfig,
    backends: &Backends<'_>,
) -> Vec<(Kind, Callee)> {
    let Some(spec) = source.spec() else { return Vec::new() };
    let namespace = source.namespace();
    let declared = ports::of_entry(&spec);
    let text = |key: &str| spec.get(key).and_then(|field| field.text());
    let resolution = resolution(text("resolution"));
    let resolved_by = spec.get("resolution");
    let resolved_by =
        resolved_by.map_or(Origin::Default { of: defaults::ISTIO }, |field| field.origin());
    let by_name = matches!(resolution, Resolution::Dns | Resolution::DnsRoundRobin);
    let selector = spec.get("workloadSelector");
    let selector = selector.map(|s| s.get("labels").map(|l| l.labels()).unwrap_or_default());
    let written = spec.list("endpoints");
    let endpoints = match &selector {
        Some(labels) => backends.of_entry(namespace, labels, &declared, &resolution),
        None if written.is_empty() && by_name => itself(namespace, &declared),
        None => endpoints::written(namespace, &written, &declared),
    };
    let workloads = match &selector {
        // Only the pod that is dialled knows that it is called by this name.
        Some(labels) if resolution == Resolution::DnsRoundRobin => {
            backends.first_running(namespace, labels).into_iter().collect()
        }
        _ => services::selected(selector.as_ref(), namespace, backends.pods),
    };
    let callee = |host: &str, named_at: Origin| Callee {
        named_at,
        id: ServiceId::new(namespace, host).into(),
        host: host.to_owned(),
        ports: ports::carried(&declared),
        declared: declared.clone(),
        selects: selector.is_some(),
        workloads: workloads.clone(),
        endpoints: endpoints.clone(),
        visibility: Visibility::read(Some(&spec), &mesh.service_export_to, namespace),
        resolution: resolution.clone(),
        resolved_by: resolved_by.clone(),
        addresses: addresses(&spec),
        kubernetes: false,
        // Istio's default location is outside.
        external: text("location") != Some("MESH_INTERNAL"),
        origin: source.origin(),
        created: source.created,
        distribution: services::distribution(source, inventory),
    };
    let exported = spec.get("exportTo").map(|list| list.texts()).unwrap_or_default();
    let kind = || Kind {
        labels: source.labels(),
        selector: selector.clone(),
        export_to: exported.iter().map(|name| (*name).to_owned()).collect(),
    };
    let entries = spec.list("hosts");
    let texts = entries.iter().filter_map(|host| Some((host.text()?, host.origin())));
    texts.map(|(host, at)| (kind(), callee(host, at))).collect()
}

fn resolution(written: Option<&str>) -> Resolution {
    match written {
        Some("STATIC") => Resolution::Pushed,
        Some("DNS") => Resolution::Dns,
        Some("DNS_ROUND_ROBIN") => Resolution::DnsRoundRobin,
        Some("DYNAMIC_DNS") => Resolution::DynamicDns,
        _ => Resolution::Dialled,
    }
}

/// The addresses of a `ServiceEntry`; a range of one address is that address.
fn addresses(spec: &Field<'_>) -> Vec<Setting<Address>> {
    let written = spec.list("addresses");
    if written.is_empty() {
        return vec![Setting::default_of(Address::Any, defaults::ISTIO)];
    }
    let read = |field: &Field<'_>| {
        let text = field.text()?;
        let (ip, bits) = text.split_once('/').map_or((text, None), |(ip, bits)| (ip, Some(bits)));
        let address: IpAddr = ip.parse().ok()?;
        let all = if address.is_ipv4() { "32" } else { "128" };
        Some(field.setting(match bits {
            Some(bits) if bits != all => Address::Range(text.to_owned()),
            _ => Address::Fixed(ip.to_owned()),
        }))
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
