//! Kubernetes services and the hosts of `ServiceEntry` objects: what a proxy can call.

use std::collections::BTreeMap;
use std::sync::Arc;

use stilltrace_model::{Origin, ServiceId, Setting, Timestamp, WorkloadId};

use crate::defaults;
use crate::endpoints::{Backends, Endpoint};
use crate::field::Field;
use crate::hosts;
use crate::inventory::Inventory;
use crate::labels::{Labels, selects};
use crate::mesh_config::MeshConfig;
use crate::ports::{self, Port};
use crate::service_entry;
use crate::source::Source;
use crate::visibility::Visibility;
use crate::workloads::{self, Pods};

/// What a proxy can call under one host name.
#[derive(Debug, Clone)]
pub(crate) struct Callee {
    /// `namespace/name`; for a `ServiceEntry` host the name is the host.
    pub(crate) id: Arc<ServiceId>,
    /// Full host name.
    pub(crate) host: String,
    /// Port number to protocol, in lower case; `auto` is sniffed. UDP ports are left out.
    pub(crate) ports: BTreeMap<u16, String>,
    /// All ports in the order of the object, UDP included.
    pub(crate) declared: Vec<Port>,
    /// Which namespaces may call it.
    pub(crate) visibility: Visibility,
    /// How proxies find its endpoints.
    pub(crate) resolution: Resolution,
    /// What decides about that.
    pub(crate) resolved_by: Origin,
    /// Whether it is a Kubernetes service.
    pub(crate) kubernetes: bool,
    /// Whether it lies outside the mesh.
    pub(crate) external: bool,
    /// Where the object starts.
    pub(crate) origin: Origin,
    /// What names the host: the line of an entry's host, or the object.
    pub(crate) named_at: Origin,
    /// What callers dial; a `ServiceEntry` may have several.
    pub(crate) addresses: Vec<Setting<Address>>,
    /// When the object was created, if the manifest says.
    pub(crate) created: Option<Timestamp>,
    /// Whether a selector chooses its endpoints.
    pub(crate) selects: bool,
    /// Workloads whose pods it selects, sorted.
    pub(crate) workloads: Vec<WorkloadId>,
    /// Endpoints by service port.
    pub(crate) endpoints: BTreeMap<u16, Vec<Endpoint>>,
    /// Which endpoints callers prefer because the service itself says so.
    pub(crate) distribution: Option<Setting<Distribution>>,
}

/// How proxies find the endpoints of a host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Resolution {
    /// The control plane sends them.
    Pushed,
    /// The caller dials them: headless services, `NONE`.
    Dialled,
    /// By DNS, all addresses.
    Dns,
    /// By DNS, one address at a time.
    DnsRoundRobin,
    /// By DNS, for every name below a wildcard.
    DynamicDns,
    /// Another name for this host (`ExternalName`).
    Alias(String),
}

/// `trafficDistribution` of a service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Distribution {
    /// Endpoints of the caller's zone first.
    SameZone,
    /// Endpoints of the caller's node first.
    SameNode,
}

/// What callers of a service dial.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Address {
    /// An address of its own that the cluster assigns.
    Assigned,
    /// An address that is written down.
    Fixed(String),
    /// A range of addresses.
    Range(String),
    /// No address of its own: pods are dialled, or names that Istio does not resolve.
    Any,
}

impl Callee {
    /// Where connections to a port go that a pod of this workload dials without an address of the
    /// service: to pods, which go by the service's name as nobody knows their addresses, and to
    /// machines. No pod dials itself.
    pub(crate) fn dialled(&self, workload: &WorkloadId, port: u16) -> Vec<Setting<Address>> {
        let endpoints = self.endpoints_of(port);
        let machines = endpoints.iter().filter_map(|endpoint| endpoint.address.as_ref());
        let mut found: Vec<_> =
            machines.map(|ip| ip.clone().map(|ip| Address::Fixed(ip.to_string()))).collect();
        let pods = endpoints.iter().filter(|own| own.address.is_none() && !own.is_name);
        let pods: Option<u32> = pods.map(|endpoint| endpoint.count).sum();
        if !(pods == Some(0) || pods == Some(1) && self.workloads.contains(workload)) {
            found.push(Setting::new(Address::Assigned, self.origin.clone()));
        }
        found
    }

