//! VirtualService.

use super::check::Check;
use super::names::{self, Exported};
use super::{headers, http_route, patterns, values};
use crate::field::Field;
use crate::hosts;

/// Judges the specification of a VirtualService.
pub(super) fn judge(spec: &Field<'_>, check: &mut Check<'_>) {
    let lists_hosts = |hosts: Field<'_>| hosts.is_variable() || !hosts.node().items().is_empty();
    let is_delegate = !spec.get("hosts").is_some_and(lists_hosts);
    if is_delegate {
        for key in ["gateways", "tls", "tcp"] {
            if let Some(field) = spec.get(key).filter(|_| values::has_items(spec, key)) {
                check.refuse(
                    &field,
                    format!("a VirtualService without hosts is a delegate and takes no `{key}`"),
                );
            }
        }
    }
    names::gateways(spec, check);
    let on_gateway = is_for_gateways(spec);
    if !on_gateway {
        claims(spec, check);
    }
    judge_hosts(spec, on_gateway, check);
    if !["http", "tcp", "tls"].iter().any(|key| values::has_items(spec, key)) {
        check.refuse(spec, "one of http, tcp and tls is required");
    }
    for route in spec.list("http") {
        http_route::judge(&route, is_delegate, check);
    }
    for route in spec.list("tls") {
        tls_route(&route, spec, on_gateway, check);
    }
    for route in spec.list("tcp") {
        for condition in route.list("match") {
            connection_match(&condition, check);
        }
        needs_targets(&route, check);
    }
    names::export_to(spec, Exported::Plain, check);
}

/// Whether gateways are named and the sidecars of the mesh are not among them, or may not be.
fn is_for_gateways(spec: &Field<'_>) -> bool {
    let Some(list) = spec.get("gateways") else { return false };
    let gateways = list.texts();
    list.is_variable() || !gateways.is_empty() && !gateways.contains(&"mesh")
}

/// Claims of a request's token are known to gateways only.
fn claims(spec: &Field<'_>, check: &mut Check<'_>) {
    let conditions = spec.list("http").into_iter().flat_map(|route| route.list("match"));
    for condition in conditions {
        for key in ["headers", "withoutHeaders"] {
            for (name, value) in condition.get(key).map(|map| map.entries()).unwrap_or_default() {
                if headers::is_claim(name) {
                    check.refuse(&value, "routing by the claims of a token works on gateways only");
                }
            }
        }
    }
}

fn judge_hosts(spec: &Field<'_>, on_gateway: bool, check: &mut Check<'_>) {
    let all = spec.list("hosts");
    let has_sni = spec
        .list("tls")
        .iter()
        .flat_map(|route| route.list("match"))
        .any(|condition| values::has_items(&condition, "sniHosts"));
    let mut valid = true;
    for host in &all {
        let name = host.node().text().unwrap_or_default();
        let reason = domain_of(name, on_gateway && has_sni);
        if let Some(reason) = reason.filter(|_| !patterns::is_address(name)) {
            check.refuse(host, reason);
            valid = false;
        } else if !on_gateway && name == "*" {
            check.refuse(host, "`*` is not allowed for the sidecars of the mesh");
            valid = false;
        }
    }
    if !valid {
        return;
    }
    for (index, host) in all.iter().enumerate() {
        let name = |field: &Field<'_>| field.node().text().unwrap_or_default().to_owned();
        let first = name(host);
        if all.iter().skip(index + 1).any(|other| hosts::overlap(&first, &name(other))) {
            check.refuse(host, format!("`{first}` overlaps with another host of the list"));
        }
    }
}

/// The reason why a host is no domain name. Gateways between networks also know names such as
/// `outbound_.80_._.web.shop.svc.cluster.local`.
fn domain_of(name: &str, between_networks: bool) -> Option<String> {
    if between_networks && name.starts_with("outbound_") {
        let parts: Vec<&str> = name.split('_').collect();
        let port = parts.get(1).is_some_and(|port| port.contains(|c: char| c.is_ascii_digit()));
        let host =
            parts.get(3).is_some_and(|host| host.contains(|c: char| c.is_ascii_alphabetic()));
        let follows = port && host;
        return (!follows).then(|| format!("`{name}` must look like outbound_.PORT_._.HOST"));
    }
    patterns::wildcard_domain(name)
}

fn tls_route(route: &Field<'_>, spec: &Field<'_>, on_gateway: bool, check: &mut Check<'_>) {
    let conditions = route.list("match");
    if conditions.is_empty() {
        check.refuse(route, "a TLS route needs a match");
    }
    for condition in &conditions {
        let names = condition.list("sniHosts");
        if names.is_empty() {
            check.refuse(condition, "a TLS match needs sniHosts");
        }
        for name in &names {
            sni_host(name, spec, on_gateway, check);
        }
        connection_match(condition, check);
    }
    needs_targets(route, check);
}

fn sni_host(field: &Field<'_>, spec: &Field<'_>, on_gateway: bool, check: &mut Check<'_>) {
    let name = field.node().text().unwrap_or_default();
    if let Some(reason) = domain_of(name, on_gateway) {
        if !patterns::is_address(name) {
            check.refuse(field, reason);
        }
        return;
    }
    let own = spec.get("hosts").map(|hosts| hosts.texts()).unwrap_or_default();
    if !own.iter().any(|host| hosts::covers(host, name)) {
        let message = format!("`{name}` is not among the hosts of the VirtualService");
        check.refuse_beside(field, spec.get("hosts"), message);
    }
}

fn connection_match(condition: &Field<'_>, check: &mut Check<'_>) {
    for subnet in condition.list("destinationSubnets") {
        let text = subnet.node().text().unwrap_or_default();
        if !patterns::is_subnet(text) {
            check.refuse(&subnet, format!("`{text}` is no address or block of addresses"));
        }
    }
    if condition.get("port").as_ref().and_then(values::number) != Some(0) {
        values::port(condition.get("port"), check);
    }
    names::labels(condition.get("sourceLabels").as_ref(), check);
    names::gateways(condition, check);
}

fn needs_targets(route: &Field<'_>, check: &mut Check<'_>) {
    if !values::has_items(route, "route") {
        check.refuse(route, "`route` is required");
    }
    http_route::destinations(route, check);
}
