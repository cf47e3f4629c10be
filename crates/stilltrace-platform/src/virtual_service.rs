//! Virtual services: hosts, visibility and routes, before anyone asks for them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use stilltrace_model::{Origin, Timestamp};

use crate::connections::{Connections, Meeting};
use crate::delegate;
use crate::field::Field;
use crate::gateway_api::{self, Facts};
use crate::hosts;
use crate::http_rule::HttpRule;
use crate::matching::{Match, gateway_name};
use crate::mesh_config::MeshConfig;
use crate::source::Source;
use crate::visibility::Visibility;
use crate::wanted::Wanted;

/// A virtual service whose delegates are merged in.
pub(crate) struct VirtualService<'a> {
    /// The object; of several routes of the Gateway API the oldest.
    pub(crate) source: &'a Source,
    /// `namespace/name` of what Istio makes of routes of the Gateway API.
    pub(crate) live_name: Option<Arc<str>>,
    /// Hosts as written, short names completed.
    pub(crate) hosts: Vec<String>,
    /// `mesh` or `namespace/name` of gateways.
    pub(crate) gateways: BTreeSet<String>,
    /// Which namespaces see it.
    pub(crate) visibility: Visibility,
    /// Routes in the order of the object.
    pub(crate) http: Vec<HttpRule>,
    /// `tcp`.
    pub(crate) tcp: Vec<Connections>,
    /// `tls`.
    pub(crate) tls: Vec<Connections>,
    /// Destinations of any kind of route: host, port if named, and the only namespaces of callers
    /// that the route is for (empty: all).
    pub(crate) destinations: Vec<(String, Option<u16>, BTreeSet<String>)>,
}

/// One entry of `http`. A field of a delegate's route comes from the delegate or its root.
#[derive(Clone)]
pub(crate) struct HttpRoute<'a> {
    /// The entry itself: the delegate's where the root hands over.
    pub(crate) entry: Field<'a>,
    /// Name, or empty.
    pub(crate) name: String,
    /// The line of the name; of a delegate and its root the delegate's.
    pub(crate) named_at: Option<Origin>,
    /// Alternatives; empty matches everything.
    pub(crate) matches: Vec<Match>,
    /// `route`.
    pub(crate) destinations: Vec<Field<'a>>,
    /// `redirect`.
    pub(crate) redirect: Option<Field<'a>>,
    /// `directResponse`.
    pub(crate) direct_response: Option<Field<'a>>,
    /// `timeout`.
    pub(crate) timeout: Option<Field<'a>>,
    /// `retries`.
    pub(crate) retries: Option<Field<'a>>,
    /// `fault`.
    pub(crate) fault: Option<Field<'a>>,
    /// `mirror`.
    pub(crate) mirror: Option<Field<'a>>,
    /// `mirrorPercentage`.
    pub(crate) mirror_percentage: Option<Field<'a>>,
    /// `mirrorPercent`, the older spelling.
    pub(crate) mirror_percent: Option<Field<'a>>,
    /// `mirrors`.
    pub(crate) mirrors: Option<Field<'a>>,
    /// `rewrite`.
    pub(crate) rewrite: Option<Field<'a>>,
    /// `headers`.
    pub(crate) headers: Option<Field<'a>>,
    /// `corsPolicy`.
    pub(crate) cors: Option<Field<'a>>,
}

/// Reads all virtual services that have hosts, and what routes of the Gateway API come to, oldest
/// first.
pub(crate) fn read<'a>(facts: &Facts<'_, 'a>) -> Vec<VirtualService<'a>> {
    let Facts { inventory, mesh, mesh_retries, .. } = *facts;
    let sources = inventory.of("networking.istio.io", "VirtualService");
    let parts: BTreeMap<(&str, &str), &'a Source> =
        sources.iter().map(|source| ((source.namespace(), source.name()), *source)).collect();
    let written = sources.iter().filter_map(|source| read_one(source, &parts, mesh, mesh_retries));
    let mut found: Vec<VirtualService<'a>> = written.collect();
    found.extend(gateway_api::virtual_services(facts));
    found.sort_by(|a, b| inventory.guess.order(a.rank(), b.rank()));
    found
}

fn read_one<'a>(
    source: &'a Source,
    parts: &BTreeMap<(&str, &str), &'a Source>,
    mesh: &MeshConfig,
    mesh_retries: Option<&Field<'_>>,
) -> Option<VirtualService<'a>> {
    let spec = source.spec()?;
    let namespace = source.namespace();
    let texts = |key: &str| spec.get(key).map(|list| list.texts()).unwrap_or_default();
    let hosts: Vec<String> =
        texts("hosts").iter().map(|host| hosts::complete(host, namespace)).collect();
    if hosts.is_empty() {
        return None;
    }
    let mut gateways: BTreeSet<String> =
        texts("gateways").iter().map(|name| gateway_name(name, namespace)).collect();
    if gateways.is_empty() {
        gateways.insert("mesh".to_owned());
    }
    let default = &mesh.virtual_service_export_to;
    let mut http = Vec::new();
    for entry in spec.list("http") {
        match entry.get("delegate") {
            Some(delegate) => http.extend(delegate::merged(&entry, &delegate, parts, default)),
            None => http.push(HttpRoute::read(&entry)),
        }
    }
    Some(VirtualService {
        source,
        live_name: None,
        hosts,
        gateways,
        visibility: Visibility::read(Some(&spec), default, namespace),
        destinations: destinations(&http, &spec),
        http: http.iter().map(|entry| HttpRule::read(source, entry, mesh_retries)).collect(),
        tcp: spec.list("tcp").iter().map(Connections::read).collect(),
        tls: spec.list("tls").iter().map(Connections::read).collect(),
    })
}

