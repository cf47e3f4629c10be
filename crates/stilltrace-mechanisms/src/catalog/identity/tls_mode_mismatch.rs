//! TLS mode mismatch: caller and server do not speak the same transport security.

use stilltrace_model::{
    Certainty, EdgeId, Entity, Fix, Hazard, Inbound, InboundPort, MutualTls, Origin, Platform,
    Prediction, Setting, TlsMode, Workload, WorkloadId, signal,
};

use crate::draft::{self, Draft};
use crate::in_use::PolicyInUse;
use crate::{Mechanism, Surveyed};

/// ## What happens
/// `ISTIO_MUTUAL` in a `DestinationRule` makes the caller's proxy speak mutual TLS to every pod of
/// the destination. A pod without a proxy has nothing that understands it, and a proxy whose
/// `PeerAuthentication` says `DISABLE` does not take it: the connection breaks, the request is
/// retried, and breaks again. Without the line Istio decides for each pod.
///
/// The other way round, a server whose `PeerAuthentication` says `STRICT` resets every connection in
/// plaintext. A caller's proxy sends plaintext because a `DestinationRule` says `DISABLE`, or because
/// the policy of the server's namespace says so and only the workload is strict: callers look at the
/// policies of the mesh and the namespace alone. Every object is valid, and right for itself.
///
/// Without any rule, Istio marks every pod with a proxy for mutual TLS, also for a port that the pod's
/// annotation `excludeInboundPorts` leads past it: callers speak TLS to a bare application.
///
/// ## Fingerprint
/// All requests to those pods end with a failed connection (`UF`, `UC`) from the change on. They
/// are neither refused by a pool limit nor short of endpoints.
///
/// ## Fix
/// `DISABLE` where no pod of the destination has a proxy, `ISTIO_MUTUAL` where all demand it. Better,
/// and more than one edit: remove the `tls` block, give the pods a proxy, or let the namespace's
/// policy say `PERMISSIVE` or `STRICT`.
///
/// ## Fix safety
/// Needs review: without encryption is all that pods without a proxy can read, and other callers of
/// the line are moved along.
///
/// ## References
/// - Measured with Istio 1.31's own code: namespace `DISABLE` with a `STRICT` workload makes callers
///   send plaintext to it
/// - Istio: network issues (503 after a `DestinationRule`), `ClientTLSSettings`, issue 29538
/// - Envoy: response flags `UF` and `UC`, `ssl.connection_error`
pub(crate) struct TlsModeMismatch;

const MODE: &str = "tls";
/// Number of pods' workloads for which the caller's mode is right.
const OTHER_PODS: &str = "workloads_that_fit";
/// Name of the value that says that the pods are reached past their proxy.
const PASSED_BY: &str = "passed_by";
/// Set where the server refuses plaintext, absent where it cannot read TLS.
const STRICT: &str = "strict";

impl Mechanism for TlsModeMismatch {
    fn name(&self) -> &'static str {
        "tls-mode-mismatch"
    }

    fn group(&self) -> &'static str {
        "identity"
    }

    fn hazards(&self, platform: &Surveyed<'_>) -> Vec<Hazard> {
        platform.policies().iter().filter_map(|used| describe(platform, used)).collect()
    }

    fn predict(&self, hazard: &Hazard) -> Vec<Prediction> {
        let Entity::Edge(edge) = &hazard.entity else { return Vec::new() };
        vec![
            signal::CONNECTION_FAILED
                .of(edge)
                .rises()
                .decisive()
                .because("the server breaks off a handshake that it does not take"),
            signal::EDGE_ERRORS.of(edge).rises().because("such requests are answered with 503"),
            signal::OVERFLOW.of(edge).not_rising().because("no pool limit is involved"),
            signal::NO_HEALTHY_UPSTREAM
                .of(edge)
                .not_rising()
                .because("the endpoints are there, they only speak otherwise"),
        ]
    }

    fn fix(&self, hazard: &Hazard) -> Option<Fix> {
        let line = draft::line_of(hazard, MODE)?;
        let by_rule = line.object().is_some_and(|object| object.kind == "DestinationRule");
        if !by_rule || hazard.value(OTHER_PODS).is_some() {
            return None; // What helps these pods may break the others.
        }
        if hazard.value(STRICT).is_some() {
            let why = "the caller speaks the mutual TLS that the server demands".to_owned();
            return Some(draft::set(line, TlsMode::IstioMutual.to_string(), why));
        }
        let why = "requests are sent as plaintext, which these pods understand".to_owned();
        Some(draft::set(line, TlsMode::Disable.to_string(), why))
    }

    fn remedy(&self, hazard: &Hazard) -> Option<String> {
        let edit = self.fix(hazard).map(|fix| draft::clause(&fix));
        if hazard.value(PASSED_BY).is_some() {
            let remedy = "lead the port to the proxy, or set `tls.mode: DISABLE` for it in a \
                          DestinationRule";
            return Some(remedy.to_owned());
        }
        Some(
            edit.unwrap_or_else(|| "let caller and server speak the same to each other".to_owned()),
        )
    }
}

