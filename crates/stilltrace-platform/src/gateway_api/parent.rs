//! What a route attaches to: listeners of gateways, and services whose callers it routes.
//!
//! Istio's `extractParentReferenceInfo`, `referenceAllowed` and `hostnameAllowedByIsolation`,
//! release 1.31.

use super::listener::Listener;
use super::{Facts, GROUP};
use crate::field::Field;
use crate::hosts;
use crate::source::Source;

/// One attachment of a route.
pub(super) enum Parent<'p, 'a> {
    /// To a service or the hosts of a `ServiceEntry`, for callers in the mesh.
    Mesh {
        /// Full host names.
        hosts: Vec<String>,
        /// The only port, where one is named.
        port: Option<u16>,
    },
    /// To a listener.
    Listener {
        /// The listener.
        listener: &'p Listener<'a>,
        /// Hosts of other listeners that share its port and protocol.
        others: Vec<&'p str>,
    },
}

impl Parent<'_, '_> {
    /// Whether it is for callers in the mesh.
    pub(super) fn is_mesh(&self) -> bool {
        matches!(self, Self::Mesh { .. })
    }

    /// The gateway that Istio binds the routes to.
    pub(super) fn gateway(&self) -> String {
        match self {
            Self::Mesh { .. } => "mesh".to_owned(),
            Self::Listener { listener, .. } => listener.full_name(),
        }
    }

    /// Whether no other listener of the port is the better one for a host of the route.
    pub(super) fn owns(&self, host: &str) -> bool {
        let Self::Listener { listener, others } = self else { return true };
        let own = listener.hostname.as_str();
        if !own.is_empty() && !hosts::is_wildcard(own) {
            return true;
        }
        if !own.is_empty() && !hosts::overlap(host, own) {
            return false;
        }
        !others.iter().any(|other| own.len() <= other.len() && hosts::covers(other, host))
    }
}

/// Everything that a route attaches to, in Istio's order.
pub(super) fn read<'p, 'a>(
    route: &'a Source,
    hostnames: &[String],
    facts: &Facts<'p, 'a>,
) -> Vec<Parent<'p, 'a>> {
    let Some(spec) = route.spec() else { return Vec::new() };
    let mut references = spec.list("parentRefs");
    references.sort_by_cached_key(|reference| Reference::read(reference).sorting());
    let mut found = Vec::new();
    for field in &references {
        let reference = Reference::read(field);
        match (reference.group, reference.kind) {
            (GROUP, "Gateway" | "ListenerSet") => {
                found.extend(reference.listeners(route, hostnames, facts));
            }
            ("", "Service") | ("networking.istio.io", "ServiceEntry") => {
                found.extend(reference.service(facts));
            }
            (GROUP, "Service") => field.report(
                "a reference to a Service with `group: \"\"`; without it the route is for nobody",
            ),
            _ => {}
        }
    }
    found.sort_by_cached_key(Parent::gateway);
    found
}

/// One entry of `parentRefs`.
struct Reference<'f, 'a> {
    field: &'f Field<'a>,
    group: &'a str,
    kind: &'a str,
    namespace: &'a str,
    name: &'a str,
    section: &'a str,
    port: Option<u16>,
}

impl<'f, 'a> Reference<'f, 'a> {
    fn read(field: &'f Field<'a>) -> Self {
        let text = |key: &str| field.get(key).and_then(|value| value.text());
        Self {
            field,
            group: text("group").unwrap_or(GROUP),
            kind: text("kind").unwrap_or("Gateway"),
            namespace: text("namespace").unwrap_or(field.source().namespace()),
            name: text("name").unwrap_or_default(),
            section: text("sectionName").unwrap_or_default(),
            port: field.get("port").and_then(|port| port.port()),
        }
    }

    /// The text by which Istio sorts references.
    fn sorting(&self) -> String {
        let Self { group, kind, name, section, port, namespace, .. } = self;
        format!("{group}/{kind}/{name}/{section}/{}.{namespace}", port.unwrap_or(0))
    }