    /// Whether callers dial the endpoints as the service has no address: a headless service, or an
    /// entry without addresses.
    pub(crate) fn is_dialled_by_endpoint(&self) -> bool {
        let nowhere = |address: &Setting<Address>| address.value == Address::Any;
        self.resolution == Resolution::Dialled && self.addresses.iter().all(nowhere)
    }

    /// Whether names below its own are names of its pods.
    pub(crate) fn answers_for_pods(&self) -> bool {
        self.kubernetes && self.resolution == Resolution::Dialled
    }

    /// Whether requests to the port are routed as HTTP.
    pub(crate) fn speaks_http(&self, port: u16) -> bool {
        self.ports.get(&port).is_some_and(|protocol| ports::is_http_or_sniffed(protocol))
    }

    /// Whether the host is only another name for a service, without clusters of its own.
    pub(crate) fn is_alias(&self) -> bool {
        matches!(self.resolution, Resolution::Alias(_))
    }

    /// Endpoints behind a port.
    pub(crate) fn endpoints_of(&self, port: u16) -> &[Endpoint] {
        self.endpoints.get(&port).map(Vec::as_slice).unwrap_or_default()
    }
}

/// Reads all services, oldest first.
pub(crate) fn read(
    inventory: &Inventory<'_>,
    mesh: &MeshConfig,
    backends: &Backends<'_>,
) -> Vec<Callee> {
    let services = inventory.of("", "Service").iter();
    let mut found: Vec<Callee> =
        services.map(|source| read_service(source, inventory, mesh, backends)).collect();
    found.extend(service_entry::read(inventory, mesh, backends));
    share_endpoints(&mut found);
    // Istio's order: by age, then by name, whatever the kind.
    found.sort_by(|a, b| {
        let [a, b] = [a, b].map(|callee| (callee.created, (&callee.id.name, &callee.id.namespace)));
        inventory.guess.order(a, b)
    });
    found
}

/// Gives services of one namespace and host each other's endpoints, as Istio keeps them by these
/// two: an endpoint counts for every port of its own port's name, or number where DNS finds it.
fn share_endpoints(callees: &mut [Callee]) {
    let mut groups: BTreeMap<(String, String), Vec<usize>> = BTreeMap::new();
    for (index, callee) in callees.iter().enumerate() {
        let key = (callee.id.namespace.clone(), callee.host.clone());
        groups.entry(key).or_default().push(index);
    }
    for group in groups.into_values().filter(|group| group.len() > 1) {
        let own: Vec<Callee> = group.iter().map(|index| callees[*index].clone()).collect();
        for index in group {
            let callee = &mut callees[index];
            callee.endpoints = callee
                .declared
                .iter()
                .map(|port| (port.number, shared(callee, port, &own)))
                .collect();
        }
    }
}

/// Endpoints of all `twins` for a port of one of them.
fn shared(callee: &Callee, port: &Port, twins: &[Callee]) -> Vec<Endpoint> {
    let by_number = matches!(callee.resolution, Resolution::Dns | Resolution::DnsRoundRobin);
    let same = |other: &&Port| {
        if by_number { other.number == port.number } else { other.name == port.name }
    };
    let mut found = Vec::new();
    for twin in twins {
        // Istio keeps one endpoint per port of hosts that are found one address at a time.
        if twin.resolution == Resolution::DnsRoundRobin && !found.is_empty() {
            continue;
        }
        let ports = twin.declared.iter().filter(same);
        let lists = ports.filter_map(|other| twin.endpoints.get(&other.number));
        found.extend(lists.flatten().cloned());
    }
    found
}

/// The address of a Kubernetes service: the cluster assigns one where none is written.
fn address(source: &Source, spec: Option<&Field<'_>>) -> Vec<Setting<Address>> {
    let field = spec.and_then(|spec| spec.get("clusterIP"));
    let address = match field.as_ref().and_then(Field::text) {
        // Callers dial it by the name of the object.
        None | Some("") => return vec![Setting::new(Address::Assigned, source.origin())],
        Some("None") => Address::Any,
        Some(written) => Address::Fixed(written.to_owned()),
    };
    field.map(|field| field.setting(address)).into_iter().collect()
}

