//! `Gateway`: what listeners may say together, and addresses that are written twice.

use super::{rivals, text_or};
use crate::admission::check::Check;
use crate::admission::values;
use crate::field::Field;

/// Judges `spec`.
pub(in crate::admission) fn judge(spec: &Field<'_>, check: &mut Check<'_>) {
    let listeners = spec.list("listeners");
    let same = |a: &Field<'_>, b: &Field<'_>, key: &str| text_or(a, key, "") == text_or(b, key, "");
    let named_alike = |a: &Field<'_>, b: &Field<'_>| same(a, b, "name");
    rivals(&listeners, named_alike, "another listener of the gateway has its name", check);
    let alike = |a: &Field<'_>, b: &Field<'_>| {
        let hosts = a.get("hostname").is_some() == b.get("hostname").is_some();
        hosts && same(a, b, "port") && same(a, b, "protocol") && same(a, b, "hostname")
    };
    let message = "another listener of the gateway has its port, protocol and hostname";
    rivals(&listeners, alike, message, check);
    for listener in &listeners {
        judge_listener(listener, check);
    }
    let addresses = spec.list("addresses");
    let twice = |a: &Field<'_>, b: &Field<'_>| {
        let kind = |field: &Field<'_>| {
            text_or(field, "type", "IPAddress") == text_or(b, "type", "IPAddress")
        };
        let judged = matches!(text_or(a, "type", "IPAddress"), "IPAddress" | "Hostname");
        judged && kind(a) && values::is_set(a, "value") && same(a, b, "value")
    };
    rivals(&addresses, twice, "the address is written twice", check);
}

fn judge_listener(listener: &Field<'_>, check: &mut Check<'_>) {
    let protocol = text_or(listener, "protocol", "");
    let tls = listener.get("tls");
    // The schema fills the mode in where there is a block.
    let mode = tls.as_ref().map(|tls| text_or(tls, "mode", "Terminate"));
    match (protocol, mode) {
        ("HTTP" | "TCP" | "UDP", Some(_)) => {
            check.refuse(listener, format!("a listener for {protocol} has no `tls`"));
        }
        ("HTTPS", Some(mode)) if mode != "Terminate" => {
            check.refuse(listener, "a listener for HTTPS ends the encryption: mode Terminate");
        }
        ("TLS", None) => check.refuse(listener, "a listener for TLS needs `tls.mode`"),
        _ => {}
    }
    if matches!(protocol, "TCP" | "UDP") && values::is_set(listener, "hostname") {
        check.refuse(listener, format!("a listener for {protocol} has no hostname"));
    }
    if let Some(tls) = tls
        && mode == Some("Terminate")
        && !values::has_items(&tls, "certificateRefs")
        && tls.get("options").is_none_or(|options| options.entries().is_empty())
    {
        check.refuse(&tls, "the mode Terminate needs certificateRefs or options");
    }
}
