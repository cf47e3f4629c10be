//! Sidecar.

use std::collections::BTreeSet;

use super::check::Check;
use super::{names, patterns, server_tls, traffic_policy, values};
use crate::field::Field;

/// Judges the specification of a Sidecar.
pub(super) fn judge(spec: &Field<'_>, check: &mut Check<'_>) {
    names::selector(spec.at(&["workloadSelector", "labels"]).as_ref(), check);
    let written = ["outboundTrafficPolicy", "inboundConnectionPool"];
    let empty = !values::has_items(spec, "egress")
        && !values::has_items(spec, "ingress")
        && !written.iter().any(|key| spec.get(key).is_some());
    if empty {
        check.refuse(spec, "a Sidecar without egress, ingress and policies says nothing");
        return;
    }
    let mut ports = BTreeSet::new();
    for listener in spec.list("ingress") {
        ingress(&listener, &mut ports, check);
    }
    if let Some(pool) = spec.block("inboundConnectionPool") {
        traffic_policy::connection_pool(&pool, check);
    }
    egress(spec, check);
    if let Some(policy) = spec.block("outboundTrafficPolicy") {
        outbound(&policy, check);
    }
}

fn ingress(listener: &Field<'_>, ports: &mut BTreeSet<i64>, check: &mut Check<'_>) {
    let Some(port) = listener.block("port") else {
        check.refuse(listener, "an ingress listener needs a port");
        return;
    };
    port_shape(&port, check);
    let number = port.get("number").as_ref().and_then(values::number).unwrap_or(0);
    if !(1..=65_535).contains(&number) {
        check.refuse(&port, "the number of a port must lie between 1 and 65535");
    }
    address(listener, check);
    if !ports.insert(number) {
        check.refuse(&port, format!("there is a listener on port {number} already"));
    }
    if let Some(field) = listener.get("defaultEndpoint")
        && !is_endpoint(field.node().text().unwrap_or_default())
    {
        check.refuse(
            &field,
            "must be 127.0.0.1:PORT, 0.0.0.0:PORT, [::1]:PORT, [::]:PORT or unix://PATH",
        );
    }
    if let Some(tls) = listener.block("tls") {
        ingress_tls(&tls, &port, check);
    }
    if let Some(pool) = listener.block("connectionPool") {
        traffic_policy::connection_pool(&pool, check);
    }
}

fn ingress_tls(tls: &Field<'_>, port: &Field<'_>, check: &mut Check<'_>) {
    for key in ["subjectAltNames", "credentialNames", "tlsCertificates"] {
        if values::has_items(tls, key) {
            check.refuse(tls, format!("`{key}` is not supported on a Sidecar"));
        }
    }
    let redirects = tls.get("httpsRedirect").and_then(|field| field.node().as_bool());
    if redirects == Some(true) || values::is_set(tls, "credentialName") {
        check.refuse(tls, "httpsRedirect and credentialName are not supported on a Sidecar");
    }
    if matches!(values::text(tls, "mode"), "ISTIO_MUTUAL" | "AUTO_PASSTHROUGH") {
        check.refuse(tls, "this mode is not supported on a Sidecar");
    }
    if !patterns::is_tls(values::text(port, "protocol")) {
        let message = "TLS settings need a port of protocol HTTPS or TLS";
        check.refuse_beside(tls, port.get("protocol"), message);
    }
    server_tls::judge(tls, check);
}

/// The address of the application behind a listener.
fn is_endpoint(text: &str) -> bool {
    if let Some(path) = text.strip_prefix("unix://") {
        return patterns::is_socket_path(path);
    }
    let Some((host, port)) = text.rsplit_once(':') else { return text.is_empty() };
    let known = matches!(host, "" | "127.0.0.1" | "0.0.0.0" | "[::1]" | "[::]");
    known && port.parse::<u16>().is_ok_and(|port| port > 0)
}

fn egress(spec: &Field<'_>, check: &mut Check<'_>) {
    let listeners = spec.list("egress");
    let mut ports = BTreeSet::new();
    let mut sockets = BTreeSet::new();
    for (index, listener) in listeners.iter().enumerate() {
        let bind = values::text(listener, "bind");
        match listener.block("port") {
            None if index + 1 < listeners.len() => {
                check.refuse(listener, "the listener without a port must be the last one");
            }
            None => {}
            Some(port) => {
                port_shape(&port, check);
                let number = port.get("number").as_ref().and_then(values::number).unwrap_or(0);
                egress_port(listener, &port, number, check);
                let first = if number == 0 { sockets.insert(bind) } else { ports.insert(number) };
                if !first {
                    check.refuse(listener, "there is a listener on this port already");
                }
            }
        }
        let hosts = listener.list("hosts");
        if hosts.is_empty() {
            check.refuse(listener, "an egress listener needs at least one host");
        }
        for host in &hosts {
            names::namespaced_host(host, false, check);
        }
    }
}

/// A port of an egress listener; number 0 stands for a Unix socket.
fn egress_port(listener: &Field<'_>, port: &Field<'_>, number: i64, check: &mut Check<'_>) {
    if number != 0 {
        if !(1..=65_535).contains(&number) {
            check.refuse(port, "the number of a port must lie between 1 and 65535");
        }
        address(listener, check);
        return;
    }
    let path = values::text(listener, "bind").strip_prefix("unix://");
    if !path.is_some_and(patterns::is_socket_path) {
        check.refuse(port, "a port without a number needs `bind: unix://PATH`");
    }
    if !matches!(values::text(listener, "captureMode"), "" | "DEFAULT" | "NONE") {
        check.refuse(listener, "the captureMode of a Unix socket is DEFAULT or NONE");
    }
}

/// Name and protocol of a listener's port.
fn port_shape(port: &Field<'_>, check: &mut Check<'_>) {
    if let Some(name) = port.get("name") {
        let text = name.node().text().unwrap_or_default();
        if !text.is_empty() {
            names::port_name(&name, text, check);
        }
    }
    names::protocol(port, check);
    if port.get("targetPort").as_ref().and_then(values::number).unwrap_or(0) > 0 {
        check.refuse(port, "`targetPort` has no effect on a Sidecar");
    }
}

fn address(listener: &Field<'_>, check: &mut Check<'_>) {
    let bind = values::text(listener, "bind");
    if !bind.is_empty() && !patterns::is_address(bind) {
        check.refuse(listener, format!("`{bind}` is no address"));
    }
}

fn outbound(policy: &Field<'_>, check: &mut Check<'_>) {
    values::choice(policy.get("mode"), &["REGISTRY_ONLY", "ALLOW_ANY"], check);
    let Some(proxy) = policy.block("egressProxy") else { return };
    if values::text(policy, "mode") != "ALLOW_ANY" {
        check.refuse_beside(&proxy, policy.get("mode"), "egressProxy needs mode ALLOW_ANY");
        return;
    }
    if let Some(reason) = patterns::domain(values::text(&proxy, "host")) {
        check.refuse(&proxy, reason);
    }
    match proxy.block("port") {
        None => check.refuse(&proxy, "egressProxy needs a port"),
        Some(port) => drop(values::port(port.get("number"), check)),
    }
}
