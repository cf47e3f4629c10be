//! What one kind of proxy sees: services, ports, and the virtual services of each listener.
//!
//! Proxies of one namespace under the same `Sidecar` see the same, so this is computed once per
//! pair. The rules are those of Istio's `SidecarScope`, release 1.31.

use std::collections::{BTreeMap, BTreeSet};

use crate::age::report_undecided;
use crate::edges::Mesh;
use crate::hosts;
use crate::services::Callee;
use crate::sidecar_scope::{Egress, HostClass};
use crate::source::Source;
use crate::virtual_service::VirtualService;
use crate::visibility::Visibility;

/// Services by index, with the ports that are visible.
pub(crate) type Visible = BTreeMap<usize, BTreeSet<u16>>;

/// What a proxy sees.
pub(crate) struct View {
    /// All services that the proxy is told about.
    pub(crate) services: Visible,
    /// The same services by host.
    pub(crate) by_host: BTreeMap<String, usize>,
    /// Egress listeners in the order of the `Sidecar`.
    pub(crate) listeners: Vec<Listener>,
}

/// One egress listener of a proxy.
pub(crate) struct Listener {
    /// The listener as written.
    pub(crate) egress: Egress,
    /// Services that the listener's hosts name.
    pub(crate) services: Visible,
    /// Virtual services in order of precedence.
    pub(crate) virtual_services: Vec<usize>,
    /// For hosts of services that a host of a virtual service covers: the one with the most
    /// specific.
    most_specific: BTreeMap<String, usize>,
    classes: BTreeMap<String, HostClass>,
}

impl View {
    /// What a proxy in `namespace` sees through these egress listeners.
    pub(crate) fn new(namespace: &str, egress: &[Egress], mesh: &Mesh<'_>) -> Self {
        let callees = mesh.callees;
        let listeners: Vec<Listener> =
            egress.iter().map(|egress| Listener::new(namespace, egress, mesh)).collect();
        let mut services = Visible::new();
        let mut hosts = BTreeMap::new();
        for listener in &listeners {
            for callee in in_order_of_index(listener.services.keys().copied(), callees) {
                let ports = listener.services.get(&callee).cloned().unwrap_or_default();
                take(callee, ports, callees, &mut hosts, &mut services);
            }
            if !listener.egress.of_gateway {
                listener.import_targets(namespace, mesh, &mut hosts, &mut services);
            }
        }
        let by_host = services.keys().map(|callee| (callees[*callee].host.clone(), *callee));
        Self { by_host: by_host.collect(), services, listeners }
    }

    /// The service that has a host name for this proxy, if it sees one.
    pub(crate) fn service_of_host<'c>(
        &self,
        host: &str,
        callees: &'c [Callee],
    ) -> Option<&'c Callee> {
        let mut seen = self.services.keys().map(|callee| &callees[*callee]);
        seen.find(|callee| callee.host == host)
    }

    /// The listener that serves a port.
    pub(crate) fn listener(&self, port: u16) -> Option<&Listener> {
        let serves = |listener: &&Listener| listener.egress.port.is_none_or(|own| own == port);
        self.listeners.iter().find(serves)
    }
}

/// Adds a service unless another one has its host name already; ports of the same one unite. Nobody
/// takes the name of a Kubernetes service.
fn take(
    callee: usize,
    ports: BTreeSet<u16>,
    callees: &[Callee],
    hosts: &mut BTreeMap<String, usize>,
    services: &mut Visible,
) {
    let owner = hosts.entry(callees[callee].host.clone()).or_insert(callee);
    if callees[callee].kubernetes && !callees[*owner].kubernetes {
        services.remove(owner);
        *owner = callee;
    }
    if *owner == callee {
        services.entry(callee).or_default().extend(ports);
    }
}

impl Listener {
    fn new(namespace: &str, egress: &Egress, mesh: &Mesh<'_>) -> Self {
        let (callees, virtual_services) = (mesh.callees, mesh.virtual_services);
        let classes: BTreeMap<String, HostClass> = egress.classes(namespace).into_iter().collect();
        let services = visible_services(namespace, egress, mesh, &classes);
        let virtual_services_seen = visible_routes(namespace, virtual_services, &classes);
        let first = first_by_host(&virtual_services_seen, virtual_services);
        let named = services.keys().map(|callee| callees[*callee].host.as_str());
        Self {
            egress: egress.clone(),
            most_specific: most_specific(named, &first),
            services,
            virtual_services: virtual_services_seen,
            classes,
        }
    }

    /// Whether the listener takes requests for any host on its port and looks at their names.
    pub(crate) fn is_http_proxy(&self) -> bool {
        self.egress.http_proxy
    }

