//! Who is meant by the names that were typed.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{anyhow, bail};
use serde_json::{Value, json};
use stilltrace_model::{Platform, Service, ServiceId, Workload, WorkloadId};

use super::unseen;
use crate::suggest;

/// What was typed.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Names<'a> {
    pub(super) source: Option<&'a str>,
    pub(super) destination: Option<&'a str>,
    /// The namespace of names that have none.
    pub(super) namespace: Option<&'a str>,
}

impl<'n> Names<'n> {
    /// Who calls, where that is not everybody.
    fn source(&self) -> Option<&'n str> {
        self.source.filter(|source| *source != "*")
    }

    /// Whether only some callers are asked about.
    pub(super) fn names_a_source(&self) -> bool {
        self.source().is_some()
    }
}

impl Names<'_> {
    /// The names as they were typed.
    pub(super) fn typed(&self) -> String {
        let typed: Vec<&str> = self.source.into_iter().chain(self.destination).collect();
        typed.join(" ")
    }

    /// The names alone: without namespaces and ports.
    pub(super) fn words(&self) -> impl Iterator<Item = &str> {
        let typed = self.source.into_iter().chain(self.destination);
        typed.map(bare).filter(|name| !name.is_empty() && *name != "*")
    }
}

/// What a platform was narrowed to.
#[derive(Debug, Default)]
pub(super) struct Narrowed {
    /// `host|port` of the destinations; `None` for all.
    hosts: Option<BTreeSet<String>>,
    /// The host of a gateway that was asked about.
    gateway_host: Option<String>,
    /// Workloads that are called and call nobody who was asked about.
    called: Vec<Workload>,
    /// The services that are called; none where all are.
    services: BTreeSet<ServiceId>,
    /// The workloads in ambient mode that were asked about.
    ambient: BTreeSet<WorkloadId>,
}

impl Narrowed {
    /// Whether all destinations are left.
    pub(super) fn is_whole(&self) -> bool {
        self.hosts.is_none()
    }

    /// Takes everything out of the document that is about other destinations.
    pub(super) fn apply(&self, document: &mut Value) {
        if let Some(hosts) = &self.hosts {
            keep_hosts(document, hosts, self.gateway_host.as_deref());
        }
        self.keep_ambient(document);
    }

    /// Leaves the callers in ambient mode that were asked about, with their calls.
    fn keep_ambient(&self, document: &mut Value) {
        let Some(ambient) = document.get_mut("ambient").and_then(Value::as_object_mut) else {
            return;
        };
        let callers: BTreeSet<String> = self.ambient.iter().map(ToString::to_string).collect();
        if let Some(workloads) = ambient.get_mut("workloads").and_then(Value::as_object_mut) {
            workloads.retain(|workload, _| callers.contains(workload));
        }
        let Some(hosts) = &self.hosts else { return };
        if let Some(services) = ambient.get_mut("services").and_then(Value::as_object_mut) {
            let called = |host: &str| hosts.iter().any(|one| one.split('|').next() == Some(host));
            services.retain(|host, _| called(host));
        }
        let calls = callers.into_iter().map(|caller| (caller, json!(hosts)));
        ambient.insert("calls".to_owned(), Value::Object(calls.collect()));
        if self.ambient.is_empty() {
            document.as_object_mut().map(|document| document.remove("ambient"));
        }
    }

    /// Whether a service is among those that are called by who was asked about; who is in ambient
    /// mode may call all.
    pub(super) fn calls(&self, platform: &Platform, service: &ServiceId) -> bool {
        if !self.is_whole() {
            return self.services.contains(service);
        }
        !self.ambient.is_empty() || platform.edges.keys().any(|edge| *edge.destination == *service)
    }

    /// Whether a workload in ambient mode was asked about.
    pub(super) fn is_ambient_caller(&self, workload: &WorkloadId) -> bool {
        self.ambient.contains(workload)
    }

    /// The workloads that are called and no longer part of the platform.
    pub(super) fn called(&self) -> &[Workload] {
        &self.called
    }
}

