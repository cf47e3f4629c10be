//! Endpoints of services: pods and workload entries, and the port that is dialled on each.
//!
//! Pods of one workload are alike, so an entry stands for all of them. Rules of Istio's Kubernetes
//! and `ServiceEntry` registries, release 1.31. What only a live cluster knows (readiness, nodes and
//! their zones, `EndpointSlice` objects) is not read: every pod counts, on no particular node.

use std::collections::BTreeMap;
use std::net::IpAddr;

use stilltrace_model::{Setting, WorkloadId};

use crate::field::Field;
use crate::inventory::Inventory;
use crate::labels::{Labels, selects};
use crate::ports::{Port, Target};
use crate::services::Resolution;
use crate::workloads::{self, Pods};

/// The label that says whether an endpoint takes mutual TLS.
pub(crate) const TLS_MODE: &str = "security.istio.io/tlsMode";
/// The label that places an endpoint.
const LOCALITY: &str = "istio-locality";

/// Endpoints that are alike.
#[derive(Debug, Clone)]
pub(crate) struct Endpoint {
    /// How many; `None` where Git does not say.
    pub(crate) count: Option<u32>,
    /// Their labels.
    pub(crate) labels: Labels,
    /// Their namespace, whose policies apply to them.
    pub(crate) namespace: String,
    /// `istio`: takes mutual TLS; `disabled`: does not; anything else counts as neither.
    pub(crate) tls_mode: String,
    /// The port that is dialled on them.
    pub(crate) port: u16,
    /// Whether the address is a host name, which only DNS can resolve.
    pub(crate) is_name: bool,
    /// The address of a machine; those of pods nobody writes down.
    pub(crate) address: Option<Setting<IpAddr>>,
    /// `region/zone/subzone`, or empty.
    pub(crate) locality: String,
}

impl Endpoint {
    /// An endpoint outside the mesh that DNS finds.
    pub(crate) fn by_name(namespace: &str, port: u16) -> Self {
        Self {
            count: Some(1),
            labels: Labels::new(),
            namespace: namespace.to_owned(),
            tls_mode: "disabled".to_owned(),
            port,
            is_name: true,
            address: None,
            locality: String::new(),
        }
    }

    /// Whether it takes mutual TLS.
    pub(crate) fn is_proxied(&self) -> bool {
        self.tls_mode == "istio"
    }
}

/// An endpoint that is no pod: a `WorkloadEntry`, or one written in a `ServiceEntry`.
struct Machine {
    /// Name of the object, empty for one that is written in an entry.
    name: String,
    namespace: String,
    labels: Labels,
    address: String,
    ip: Option<Setting<IpAddr>>,
    ports: BTreeMap<String, u16>,
    tls_mode: String,
    locality: String,
}

/// Everything that can stand behind a service.
pub(crate) struct Backends<'a> {
    /// All workloads, sorted by id.
    pub(crate) pods: &'a [Pods<'a>],
    replicas: BTreeMap<&'a WorkloadId, Option<u32>>,
    machines: Vec<Machine>,
}

impl<'a> Backends<'a> {
    /// Collects workloads and workload entries.
    pub(crate) fn new(
        inventory: &Inventory<'a>,
        pods: &'a [Pods<'a>],
        replicas: BTreeMap<&'a WorkloadId, Option<u32>>,
    ) -> Self {
        let entries = inventory.of("networking.istio.io", "WorkloadEntry").iter();
        let machines = entries.filter_map(|source| {
            let mut machine = Machine::read(source.namespace(), &source.spec()?);
            // Labels of the object win over those of the specification.
            machine.labels.extend(source.labels());
            source.name().clone_into(&mut machine.name);
            machine.tls_mode = machine.labels.get(TLS_MODE).cloned().unwrap_or(machine.tls_mode);
            Some(machine)
        });
        Self { pods, replicas, machines: machines.collect() }
    }

    /// Endpoints of a Kubernetes service by port: pods and workload entries of its namespace. Only
    /// pods stand behind a headless service.
    pub(crate) fn of_service(
        &self,
        namespace: &str,
        selector: &Labels,
        declared: &[Port],
        headless: bool,
    ) -> BTreeMap<u16, Vec<Endpoint>> {
        let mut found = BTreeMap::new();
        for port in declared.iter().filter(|port| port.protocol != "udp") {
            let list: &mut Vec<Endpoint> = found.entry(port.number).or_default();
            for pods in self.running_in(namespace, selector) {
                let number = match &port.target {
                    Target::Same => port.number,
                    Target::Number(number) => *number,
                    Target::Named(name) => match pods.container_port(name, port.udp) {
                        Some(number) => number,
                        None => continue,
                    },
                };
                list.push(self.pod(pods, number));
            }
            for machine in self.machines_in(namespace, selector) {
                if machine.is_name() || headless {
                    continue;
                }
                let own = |name: &str| machine.ports.get(name).copied();
                let number = match &port.target {
                    Target::Number(number) => Some(own(&port.name).unwrap_or(*number)),
                    Target::Same => Some(own(&port.name).unwrap_or(port.number)),
                    Target::Named(name) => own(name),
                };
                list.extend(number.map(|number| machine.endpoint(number)));
            }
        }
        found
    }

    /// Endpoints that a `ServiceEntry` selects. Only one found by DNS can use host names. One that
    /// goes to a single address at a time has the first: pods before machines, then by name.
    pub(crate) fn of_entry(
        &self,
        namespace: &str,
        selector: &Labels,
        declared: &[Port],
        resolution: &Resolution,
    ) -> BTreeMap<u16, Vec<Endpoint>> {
        let by_name = matches!(resolution, Resolution::Dns | Resolution::DnsRoundRobin);
        let mut found = BTreeMap::new();
        for port in declared.iter().filter(|port| port.protocol != "udp") {
            let list: &mut Vec<Endpoint> = found.entry(port.number).or_default();
            let own = entry_port(port);
            list.extend(self.running_in(namespace, selector).map(|pods| self.pod(pods, own)));
            let machines = self.machines_in(namespace, selector);
            let usable = machines.filter(|machine| by_name || !machine.is_name());
            let mut usable: Vec<&Machine> = usable.collect();
            usable.sort_by_key(|machine| &machine.name);
            list.extend(usable.iter().map(|machine| machine.endpoint(machine.port_of(port))));
            if *resolution == Resolution::DnsRoundRobin {
                list.truncate(1);
                for only in list.iter_mut() {
                    only.count = Some(1);
                }
            }
        }
        found
    }

    /// The first workload, by name, that has pods of these labels.
    pub(crate) fn first_running(&self, namespace: &str, selector: &Labels) -> Option<WorkloadId> {
        self.running_in(namespace, selector).next().map(|pods| pods.id.clone())
    }

    /// Workloads that have lasting pods, or may have some.
    fn running_in(&self, namespace: &str, selector: &Labels) -> impl Iterator<Item = &Pods<'a>> {
        workloads::of_namespace(self.pods, namespace)
            .iter()
            .filter(move |pods| pods.stay() && selects(selector, &pods.labels))
            .filter(|pods| self.replicas.get(&pods.id) != Some(&Some(0)))
    }

    fn machines_in(&self, namespace: &str, selector: &Labels) -> impl Iterator<Item = &Machine> {
        self.machines
            .iter()
            .filter(move |own| own.namespace == namespace && selects(selector, &own.labels))
    }

    fn pod(&self, pods: &Pods<'_>, port: u16) -> Endpoint {
        Endpoint {
            count: self.replicas.get(&pods.id).copied().flatten(),
            labels: pods.labels.clone(),
            namespace: pods.id.namespace.clone(),
            tls_mode: pods.tls_mode().to_owned(),
            port,
            is_name: false,
            address: None,
            locality: locality(&pods.labels),
        }
    }
}

