//! Servers of a gateway proxy: which `Gateway` objects apply to it and what they open together.
//!
//! The rules of Istio's `mergeGateways`, release 1.31: older objects come first; plaintext HTTP
//! servers of one port merge; a server that clashes with an earlier one is left out.

use std::collections::{BTreeMap, BTreeSet};

use stilltrace_model::{Origin, Timestamp};

use crate::defaults;
use crate::edges::Mesh;
use crate::field::Field;
use crate::labels::selects;
use crate::workloads::Pods;

mod listeners;
mod ports;

/// One server of a `Gateway` object, or a listener of the Gateway API.
pub(super) struct Server {
    /// `namespace/name` of the object.
    pub(super) gateway: String,
    /// The port that clients dial.
    pub(super) port: u16,
    /// The line of that port.
    pub(super) port_origin: Origin,
    /// What says where it listens.
    pub(super) bind_origin: Origin,
    /// What lists the hosts, where anything does.
    pub(super) hosts_origin: Option<Origin>,
    /// Hosts, as `namespace/host` where only virtual services of one namespace may use them.
    pub(super) hosts: Vec<String>,
    /// Protocol in lower case.
    protocol: String,
    port_name: String,
    bind: String,
    name: String,
    namespace: String,
    created: Option<Timestamp>,
    tls: Option<Tls>,
}

/// Where a server listens that does not say.
pub(super) const EVERYWHERE: Origin = Origin::Default { of: defaults::ISTIO };

/// What a server does with encrypted connections.
struct Tls {
    mode: String,
    /// The line that sends plaintext clients to HTTPS.
    redirect: Option<Origin>,
}

/// A port that the proxy opens.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Opened {
    /// The port of the pod.
    pub(super) port: u16,
    protocol: String,
    /// The address, or empty for any.
    pub(super) bind: String,
}

/// All servers of a proxy that do not clash.
#[derive(Default)]
pub(super) struct Merged {
    servers: Vec<Server>,
    /// Servers of every opened port, in order.
    opened: Vec<(Opened, Vec<usize>, String)>,
    by_route: BTreeMap<String, Vec<usize>>,
    /// Istio's route names of servers that end TLS.
    secure: BTreeMap<usize, String>,
    plaintext: BTreeMap<u16, Opened>,
    used: BTreeSet<u16>,
    tls_hosts: BTreeMap<u16, BTreeMap<String, String>>,
}

/// The servers that the pods of a gateway run.
pub(super) fn merge(mesh: &Mesh<'_>, pods: &Pods<'_>) -> Merged {
    let inventory = mesh.inventory;
    let targets = ports::targets(inventory, pods);
    let mut found = listeners::servers(mesh.listeners, &targets, &pods.id.namespace);
    let isolated: BTreeSet<String> = listeners::deployed_in(mesh.listeners, &targets);
    for source in inventory.of("networking.istio.io", "Gateway") {
        let Some(spec) = source.spec() else { continue };
        let selector = spec.get("selector").map(|labels| labels.labels()).unwrap_or_default();
        let kept_out = !isolated.is_empty() && !isolated.contains(source.namespace());
        if !selects(&selector, &pods.labels) || kept_out {
            continue;
        }
        for field in spec.list("servers") {
            let Some(server) = Server::read(&field) else { continue };
            let port = ports::resolve(server.port, &targets);
            found.push((server, port));
        }
    }
    found.sort_by(|(a, _), (b, _)| inventory.guess.order(a.rank(), b.rank()));
    let mut merged = Merged::default();
    for (server, port) in found {
        merged.add(server, port);
    }
    merged
}

impl Server {
    fn read(field: &Field<'_>) -> Option<Self> {
        let text = |path: &[&str]| field.at(path).and_then(|field| field.text());
        let source = field.source();
        let hosts = field.get("hosts");
        let written = hosts.as_ref().map(Field::texts).unwrap_or_default();
        let number = field.at(&["port", "number"])?;
        let bind = field.get("bind").map(|bind| bind.origin());
        Some(Self {
            gateway: format!("{}/{}", source.namespace(), source.name()),
            port: number.port()?,
            port_origin: number.origin(),
            bind_origin: bind.unwrap_or(EVERYWHERE),
            hosts_origin: hosts.as_ref().map(Field::key_origin),
            hosts: qualified(&written, source.namespace()),
            protocol: text(&["port", "protocol"]).unwrap_or_default().to_ascii_lowercase(),
            port_name: text(&["port", "name"]).unwrap_or_default().to_owned(),
            bind: text(&["bind"]).unwrap_or_default().to_owned(),
            name: source.name().to_owned(),
            namespace: source.namespace().to_owned(),
            created: source.created,
            tls: field.block("tls").map(|settings| Tls::read(&settings)),
        })
    }