/// Forgets all edges and workloads that were not asked about.
pub(super) fn narrow(platform: &mut Platform, names: &Names<'_>) -> anyhow::Result<Narrowed> {
    let mut forgotten = BTreeMap::new();
    let mut narrowed = narrow_edges(platform, names, &mut forgotten)?;
    forget_elsewhere(platform, narrowed.hosts.as_ref());
    if narrowed.hosts.is_some() {
        narrowed.services.extend(platform.edges.keys().map(|id| ServiceId::clone(&id.destination)));
        let services = narrowed.services.iter().filter_map(|id| platform.services.get(id));
        let called: BTreeSet<&WorkloadId> = services.flat_map(|one| &one.workloads).collect();
        narrowed.called = called.into_iter().filter_map(|id| forgotten.remove(id)).collect();
    }
    Ok(narrowed)
}

/// Forgets the same calls of the platform under other ages: what was not asked about differs in
/// nothing.
fn forget_elsewhere(platform: &mut Platform, hosts: Option<&BTreeSet<String>>) {
    let Some(hosts) = hosts else { return };
    let mut others = std::mem::take(&mut platform.under_other_ages);
    for other in &mut others {
        other.edges.retain(|id, _| {
            let service = platform.services.get(&id.destination);
            service.is_some_and(|service| hosts.contains(&format!("{}|{}", service.host, id.port)))
        });
    }
    platform.under_other_ages = others;
}

/// The workloads behind the services that are called.
pub(super) fn called_by_any(platform: &Platform) -> BTreeSet<String> {
    let services = platform.edges.keys().filter_map(|id| platform.services.get(&id.destination));
    services.flat_map(|one| &one.workloads).map(ToString::to_string).collect()
}

/// Leaves the workloads that `is_meant`; the others are only forgotten by the platform.
fn keep_workloads(
    platform: &mut Platform,
    forgotten: &mut BTreeMap<WorkloadId, Workload>,
    is_meant: &BTreeSet<WorkloadId>,
) {
    forgotten.extend(platform.workloads.extract_if(.., |id, _| !is_meant.contains(id)));
}

fn narrow_edges(
    platform: &mut Platform,
    names: &Names<'_>,
    forgotten: &mut BTreeMap<WorkloadId, Workload>,
) -> anyhow::Result<Narrowed> {
    let mut ambient: BTreeSet<WorkloadId> = platform.ambient.workloads.keys().cloned().collect();
    if let Some(source) = names.source() {
        let callers = callers(platform, source, names.namespace)?;
        platform.edges.retain(|edge, _| callers.contains(&edge.source));
        keep_workloads(platform, forgotten, &callers);
        ambient.retain(|caller| callers.contains(caller));
    }
    let Some(destination) = names.destination.filter(|destination| *destination != "*") else {
        return Ok(Narrowed { ambient, ..Narrowed::default() });
    };
    let (name, port) = port(destination)?;
    let called = match called(platform, name, names.namespace) {
        Ok(called) => called,
        Err(unknown) => return gateway_host(platform, name, forgotten).ok_or(unknown),
    };
    let wanted =
        |id: &ServiceId, number: u16| called.contains(id) && port.is_none_or(|port| port == number);
    platform.edges.retain(|edge, _| wanted(&edge.destination, edge.port));
    let by_ambient = calls_of(platform, &called, port).filter(|_| !ambient.is_empty());
    if let Some(hosts) = by_ambient.filter(|_| platform.edges.is_empty()) {
        return Ok(Narrowed {
            hosts: Some(hosts),
            services: called,
            ambient,
            ..Narrowed::default()
        });
    }
    if platform.edges.is_empty() {
        return Err(unseen(platform, &called, port, names.source));
    }
    let callers: BTreeSet<WorkloadId> =
        platform.edges.keys().map(|edge| WorkloadId::clone(&edge.source)).collect();
    keep_workloads(platform, forgotten, &callers);
    let hosts = platform.edges.keys().filter_map(|edge| {
        let service = platform.services.get(&edge.destination)?;
        Some(format!("{}|{}", service.host, edge.port))
    });
    Ok(Narrowed { hosts: Some(hosts.collect()), ambient, ..Narrowed::default() })
}

/// `host|port` of the ports of services, or of the one port; `None` where there is none.
fn calls_of(
    platform: &Platform,
    called: &BTreeSet<ServiceId>,
    port: Option<u16>,
) -> Option<BTreeSet<String>> {
    let services = called.iter().filter_map(|id| platform.services.get(id));
    let hosts = services.flat_map(|service| {
        let ports = service.ports.keys().filter(move |one| port.is_none_or(|port| port == **one));
        ports.map(|one| format!("{}|{one}", service.host))
    });
    let hosts: BTreeSet<String> = hosts.collect();
    (!hosts.is_empty()).then_some(hosts)
}

