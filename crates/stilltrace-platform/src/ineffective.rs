//! Finds rules that do nothing for those whom they are written for.
//!
//! Each case follows from how Istio looks rules up (`push_context.go`, `sidecar.go` and
//! `destination_rule.go`, release 1.31), and none is refused at admission or reported anywhere:
//! the calls work, with defaults in place of what is written.

use std::collections::{BTreeMap, BTreeSet};

use stilltrace_model::{Ambient, Ineffective, Origin, ServiceId, WhyIneffective, WorkloadId};

use crate::ambient;
use crate::field::Field;
use crate::hosts;
use crate::injection::Injected;
use crate::inventory::Inventory;
use crate::services::Callee;
use crate::sidecar_scope::{self, HostClass, Sidecar};
use crate::source::Source;
use crate::workloads::Pods;

/// What the search looks at.
pub(crate) struct Search<'a> {
    /// All objects.
    pub(crate) inventory: &'a Inventory<'a>,
    /// All services and hosts.
    pub(crate) callees: &'a [Callee],
    /// All workloads.
    pub(crate) pods: &'a [Pods<'a>],
    /// All `Sidecar` objects.
    pub(crate) sidecars: &'a [Sidecar<'a>],
    /// The namespace whose rules are for the whole mesh.
    pub(crate) root: &'a str,
}

/// A rule for one host, as written.
struct Written<'a> {
    source: &'a Source,
    host: Field<'a>,
    /// The host as written, completed as Istio completes it.
    name: String,
}

/// Services by host.
struct Known<'a> {
    /// As written.
    exact: BTreeMap<&'a str, &'a Callee>,
    /// In lower case; of several that differ in case only, the first.
    lower: BTreeMap<String, &'a Callee>,
}

/// A group of clients that see the same.
struct Clients<'a> {
    namespace: &'a str,
    workloads: Vec<WorkloadId>,
    /// Egress hosts by namespace, one map per listener; `None` where no `Sidecar` limits them.
    egress: Option<(Origin, Vec<BTreeMap<String, HostClass>>)>,
}

/// All rules without effect, sorted by the place of the rule.
pub(crate) fn find(search: &Search<'_>, ambient: &Ambient) -> Vec<Ineffective> {
    let clients = clients(search);
    let hosts = Known::new(search.callees);
    let mut found = Vec::new();
    for kind in ["VirtualService", "DestinationRule"] {
        for source in search.inventory.of("networking.istio.io", kind) {
            for rule in rules_of(source) {
                judge(&rule, search, &hosts, &clients, &mut found);
            }
        }
    }
    found.extend(ambient::ineffective(search, ambient));
    found.sort_by(|a, b| (&a.object, &a.service, a.reason).cmp(&(&b.object, &b.service, b.reason)));
    found.dedup();
    found
}

fn rules_of(source: &Source) -> Vec<Written<'_>> {
    let Some(spec) = source.spec() else { return Vec::new() };
    let mut written = spec.list("hosts");
    written.extend(spec.get("host"));
    let read =
        |host: Field<'_>| host.node().text().map(|text| hosts::complete(text, source.namespace()));
    written
        .into_iter()
        .filter_map(|host| Some(Written { source, name: read(host.clone())?, host }))
        .collect()
}

fn clients<'a>(search: &Search<'a>) -> Vec<Clients<'a>> {
    let mut groups: BTreeMap<(&str, Option<usize>), Vec<WorkloadId>> = BTreeMap::new();
    for pods in search.pods.iter().filter(|pods| pods.injected == Injected::Sidecar) {
        let namespace = pods.id.namespace.as_str();
        let scope = sidecar_scope::select(search.sidecars, namespace, &pods.labels, search.root);
        groups.entry((namespace, scope)).or_default().push(pods.id.clone());
    }
    let mut found = Vec::new();
    for ((namespace, scope), workloads) in groups {
        let egress = scope.map(|index| &search.sidecars[index]).filter(|s| !s.egress.is_empty());
        let egress = egress.map(|sidecar| {
            let classes = sidecar
                .egress
                .iter()
                .map(|egress| egress.classes(namespace).into_iter().collect::<BTreeMap<_, _>>());
            (sidecar.hosts().origin, classes.collect())
        });
        found.push(Clients { namespace, workloads, egress });
    }
    found
}