/// What a workload demands of callers of a service port, port by port. Where nothing says which
/// port of the pods that is, every port counts.
fn demands<'w>(workload: &'w Workload, call: &EdgeId) -> Vec<&'w Setting<MutualTls>> {
    let Some(proxy) = &workload.sidecar else { return Vec::new() };
    let all = || proxy.inbound.values().filter(|port| port.mutual_tls.is_some());
    let own = |port: &&Inbound| {
        let mut services = port.services.iter();
        services.any(|(service, number)| *service == *call.destination && *number == call.port)
    };
    let reached: Vec<&Inbound> = all().filter(own).collect();
    let reached = if reached.is_empty() { all().collect() } else { reached };
    reached.into_iter().filter_map(|port| port.mutual_tls.as_ref()).collect()
}

/// The line that leads these calls past the workload's proxy, straight to its application.
fn passes_the_proxy<'w>(workload: &'w Workload, call: &EdgeId) -> Option<&'w Origin> {
    let proxy = workload.sidecar.as_ref()?;
    proxy.inbound.iter().find_map(|(number, port)| {
        let mut services = port.services.iter();
        let leads =
            services.any(|(service, own)| *service == *call.destination && *own == call.port);
        match number {
            InboundPort::Port(number) if leads => proxy.passed_by.calls_to(*number),
            _ => None,
        }
    })
}

/// Whether a workload has a proxy that takes mutual TLS from these calls.
fn takes_mutual_tls(workload: &Workload, call: &EdgeId) -> bool {
    if passes_the_proxy(workload, call).is_some() {
        return false;
    }
    let modes = demands(workload, call);
    workload.sidecar.is_some()
        && (modes.is_empty() || modes.iter().any(|mode| mode.value != MutualTls::Disable))
}

/// The line that makes a workload refuse plaintext of these calls.
fn strict<'w>(workload: &'w Workload, call: &EdgeId) -> Option<&'w Origin> {
    if passes_the_proxy(workload, call).is_some() {
        return None;
    }
    let modes = demands(workload, call);
    let all = modes.iter().all(|mode| mode.value == MutualTls::Strict);
    modes.first().filter(|_| all).map(|mode| &mode.origin)
}

/// Whether there are endpoints and none of them is marked for mutual TLS.
fn is_unmarked(used: &PolicyInUse<'_>) -> bool {
    used.policy.endpoints.is_some_and(|count| count.total > 0 && count.mutual_tls == 0)
}

fn describe(platform: &Platform, used: &PolicyInUse<'_>) -> Option<Hazard> {
    let mode = &used.policy.tls;
    let callees = used.workloads(platform);
    let call = &used.edge.id;
    let mut line = None;
    let (speaks, broken, because, demanded) = match mode.value {
        TlsMode::IstioMutual => {
            // Pods in ambient mode take another form of it (HBONE), whatever a rule names.
            let ambient = &platform.ambient.workloads;
            let takes =
                |one: &Workload| takes_mutual_tls(one, call) || ambient.contains_key(&one.id);
            let without = callees.iter().filter(|one| !takes(one)).map(|one| &one.id).collect();
            ("mutual TLS", without, "have nothing that takes it: the connections break", None)
        }
        // Istio marks every pod with a proxy for mutual TLS, whatever its ports.
        TlsMode::Auto if !is_unmarked(used) => {
            let passed = callees
                .iter()
                .filter_map(|callee| Some((&callee.id, passes_the_proxy(callee, call)?)));
            let (passed, lines): (Vec<&WorkloadId>, Vec<&Origin>) = passed.unzip();
            line = lines.first().copied();
            let because = "are reached past their proxy there: the connections break";
            ("mutual TLS", passed, because, None)
        }
        // A rule's DISABLE takes the mark also from ports with settings of their own.
        TlsMode::Auto | TlsMode::Disable => {
            let strict = callees.iter().filter_map(|one| Some((&one.id, strict(one, call)?)));
            let (strict, lines): (Vec<&WorkloadId>, Vec<&Origin>) = strict.unzip();
            let because = "take mutual TLS only: the connections are reset";
            ("plaintext", strict, because, lines.first().copied())
        }
        _ => return None,
    };
    if broken.is_empty() {
        return None;
    }
    let id = &used.edge.id;
    let names: Vec<_> = broken.iter().map(ToString::to_string).collect();
    let message = format!(
        "{} speaks {speaks} to {}, but the pods of {} {because}",
        id.source,
        used.destination(),
        names.join(", "),
    );
    let mut draft = Draft::new("tls-mode-mismatch", id, Certainty::Certain, message)
        .setting(used.name(MODE), mode);
    if let Some(line) = line {
        draft = draft.origin(used.name(MODE), line).value(PASSED_BY, 1.0);
    }
    if let Some(line) = demanded {
        draft = draft.origin(used.name(MODE), line).value(STRICT, 1.0);
    }
    if broken.len() < callees.len() {
        draft = draft.value(OTHER_PODS, (callees.len() - broken.len()) as f64);
    }
    Some(draft.related_all(broken).done())
}
