//! Mutual TLS between proxies, from files.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::extension;
use crate::certs::{Account, Identities, spiffe};
use crate::pods::Pod;

/// The account of a pod.
pub(super) fn account(pod: &Pod) -> Account {
    (pod.workload.namespace.clone(), pod.service_account.clone())
}

/// A client's side: shows `own`, if any, and accepts only `peers`.
pub(super) fn upstream(
    identities: &Identities,
    own: Option<&Account>,
    peers: &BTreeSet<Account>,
    sni: &str,
) -> Value {
    let names: Vec<Value> = peers
        .iter()
        .map(|peer| json!({"san_type": "URI", "matcher": {"exact": spiffe(peer)}}))
        .collect();
    let mut validation = json!({"trusted_ca": {"filename": identities.root()}});
    if !names.is_empty() {
        validation["match_typed_subject_alt_names"] = names.into();
    }
    let mut common = common(&validation);
    if let Some(own) = own {
        common["tls_certificates"] = certificates(identities, own);
    }
    let message = "envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext";
    extension(
        "envoy.transport_sockets.tls",
        message,
        json!({"common_tls_context": common, "sni": sni}),
    )
}

/// A server's side: shows the pod's identity and demands a certificate of the mesh.
pub(super) fn downstream(identities: &Identities, pod: &Pod) -> Value {
    let mut common = common(&json!({"trusted_ca": {"filename": identities.root()}}));
    common["tls_certificates"] = certificates(identities, &account(pod));
    let message = "envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext";
    extension(
        "envoy.transport_sockets.tls",
        message,
        json!({"common_tls_context": common, "require_client_certificate": true}),
    )
}

/// What both sides share.
fn common(validation: &Value) -> Value {
    json!({
        "tls_params": {
            "tls_minimum_protocol_version": "TLSv1_2",
            "tls_maximum_protocol_version": "TLSv1_3",
        },
        "alpn_protocols": ["istio-http/1.1", "istio", "http/1.1"],
        "validation_context": validation,
    })
}

/// Chain and key of an account.
fn certificates(identities: &Identities, account: &Account) -> Value {
    json!([{
        "certificate_chain": {"filename": identities.chain(account)},
        "private_key": {"filename": identities.key(account)},
    }])
}
