//! TLS mode mismatch: the caller insists on mutual TLS with pods that cannot answer it.

use stilltrace_model::{
    Certainty, Entity, Fix, Hazard, Platform, Prediction, TlsMode, WorkloadId, signal,
};

use crate::Mechanism;
use crate::draft::{self, Draft};
use crate::in_use::{self, PolicyInUse};

/// ## What happens
/// `ISTIO_MUTUAL` in a `DestinationRule` makes the caller's proxy speak mutual TLS to every pod of
/// the destination. A pod without a proxy has nothing that understands it: the connection breaks,
/// the request is retried, and breaks again. Without the line Istio decides for each pod.
///
/// ## Fingerprint
/// All requests to those pods end with a failed connection (`UF`, `UC`) from the change on. They
/// are neither refused by a pool limit nor short of endpoints.
///
/// ## Fix
/// `DISABLE` where no pod of the destination has a proxy. Better, and more than one edit: remove
/// the `tls` block, or give the pods a proxy.
///
/// ## Fix safety
/// Needs review: the requests then travel unencrypted, which is all that those pods can read.
///
/// ## References
/// - Istio: network issues (503 after a `DestinationRule`), `ClientTLSSettings`, issue 29538
/// - Envoy: response flags `UF` and `UC`, `ssl.connection_error`
pub(crate) struct TlsModeMismatch;

const MODE: &str = "tls";

impl Mechanism for TlsModeMismatch {
    fn name(&self) -> &'static str {
        "tls-mode-mismatch"
    }

    fn group(&self) -> &'static str {
        "identity"
    }

    fn hazards(&self, platform: &Platform) -> Vec<Hazard> {
        in_use::policies(platform).iter().filter_map(|used| describe(platform, used)).collect()
    }

    fn predict(&self, hazard: &Hazard) -> Vec<Prediction> {
        let Entity::Edge(edge) = &hazard.entity else { return Vec::new() };
        vec![
            signal::CONNECTION_FAILED
                .of(edge)
                .rises()
                .decisive()
                .because("the pod breaks off a handshake that it cannot read"),
            signal::EDGE_ERRORS.of(edge).rises().because("such requests are answered with 503"),
            signal::OVERFLOW.of(edge).not_rising().because("no pool limit is involved"),
            signal::NO_HEALTHY_UPSTREAM
                .of(edge)
                .not_rising()
                .because("the endpoints are there, they only speak plaintext"),
        ]
    }

    fn fix(&self, hazard: &Hazard) -> Option<Fix> {
        let line = draft::line_of(hazard, MODE)?;
        if hazard.value("pods_with_proxy").is_some() {
            return None; // The pods that have a proxy may accept nothing but mutual TLS.
        }
        let why = "requests are sent as plaintext, which these pods understand".to_owned();
        Some(draft::set(line, TlsMode::Disable.to_string(), why))
    }
}

fn describe(platform: &Platform, used: &PolicyInUse<'_>) -> Option<Hazard> {
    let mode = &used.policy.tls;
    if mode.value != TlsMode::IstioMutual {
        return None;
    }
    let callees = used.workloads(platform);
    let without: Vec<&WorkloadId> =
        callees.iter().filter(|callee| callee.sidecar.is_none()).map(|callee| &callee.id).collect();
    if without.is_empty() {
        return None;
    }
    let id = &used.edge.id;
    let names: Vec<_> = without.iter().map(ToString::to_string).collect();
    let message = format!(
        "{} speaks mutual TLS to {}, but the pods of {} have no proxy to answer it: the connections \
         break",
        id.source,
        used.destination(),
        names.join(", "),
    );
    let mut draft = Draft::new("tls-mode-mismatch", id, Certainty::Certain, message)
        .setting(used.name(MODE), mode);
    if without.len() < callees.len() {
        draft = draft.value("pods_with_proxy", (callees.len() - without.len()) as f64);
    }
    Some(draft.related_all(without).done())
}