    /// The listeners of a gateway that take the route.
    fn listeners<'p>(
        &self,
        route: &Source,
        hostnames: &[String],
        facts: &Facts<'p, 'a>,
    ) -> Vec<Parent<'p, 'a>> {
        let all: Vec<&'p Listener<'a>> = facts
            .listeners
            .iter()
            .filter(|listener| listener.source.id.kind == self.kind)
            .filter(|listener| {
                (listener.source.namespace(), listener.source.name()) == (self.namespace, self.name)
            })
            .collect();
        let takes = |listener: &&&Listener<'_>| {
            self.port.is_none_or(|port| port == listener.port)
                && (self.section.is_empty() || self.section == listener.section)
                && listener.shares_host(hostnames, route.namespace())
                && listener.takes(&route.id.kind)
        };
        let taking: Vec<&&Listener<'_>> = all.iter().filter(takes).collect();
        if taking.is_empty() {
            self.report_refused(&all, hostnames, route, facts);
        }
        let attach = |listener: &'p Listener<'a>| {
            let beside =
                all.iter().filter(|other| !std::ptr::eq(**other, listener)).filter(|other| {
                    (other.port, &other.protocol) == (listener.port, &listener.protocol)
                });
            let names = beside.map(|other| other.hostname.as_str());
            Parent::Listener {
                listener,
                others: names.filter(|name| *name != listener.hostname).collect(),
            }
        };
        all.iter().filter(takes).map(|listener| attach(listener)).collect()
    }

    /// Says why no listener takes the route: the gateway is not there, or what each minds.
    fn report_refused(
        &self,
        all: &[&Listener<'a>],
        hostnames: &[String],
        route: &Source,
        facts: &Facts<'_, 'a>,
    ) {
        let (kind, name) = (self.kind, format!("{}/{}", self.namespace, self.name));
        if name.contains("${") {
            return;
        }
        let what = if all.is_empty() {
            let known = facts.inventory.of(GROUP, kind_of(kind)).iter();
            let namesakes: Vec<&str> = known
                .filter(|source| source.name() == self.name)
                .map(|source| source.namespace())
                .collect();
            // A gateway without listeners is another controller's.
            if namesakes.contains(&self.namespace) {
                return;
            }
            let hint = match namesakes.first() {
                Some(place) => format!("; one of this name is in the namespace {place}"),
                None => String::new(),
            };
            format!("no object that was read is the {kind} {name}{hint}")
        } else {
            let minds = |listener: &&Listener<'_>| {
                let reason = if self.port.is_some_and(|port| port != listener.port) {
                    format!("has the port {}", listener.port)
                } else if !self.section.is_empty() && self.section != listener.section {
                    "has another name".to_owned()
                } else if !listener.takes(&route.id.kind) {
                    format!("does not take {}s", route.id.kind)
                } else if !listener.is_for(hostnames) {
                    format!("is for the host {}", listener.hostname)
                } else {
                    format!("does not allow routes of the namespace {}", route.namespace())
                };
                format!("`{}` {reason}", listener.section)
            };
            let minds: Vec<String> = all.iter().map(minds).collect();
            format!("no listener of the {kind} {name} takes it: {}", minds.join(", "))
        };
        self.field.source().gaps.add(
            format!("{}: {} is attached to nothing here: {what}", self.field.origin(), route.id),
            "the route has no effect there",
            "correct `parentRefs`, or let a listener take the route (`allowedRoutes`, `hostname`)",
        );
    }

    /// The service, if there is one of this name.
    fn service<'p>(&self, facts: &Facts<'p, 'a>) -> Option<Parent<'p, 'a>> {
        let group = if self.kind == "Service" { "" } else { "networking.istio.io" };
        let kind = if self.kind == "Service" { "Service" } else { "ServiceEntry" };
        let mut sources = facts.inventory.of(group, kind).iter();
        let named =
            |source: &&&Source| (source.namespace(), source.name()) == (self.namespace, self.name);
        let Some(source) = sources.find(named) else {
            self.field
                .report(&format!("a {kind} of Git; {}/{} is none", self.namespace, self.name));
            return None;
        };
        let hosts = if kind == "Service" {
            vec![hosts::service(self.name, self.namespace)]
        } else {
            let hosts = source.spec().and_then(|spec| spec.get("hosts")).map(|list| list.texts());
            hosts.unwrap_or_default().into_iter().map(str::to_owned).collect()
        };
        Some(Parent::Mesh { hosts, port: self.port })
    }
}

/// The kind as the inventory knows it.
fn kind_of(kind: &str) -> &'static str {
    if kind == "ListenerSet" { "ListenerSet" } else { "Gateway" }
}