    /// The virtual service whose host is the most specific one for a service of this very name.
    pub(crate) fn most_specific(&self, host: &str) -> Option<usize> {
        self.most_specific.get(host).copied()
    }

    /// Whether the hosts that let a service in also name this alias of it.
    pub(crate) fn shows(&self, service: &Callee, alias: &str) -> bool {
        let own = self.classes.get(&service.id.namespace);
        let any = self.classes.get("*");
        let lists = [own, any].into_iter().flatten();
        let mut letting_in = lists.filter(|class| class.admits(&service.host));
        letting_in.any(|class| class.admits(alias))
    }

    /// Adds the services that virtual services of the listener send requests to.
    fn import_targets(
        &self,
        namespace: &str,
        mesh: &Mesh<'_>,
        hosts: &mut BTreeMap<String, usize>,
        services: &mut Visible,
    ) {
        let (callees, virtual_services) = (mesh.callees, mesh.virtual_services);
        for virtual_service in &self.virtual_services {
            let mut wanted: BTreeMap<&str, BTreeSet<Option<u16>>> = BTreeMap::new();
            for (host, port, callers) in &virtual_services[*virtual_service].destinations {
                if callers.is_empty() || callers.contains(namespace) {
                    wanted.entry(host).or_default().insert(*port);
                }
            }
            for (host, ports) in wanted {
                let Some(callee) = target_of(host, namespace, mesh) else { continue };
                let declared = callees[callee].declared.iter().map(|port| port.number);
                let kept: BTreeSet<u16> = match (self.egress.port, ports.contains(&None)) {
                    (Some(own), _) if !self.egress.http_proxy => {
                        declared.filter(|port| *port == own).collect()
                    }
                    (_, true) => declared.collect(),
                    (_, false) => declared.filter(|port| ports.contains(&Some(*port))).collect(),
                };
                if !kept.is_empty() || ports.contains(&None) && self.egress.port.is_none() {
                    let carried = &callees[callee].ports;
                    let kept = kept.into_iter().filter(|port| carried.contains_key(port));
                    take(callee, kept.collect(), callees, hosts, services);
                }
            }
        }
    }
}

/// The service that a destination of a virtual service imports: the client's own, else the first
/// Kubernetes service that is visible, else the oldest other one.
fn target_of(host: &str, namespace: &str, mesh: &Mesh<'_>) -> Option<usize> {
    let callees = mesh.callees;
    let mut candidates = mesh.directory.named(host).to_vec();
    // Within a namespace and among all, Kubernetes services come first.
    candidates.sort_by_key(|index| !callees[*index].kubernetes);
    // Of one namespace only the first counts, whoever may see the others.
    let mut namespaces = BTreeSet::new();
    candidates.retain(|index| namespaces.insert(&callees[*index].id.namespace));
    let own = candidates.iter().find(|index| callees[**index].id.namespace == namespace);
    let visible = |index: &&usize| callees[**index].visibility.includes(namespace);
    own.or_else(|| candidates.iter().find(visible)).copied()
}

fn visible_services(
    namespace: &str,
    egress: &Egress,
    mesh: &Mesh<'_>,
    classes: &BTreeMap<String, HostClass>,
) -> Visible {
    let callees = mesh.callees;
    let any = classes.get("*");
    let order = if any.is_some() {
        in_order_of_index(0..callees.len(), callees)
    } else {
        let named = classes.keys().map(|namespace| mesh.directory.of_namespace(namespace));
        in_order_of_index(named.flatten().copied(), callees)
    };
    let mut imported: Vec<(usize, BTreeSet<u16>)> = Vec::new();
    for index in order {
        let callee = &callees[index];
        let own = classes.get(&callee.id.namespace);
        let lists = [own, any];
        let excluded = lists.iter().flatten().any(|class| class.excludes(&callee.host));
        let admitted = lists.iter().flatten().any(|class| class.admits(&callee.host));
        if !callee.visibility.includes(namespace) || excluded || !admitted {
            continue;
        }
        let limit = egress.port.filter(|_| !egress.http_proxy);
        let ports: BTreeSet<u16> = callee
            .ports
            .keys()
            .copied()
            .filter(|port| limit.is_none_or(|own| own == *port))
            .collect();
        // A service counts even if proxies carry none of the ports, which are UDP then.
        let declares = |own| callee.declared.iter().any(|port| port.number == own);
        if limit.is_none_or(declares) {
            imported.push((index, ports));
        }
    }
    let chosen = chosen_namespaces(namespace, &imported, callees);
    let mut found = Visible::new();
    let mut hosts = BTreeMap::new();
    for (index, ports) in imported {
        let callee = &callees[index];
        let own = chosen.get(callee.host.as_str()).map(|twin| &callees[*twin].id.namespace);
        if egress.of_gateway {
            take(index, ports, callees, &mut hosts, &mut found);
        } else if own == Some(&callee.id.namespace) {
            // Twins stay apart in a listener; only one of them has clusters.
            found.insert(index, ports);
        }
    }
    found
}

