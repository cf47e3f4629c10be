//! Which `Sidecar` object applies to a proxy, and what it lets the proxy see.
//!
//! Exactly one applies: the oldest whose selector matches, else the oldest without a selector in
//! the namespace, else the one without a selector in the root namespace. None are merged.

use stilltrace_model::{Origin, OutboundPolicy, Setting};

use crate::age::report_undecided;
use crate::defaults;
use crate::field::Field;
use crate::hosts;
use crate::inventory::Inventory;
use crate::labels::{Labels, selects};
use crate::mesh_config;
use crate::source::Source;

/// A `Sidecar` object.
pub(crate) struct Sidecar<'a> {
    /// The object.
    pub(crate) source: &'a Source,
    selector: Option<Labels>,
    /// Egress listeners; empty is everything.
    pub(crate) egress: Vec<Egress>,
    /// `egress`, for its lines.
    hosts: Vec<Field<'a>>,
    spec: Field<'a>,
}

/// One egress listener as written.
#[derive(Debug, Clone)]
pub(crate) struct Egress {
    /// The port it is limited to.
    pub(crate) port: Option<u16>,
    /// The line of that port.
    pub(crate) port_origin: Option<Origin>,
    /// Whether it is a generic HTTP proxy, which serves all ports.
    pub(crate) http_proxy: bool,
    /// The protocol of that port, in lower case.
    pub(crate) protocol: String,
    /// The address that it listens on, where one is written.
    pub(crate) bind: Option<String>,
    /// Whether callers dial the proxy itself, so that it opens the port.
    pub(crate) binds_port: bool,
    /// The line that says where it listens.
    pub(crate) bind_origin: Option<Origin>,
    /// `namespace/host` entries.
    pub(crate) hosts: Vec<String>,
    /// Whether it stands for a gateway, which prefers no namespace and imports nothing by itself.
    pub(crate) of_gateway: bool,
}

/// The hosts of one namespace that an egress listener lets in.
#[derive(Debug, Clone, Default)]
pub(crate) struct HostClass {
    allowed: Vec<String>,
    excluded: Vec<String>,
}

/// Reads all `Sidecar` objects, oldest first.
pub(crate) fn read<'a>(inventory: &Inventory<'a>) -> Vec<Sidecar<'a>> {
    let sources = inventory.of("networking.istio.io", "Sidecar");
    sources
        .iter()
        .filter_map(|source| {
            let spec = source.spec()?;
            let selector = spec.get("workloadSelector");
            let listeners = spec.list("egress");
            name_egress_proxy(source, &spec);
            Some(Sidecar {
                source,
                selector: selector.map(|selector| {
                    selector.get("labels").map(|labels| labels.labels()).unwrap_or_default()
                }),
                egress: listeners.iter().map(egress).collect(),
                hosts: listeners.iter().filter_map(|listener| listener.get("hosts")).collect(),
                spec,
            })
        })
        .collect()
}

/// Requests for unknown hosts may go to a proxy, which is no part of the policy's mode.
fn name_egress_proxy(source: &Source, spec: &Field<'_>) {
    let proxy = spec.at(&["outboundTrafficPolicy", "egressProxy"]);
    let Some(host) = proxy.and_then(|proxy| proxy.get("host")?.text()) else { return };
    source.gaps.add(
        format!("{} sends requests for unknown hosts to its egressProxy {host}", source.id),
        "the outbound policy ALLOW_ANY is shown, which without it lets them go where they were dialled",
        "read `egressProxy` beside the policy",
    );
}

fn egress(listener: &Field<'_>) -> Egress {
    let text = |path: &[&str]| listener.at(path).and_then(|field| field.text());
    let protocol = text(&["port", "protocol"]).unwrap_or_default().to_ascii_lowercase();
    let bind = text(&["bind"]).filter(|bind| !bind.is_empty());
    let number = listener.at(&["port", "number"]);
    let place = listener.get("bind").filter(|_| bind.is_some());
    Egress {
        port: number.as_ref().and_then(Field::port),
        port_origin: number.map(|field| field.origin()),
        bind_origin: place.or_else(|| listener.get("captureMode")).map(|field| field.origin()),
        http_proxy: protocol == "http_proxy",
        protocol,
        bind: bind.map(str::to_owned),
        binds_port: text(&["captureMode"]) == Some("NONE")
            || bind.is_some_and(|bind| bind.starts_with("unix://")),
        hosts: listener.list("hosts").iter().filter_map(egress_host).collect(),
        of_gateway: false,
    }
}

/// An entry of `hosts`; anything but `namespace/host` is refused by Istio.
fn egress_host(entry: &Field<'_>) -> Option<String> {
    let text = entry.text()?;
    if text.matches('/').count() != 1 {
        entry.report("namespace/host, such as ./* or shop/web.shop.svc.cluster.local");
        return None;
    }
    Some(text.to_owned())
}