    /// Hosts that virtual services of a namespace may use.
    pub(super) fn hosts_for<'s>(&'s self, namespace: &'s str) -> impl Iterator<Item = &'s str> {
        self.hosts.iter().filter_map(move |host| match host.split_once('/') {
            Some((place, host)) => (place == namespace || place == "*").then_some(host),
            None => Some(host),
        })
    }

    /// What Istio orders objects by: age, name, namespace.
    fn rank(&self) -> (Option<Timestamp>, (&str, &str)) {
        (self.created, (&self.name, &self.namespace))
    }

    /// The line that sends plaintext clients to HTTPS.
    pub(super) fn https_redirect(&self) -> Option<Origin> {
        self.tls.as_ref()?.redirect.clone()
    }

    /// Whether TLS is configured at all.
    pub(super) fn has_tls(&self) -> bool {
        self.tls.is_some()
    }

    fn mode(&self) -> &str {
        self.tls.as_ref().map(|tls| tls.mode.as_str()).unwrap_or_default()
    }

    /// Whether encrypted connections are forwarded as they are.
    pub(super) fn passes_through(&self) -> bool {
        matches!(self.mode(), "PASSTHROUGH" | "AUTO_PASSTHROUGH")
    }

    /// Whether the name in the greeting is that of a cluster.
    pub(super) fn passes_to_clusters(&self) -> bool {
        self.mode() == "AUTO_PASSTHROUGH"
    }

    /// Names in the greeting that the server is for.
    pub(super) fn greeting(&self) -> Vec<String> {
        let bare = self.hosts.iter().map(|host| host.split_once('/').map_or(&**host, |(_, h)| h));
        let names: BTreeSet<&str> = bare.collect();
        names.into_iter().map(str::to_owned).collect()
    }

    fn speaks_plain_http(&self) -> bool {
        is_http(&self.protocol)
    }

    fn ends_https(&self) -> bool {
        self.has_tls() && self.protocol == "https" && !self.passes_through()
    }

    fn routes_requests(&self) -> bool {
        self.speaks_plain_http() || self.protocol == "https" && !self.passes_through()
    }

    fn is_tls(&self) -> bool {
        self.has_tls() && !self.speaks_plain_http()
    }

    /// Istio's name of the server's list of virtual hosts; empty where requests are not seen.
    fn route_name(&self, port: u16) -> String {
        let bind = if self.bind.is_empty() { String::new() } else { format!(".{}", self.bind) };
        if self.speaks_plain_http() {
            format!("http.{port}{bind}")
        } else if self.protocol == "https" && !self.passes_through() {
            let Self { port, port_name, name, namespace, .. } = self;
            format!("https.{port}.{port_name}.{name}.{namespace}{bind}")
        } else {
            String::new()
        }
    }
}

impl Tls {
    fn read(settings: &Field<'_>) -> Self {
        let mode = settings.get("mode").and_then(|field| field.text());
        let redirect = settings.get("httpsRedirect").filter(|field| field.flag() == Some(true));
        Self {
            mode: mode.unwrap_or_default().to_owned(),
            redirect: redirect.map(|field| field.origin()),
        }
    }
}

fn is_http(protocol: &str) -> bool {
    matches!(protocol, "http" | "http2" | "grpc" | "grpc-web" | "http_proxy")
}

/// Hosts with `.` replaced by the object's namespace; `*/*` is every host.
fn qualified(written: &[&str], namespace: &str) -> Vec<String> {
    if written.contains(&"*/*") {
        return vec!["*".to_owned()];
    }
    let read = |host: &&str| match host.split_once('/') {
        Some((".", host)) => format!("{namespace}/{host}"),
        Some(("*", host)) => host.to_owned(),
        _ => (*host).to_owned(),
    };
    written.iter().map(read).collect()
}