/// Services in the order of Istio's index: those named to namespaces come before public ones.
pub(crate) fn in_order_of_index(
    services: impl Iterator<Item = usize>,
    callees: &[Callee],
) -> Vec<usize> {
    let mut order: Vec<usize> = services.collect();
    order.sort_unstable_by_key(|at| (callees[*at].visibility == Visibility::Public, *at));
    order
}

/// For every host a service of the one namespace that it is taken from: the client's own, else that
/// of a Kubernetes service, else the first.
fn chosen_namespaces<'c>(
    namespace: &str,
    imported: &[(usize, BTreeSet<u16>)],
    callees: &'c [Callee],
) -> BTreeMap<&'c str, usize> {
    let mut chosen: BTreeMap<&str, usize> = BTreeMap::new();
    for (index, _) in imported {
        let callee = &callees[*index];
        let first = chosen.entry(&callee.host).or_insert(*index);
        let taken = &callees[*first];
        let own = callee.id.namespace == namespace;
        let better = callee.kubernetes && !taken.kubernetes && taken.id.namespace != namespace;
        if own || better {
            *first = *index;
        }
    }
    chosen
}

/// Virtual services for the mesh that a client sees: its own private ones, those exported to it,
/// public ones; oldest first within each class. The class counts more than the age.
fn visible_routes(
    namespace: &str,
    virtual_services: &[VirtualService<'_>],
    classes: &BTreeMap<String, HostClass>,
) -> Vec<usize> {
    let any = classes.get("*");
    let class_of = |index: &usize| virtual_services[*index].class_for(namespace);
    let seen = |index: &usize| {
        let service = &virtual_services[*index];
        let own = classes.get(service.source.namespace());
        let lists = [own, any];
        let admitted = service.hosts.iter().any(|host| {
            lists.iter().flatten().any(|class| {
                if service.is_of_gateway_api() {
                    class.admits(host)
                } else {
                    class.admits_route(host)
                }
            }) && !lists.iter().flatten().any(|class| class.excludes(host))
        });
        service.is_for_mesh() && service.visibility.includes(namespace) && admitted
    };
    let mut found: Vec<usize> = (0..virtual_services.len()).filter(seen).collect();
    found.sort_by_key(class_of);
    report_shared_hosts(&found, virtual_services, class_of);
    found
}

/// Two virtual services of one class for one host: the older takes the whole host.
fn report_shared_hosts(
    order: &[usize],
    virtual_services: &[VirtualService<'_>],
    class_of: impl Fn(&usize) -> u8,
) {
    let mut owners: BTreeMap<(u8, &str), &Source> = BTreeMap::new();
    for index in order {
        let service = &virtual_services[*index];
        for host in &service.hosts {
            let owner = *owners.entry((class_of(index), host)).or_insert(service.source);
            if !std::ptr::eq(owner, service.source) {
                report_undecided(owner, service.source, &format!("both route {host}"));
            }
        }
    }
}

/// The first virtual service in this order for every host.
fn first_by_host<'v>(
    order: &[usize],
    virtual_services: &'v [VirtualService<'_>],
) -> BTreeMap<&'v str, usize> {
    let mut by_host: BTreeMap<&str, usize> = BTreeMap::new();
    for index in order {
        for host in &virtual_services[*index].hosts {
            by_host.entry(host).or_insert(*index);
        }
    }
    by_host
}

/// For every name the virtual service with the most specific host; ties keep the order.
fn most_specific<'n>(
    names: impl Iterator<Item = &'n str>,
    by_host: &BTreeMap<&str, usize>,
) -> BTreeMap<String, usize> {
    let wild: Vec<(&str, usize)> = by_host
        .iter()
        .filter(|(host, _)| hosts::is_wildcard(host))
        .map(|(host, index)| (*host, *index))
        .collect();
    let best = |host: &str| {
        if let Some(exact) = by_host.get(host) {
            return Some(*exact);
        }
        let matching = wild.iter().filter(|(pattern, _)| hosts::covers(pattern, host));
        matching.min_by(|(a, _), (b, _)| hosts::specificity(a, b)).map(|(_, index)| *index)
    };
    names.filter_map(|host| Some((host.to_owned(), best(host)?))).collect()
}