/// The index of the `Sidecar` that applies to pods of these labels, if any does.
pub(crate) fn select(
    sidecars: &[Sidecar<'_>],
    namespace: &str,
    labels: &Labels,
    root_namespace: &str,
) -> Option<usize> {
    let here = |index: &usize| sidecars[*index].source.namespace() == namespace;
    let first = |wanted: &dyn Fn(&Sidecar<'_>) -> bool, place: &dyn Fn(&usize) -> bool| {
        let mut fitting =
            (0..sidecars.len()).filter(|index| place(index) && wanted(&sidecars[*index]));
        let winner = fitting.next()?;
        for loser in fitting {
            let about = "only one Sidecar applies to a proxy";
            report_undecided(sidecars[winner].source, sidecars[loser].source, about);
        }
        Some(winner)
    };
    let selected = |sidecar: &Sidecar<'_>| {
        sidecar.selector.as_ref().is_some_and(|selector| selects(selector, labels))
    };
    let open = |sidecar: &Sidecar<'_>| sidecar.selector.is_none();
    let root = |index: &usize| sidecars[*index].source.namespace() == root_namespace;
    first(&selected, &here).or_else(|| first(&open, &here)).or_else(|| first(&open, &root))
}

impl<'a> Sidecar<'a> {
    /// The listed inbound ports; empty where services decide.
    pub(crate) fn ingress(&self) -> Vec<Field<'a>> {
        self.spec.list("ingress")
    }

    /// The connection pool towards the application on a port: the listener's, else the common one.
    pub(crate) fn inbound_pool(&self, port: u16) -> Option<Field<'a>> {
        let number = |listener: &Field<'a>| listener.at(&["port", "number"])?.port();
        let ingress = self.ingress();
        let mut own = ingress.iter().filter(|listener| number(listener) == Some(port));
        let own = own.find_map(|listener| listener.get("connectionPool"));
        own.or_else(|| self.spec.get("inboundConnectionPool"))
    }

    /// What happens to requests for unknown hosts, if it says. A block without a mode refuses them.
    pub(crate) fn outbound_policy(&self) -> Option<Setting<OutboundPolicy>> {
        let block = self.spec.get("outboundTrafficPolicy")?;
        let mode = block.get("mode");
        let written =
            mode.and_then(|mode| Some(mode.setting(mesh_config::outbound_policy(&mode)?)));
        Some(
            written
                .unwrap_or_else(|| Setting::new(OutboundPolicy::RegistryOnly, block.key_origin())),
        )
    }

    /// The egress hosts with the line of the first list.
    pub(crate) fn hosts(&self) -> Setting<Vec<String>> {
        let all: Vec<String> = self.egress.iter().flat_map(|e| e.hosts.iter().cloned()).collect();
        match self.hosts.first() {
            Some(field) => field.setting(all),
            None => everything(),
        }
    }
}

/// What a proxy sees where no `Sidecar` limits it.
pub(crate) fn everything() -> Setting<Vec<String>> {
    Setting::default_of(vec!["*/*".to_owned()], defaults::ISTIO)
}

/// The listener that a proxy has where no `Sidecar` limits it.
pub(crate) fn open_egress(of_gateway: bool) -> Egress {
    Egress {
        port: None,
        port_origin: None,
        bind_origin: None,
        http_proxy: false,
        protocol: String::new(),
        bind: None,
        binds_port: false,
        hosts: vec!["*/*".to_owned()],
        of_gateway,
    }
}

impl Egress {
    /// Hosts by namespace, `.` and `~` resolved for a client in `namespace`. `*` is any namespace.
    pub(crate) fn classes(&self, namespace: &str) -> Vec<(String, HostClass)> {
        let mut classes: Vec<(String, HostClass)> = Vec::new();
        for entry in &self.hosts {
            let Some((place, host)) = entry.split_once('/') else { continue };
            let (excluded, place) = match place.strip_prefix('~') {
                Some("") => (true, "*"),
                Some(place) => (true, place),
                None => (false, place),
            };
            let place = if place == "." { namespace } else { place };
            let at = classes.iter().position(|(name, _)| name == place).unwrap_or_else(|| {
                classes.push((place.to_owned(), HostClass::default()));
                classes.len() - 1
            });
            let class = &mut classes[at].1;
            let list = if excluded { &mut class.excluded } else { &mut class.allowed };
            list.push(host.to_owned());
        }
        classes
    }
}

impl HostClass {
    /// Whether a service of this host is let in.
    pub(crate) fn admits(&self, host: &str) -> bool {
        self.allowed.iter().any(|allowed| hosts::covers(allowed, host))
    }

    /// Whether a virtual service for this host is let in; wildcards count in both directions.
    pub(crate) fn admits_route(&self, host: &str) -> bool {
        self.allowed.iter().any(|allowed| hosts::overlap(allowed, host))
    }

    /// Whether an entry takes the host away.
    pub(crate) fn excludes(&self, host: &str) -> bool {
        self.excluded.iter().any(|excluded| hosts::covers(excluded, host))
    }
}