/// Leaves what gateways do with requests for a host of theirs; `None` where none has the host.
fn gateway_host(
    platform: &mut Platform,
    name: &str,
    forgotten: &mut BTreeMap<WorkloadId, Workload>,
) -> Option<Narrowed> {
    let mut targets: BTreeSet<(WorkloadId, ServiceId, u16)> = BTreeSet::new();
    let mut gateways = BTreeSet::new();
    for (workload, table) in &platform.routes {
        if !platform.workloads.get(workload).is_some_and(|workload| workload.is_gateway) {
            continue;
        }
        for host in table.http.values().flatten().filter(|host| serves(&host.names, name)) {
            gateways.insert(workload.clone());
            for route in host.routes.iter() {
                let sent = route.destinations.iter().map(|destination| &destination.to);
                let copied = route.mirrors.iter().map(|mirror| &mirror.to);
                targets.extend(
                    sent.chain(copied).map(|to| (workload.clone(), to.service.clone(), to.port)),
                );
            }
        }
    }
    if gateways.is_empty() {
        return None;
    }
    platform.edges.retain(|edge, _| {
        targets.contains(&(
            WorkloadId::clone(&edge.source),
            ServiceId::clone(&edge.destination),
            edge.port,
        ))
    });
    keep_workloads(platform, forgotten, &gateways);
    let hosts = platform.edges.keys().filter_map(|edge| {
        let service = platform.services.get(&edge.destination)?;
        Some(format!("{}|{}", service.host, edge.port))
    });
    let gateway_host = Some(name.to_owned());
    Some(Narrowed { hosts: Some(hosts.collect()), gateway_host, ..Narrowed::default() })
}

/// Whether one of the names is that of the host or a pattern of names like it.
fn serves(names: &[String], host: &str) -> bool {
    names.iter().any(|name| match name.strip_prefix('*') {
        Some(end) => host.len() > end.len() && host.ends_with(end) || name == host,
        None => name == host,
    })
}

/// Takes out what callers do with requests that arrive at them, and their pods.
pub(super) fn forget_own_proxies(document: &mut Value, called: &BTreeSet<String>) {
    let workloads = document.get_mut("workloads").and_then(Value::as_object_mut);
    for settings in workloads.into_iter().flatten().filter_map(|(_, one)| one.as_object_mut()) {
        settings
            .retain(|name, _| !matches!(name.as_str(), "inbound" | "outbound_policy" | "sidecar"));
    }
    if let Some(document) = document.as_object_mut() {
        document.remove("proxies");
        if let Some(pods) = document.get_mut("pods").and_then(Value::as_object_mut) {
            pods.retain(|workload, _| called.contains(workload));
        }
    }
}

/// Takes everything out of the document that is about other destinations.
fn keep_hosts(document: &mut Value, hosts: &BTreeSet<String>, gateway_host: Option<&str>) {
    let workloads = document.get_mut("workloads").and_then(Value::as_object_mut);
    for (_, settings) in workloads.into_iter().flatten() {
        if let Some(edges) = settings.get_mut("edges").and_then(Value::as_object_mut) {
            edges.retain(|key, _| hosts.contains(key));
        }
        let is_gateway = settings.get("gateway").is_some();
        if is_gateway {
            keep_routes(settings, hosts, gateway_host);
        }
        let ports = settings.get_mut("http").and_then(Value::as_object_mut);
        if let Some(ports) = ports.filter(|_| !is_gateway) {
            for (port, names) in ports.iter_mut() {
                if let Some(names) = names.as_object_mut() {
                    names.retain(|names, _| {
                        names.split(',').any(|name| hosts.contains(&format!("{name}|{port}")))
                    });
                }
            }
            ports.retain(|_, names| names.as_object().is_some_and(|names| !names.is_empty()));
        }
        if let Some(settings) = settings.as_object_mut() {
            settings.retain(|name, _| name != "inbound" && name != "tcp" || is_gateway);
        }
    }
}