/// Endpoints written in a `ServiceEntry`.
pub(crate) fn written(
    namespace: &str,
    endpoints: &[Field<'_>],
    declared: &[Port],
) -> BTreeMap<u16, Vec<Endpoint>> {
    let machines: Vec<Machine> =
        endpoints.iter().map(|entry| Machine::read(namespace, entry)).collect();
    let of = |port: &Port| {
        machines.iter().map(|machine| machine.endpoint(machine.port_of(port))).collect()
    };
    declared.iter().map(|port| (port.number, of(port))).collect()
}

impl Machine {
    fn read(namespace: &str, spec: &Field<'_>) -> Self {
        let text = |key: &str| spec.get(key).and_then(|field| field.text());
        let labels = spec.get("labels").map(|labels| labels.labels()).unwrap_or_default();
        let account = text("serviceAccount").is_some_and(|account| !account.is_empty());
        let implied = if account { "istio" } else { "disabled" };
        let tls_mode = labels.get(TLS_MODE).map_or(implied, String::as_str).to_owned();
        let ports = spec.get("ports").map(|ports| ports.entries()).unwrap_or_default();
        let written = text("locality").filter(|text| !text.is_empty()).map(str::to_owned);
        Self {
            name: String::new(),
            namespace: namespace.to_owned(),
            address: text("address").unwrap_or_default().to_owned(),
            ip: spec
                .get("address")
                .and_then(|field| Some(field.setting(field.text()?.parse().ok()?))),
            ports: ports
                .iter()
                .filter_map(|(name, port)| Some(((*name).to_owned(), port.port()?)))
                .collect(),
            tls_mode,
            locality: written.unwrap_or_else(|| locality(&labels)),
            labels,
        }
    }

    fn is_name(&self) -> bool {
        let socket = self.address.starts_with("unix://");
        socket || !self.address.is_empty() && self.address.parse::<IpAddr>().is_err()
    }

    /// The port for a port of a `ServiceEntry`: its own of that name, else the entry's target.
    fn port_of(&self, port: &Port) -> u16 {
        self.ports.get(&port.name).copied().unwrap_or_else(|| entry_port(port))
    }

    fn endpoint(&self, port: u16) -> Endpoint {
        Endpoint {
            count: Some(1),
            labels: self.labels.clone(),
            namespace: self.namespace.clone(),
            tls_mode: self.tls_mode.clone(),
            port,
            // A socket of the node is an address, though not one of a network.
            is_name: self.is_name() && !self.address.starts_with("unix://"),
            address: self.ip.clone(),
            locality: self.locality.clone(),
        }
    }
}

fn entry_port(port: &Port) -> u16 {
    match port.target {
        Target::Number(number) => number,
        Target::Same | Target::Named(_) => port.number,
    }
}

/// The label writes dots, because a label cannot hold slashes.
pub(crate) fn locality(labels: &Labels) -> String {
    let label = labels.get(LOCALITY).map(String::as_str).unwrap_or_default();
    if label.contains('/') { label.to_owned() } else { label.replace('.', "/") }
}