fn read_service(
    source: &Source,
    inventory: &Inventory<'_>,
    mesh: &MeshConfig,
    backends: &Backends<'_>,
) -> Callee {
    let spec = source.spec();
    let text = |key: &str| spec.as_ref()?.get(key)?.text();
    let outside = text("externalName").filter(|_| text("type") == Some("ExternalName"));
    let resolution = match outside {
        _ if text("clusterIP") == Some("None") => Resolution::Dialled,
        Some(host) if !host.is_empty() => Resolution::Alias(host.to_owned()),
        _ => Resolution::Pushed,
    };
    let selector = spec.as_ref().and_then(|spec| spec.get("selector")).map(|s| s.labels());
    let selector = selector.filter(|selector| !selector.is_empty());
    let declared = ports::of_service(spec.as_ref());
    let namespace = source.namespace();
    let endpoints = match &selector {
        Some(selector) => {
            let headless = resolution != Resolution::Pushed;
            backends.of_service(namespace, selector, &declared, headless)
        }
        None => BTreeMap::new(),
    };
    let deciding = match resolution {
        Resolution::Dialled => Some("clusterIP"),
        Resolution::Alias(_) => Some("externalName"),
        _ => None,
    };
    let written = spec.as_ref().and_then(|spec| spec.get(deciding?));
    Callee {
        id: Arc::new(ServiceId::new(namespace, source.name())),
        resolved_by: written
            .map_or(Origin::Default { of: defaults::ISTIO }, |field| field.origin()),
        host: hosts::service(source.name(), namespace),
        ports: ports::carried(&declared),
        selects: selector.is_some(),
        workloads: selected(selector.as_ref(), namespace, backends.pods),
        endpoints,
        visibility: visibility(source, mesh),
        addresses: address(source, spec.as_ref()),
        external: matches!(resolution, Resolution::Alias(_)),
        resolution,
        kubernetes: true,
        origin: source.origin(),
        named_at: source.origin(),
        created: source.created,
        distribution: distribution(source, inventory),
        declared,
    }
}

fn visibility(source: &Source, mesh: &MeshConfig) -> Visibility {
    let exported = source.annotation("networking.istio.io/exportTo");
    let exported: Vec<&str> = exported
        .and_then(|field| field.text())
        .map(|list| list.split(',').map(str::trim).filter(|entry| !entry.is_empty()).collect())
        .unwrap_or_default();
    let default: Vec<&str> = mesh.service_export_to.iter().map(String::as_str).collect();
    let exported = if exported.is_empty() { default } else { exported };
    Visibility::of(&exported, source.namespace())
}

/// `spec.trafficDistribution`, else the annotation of the object, else that of its namespace.
pub(crate) fn distribution(
    source: &Source,
    inventory: &Inventory<'_>,
) -> Option<Setting<Distribution>> {
    const ANNOTATION: &str = "networking.istio.io/traffic-distribution";
    if source.id.kind == "Service"
        && let Some(field) = source.field().at(&["spec", "trafficDistribution"])
    {
        match field.text() {
            Some("PreferClose" | "PreferSameZone") => {
                return Some(field.setting(Distribution::SameZone));
            }
            Some("PreferSameNode") => return Some(field.setting(Distribution::SameNode)),
            _ => {}
        }
    }
    let own = source.annotation(ANNOTATION);
    let namespace = || inventory.namespace(source.namespace())?.annotation(ANNOTATION);
    let written = |field: &Field<'_>| field.text().is_some_and(|text| !text.is_empty());
    let field = own.filter(written).or_else(|| namespace().filter(written))?;
    match field.text()?.to_ascii_lowercase().as_str() {
        "preferclose" | "prefersamezone" => Some(field.setting(Distribution::SameZone)),
        "prefersamenode" => Some(field.setting(Distribution::SameNode)),
        _ => {
            field.report("PreferClose, PreferSameZone or PreferSameNode");
            None
        }
    }
}

/// Workloads of a namespace whose pods a selector matches, sorted; `pods` are sorted by id.
pub(crate) fn selected(
    selector: Option<&Labels>,
    namespace: &str,
    pods: &[Pods<'_>],
) -> Vec<WorkloadId> {
    let Some(selector) = selector else { return Vec::new() };
    let own = workloads::of_namespace(pods, namespace).iter();
    let matching = own.filter(|pods| pods.stay() && selects(selector, &pods.labels));
    let mut workloads: Vec<WorkloadId> = matching.map(|pods| pods.id.clone()).collect();
    workloads.sort();
    workloads
}