/// Of a gateway's routes those that lead to the destinations, or all of the host that is asked
/// about.
fn keep_routes(settings: &mut Value, hosts: &BTreeSet<String>, gateway_host: Option<&str>) {
    let leads = |route: &Value| {
        let lists = ["to", "mirror"].into_iter().filter_map(|name| route.get(name)?.as_array());
        let targets = lists.flatten().filter_map(|to| to.get(0)?.as_str());
        let mut targets = targets.map(|to| to.splitn(3, '|').take(2).collect::<Vec<_>>().join("|"));
        targets.any(|to| hosts.contains(&to))
    };
    let listeners = settings.get_mut("http").and_then(Value::as_object_mut).into_iter().flatten();
    for (_, names) in listeners {
        let Some(names) = names.as_object_mut() else { continue };
        names.retain(|names, routes| {
            if let Some(host) = gateway_host {
                let all: Vec<String> = names.split(',').map(str::to_owned).collect();
                return serves(&all, host);
            }
            let Some(routes) = routes.as_array_mut() else { return false };
            // The first that fits is taken, so what is left says where it stood.
            let of = routes.len();
            let several = routes.iter_mut().filter(|_| of > 1);
            for (route, nth) in several.filter_map(Value::as_object_mut).zip(1_usize..) {
                route.insert("nth".to_owned(), json!(nth));
                route.insert("of".to_owned(), json!(of));
            }
            routes.retain(leads);
            !routes.is_empty()
        });
    }
}

/// The workloads that a name stands for: one workload, or those behind a service.
fn callers(
    platform: &Platform,
    name: &str,
    namespace: Option<&str>,
) -> anyhow::Result<BTreeSet<WorkloadId>> {
    let known: BTreeMap<(&str, &str), &WorkloadId> = platform
        .workloads
        .keys()
        .map(|id| ((id.namespace.as_str(), id.name.as_str()), id))
        .collect();
    let found = matching(known.keys().copied(), name, namespace);
    let ids: BTreeSet<WorkloadId> = match found.as_slice() {
        [one] => known.get(one).into_iter().map(|id| (*id).clone()).collect(),
        [] => {
            let services = services(platform, name, namespace);
            services.iter().flat_map(|service| service.workloads.iter().cloned()).collect()
        }
        several => bail!("{}", ambiguous("workloads", name, several)),
    };
    if ids.is_empty() {
        let all: Vec<String> = platform.workloads.keys().map(ToString::to_string).collect();
        return Err(unknown("workload", name, &all));
    }
    let is_in_mesh = |id: &WorkloadId| {
        platform.workloads.get(id).is_some_and(|one| one.sidecar.is_some())
            || platform.ambient.workloads.contains_key(id)
    };
    if !ids.iter().any(is_in_mesh) {
        let namespaces: BTreeSet<&str> = ids.iter().map(|id| id.namespace.as_str()).collect();
        let namespaces: Vec<&str> = namespaces.into_iter().collect();
        let ids: Vec<String> = ids.iter().map(ToString::to_string).collect();
        bail!(
            "{} has no proxy, so no setting of the mesh applies to its calls; where the cluster labels its namespace for injection, say so with --inject {}; where it labels it for ambient mode, add the label `istio.io/dataplane-mode: ambient`",
            ids.join(", "),
            namespaces.join(" --inject ")
        );
    }
    Ok(ids)
}

/// The services that a name stands for.
fn called(
    platform: &Platform,
    name: &str,
    namespace: Option<&str>,
) -> anyhow::Result<BTreeSet<ServiceId>> {
    let found = services(platform, name, namespace);
    // A short name means the caller's own namespace first, as in its DNS.
    let own: BTreeSet<&str> = platform.workloads.keys().map(|id| id.namespace.as_str()).collect();
    let near: Vec<&&Service> =
        found.iter().filter(|service| own.contains(service.id.namespace.as_str())).collect();
    match (found.as_slice(), near.as_slice()) {
        ([], _) => {
            // Of names that are as close, the callers' own comes first.
            let mut all: Vec<&ServiceId> = platform.services.keys().collect();
            all.sort_by_key(|id| !own.contains(id.namespace.as_str()));
            let all: Vec<String> = all.into_iter().map(ToString::to_string).collect();
            Err(unknown("service", name, &all))
        }
        ([one], _) => Ok([one.id.clone()].into()),
        (_, [one]) => Ok([one.id.clone()].into()),
        (several, _) => {
            let ids: Vec<(&str, &str)> = several
                .iter()
                .map(|service| (service.id.namespace.as_str(), service.id.name.as_str()))
                .collect();
            bail!("{}", ambiguous("services", name, &ids))
        }
    }
}

