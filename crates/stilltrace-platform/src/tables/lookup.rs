//! What one kind of proxy knows: services by name, the rules towards them, and the clusters it has.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use stilltrace_model::{HashKey, Origin, ServiceId, Setting, Target, WorkloadId};

use crate::defaults;
use crate::destination_rule::Rule;
use crate::edges::Mesh;
use crate::endpoints;
use crate::field::Field;
use crate::labels::Labels;
use crate::policy::{self, Client, Policies};
use crate::routes::{Hashing, Lookup, unknown_service};
use crate::scope::View;
use crate::services::Resolution;
use crate::wanted::Wanted;

/// A proxy, or several that see the same.
pub(crate) struct Proxy<'p, 'a> {
    /// Everything there is.
    pub(crate) mesh: &'p Mesh<'a>,
    /// The workload, or one of those that see the same.
    pub(crate) workload: &'p WorkloadId,
    /// The proxy's namespace.
    pub(crate) namespace: &'p str,
    /// Labels of its pods.
    pub(crate) labels: &'p Labels,
    /// What it sees.
    pub(crate) view: &'p View,
    /// Whether it stands beside an application, rather than being a gateway.
    sidecar: bool,
    rules: RefCell<BTreeMap<usize, Option<&'p Rule<'a>>>>,
    by_dns: RefCell<BTreeMap<(usize, u16), Rc<Policies>>>,
}

/// Finds the service behind a host, with the only port that it has there, if it is the only one.
pub(crate) trait Services {
    /// The service or alias of this exact name.
    fn find(&self, host: &str) -> Option<(usize, Option<u16>)>;
}

/// Destinations as a proxy resolves them on one port.
pub(crate) struct Destinations<'d, 'p, 'a> {
    /// The proxy.
    pub(crate) proxy: &'d Proxy<'p, 'a>,
    /// The services that destinations are looked up among.
    pub(crate) services: &'d dyn Services,
    /// The port that the caller dials.
    pub(crate) dialled: u16,
}

impl<'p, 'a> Proxy<'p, 'a> {
    /// A proxy of these pods.
    pub(crate) fn new(
        mesh: &'p Mesh<'a>,
        workload: &'p WorkloadId,
        labels: &'p Labels,
        view: &'p View,
        sidecar: bool,
    ) -> Self {
        let (rules, by_dns) = (RefCell::default(), RefCell::default());
        let namespace = &workload.namespace;
        Self { mesh, workload, namespace, labels, view, sidecar, rules, by_dns }
    }

    /// The destination rule for calls to a service.
    pub(crate) fn rule(&self, callee: usize) -> Option<&'p Rule<'a>> {
        let mesh = self.mesh;
        let find = || mesh.rules.find(self.namespace, self.labels, &mesh.callees[callee]);
        *self.rules.borrow_mut().entry(callee).or_insert_with(find)
    }

    /// Whether the proxy has a cluster for a service port or one of its subsets.
    pub(super) fn has_cluster(&self, host: &str, port: u16, subset: Option<&str>) -> bool {
        let Some(callee) = self.view.by_host.get(host).copied() else { return false };
        let ports = self.view.services.get(&callee);
        if !ports.is_some_and(|ports| ports.contains(&port)) {
            return false;
        }
        let named = |rule: &Rule<'_>| rule.subsets.iter().any(|(name, _)| Some(*name) == subset);
        match self.mesh.callees[callee].resolution {
            Resolution::Alias(_) => false,
            // A host that DNS finds has no cluster without endpoints.
            Resolution::Dns | Resolution::DnsRoundRobin => {
                let clusters = self.clusters(callee, port);
                clusters.policy.is_some()
                    && subset.is_none_or(|subset| clusters.subsets.contains_key(subset))
            }
            Resolution::DynamicDns => subset.is_none(),
            Resolution::Pushed | Resolution::Dialled => {
                subset.is_none() || self.rule(callee).is_some_and(named)
            }
        }
    }

    /// The clusters for a service port.
    fn clusters(&self, callee: usize, port: u16) -> Rc<Policies> {
        let build = || {
            let client = Client {
                sidecar: self.sidecar,
                labels: self.labels.clone(),
                locality: endpoints::locality(self.labels),
            };
            let service = &self.mesh.callees[callee];
            let around = self.mesh.around();
            Rc::new(policy::policies(self.rule(callee), service, port, &client, &around))
        };
        Rc::clone(self.by_dns.borrow_mut().entry((callee, port)).or_insert_with(build))
    }

    /// The id of the service behind a host.
    pub(super) fn service_id(&self, host: &str) -> ServiceId {
        let seen = self.view.by_host.get(host).copied();
        let any = seen.or_else(|| self.mesh.directory.named(host).first().copied());
        any.map_or_else(
            || unknown_service(host),
            |callee| ServiceId::clone(&self.mesh.callees[callee].id),
        )
    }

    /// What requests to a service without virtual service are hashed by.
    pub(crate) fn hash_of_service(&self, callee: usize, port: u16) -> Hashing {
        let policy = self.rule(callee).and_then(|rule| rule.policy.as_ref());
        let Some(policy) = policy else { return Hashing::None };
        let own = port_level(policy, port).and_then(|entry| hash_block(&entry));
        hashing(own.or_else(|| hash_block(policy)))
    }

