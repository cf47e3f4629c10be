//! What Istio's admission webhook would refuse, and the API server by rules across fields.
//!
//! An object that is refused never reaches the cluster: its values are not in effect, and a GitOps
//! tool reports a failed sync instead. So these objects are taken out before anything is computed,
//! and named with the line and the reason. The rules are those of Istio's package
//! `pkg/config/validation`, release 1.31; its warnings do not refuse and are not repeated here.
//!
//! One module judges one kind of object or one block that several kinds share.

mod check;
mod destination_rule;
mod gateway;
mod gateway_api;
mod headers;
mod http_route;
mod locality;
mod names;
mod patterns;
mod peer_authentication;
mod proxy_config;
mod retries;
mod server_tls;
mod service_entry;
mod sidecar;
mod telemetry;
mod traffic_policy;
mod values;
mod virtual_service;

use stilltrace_model::Refusal;

use crate::gateway_api::GROUP;
use crate::source::Source;

use check::Check;

/// Why admission would refuse this object; empty when it would not, and for kinds that Istio does
/// not judge.
pub(crate) fn refusals(source: &Source) -> Vec<Refusal> {
    let judge = match (source.group(), source.id.kind.as_str()) {
        ("networking.istio.io", "VirtualService") => virtual_service::judge,
        ("networking.istio.io", "DestinationRule") => destination_rule::judge,
        ("networking.istio.io", "Sidecar") => sidecar::judge,
        ("networking.istio.io", "Gateway") => gateway::judge,
        ("networking.istio.io", "ServiceEntry") => service_entry::judge_entry,
        ("networking.istio.io", "WorkloadEntry") => service_entry::judge_workload,
        ("networking.istio.io", "ProxyConfig") => proxy_config::judge,
        ("security.istio.io", "PeerAuthentication") => peer_authentication::judge,
        ("telemetry.istio.io", "Telemetry") => telemetry::judge,
        (GROUP, kind) => return of_gateway_api(kind, source),
        _ => return Vec::new(),
    };
    let mut check = Check::new(source);
    reserved_annotations(&mut check);
    // Without a `spec` Istio judges an empty one; the object's own keys are none of a `spec`.
    judge(&source.spec().unwrap_or_else(|| source.field()), &mut check);
    check.into_refusals()
}

/// Why the API server would refuse an object of the Gateway API, which Istio's webhook does not see.
fn of_gateway_api(kind: &str, source: &Source) -> Vec<Refusal> {
    let judge = match kind {
        "HTTPRoute" => gateway_api::http,
        "GRPCRoute" => gateway_api::grpc,
        "TCPRoute" => gateway_api::tcp,
        "TLSRoute" => gateway_api::tls,
        "Gateway" => gateway_api::gateway,
        "BackendTLSPolicy" => gateway_api::backend_tls_policy,
        _ => return Vec::new(),
    };
    let mut check = Check::new(source);
    if let Some(spec) = source.spec() {
        judge(&spec, &mut check);
    }
    check.into_refusals()
}

/// Annotations with which no object of these kinds is accepted.
fn reserved_annotations(check: &mut Check<'_>) {
    const RESERVED: [(&str, &str); 4] = [
        ("istio.io/dry-run", "only an AuthorizationPolicy can be a dry run"),
        ("internal.istio.io/webhook-always-reject", "Istio's own test of its webhook uses it"),
        ("internal.istio.io/parents", "it is reserved for Istio itself"),
        ("internal.istio.io/parent-namespace", "it is reserved for Istio itself"),
    ];
    for (name, why) in RESERVED {
        if let Some(field) = check.source().annotation(name) {
            check.refuse(&field, format!("the annotation `{name}` is not allowed here: {why}"));
        }
    }
}
