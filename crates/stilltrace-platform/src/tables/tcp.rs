//! Where connections go that a sidecar forwards without looking at requests.
//!
//! The rules of Istio's `buildSidecarOutboundTLSFilterChainOpts` and
//! `buildSidecarOutboundTCPFilterChainOpts`, release 1.31.

use std::collections::BTreeSet;
use std::net::IpAddr;

use stilltrace_model::{Destination, Origin, ServiceId, Setting, Target, TcpRoute};

use super::listeners::{Action, Chain};
use super::lookup::{Destinations, Everything, Proxy};
use super::names;
use crate::connections::Connections;
use crate::defaults;
use crate::hosts;
use crate::matching::Caller;
use crate::routes::Lookup;
use crate::scope::Listener;
use crate::virtual_service::VirtualService;

/// A service port that connections are dialled to.
pub(super) struct Dialled<'d> {
    /// The service.
    pub(super) callee: usize,
    /// The port of the listener.
    pub(super) port: u16,
    /// Protocol of the listener.
    pub(super) protocol: &'d str,
    /// Where the listener is.
    pub(super) listen: &'d str,
    /// What says so.
    pub(super) listen_origin: Origin,
    /// What says which port it has.
    pub(super) port_origin: Origin,
    /// The line of the address or range.
    pub(super) addressed_by: Option<&'d Origin>,
    /// The range of addresses that it is for.
    pub(super) range: Option<String>,
    /// Whether only the name in the greeting tells the service from others.
    pub(super) needs_sni: bool,
    /// The ports of the service that the listener lets in.
    pub(super) service_ports: Option<&'d BTreeSet<u16>>,
}

/// Virtual services of a listener that say anything about connections, in order.
pub(super) fn forwarding(proxy: &Proxy<'_, '_>, listener: &Listener) -> Vec<usize> {
    let speaks = |index: &&usize| {
        let service = &proxy.mesh.virtual_services[**index];
        !service.tcp.is_empty() || !service.tls.is_empty()
    };
    listener.virtual_services.iter().filter(speaks).copied().collect()
}

/// What a listener does with connections to a service port.
pub(super) fn chains(
    proxy: &Proxy<'_, '_>,
    dialled: &Dialled<'_>,
    forwarding: &[usize],
) -> Vec<Chain> {
    let host = &proxy.mesh.callees[dialled.callee].host;
    let services: Vec<&VirtualService<'_>> = forwarding
        .iter()
        .map(|index| &proxy.mesh.virtual_services[*index])
        .filter(|service| service.hosts.iter().any(|own| hosts::overlap(own, host)))
        .collect();
    if matches!(dialled.protocol, "https" | "tls") {
        by_greeting(proxy, dialled, &services)
    } else {
        by_address(proxy, dialled, &services)
    }
}

fn caller<'c>(proxy: &Proxy<'c, '_>, dialled: &Dialled<'_>) -> Caller<'c> {
    let (labels, namespace) = (proxy.labels, proxy.namespace);
    Caller { labels, namespace, gateway: "mesh", port: dialled.port }
}