impl<'a> HttpRoute<'a> {
    /// Reads an entry of `http`.
    pub(crate) fn read(entry: &Field<'a>) -> Self {
        let name =
            entry.get("name").filter(|name| name.text().is_some_and(|text| !text.is_empty()));
        Self {
            entry: entry.clone(),
            name: name.as_ref().and_then(Field::text).unwrap_or_default().to_owned(),
            named_at: name.map(|name| name.origin()),
            matches: entry.list("match").iter().map(Match::read).collect(),
            destinations: entry.list("route"),
            redirect: entry.get("redirect"),
            direct_response: entry.get("directResponse"),
            timeout: entry.get("timeout"),
            retries: entry.block("retries"),
            fault: entry.block("fault"),
            mirror: entry.get("mirror"),
            mirror_percentage: entry.get("mirrorPercentage"),
            mirror_percent: entry.get("mirrorPercent").or_else(|| entry.get("mirror_percent")),
            mirrors: entry.get("mirrors"),
            rewrite: entry.block("rewrite"),
            headers: entry.block("headers"),
            cors: entry.block("corsPolicy"),
        }
    }
}

impl VirtualService<'_> {
    /// Whether any route looks at the caller's labels.
    pub(crate) fn looks_at_labels(&self) -> bool {
        let connections = self.tcp.iter().chain(&self.tls);
        self.http.iter().flat_map(|rule| &rule.cases).any(Match::looks_at_labels)
            || connections.flat_map(|rule| &rule.cases).any(Meeting::looks_at_labels)
    }

    /// Its rank for a client, before age counts: private to the client's namespace, exported to it,
    /// public; within each, routes of the Gateway API in the client's namespace first.
    pub(crate) fn class_for(&self, namespace: &str) -> u8 {
        let own = self.source.namespace() == namespace;
        let class = match &self.visibility {
            Visibility::Public => 2,
            Visibility::Namespaces(_) => u8::from(!own),
        };
        2 * class + u8::from(!(own && self.is_of_gateway_api()))
    }

    /// Whether it is made of routes of the Gateway API, to which other rules apply in places.
    pub(crate) fn is_of_gateway_api(&self) -> bool {
        self.live_name.is_some()
    }

    /// What Istio orders it by where ages are equal: its name, then its namespace.
    pub(crate) fn rank(&self) -> (Option<Timestamp>, (&str, &str)) {
        let own = self.live_name.as_deref().and_then(|name| name.split_once('/'));
        let name = own.map_or_else(|| self.source.name(), |(_, name)| name);
        (self.source.created, (name, self.source.namespace()))
    }

    /// Whether it routes calls between workloads, not only calls through a gateway.
    pub(crate) fn is_for_mesh(&self) -> bool {
        self.gateways.contains("mesh")
    }
}

/// Host and port of a destination of a route, mirror or TCP route.
fn target(destination: &Field<'_>) -> Option<(String, Option<u16>)> {
    let wanted = Wanted::read(destination)?;
    Some((wanted.host, wanted.port.map(|(port, _)| port)))
}

type Targets = Vec<(String, Option<u16>, BTreeSet<String>)>;

fn destinations(http: &[HttpRoute<'_>], spec: &Field<'_>) -> Targets {
    let mut found = Vec::new();
    for route in http {
        // One alternative with a namespace keeps the targets from callers of all others, even
        // where another alternative would let them in.
        let named = route.matches.iter().map(|entry| entry.source_namespace().to_owned());
        let namespaces: BTreeSet<String> = named.filter(|name| !name.is_empty()).collect();
        let mirrors = route.mirrors.iter().flat_map(Field::items);
        let wrapped = route.destinations.iter().cloned().chain(mirrors);
        let all = wrapped.filter_map(|entry| entry.get("destination")).chain(route.mirror.clone());
        for (host, port) in all.filter_map(|destination| target(&destination)) {
            found.push((host, port, namespaces.clone()));
        }
    }
    for kind in ["tcp", "tls"] {
        for route in spec.list(kind).iter().flat_map(|entry| entry.list("route")) {
            let target = route.get("destination").and_then(|destination| target(&destination));
            found.extend(target.map(|(host, port)| (host, port, BTreeSet::new())));
        }
    }
    found
}