/// Services by host, or by name and namespace.
fn services<'p>(platform: &'p Platform, name: &str, namespace: Option<&str>) -> Vec<&'p Service> {
    let by_host: Vec<&Service> =
        platform.services.values().filter(|service| service.host == name).collect();
    if !by_host.is_empty() {
        return by_host;
    }
    let ids = platform.services.keys().map(|id| (id.namespace.as_str(), id.name.as_str()));
    let found = matching(ids, name, namespace);
    let is_found = |id: &ServiceId| found.contains(&(id.namespace.as_str(), id.name.as_str()));
    platform.services.iter().filter(|(id, _)| is_found(id)).map(|(_, service)| service).collect()
}

/// Those that are meant by `name`, `namespace/name` or `name.namespace`. A name without a namespace
/// that has dots in it is tried as a whole first.
fn matching<'k>(
    known: impl Iterator<Item = (&'k str, &'k str)> + Clone,
    typed: &str,
    namespace: Option<&str>,
) -> Vec<(&'k str, &'k str)> {
    if let Some((namespace, name)) = typed.split_once('/') {
        return known.filter(|id| *id == (namespace, name)).collect();
    }
    let plain: Vec<_> = known
        .clone()
        .filter(|(own, name)| *name == typed && namespace.is_none_or(|wanted| wanted == *own))
        .collect();
    match typed.split_once('.') {
        Some((name, rest)) if plain.is_empty() => {
            // `.svc` and the cluster's domain may follow the namespace.
            let namespace = rest.split('.').next().unwrap_or(rest);
            let is_whole = rest == namespace || rest[namespace.len()..].starts_with(".svc");
            known.filter(|id| is_whole && *id == (namespace, name)).collect()
        }
        _ => plain,
    }
}

/// A typed name without its namespace and port.
fn bare(typed: &str) -> &str {
    let name = typed.split(':').next().unwrap_or(typed);
    let name = name.rsplit('/').next().unwrap_or(name);
    name.split('.').next().unwrap_or(name)
}

/// The port behind the last colon, if there is one.
fn port(destination: &str) -> anyhow::Result<(&str, Option<u16>)> {
    match destination.rsplit_once(':') {
        None => Ok((destination, None)),
        Some((name, number)) => match number.parse() {
            Ok(number) => Ok((name, Some(number))),
            Err(_) if !number.is_empty() && number.bytes().all(|one| one.is_ascii_digit()) => {
                bail!("`{destination}`: no service can have the port {number}; ports end at 65535")
            }
            Err(_) => bail!("`{destination}`: `{number}` is no port; write it like {name}:8080"),
        },
    }
}

fn ambiguous(what: &str, name: &str, ids: &[(&str, &str)]) -> String {
    let ids: Vec<String> =
        ids.iter().map(|(namespace, name)| format!("{namespace}/{name}")).collect();
    format!("several {what} are called `{name}`: {}; name one as NAMESPACE/NAME", ids.join(", "))
}

fn unknown(what: &str, name: &str, known: &[String]) -> anyhow::Error {
    let hint = match suggest::closest(name, known.iter().map(String::as_str)) {
        Some(near) => format!("did you mean `{near}`?"),
        None if known.is_empty() => {
            format!("the manifests hold no {what} at all; name the repository with --repo PATH")
        }
        None => format!("{} are known; list the edges with `settings`", known.len()),
    };
    anyhow!("there is no {what} `{name}`; {hint}")
}

/// Why a service that exists is not among the edges.
fn unseen(
    platform: &Platform,
    called: &BTreeSet<ServiceId>,
    port: Option<u16>,
    source: Option<&str>,
) -> anyhow::Error {
    let ids: Vec<String> = called.iter().map(ToString::to_string).collect();
    let ports: BTreeSet<u16> = called
        .iter()
        .filter_map(|id| platform.services.get(id))
        .flat_map(|service| service.ports.keys().copied())
        .collect();
    if let Some(port) = port.filter(|port| !ports.contains(port)) {
        let ports: Vec<String> = ports.iter().map(ToString::to_string).collect();
        return anyhow!("{} has no port {port}; it has {}", ids.join(", "), ports.join(", "));
    }
    anyhow!("{}", unseen::of(platform, called, source))
}
