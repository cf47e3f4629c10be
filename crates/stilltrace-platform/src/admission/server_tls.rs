//! The block `tls` of a Gateway's server and of a Sidecar's ingress.

use super::check::Check;
use super::values;
use crate::field::Field;

/// Judges TLS towards clients.
pub(super) fn judge(tls: &Field<'_>, check: &mut Check<'_>) {
    const MODES: [&str; 6] =
        ["PASSTHROUGH", "SIMPLE", "MUTUAL", "AUTO_PASSTHROUGH", "ISTIO_MUTUAL", "OPTIONAL_MUTUAL"];
    values::choice(tls.get("mode"), &MODES, check);
    let says = |key: &str| values::is_set(tls, key);
    let has = |key: &str| values::has_items(tls, key);
    let mode = values::text(tls, "mode");
    if mode == "ISTIO_MUTUAL" {
        let texts = ["serverCertificate", "privateKey", "caCertificates", "credentialName"];
        if texts.iter().any(|key| says(key)) || has("tlsCertificates") || has("credentialNames") {
            check.refuse(tls, "mode ISTIO_MUTUAL uses Istio's certificates and takes no others");
        }
        return;
    }
    let sources = [
        says("serverCertificate") && says("privateKey"),
        says("credentialName"),
        has("credentialNames"),
        has("tlsCertificates"),
    ];
    if sources.iter().filter(|given| **given).count() > 1 {
        check.refuse(tls, "certificates come from one source: a credential, several, or files");
    }
    let terminates = matches!(mode, "SIMPLE" | "MUTUAL" | "OPTIONAL_MUTUAL");
    if terminates && (says("credentialName") || has("credentialNames")) {
        return;
    }
    // Plain text is the default mode of the message, `PASSTHROUGH`; only the others terminate.
    if terminates {
        if mode != "SIMPLE" && !says("caCertificates") {
            check.refuse(tls, format!("mode {mode} needs caCertificates or credentialName"));
        }
        let complete = |owner: &Field<'_>| {
            values::is_set(owner, "serverCertificate") && values::is_set(owner, "privateKey")
        };
        let listed = tls.list("tlsCertificates");
        let lacking = if listed.is_empty() { !complete(tls) } else { !listed.iter().all(complete) };
        if lacking {
            check.refuse(
                tls,
                format!("mode {mode} needs a certificate and a key, or credentialName"),
            );
        }
    }
    if says("caCrl") && (says("credentialName") || mode == "SIMPLE") {
        check.refuse(tls, "caCrl works only with mode MUTUAL and files");
    }
}