fn judge(
    rule: &Written<'_>,
    search: &Search<'_>,
    hosts: &Known<'_>,
    clients: &[Clients<'_>],
    found: &mut Vec<Ineffective>,
) {
    if let Some(callee) = half_named(&rule.name, &hosts.exact) {
        let callers = callers(clients, callee, |_| true);
        push(rule, rule.host.origin(), WhyIneffective::UnknownHost, &callee.id, callers, found);
        return;
    }
    if rule.is_virtual_service() && !rule.is_for_mesh() {
        return;
    }
    let own = rule.source.namespace();
    let exported = Exported::of(rule.source);
    if let Some(callee) = other_case(rule, hosts) {
        let any = rule.is_virtual_service() || own == callee.id.namespace || own == search.root;
        let meant = |group: &Clients<'_>| {
            (any || group.namespace == own)
                && exported.reaches(own, group.namespace)
                && group.sees(callee)
        };
        let callers = callers(clients, callee, meant);
        let reason = WhyIneffective::OtherCase;
        push(rule, rule.host.origin(), reason, &callee.id, callers, found);
        return;
    }
    let Some(callee) = hosts.named_by(rule) else { return };
    let here = |clients: &Clients<'_>| clients.namespace == own && clients.sees(callee);
    if let Some(origin) = exported.leaves_out(own) {
        let callers = callers(clients, callee, here);
        let reason = WhyIneffective::NotExportedToItself;
        push(rule, origin, reason, &callee.id, callers, found);
        return;
    }
    let reach = rule.is_virtual_service() || own == callee.id.namespace || own == search.root;
    if let Some(origin) = exported.origin.as_ref().filter(|_| reach)
        && exported.reaches_nobody(own, callee, search)
    {
        let callers = callers(clients, callee, |group| group.sees(callee));
        let reason = WhyIneffective::ExportedToNobody;
        push(rule, origin.clone(), reason, &callee.id, callers, found);
        return;
    }
    if rule.is_virtual_service() {
        for group in clients.iter().filter(|group| here(group)) {
            if let Some(origin) = group.hides(own, &rule.name) {
                let callers = callers(std::slice::from_ref(group), callee, |_| true);
                let reason = WhyIneffective::HiddenBySidecar;
                push(rule, origin, reason, &callee.id, callers, found);
            }
        }
        return;
    }
    let foreign = own != callee.id.namespace && own != search.root;
    let serves_its_own = clients.iter().any(here);
    if foreign && !serves_its_own && !callee.external {
        let elsewhere = |group: &Clients<'_>| group.namespace != own && group.sees(callee);
        let callers = callers(clients, callee, elsewhere);
        let reason = WhyIneffective::ForeignNamespace;
        push(rule, rule.host.origin(), reason, &callee.id, callers, found);
    }
}

fn push(
    rule: &Written<'_>,
    cause: Origin,
    reason: WhyIneffective,
    service: &ServiceId,
    mut clients: Vec<WorkloadId>,
    found: &mut Vec<Ineffective>,
) {
    clients.sort();
    clients.dedup();
    if !clients.is_empty() {
        let (object, service) = (rule.source.origin(), service.clone());
        found.push(Ineffective { object, cause, reason, service, clients });
    }
}

fn all(clients: &[Clients<'_>], wanted: impl Fn(&Clients<'_>) -> bool) -> Vec<WorkloadId> {
    clients.iter().filter(|group| wanted(group)).flat_map(|g| g.workloads.clone()).collect()
}

/// The clients of a service in the groups that are wanted. Every proxy can call the service that it
/// stands before, and hardly any does: those are no clients.
fn callers(
    clients: &[Clients<'_>],
    callee: &Callee,
    wanted: impl Fn(&Clients<'_>) -> bool,
) -> Vec<WorkloadId> {
    let mut callers = all(clients, wanted);
    callers.retain(|caller| !callee.workloads.contains(caller));
    callers
}

/// The service that `name.namespace` seems to mean, where no service has that very host.
fn half_named<'a>(name: &str, known: &BTreeMap<&str, &'a Callee>) -> Option<&'a Callee> {
    let (service, namespace) = name.split_once('.')?;
    if namespace.contains('.') || known.contains_key(name) {
        return None;
    }
    let meant = hosts::service(service, namespace);
    known.get(meant.as_str()).copied()
}