    /// The idle time of connections that are forwarded to a service: only a rule's top level counts.
    pub(crate) fn idle_time(&self, callee: usize) -> Option<Setting<Duration>> {
        let policy = self.rule(callee)?.policy.as_ref()?;
        let field = policy.at(&["connectionPool", "tcp", "idleTimeout"])?;
        Some(field.setting(field.duration()?))
    }
}

/// The entry of a policy for a port.
fn port_level<'a>(policy: &Field<'a>, port: u16) -> Option<Field<'a>> {
    let entries = policy.list("portLevelSettings");
    let number = |entry: &Field<'_>| entry.at(&["port", "number"]).and_then(|field| field.port());
    entries.into_iter().find(|entry| number(entry) == Some(port))
}

fn hash_block<'a>(policy: &Field<'a>) -> Option<Field<'a>> {
    policy.at(&["loadBalancer", "consistentHash"])
}

/// What a `consistentHash` block names.
fn hashing(block: Option<Field<'_>>) -> Hashing {
    let Some(block) = block else { return Hashing::None };
    let text = |path: &[&str]| {
        let field = block.at(path)?;
        Some((field.text()?.to_owned(), field))
    };
    if let Some((name, field)) = text(&["httpHeaderName"]) {
        return Hashing::By(field.setting(HashKey::Header(name)));
    }
    if let Some((name, field)) = text(&["httpCookie", "name"]) {
        return Hashing::By(field.setting(HashKey::Cookie(name)));
    }
    if let Some((name, field)) = text(&["httpQueryParameterName"]) {
        return Hashing::By(field.setting(HashKey::Query(name)));
    }
    match block.get("useSourceIp") {
        Some(field) => Hashing::By(field.setting(HashKey::SourceAddress)),
        None => Hashing::Empty,
    }
}

impl Lookup for Destinations<'_, '_, '_> {
    fn target(&self, wanted: &Wanted) -> Target {
        let proxy = self.proxy;
        let found = self.services.find(&wanted.host);
        // An alias has no cluster: requests go to the name that it stands for.
        let alias = found.and_then(|(callee, _)| {
            let service = &proxy.mesh.callees[callee];
            Some((service.alias_of()?, &service.resolved_by))
        });
        let (host, host_origin) = alias.unwrap_or((&wanted.host, &wanted.host_origin));
        let (host, host_origin) = (host.to_owned(), host_origin.clone());
        let (port, port_origin) = match (&wanted.port, found.and_then(|(_, only)| only)) {
            (Some((port, origin)), _) => (*port, origin.clone()),
            (None, Some(port)) if port != self.dialled => {
                (port, Origin::Default { of: defaults::ONLY_PORT })
            }
            (None, _) => (self.dialled, Origin::Default { of: defaults::DIALLED }),
        };
        let subset = wanted.subset.as_ref().map(|(name, _)| name.clone());
        Target {
            service: proxy.service_id(&host),
            has_cluster: proxy.has_cluster(&host, port, subset.as_deref()),
            host,
            port,
            subset,
            host_origin,
            port_origin,
            subset_origin: wanted.subset.as_ref().map(|(_, origin)| origin.clone()),
        }
    }

    fn hash(&self, wanted: &Wanted) -> Hashing {
        let Some(callee) = self.proxy.view.by_host.get(&wanted.host) else { return Hashing::None };
        let Some(rule) = self.proxy.rule(*callee) else { return Hashing::None };
        // Narrow comes before wide, and a subset before the whole; only a written port counts.
        let port = wanted.port.as_ref().map(|(port, _)| *port);
        let subset = wanted.subset.as_ref().and_then(|(wanted, _)| {
            let (_, subset) = rule.subsets.iter().find(|(name, _)| name == wanted)?;
            subset.get("trafficPolicy")
        });
        let levels = [subset.as_ref(), rule.policy.as_ref()];
        for policy in levels.into_iter().flatten() {
            let own = port.and_then(|port| hash_block(&port_level(policy, port)?));
            if let Some(block) = own.or_else(|| hash_block(policy)) {
                return hashing(Some(block));
            }
        }
        Hashing::None
    }
}

/// All services that a proxy is told about, as connections look them up.
pub(crate) struct Everything<'e, 'p, 'a> {
    /// The proxy.
    pub(crate) proxy: &'e Proxy<'p, 'a>,
}

impl Services for Everything<'_, '_, '_> {
    fn find(&self, host: &str) -> Option<(usize, Option<u16>)> {
        let callee = *self.proxy.view.by_host.get(host)?;
        let visible = self.proxy.view.services.get(&callee)?;
        let service = &self.proxy.mesh.callees[callee];
        // Of a service that is seen whole, ports that no proxy carries count too.
        let whole = visible.len() == service.ports.len();
        let declared = service.declared.iter().map(|port| &port.number);
        Some((callee, only_port(declared.filter(|port| whole || visible.contains(port)))))
    }
}

/// The only one of these ports, if it is the only one.
pub(crate) fn only_port<'p>(ports: impl IntoIterator<Item = &'p u16>) -> Option<u16> {
    let mut ports = ports.into_iter();
    ports.next().copied().filter(|_| ports.next().is_none())
}
