//! Hosts, gateways, namespaces and labels that objects name.

use std::collections::BTreeSet;

use super::check::Check;
use super::patterns;
use crate::field::Field;

/// A domain name whose first part may be a wildcard.
pub(super) fn host(field: &Field<'_>, check: &mut Check<'_>) {
    if let Some(reason) = patterns::wildcard_domain(field.node().text().unwrap_or_default()) {
        check.refuse(field, reason);
    }
}

/// `namespace/host` of a Sidecar's egress hosts or of a Gateway's server.
pub(super) fn namespaced_host(field: &Field<'_>, of_gateway: bool, check: &mut Check<'_>) {
    let text = field.node().text().unwrap_or_default();
    let Some((namespace, name)) = text.split_once('/') else {
        if of_gateway {
            plain_host(field, text, true, check);
        } else {
            check.refuse(field, "must be of the form namespace/host, such as ./* or shop/web");
        }
        return;
    };
    if namespace.is_empty() || name.is_empty() {
        check.refuse(field, "neither the namespace nor the host may be empty");
    }
    // A Sidecar's namespace may be excluded with `~` in front; a Gateway's may not.
    let inner = if of_gateway { namespace } else { namespace.trim_start_matches('~') };
    let special = matches!(inner, "*" | ".") || inner.is_empty() && !of_gateway;
    if !special && !patterns::is_label(inner) {
        check.refuse(field, format!("`{namespace}` is no namespace, `*` or `.`"));
    }
    plain_host(field, name, of_gateway, check);
}

fn plain_host(field: &Field<'_>, name: &str, of_gateway: bool, check: &mut Check<'_>) {
    if name != "*" && !name.contains('.') {
        check.refuse(
            field,
            format!("`{name}` must be a full name, such as {name}.NAMESPACE.svc.cluster.local"),
        );
    }
    if let Some(reason) = patterns::wildcard_domain(name)
        && !(of_gateway && patterns::is_address(name))
    {
        check.refuse(field, reason);
    }
    if patterns::is_partial_wildcard(name) {
        check.refuse(field, format!("in `{name}` the wildcard must stand for a whole part"));
    }
}

/// Names of gateways: `mesh`, a name of the same namespace, or `namespace/name`.
pub(super) fn gateways(owner: &Field<'_>, check: &mut Check<'_>) {
    for gateway in owner.list("gateways") {
        let text = gateway.node().text().unwrap_or_default();
        let Some((namespace, name)) = text.split_once('/') else {
            if let Some(reason) = patterns::domain(text) {
                check.refuse(&gateway, reason);
            }
            // Istio looks no further after the first name without a namespace.
            return;
        };
        if !patterns::is_label(namespace) || !patterns::is_label(name) {
            check.refuse(&gateway, "must be of the form namespace/name, two DNS labels");
        }
    }
}

/// Who may see an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Exported {
    /// A VirtualService or DestinationRule.
    Plain,
    /// A DestinationRule with a selector, which stays in its namespace.
    Selecting,
    /// A ServiceEntry, which may be hidden from everybody.
    Entry,
}

/// The list `exportTo`.
pub(super) fn export_to(spec: &Field<'_>, kind: Exported, check: &mut Check<'_>) {
    let entries = spec.list("exportTo");
    let namespace = check.namespace();
    let mut seen = BTreeSet::new();
    for entry in &entries {
        let text = entry.node().text().unwrap_or_default();
        let key = if text == "." { namespace } else { text };
        if seen.contains(key) {
            check.refuse(entry, format!("`{text}` names the namespace `{key}` twice"));
        } else if key == "~" && kind != Exported::Entry {
            check.refuse(entry, "`~` (nobody) is not allowed on this kind of object");
        } else if !matches!(key, "*" | "~") && !patterns::is_label(key) {
            check.refuse(entry, format!("`{text}` is no namespace, `.` or `*`"));
        } else {
            seen.insert(key);
        }
    }
    let Some(first) = entries.first() else { return };
    if kind == Exported::Selecting
        && !seen.is_empty()
        && !(seen.len() == 1 && seen.contains(namespace))
    {
        check.refuse(
            first,
            "a rule with a workloadSelector can be exported to its own namespace only",
        );
    }
    for (everything, meaning) in [("*", "everybody"), ("~", "nobody")] {
        if seen.contains(everything) && entries.len() > 1 {
            check.refuse(
                first,
                format!("`{everything}` ({meaning}) cannot stand beside other entries"),
            );
        }
    }
}

/// Labels of pods; keys and values must have the shape that Kubernetes demands.
pub(super) fn labels(field: Option<&Field<'_>>, check: &mut Check<'_>) {
    for (key, value) in field.map(Field::entries).unwrap_or_default() {
        if !patterns::is_label_key(key) {
            check.refuse(&value, format!("`{key}` cannot be the key of a label"));
        }
        if !value.node().text().is_some_and(patterns::is_label_value) {
            check.refuse(&value, format!("the value of `{key}` cannot be the value of a label"));
        }
    }
}

/// A selector of pods: exact values, no wildcards.
pub(super) fn selector(field: Option<&Field<'_>>, check: &mut Check<'_>) {
    for (key, value) in field.map(Field::entries).unwrap_or_default() {
        let text = value.node().text().unwrap_or_default();
        if key.is_empty() {
            check.refuse(&value, "a selector needs a key");
        }
        if key.contains('*') || text.contains('*') {
            check.refuse(&value, "a selector takes no wildcard");
        }
    }
}

/// A port's name.
pub(super) fn port_name(field: &Field<'_>, name: &str, check: &mut Check<'_>) {
    if !patterns::is_label(name) {
        check.refuse(field, format!("`{name}` cannot be the name of a port"));
    }
}

/// A port's protocol; none at all is allowed.
pub(super) fn protocol(port: &Field<'_>, check: &mut Check<'_>) {
    if let Some(field) = port.get("protocol") {
        let text = field.node().text().unwrap_or_default();
        if !text.is_empty() && !patterns::is_protocol(text) {
            check.refuse(&field, format!("`{text}` is no protocol that Istio knows"));
        }
    }
}