/// The service that a rule would be for if Istio did not tell letters by their case: no service is
/// called as the rule's host is written. Exact hosts of virtual services are compared in lower case,
/// so only their wildcards can miss.
fn other_case<'a>(rule: &Written<'_>, known: &Known<'a>) -> Option<&'a Callee> {
    let wild = hosts::is_wildcard(&rule.name);
    if rule.is_virtual_service() && !(wild && rule.is_for_mesh()) {
        return None;
    }
    let lower = rule.name.to_ascii_lowercase();
    if !wild {
        let missed = !known.exact.contains_key(rule.name.as_str());
        return missed.then(|| known.lower.get(&lower).copied()).flatten();
    }
    if known.exact.keys().any(|host| hosts::overlap(&rule.name, host)) {
        return None;
    }
    known.lower.iter().find(|(host, _)| hosts::overlap(&lower, host)).map(|(_, callee)| *callee)
}

impl<'a> Known<'a> {
    fn new(callees: &'a [Callee]) -> Self {
        let mut known = Self { exact: BTreeMap::new(), lower: BTreeMap::new() };
        for callee in callees {
            known.exact.entry(&callee.host).or_insert(callee);
            known.lower.entry(callee.host.to_ascii_lowercase()).or_insert(callee);
        }
        known
    }

    /// The service of a rule's host.
    fn named_by(&self, rule: &Written<'_>) -> Option<&'a Callee> {
        if rule.is_virtual_service() {
            return self.lower.get(&rule.name.to_ascii_lowercase()).copied();
        }
        self.exact.get(rule.name.as_str()).copied()
    }
}

impl Written<'_> {
    fn is_virtual_service(&self) -> bool {
        self.source.id.kind == "VirtualService"
    }

    /// Whether a virtual service routes calls between workloads.
    fn is_for_mesh(&self) -> bool {
        let gateways = self.source.spec().and_then(|spec| spec.get("gateways"));
        gateways.is_none_or(|list| list.texts().is_empty() || list.texts().contains(&"mesh"))
    }
}

impl Clients<'_> {
    /// Whether these clients are told about a service.
    fn sees(&self, callee: &Callee) -> bool {
        let Some((_, listeners)) = &self.egress else {
            return callee.visibility.includes(self.namespace);
        };
        callee.visibility.includes(self.namespace)
            && listeners.iter().any(|classes| {
                let lists = [classes.get(&callee.id.namespace), classes.get("*")];
                lists.iter().flatten().any(|class| class.admits(&callee.host))
                    && !lists.iter().flatten().any(|class| class.excludes(&callee.host))
            })
    }

    /// The egress list that keeps virtual services of a namespace out, if one does.
    fn hides(&self, namespace: &str, host: &str) -> Option<Origin> {
        let (origin, listeners) = self.egress.as_ref()?;
        let admitted = listeners.iter().any(|classes| {
            let lists = [classes.get(namespace), classes.get("*")];
            lists.iter().flatten().any(|class| class.admits_route(host))
                && !lists.iter().flatten().any(|class| class.excludes(host))
        });
        (!admitted).then(|| origin.clone())
    }
}

/// `exportTo` as written.
struct Exported {
    namespaces: BTreeSet<String>,
    origin: Option<Origin>,
}

impl Exported {
    fn of(source: &Source) -> Self {
        let list = source.spec().and_then(|spec| spec.get("exportTo"));
        let texts = list.as_ref().map(Field::texts).unwrap_or_default();
        Self {
            namespaces: texts.into_iter().map(str::to_owned).collect(),
            origin: list.map(|list| list.key_origin()),
        }
    }

    /// Whether clients in a namespace are among those that the list names.
    fn reaches(&self, own: &str, client: &str) -> bool {
        let names = |entry: &str| self.namespaces.contains(entry);
        self.namespaces.is_empty() || names("*") || names(client) || client == own && names(".")
    }

    /// Whether the list names only namespaces without any pod but the service's own. Pods that have
    /// no sidecar count: the rule may be for a gateway or a waypoint.
    fn reaches_nobody(&self, own: &str, callee: &Callee, search: &Search<'_>) -> bool {
        let mut reached = search.pods.iter().filter(|pods| self.reaches(own, &pods.id.namespace));
        reached
            .all(|pods| pods.injected == Injected::Sidecar && callee.workloads.contains(&pods.id))
    }

    /// The line, where the list names somebody but not the rule's own namespace.
    fn leaves_out(&self, own: &str) -> Option<Origin> {
        let includes = ["*", ".", own].iter().any(|entry| self.namespaces.contains(*entry));
        if self.namespaces.is_empty() || includes { None } else { self.origin.clone() }
    }
}
