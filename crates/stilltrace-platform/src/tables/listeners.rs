//! Which listeners a sidecar opens for outgoing traffic, and what each does with connections.
//!
//! The rules of Istio's `buildSidecarOutboundListeners`, release 1.31: requests of all HTTP services
//! on one port share a listener; connections to a service have the listener of its address; where
//! both meet, the protocol is sniffed.

use std::collections::BTreeMap;

use stilltrace_model::{Origin, Setting, TcpRoute};

use super::lookup::Proxy;
use super::tcp::{self, Dialled};
use crate::scope::Listener;
use crate::services::{Address, Callee};
use crate::visibility::Visibility;

/// The address that stands for every address.
const ANY: &str = "*";

/// Ports of the proxy itself: everything outgoing, everything incoming, health, statistics.
const RESERVED: [u16; 4] = [15_001, 15_006, 15_021, 15_090];

/// What a listener does with connections that fulfil a condition.
#[derive(Debug, Clone)]
pub(super) struct Chain {
    /// Names in the TLS greeting; empty is any.
    pub(super) sni: Vec<String>,
    /// Ranges of destination addresses; empty is any.
    pub(super) subnets: Vec<String>,
    /// Whether it is for what was recognised as HTTP.
    pub(super) recognised: bool,
    /// What happens.
    pub(super) action: Action,
}

/// What happens to a connection.
#[derive(Debug, Clone)]
pub(super) enum Action {
    /// Its requests are routed by this list of virtual hosts.
    Requests(Requests),
    /// It is forwarded.
    Forward(Box<TcpRoute>),
    /// It is forwarded to the service that was dialled, as without any configuration.
    Own,
}

/// A list of virtual hosts by Istio's name for it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Requests {
    /// Istio's name: the port, or `host:port` for one service whose protocol is sniffed.
    pub(super) name: String,
    /// The port.
    pub(super) port: u16,
    /// The one service whose virtual host is listed.
    pub(super) only: Option<usize>,
}

/// A listener.
pub(super) struct Entry {
    protocol: Protocol,
    /// Whether an egress listener with this port was written, so that no other may add to it.
    locked: bool,
    chains: Vec<Chain>,
}

/// What a listener expects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Protocol {
    /// Requests.
    Http,
    /// Connections of this kind; two kinds whose servers speak first tolerate nothing else.
    Tcp(&'static str),
    /// Sniffed.
    Auto,
}

impl Protocol {
    fn of(name: &str) -> Option<Self> {
        Some(match name {
            "http" | "http2" | "grpc" | "grpc-web" | "http_proxy" => Self::Http,
            "mongo" => Self::Tcp("mongo"),
            "mysql" => Self::Tcp("mysql"),
            "tcp" | "https" | "tls" | "redis" => Self::Tcp("tcp"),
            "udp" => return None,
            _ => Self::Auto,
        })
    }

    /// Whether another protocol may be sniffed beside this one.
    fn tolerates(self, other: Self) -> bool {
        let silent = |protocol| matches!(protocol, Self::Tcp("mongo" | "mysql"));
        self == other || !silent(self) && !silent(other)
    }
}

/// The listeners of a sidecar.
pub(super) fn of(proxy: &Proxy<'_, '_>) -> Vec<Entry> {
    let mut entries: BTreeMap<(String, u16), Entry> = BTreeMap::new();
    for listener in &proxy.view.listeners {
        if listener.egress.port.is_none() {
            for entry in entries.values_mut() {
                entry.locked = true;
            }
        }
        let forwarding = tcp::forwarding(proxy, listener);
        for callee in in_order(proxy, listener) {
            let service = &proxy.mesh.callees[callee];
            let Some(visible) = listener.services.get(&callee) else { continue };
            if service.is_alias() {
                continue;
            }
            let ports: Vec<(u16, &str)> = match listener.egress.port {
                Some(port) => vec![(port, listener.egress.protocol.as_str())],
                None => visible
                    .iter()
                    .filter_map(|port| Some((*port, service.ports.get(port)?.as_str())))
                    .collect(),
            };
            for (port, protocol) in ports {
                let Some(kind) = Protocol::of(protocol) else { continue };
                let dialled = (kind != Protocol::Http && dials_endpoints(listener, service, port))
                    .then(|| service.dialled(proxy.workload, port));
                let places = match &dialled {
                    Some(places) => places.iter().map(Some).collect(),
                    None => addresses(service),
                };
                for address in places {
                    let new = New { callee, port, protocol, kind, address };
                    new.add(proxy, listener, &forwarding, &mut entries);
                }
            }
        }
    }
    entries.into_values().collect()
}

