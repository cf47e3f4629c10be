//! ServiceEntry and WorkloadEntry.

use std::collections::BTreeSet;

use super::check::Check;
use super::names::{self, Exported};
use super::{patterns, values};
use crate::field::Field;

/// Judges the specification of a ServiceEntry.
pub(super) fn judge_entry(spec: &Field<'_>, check: &mut Check<'_>) {
    names::selector(spec.at(&["workloadSelector", "labels"]).as_ref(), check);
    if spec.get("workloadSelector").is_some() && values::has_items(spec, "endpoints") {
        check.refuse(spec, "only one of workloadSelector and endpoints can be given");
    }
    let hosts = spec.list("hosts");
    if hosts.is_empty() {
        check.refuse(spec, "a ServiceEntry needs at least one host");
    }
    for host in &hosts {
        match host.node().text() {
            Some("*") => check.refuse(host, "`*` cannot be the host of a ServiceEntry"),
            _ => names::host(host, check),
        }
    }
    let resolution = values::text(spec, "resolution");
    values::choice(
        spec.get("resolution"),
        &["NONE", "STATIC", "DNS", "DNS_ROUND_ROBIN", "DYNAMIC_DNS"],
        check,
    );
    values::choice(spec.get("location"), &["MESH_EXTERNAL", "MESH_INTERNAL"], check);
    addresses(spec, resolution, check);
    let ports = ports(spec, check);
    endpoints(spec, resolution, &ports, check);
    names::export_to(spec, Exported::Entry, check);
}

fn addresses(spec: &Field<'_>, resolution: &str, check: &mut Check<'_>) {
    for address in spec.list("addresses") {
        let text = address.node().text().unwrap_or_default();
        if !patterns::is_subnet(text) {
            check.refuse(&address, format!("`{text}` is no address or block of addresses"));
        }
        if text.contains('/') && !matches!(resolution, "" | "NONE" | "STATIC") {
            let message = "blocks of addresses need resolution NONE or STATIC";
            check.refuse_beside(&address, spec.get("resolution"), message);
        }
    }
}

/// Judges the ports and gives their names.
fn ports<'a>(spec: &Field<'a>, check: &mut Check<'_>) -> BTreeSet<&'a str> {
    let (mut found, mut numbers) = (BTreeSet::new(), BTreeSet::new());
    for port in spec.list("ports") {
        let name = values::text(&port, "name");
        let number = port.get("number").as_ref().and_then(values::number).unwrap_or(0);
        if !found.insert(name) || !numbers.insert(number) {
            check.refuse(&port, format!("there is a port `{name}` or {number} already"));
        }
        names::port_name(&port, name, check);
        names::protocol(&port, check);
        if !(1..=65_535).contains(&number) {
            check.refuse(&port, "the number of a port must lie between 1 and 65535");
        }
        if port.get("targetPort").as_ref().and_then(values::number) != Some(0) {
            values::port(port.get("targetPort"), check);
        }
    }
    let several = spec.list("hosts").len() > 1;
    let by_address = |port: &Field<'_>| {
        let protocol = values::text(port, "protocol");
        !patterns::is_http(protocol) && !patterns::is_tls(protocol)
    };
    let resolution = values::text(spec, "resolution");
    if several && !matches!(resolution, "" | "NONE") && spec.list("ports").iter().any(by_address) {
        check.refuse(spec, "several hosts cannot share a port that is neither HTTP nor TLS");
    }
    found
}

fn endpoints(spec: &Field<'_>, resolution: &str, ports: &BTreeSet<&str>, check: &mut Check<'_>) {
    let all = spec.list("endpoints");
    let named = spec.get("ports").is_none_or(|ports| !ports.holds_variable());
    let ports = named.then_some(ports);
    match resolution {
        "" | "NONE" => {
            if let Some(first) = all.first() {
                check.refuse(first, "resolution NONE takes no endpoints");
            }
        }
        "STATIC" => {
            for endpoint in &all {
                workload(endpoint, ports, false, check);
            }
        }
        "DNS" | "DNS_ROUND_ROBIN" => {
            let hosts = spec.list("hosts");
            let name = |host: &Field<'_>| host.node().text().unwrap_or_default().to_owned();
            let wild = hosts.iter().find(|host| patterns::domain(&name(host)).is_some());
            if let (true, Some(host)) = (all.is_empty(), wild) {
                let message = "without endpoints, a host that is resolved must be a full name";
                check.refuse_beside(host, spec.get("endpoints"), message);
            }
            if resolution == "DNS_ROUND_ROBIN" && all.len() > 1 {
                check.refuse(spec, "resolution DNS_ROUND_ROBIN takes at most one endpoint");
            }
            for endpoint in &all {
                workload(endpoint, ports, true, check);
            }
        }
        "DYNAMIC_DNS" => dynamic(spec, check),
        _ => {}
    }
}

fn dynamic(spec: &Field<'_>, check: &mut Check<'_>) {
    for host in spec.list("hosts") {
        if !host.node().text().is_some_and(|text| text.starts_with('*')) {
            check.refuse(&host, "resolution DYNAMIC_DNS needs a wildcard");
        }
    }
    for key in ["addresses", "endpoints"] {
        if values::has_items(spec, key) {
            check.refuse(spec, format!("resolution DYNAMIC_DNS takes no `{key}`"));
        }
    }
    for port in spec.list("ports") {
        let protocol = values::text(&port, "protocol").to_ascii_uppercase();
        if !matches!(protocol.as_str(), "HTTP" | "TLS" | "GRPC" | "HTTP2") {
            check.refuse(&port, "resolution DYNAMIC_DNS needs HTTP, HTTP2, GRPC or TLS");
        }
    }
    let waypoint = check.source().labels().get("istio.io/use-waypoint").cloned();
    let uses = waypoint.is_some_and(|name| !name.is_empty() && !name.eq_ignore_ascii_case("none"));
    if uses && values::text(spec, "location") == "MESH_INTERNAL" {
        check.refuse(spec, "resolution DYNAMIC_DNS inside the mesh works without a waypoint only");
    }
}

/// Judges the specification of a WorkloadEntry.
pub(super) fn judge_workload(spec: &Field<'_>, check: &mut Check<'_>) {
    workload(spec, None, true, check);
}

/// One endpoint; `ports` are those of its ServiceEntry, where it has one and all are known.
fn workload(
    entry: &Field<'_>,
    ports: Option<&BTreeSet<&str>>,
    may_be_name: bool,
    check: &mut Check<'_>,
) {
    let address = values::text(entry, "address");
    let own = entry.get("ports").map(|map| map.entries()).unwrap_or_default();
    if address.is_empty() && !values::is_set(entry, "network") {
        check.refuse(entry, "an endpoint needs an address");
        return;
    }
    if let Some(path) = address.strip_prefix("unix://") {
        if !patterns::is_socket_path(path) || !own.is_empty() {
            check.refuse(entry, "a Unix socket needs an absolute path and has no ports");
        }
        if ports.is_some_and(|ports| ports.len() != 1) {
            check.refuse(entry, "a Unix socket serves exactly one port");
        }
    } else if !address.is_empty() && !patterns::is_address(address) {
        let named = may_be_name && patterns::domain(address).is_none();
        if !named {
            check.refuse(entry, format!("`{address}` is no address that can be called here"));
        }
    }
    for (name, port) in &own {
        if ports.is_some_and(|ports| !ports.contains(name)) {
            check.refuse(port, format!("the ServiceEntry has no port `{name}`"));
        }
        names::port_name(port, name, check);
        values::port(Some(port.clone()), check);
    }
    names::labels(entry.get("labels").as_ref(), check);
}
