//! Connections that a pod's redirection leads past its proxy.
//!
//! Annotations that the agent's rules are made of (`tools/istio-iptables`, release 1.31): ports that
//! are left out in either direction, and the only ports that are taken in. By default all are taken.
//! A gateway has no redirection.

use stilltrace_model::{InboundPort, PassedBy, Setting};

use crate::field::Field;
use crate::injection::Injected;
use crate::workloads::Pods;

/// Ports that the pod calls past its proxy.
const EXCLUDED_OUTBOUND: &str = "traffic.sidecar.istio.io/excludeOutboundPorts";
/// Ports of the pod that are called past its proxy.
const EXCLUDED_INBOUND: &str = "traffic.sidecar.istio.io/excludeInboundPorts";
/// The only ports of the pod that are led to its proxy; `*` for all.
const INCLUDED_INBOUND: &str = "traffic.sidecar.istio.io/includeInboundPorts";
/// Addresses that decide about calls, whatever their port.
const RANGES: [&str; 2] = [
    "traffic.sidecar.istio.io/excludeOutboundIPRanges",
    "traffic.sidecar.istio.io/includeOutboundIPRanges",
];

/// What passes the proxy by; `served` are the ports that it would serve.
pub(crate) fn of<'p>(pods: &Pods<'_>, served: impl Iterator<Item = &'p InboundPort>) -> PassedBy {
    if pods.injected != Injected::Sidecar {
        return PassedBy::default();
    }
    report_ranges(pods);
    let excluded = |name: &str| {
        let field = pods.annotation(name)?;
        let ports = ports(&field);
        (!ports.is_empty()).then(|| field.setting(ports))
    };
    let inbound = excluded(EXCLUDED_INBOUND).or_else(|| left_out(pods, served));
    PassedBy { outbound: excluded(EXCLUDED_OUTBOUND), inbound }
}

/// Served ports that are not among those that are led to the proxy.
fn left_out<'p>(
    pods: &Pods<'_>,
    served: impl Iterator<Item = &'p InboundPort>,
) -> Option<Setting<Vec<u16>>> {
    let field = pods.annotation(INCLUDED_INBOUND)?;
    if field.node().text().is_none_or(|text| text.trim() == "*") {
        return None;
    }
    let included = ports(&field);
    let served = served.filter_map(|port| match port {
        InboundPort::Port(number) => Some(*number),
        InboundPort::Others => None,
    });
    let left: Vec<u16> = served.filter(|number| !included.contains(number)).collect();
    (!left.is_empty()).then(|| field.setting(left))
}

/// The numbers of a list such as `80, 8080`, sorted.
fn ports(field: &Field<'_>) -> Vec<u16> {
    let text = field.node().text().unwrap_or_default();
    let mut ports: Vec<u16> = text.split(',').filter_map(|one| one.trim().parse().ok()).collect();
    ports.sort_unstable();
    ports.dedup();
    ports
}

/// Names annotations by whose addresses calls may pass the proxy: services' addresses are not in Git.
fn report_ranges(pods: &Pods<'_>) {
    for name in RANGES {
        let Some(field) = pods.annotation(name) else { continue };
        let text = field.node().text().unwrap_or_default().trim();
        if text == "*" || text.is_empty() {
            continue;
        }
        pods.source.gaps.add(
            format!("{}: {}: {name} is {text}", field.origin(), pods.source.id),
            "calls may pass the proxy by their addresses, which Git does not know; no setting of the \
             mesh is in effect for those that do",
            "exclude ports instead of addresses, or ask the cluster for the addresses",
        );
    }
}