/// Connections told apart by the name in the TLS greeting.
fn by_greeting(
    proxy: &Proxy<'_, '_>,
    dialled: &Dialled<'_>,
    services: &[&VirtualService<'_>],
) -> Vec<Chain> {
    let caller = caller(proxy, dialled);
    let mut ranges = dialled.ranges();
    let mut seen = BTreeSet::new();
    let mut found = Vec::new();
    for service in services {
        for entry in service.tls.iter().filter(|entry| entry.entries > 0) {
            for case in entry.cases.iter().filter(|case| case.is_for(&caller)) {
                // Ranges of one alternative stay for those that follow, as in Istio.
                if !case.subnets.is_empty() {
                    ranges = List::new(case.subnets.clone(), case.subnets_origin.as_ref());
                }
                if seen.insert((case.sni.clone(), case.subnets.clone())) {
                    let route = forward(proxy, dialled, service, entry);
                    let sni = List::new(case.sni.clone(), case.sni_origin.as_ref());
                    found.push(chain(sni, ranges.clone(), Some(route)));
                }
            }
        }
    }
    if found.is_empty() {
        let service = &proxy.mesh.callees[dialled.callee];
        let host = &service.host;
        let mut sni = Vec::new();
        if dialled.needs_sni {
            sni.push(host.clone());
            for alias in proxy.mesh.directory.aliases_of(dialled.callee) {
                sni.extend(names::forms(&proxy.mesh.callees[*alias].host, proxy.namespace));
            }
        }
        let sni = List::new(sni, Some(&service.named_at));
        found.push(chain(sni, ranges, own(proxy, dialled)));
    }
    found
}

/// Connections told apart by the address that was dialled.
fn by_address(
    proxy: &Proxy<'_, '_>,
    dialled: &Dialled<'_>,
    services: &[&VirtualService<'_>],
) -> Vec<Chain> {
    let caller = caller(proxy, dialled);
    let ranges = dialled.ranges();
    let mut found = Vec::new();
    let mut replaced = false;
    for service in services {
        for entry in service.tcp.iter().filter(|entry| entry.entries > 0) {
            let mut cases = entry.cases.iter().filter(|case| case.is_for(&caller));
            let terminal = entry.cases.is_empty() || cases.any(|case| case.subnets.is_empty());
            let route = forward(proxy, dialled, service, entry);
            if terminal {
                found.push(chain(List::default(), ranges, Some(route)));
                return found;
            }
            let cases = entry.cases.iter().filter(|case| case.is_for(&caller));
            let listed = cases.clone().find_map(|case| case.subnets_origin.as_ref());
            let subnets: Vec<String> = cases.flat_map(|case| case.subnets.clone()).collect();
            if !subnets.is_empty() {
                let mut sorted = subnets.clone();
                sorted.sort();
                replaced |= sorted == ranges.items;
                let route = TcpRoute { named: false, ..route };
                found.push(chain(List::default(), List::new(subnets, listed), Some(route)));
            }
        }
    }
    if !replaced {
        found.push(chain(List::default(), ranges, own(proxy, dialled)));
    }
    found
}

/// A chain; without a route connections go where they were dialled to.
fn chain(sni: List, subnets: List, route: Option<TcpRoute>) -> Chain {
    let action = match route {
        None => Action::Own,
        Some(mut route) => {
            if !sni.items.iter().any(|name| name == "*") {
                route.sni.clone_from(&sni.items);
                route.sni.sort();
                route.sni_origin = sni.origin;
            }
            let mut sorted = subnets.items.clone();
            sorted.sort();
            route.subnets = sorted.iter().filter_map(|range| printed(range)).collect();
            route.subnets_origin = subnets.origin;
            Action::Forward(Box::new(route))
        }
    };
    Chain { sni: sni.items, subnets: subnets.items, recognised: false, action }
}

/// Names or ranges, and what lists them.
#[derive(Clone, Default)]
struct List {
    items: Vec<String>,
    origin: Option<Origin>,
}

impl List {
    fn new(items: Vec<String>, origin: Option<&Origin>) -> Self {
        Self { items, origin: origin.cloned() }
    }
}

impl Dialled<'_> {
    /// The range of addresses that the service has, if it has one.
    fn ranges(&self) -> List {
        List::new(self.range.iter().cloned().collect(), self.addressed_by)
    }
}

/// The route of an entry of `tcp` or `tls`.
fn forward(
    proxy: &Proxy<'_, '_>,
    dialled: &Dialled<'_>,
    service: &VirtualService<'_>,
    entry: &Connections,
) -> TcpRoute {
    let mut route = weighted(proxy, dialled.port, entry);
    dialled.listen.clone_into(&mut route.listen);
    route.listen_origin = dialled.listen_origin.clone();
    route.port_origin = dialled.port_origin.clone();
    route.object = Some(service.source.origin());
    route.live_name.clone_from(&service.live_name);
    route.named = true;
    route
}

/// Where an entry sends connections, for any kind of proxy.
pub(super) fn weighted(proxy: &Proxy<'_, '_>, port: u16, entry: &Connections) -> TcpRoute {
    let everything = Everything { proxy };
    let lookup = Destinations { proxy, services: &everything, dialled: port };
    let destinations = entry
        .targets
        .iter()
        .map(|(wanted, weight)| Destination { to: lookup.target(wanted), weight: weight.clone() });
    let first = entry.first.as_ref().and_then(|host| proxy.view.by_host.get(host));
    TcpRoute {
        listen: String::new(),
        listen_origin: Origin::Default { of: defaults::ISTIO },
        port,
        port_origin: Origin::Default { of: defaults::ISTIO },
        sni: Vec::new(),
        sni_origin: None,
        subnets: Vec::new(),
        subnets_origin: None,
        destinations: destinations.collect(),
        object: None,
        live_name: None,
        named: false,
        idle_timeout: first.and_then(|callee| proxy.idle_time(*callee)),
    }
}

/// The route that a service has by itself, where it says more than the service does.
fn own(proxy: &Proxy<'_, '_>, dialled: &Dialled<'_>) -> Option<TcpRoute> {
    let service = &proxy.mesh.callees[dialled.callee];
    let idle_timeout = proxy.idle_time(dialled.callee)?;
    let only = dialled.service_ports.and_then(super::lookup::only_port);
    let port = only.unwrap_or(dialled.port);
    let (id, host) = (ServiceId::clone(&service.id), service.host.clone());
    Some(TcpRoute {
        listen: dialled.listen.to_owned(),
        listen_origin: dialled.listen_origin.clone(),
        port: dialled.port,
        port_origin: dialled.port_origin.clone(),
        sni: Vec::new(),
        sni_origin: None,
        subnets: Vec::new(),
        subnets_origin: None,
        destinations: vec![Destination {
            to: Target::implied(id, host, port, defaults::OWN_ROUTE),
            weight: Setting::default_of(100, defaults::SINGLE),
        }],
        object: None,
        live_name: None,
        named: false,
        idle_timeout: Some(idle_timeout),
    })
}

/// A range as address and number of bits; a plain address is all its bits.
fn range(text: &str) -> Option<(IpAddr, u32)> {
    let (address, bits) =
        text.split_once('/').map_or((text, None), |(address, bits)| (address, Some(bits)));
    let address: IpAddr = address.parse().ok()?;
    let all = if address.is_ipv4() { 32 } else { 128 };
    let bits = match bits {
        Some(bits) => bits.parse().ok()?,
        None => all,
    };
    (bits <= all && !(address.is_ipv4() && address.is_unspecified())).then_some((address, bits))
}

/// A range as Envoy gets it; `None` for every address and for what is no range.
fn printed(text: &str) -> Option<String> {
    range(text).map(|(address, bits)| format!("{address}/{bits}"))
}

/// A range with the bits outside it cleared, so that equal ranges compare equal.
pub(super) fn masked(text: &str) -> Option<(IpAddr, u32)> {
    let (address, bits) = range(text)?;
    let masked = match address {
        IpAddr::V4(address) => {
            let mask = u32::MAX.checked_shl(32 - bits).unwrap_or(0);
            IpAddr::V4((u32::from(address) & mask).into())
        }
        IpAddr::V6(address) => {
            let mask = u128::MAX.checked_shl(128 - bits).unwrap_or(0);
            IpAddr::V6((u128::from(address) & mask).into())
        }
    };
    Some((masked, bits))
}
