//! Gateway (Istio's own, not that of the Gateway API).

use std::collections::BTreeSet;

use super::check::Check;
use super::{names, patterns, server_tls, values};
use crate::field::Field;

/// Judges the specification of a Gateway.
pub(super) fn judge(spec: &Field<'_>, check: &mut Check<'_>) {
    let name = check.source().name();
    if !patterns::is_label(name) {
        let message = format!("`{name}` cannot be the name of a Gateway: it must be a DNS label");
        let place =
            check.source().field().at(&["metadata", "name"]).unwrap_or_else(|| spec.clone());
        check.refuse(&place, message);
    }
    let servers = spec.list("servers");
    if servers.is_empty() {
        check.refuse(spec, "a Gateway needs at least one server");
    }
    let mut seen = BTreeSet::new();
    for server in &servers {
        judge_server(server, check);
        if let Some(port) = server.block("port") {
            let name = values::text(&port, "name");
            if !seen.insert(name) {
                check.refuse(&port, format!("there is a port `{name}` already"));
            }
        }
    }
}

fn judge_server(server: &Field<'_>, check: &mut Check<'_>) {
    let hosts = server.list("hosts");
    if hosts.is_empty() {
        check.refuse(server, "a server needs at least one host");
    }
    for host in &hosts {
        names::namespaced_host(host, true, check);
    }
    let port_is_valid = judge_port(server, check);
    let tls = server.block("tls");
    if let Some(tls) = &tls {
        server_tls::judge(tls, check);
    }
    if !port_is_valid {
        return;
    }
    let port = server.block("port");
    let protocol = port.as_ref().map(|port| values::text(port, "protocol")).unwrap_or_default();
    match tls {
        None if patterns::is_tls(protocol) => {
            check.refuse(server, format!("protocol {protocol} needs a `tls` block"));
        }
        Some(tls) if !patterns::is_tls(protocol) => {
            let keys = ["caCertificates", "privateKey", "serverCertificate"];
            let passes =
                matches!(values::text(&tls, "mode"), "" | "PASSTHROUGH" | "AUTO_PASSTHROUGH");
            let plain = passes && !keys.iter().any(|key| values::is_set(&tls, key));
            if !(patterns::is_http(protocol) && plain) {
                check.refuse(&tls, format!("protocol {protocol} takes no TLS settings"));
            }
        }
        _ => {}
    }
}

/// Judges port and address of a server; `false` when the port is unusable.
fn judge_port(server: &Field<'_>, check: &mut Check<'_>) -> bool {
    let bind = values::text(server, "bind");
    let socket = bind.strip_prefix("unix://");
    let Some(port) = server.block("port") else {
        check.refuse(server, "a server needs a port");
        return false;
    };
    let mut valid = true;
    let protocol = values::text(&port, "protocol");
    if !patterns::is_protocol(protocol) {
        check.refuse(&port, format!("`{protocol}` is no protocol of a Gateway"));
        valid = false;
    }
    let number = port.get("number").as_ref().and_then(values::number).unwrap_or(0);
    if (number > 0 || socket.is_none()) && !(1..=65_535).contains(&number) {
        check.refuse(&port, "the number of a port must lie between 1 and 65535");
        valid = false;
    }
    if port.get("targetPort").as_ref().and_then(values::number).unwrap_or(0) > 0 {
        check.refuse(&port, "`targetPort` has no effect on a Gateway");
        valid = false;
    }
    if !values::is_set(&port, "name") {
        check.refuse(&port, "a port needs a name");
        valid = false;
    }
    match socket {
        Some(path) if !patterns::is_socket_path(path) || number != 0 => {
            check.refuse(server, "a Unix socket needs an absolute path and the port number 0");
        }
        None if !bind.is_empty() && !patterns::is_address(bind) => {
            check.refuse(server, format!("`{bind}` is no address"));
        }
        _ => {}
    }
    valid
}