impl Merged {
    /// Istio's names of the lists of virtual hosts that the proxy asks for.
    pub(super) fn route_names(&self) -> BTreeSet<String> {
        let mut names = BTreeSet::new();
        for (opened, servers, name) in &self.opened {
            if is_http(&opened.protocol) {
                names.insert(name.clone());
                continue;
            }
            let secure = servers.iter().filter(|server| self.servers[**server].ends_https());
            names.extend(secure.filter_map(|server| self.secure.get(server)).cloned());
        }
        names
    }

    /// The servers behind a list of virtual hosts.
    pub(super) fn servers_of(&self, name: &str) -> impl Iterator<Item = &Server> {
        let servers = self.by_route.get(name).into_iter().flatten();
        servers.map(|server| &self.servers[*server])
    }

    /// Servers that forward connections, with the port that the proxy opens for them.
    pub(super) fn forwarding(&self) -> impl Iterator<Item = (&Opened, &Server)> {
        let ports = self.opened.iter().filter(|(opened, ..)| !is_http(&opened.protocol));
        let servers = ports.flat_map(move |(opened, servers, _)| {
            servers.iter().map(move |server| (opened, &self.servers[*server]))
        });
        servers.filter(|(_, server)| !server.ends_https())
    }

    fn add(&mut self, server: Server, port: u16) {
        let name = server.route_name(port);
        if server.has_tls() {
            let known = self.tls_hosts.entry(port).or_default();
            let clash = server.hosts.iter().any(|host| known.get(host) == Some(&server.bind));
            if clash {
                return;
            }
            known.extend(server.hosts.iter().map(|host| (host.clone(), server.bind.clone())));
        }
        let opened = Opened { port, protocol: server.protocol.clone(), bind: server.bind.clone() };
        let id = self.servers.len();
        if server.has_tls() {
            self.secure.insert(id, name.clone());
        }
        if self.used.insert(port) {
            self.open(id, &server, opened, &name);
        } else if let Some(current) = self.plaintext.get(&port).cloned() {
            self.join_plaintext(id, &server, opened, &name, &current);
        } else {
            self.join_secure(id, &server, opened, &name);
        }
        self.servers.push(server);
    }

    /// Opens a port of its own.
    fn open(&mut self, id: usize, server: &Server, opened: Opened, name: &str) {
        if !server.is_tls() {
            self.plaintext.insert(opened.port, opened.clone());
        }
        if server.routes_requests() {
            self.by_route.insert(name.to_owned(), vec![id]);
        }
        self.opened.push((opened, vec![id], name.to_owned()));
    }

    /// Adds a server where plaintext is served already.
    fn join_plaintext(
        &mut self,
        id: usize,
        server: &Server,
        opened: Opened,
        name: &str,
        current: &Opened,
    ) {
        let same_bind = current.bind == opened.bind;
        let mergeable = (is_http(&opened.protocol) || opened.protocol == current.protocol)
            && is_http(&current.protocol);
        if same_bind && (!mergeable || name.is_empty()) {
            return;
        }
        let at = if same_bind { current } else { &opened };
        if let Some((_, servers, route)) = self.opened.iter_mut().find(|(port, ..)| port == at) {
            servers.push(id);
            if !same_bind {
                name.clone_into(route);
            }
            self.by_route.entry(name.to_owned()).or_default().push(id);
        } else {
            self.open(id, server, opened, name);
        }
    }

    /// Adds a server where TLS or connections are served already.
    fn join_secure(&mut self, id: usize, server: &Server, opened: Opened, name: &str) {
        if !server.is_tls() {
            self.open(id, server, opened, name);
            return;
        }
        if server.routes_requests() {
            if name.is_empty() || self.by_route.contains_key(name) {
                return;
            }
            self.by_route.insert(name.to_owned(), vec![id]);
        }
        match self.opened.iter_mut().find(|(port, ..)| *port == opened) {
            Some((_, servers, _)) => servers.push(id),
            None => self.opened.push((opened, vec![id], String::new())),
        }
    }
}