/// Istio adds services that are exported to the client before public ones.
fn in_order(proxy: &Proxy<'_, '_>, listener: &Listener) -> Vec<usize> {
    let mut order: Vec<usize> = listener.services.keys().copied().collect();
    order.sort_by_key(|callee| proxy.mesh.callees[*callee].visibility == Visibility::Public);
    order
}

/// Whether there is a listener for each endpoint of a service port. An entry that has none and
/// selects none is for any address; where there are none but there could be, nothing is opened.
fn dials_endpoints(listener: &Listener, service: &Callee, port: u16) -> bool {
    let egress = &listener.egress;
    let redirected = egress.port.is_none() && egress.bind.is_none() && !egress.binds_port;
    redirected
        && service.is_dialled_by_endpoint()
        && (service.kubernetes || service.selects || !service.endpoints_of(port).is_empty())
}

/// The addresses of a service.
fn addresses(service: &Callee) -> Vec<Option<&Setting<Address>>> {
    if service.addresses.is_empty() {
        return vec![None];
    }
    service.addresses.iter().map(Some).collect()
}

/// A service port that wants a listener.
struct New<'n> {
    callee: usize,
    port: u16,
    protocol: &'n str,
    kind: Protocol,
    address: Option<&'n Setting<Address>>,
}

impl New<'_> {
    fn add(
        &self,
        proxy: &Proxy<'_, '_>,
        listener: &Listener,
        forwarding: &[usize],
        entries: &mut BTreeMap<(String, u16), Entry>,
    ) {
        let service = &proxy.mesh.callees[self.callee];
        let address = self.address.map(|address| &address.value);
        let (listen, range) = self.place(listener, service);
        if listen == ANY && self.kind == Protocol::Http && RESERVED.contains(&self.port) {
            return;
        }
        let key = (listen.clone(), self.port);
        let current = entries.get(&key);
        if current.is_some_and(|entry| entry.locked) {
            return;
        }
        let joins = current.is_some_and(|entry| match self.kind {
            Protocol::Http => !matches!(entry.protocol, Protocol::Tcp(_)),
            Protocol::Auto => entry.protocol == Protocol::Auto,
            Protocol::Tcp(_) => false,
        });
        if joins || current.is_some_and(|entry| !entry.protocol.tolerates(self.kind)) {
            return;
        }
        let dialled = Dialled {
            callee: self.callee,
            port: self.port,
            protocol: self.protocol,
            listen: &listen,
            listen_origin: self.listen_origin(listener, service),
            port_origin: self.port_origin(listener, service),
            addressed_by: self.address.map(|address| &address.origin),
            needs_sni: range.is_some()
                || listen == ANY && matches!(address, None | Some(Address::Any)),
            range,
            service_ports: listener.services.get(&self.callee),
        };
        let mut chains = Vec::new();
        if self.kind != Protocol::Http {
            chains.extend(tcp::chains(proxy, &dialled, forwarding));
        }
        if !matches!(self.kind, Protocol::Tcp(_)) {
            chains.push(self.requests(&listen, service));
        }
        match entries.get_mut(&key) {
            // What is sniffed replaces what is not.
            Some(entry) if !(entry.protocol == Protocol::Http && self.kind == Protocol::Auto) => {
                let same =
                    matches!((entry.protocol, self.kind), (Protocol::Tcp(_), Protocol::Tcp(_)));
                merge(&mut entry.chains, chains);
                if !same {
                    entry.protocol = Protocol::Auto;
                }
            }
            _ => {
                // A shared listener also lets other connections pass, so it sniffs.
                let sniffs =
                    self.kind == Protocol::Http && listen == ANY && self.protocol != "http_proxy";
                let protocol = if sniffs { Protocol::Auto } else { self.kind };
                let entry = Entry { protocol, locked: false, chains };
                entries.insert(key, entry);
            }
        }
    }

    /// Where the listener is, and the range of addresses that it is for.
    fn place(&self, listener: &Listener, service: &Callee) -> (String, Option<String>) {
        let loopback = || listener.egress.binds_port.then(|| "127.0.0.1".to_owned());
        if let Some(bind) = listener.egress.bind.clone().or_else(loopback) {
            let bind = if bind == "0.0.0.0" { ANY.to_owned() } else { bind };
            return (bind, None);
        }
        if self.kind == Protocol::Http {
            return (ANY.to_owned(), None);
        }
        match self.address.map(|address| &address.value) {
            Some(Address::Assigned) => (service.host.clone(), None),
            Some(Address::Fixed(address)) => (address.clone(), None),
            Some(Address::Range(range)) => (ANY.to_owned(), Some(range.clone())),
            Some(Address::Any) | None => (ANY.to_owned(), None),
        }
    }

    /// What says where the listener is.
    fn listen_origin(&self, listener: &Listener, service: &Callee) -> Origin {
        let bound = listener.egress.bind.is_some() || listener.egress.binds_port;
        let written = listener.egress.bind_origin.as_ref().filter(|_| bound);
        let address = || self.address.map(|address| &address.origin);
        written.or_else(address).unwrap_or(&service.origin).clone()
    }

    /// What says which port it has.
    fn port_origin(&self, listener: &Listener, service: &Callee) -> Origin {
        let declared = service.declared.iter().find(|port| port.number == self.port);
        let own = || declared.map(|port| &port.number_at);
        listener.egress.port_origin.as_ref().or_else(own).unwrap_or(&service.origin).clone()
    }

    fn requests(&self, listen: &str, service: &Callee) -> Chain {
        let own = self.kind == Protocol::Auto && listen != ANY;
        let name =
            if own { format!("{}:{}", service.host, self.port) } else { self.port.to_string() };
        let requests = Requests { name, port: self.port, only: own.then_some(self.callee) };
        Chain {
            sni: Vec::new(),
            subnets: Vec::new(),
            recognised: self.kind == Protocol::Auto
                || listen == ANY && self.protocol != "http_proxy",
            action: Action::Requests(requests),
        }
    }
}

/// Adds chains whose condition no earlier chain has.
fn merge(current: &mut Vec<Chain>, incoming: Vec<Chain>) {
    for chain in incoming {
        if !current.iter().any(|existing| existing.has_condition_of(&chain)) {
            current.push(chain);
        }
    }
}

impl Chain {
    fn has_condition_of(&self, other: &Self) -> bool {
        let names = |chain: &Self| {
            let mut names: Vec<String> =
                chain.sni.iter().filter(|name| *name != "*").cloned().collect();
            names.sort();
            names.dedup();
            names
        };
        let ranges = |chain: &Self| {
            let mut ranges: Vec<_> =
                chain.subnets.iter().filter_map(|range| tcp::masked(range)).collect();
            ranges.sort();
            ranges.dedup();
            ranges
        };
        self.recognised == other.recognised
            && names(self) == names(other)
            && ranges(self) == ranges(other)
    }

    /// Whether every connection fulfils the condition.
    fn takes_everything(&self) -> bool {
        (self.sni.is_empty() || self.sni.iter().any(|name| name == "*"))
            && !self.recognised
            && self.subnets.is_empty()
    }
}

impl Entry {
    /// The chains that count: of several that take everything, the last.
    pub(super) fn into_chains(self) -> Vec<Chain> {
        let (all, mut narrow): (Vec<Chain>, Vec<Chain>) =
            self.chains.into_iter().partition(Chain::takes_everything);
        narrow.extend(all.into_iter().next_back());
        narrow
    }
}
