//! Probes of a container, and whether injection lets the proxy's agent ask them.
//!
//! Rules of release 1.31 (`ShouldRewriteAppHTTPProbers`, `patchRewriteProbe`): of pods with a proxy
//! the probes over HTTP, TCP and gRPC are rewritten, so that the kubelet asks the agent, whose port
//! the proxy leaves alone, and the agent asks the application. The pods' annotation decides, else
//! the installation's `sidecarInjectorWebhook.rewriteAppHTTPProbe`.

use std::collections::BTreeMap;

use stilltrace_model::{
    InboundPort, MutualTls, Probe, ProbeAgent, ProbeKind, ProbeQuestion, ProbeWay, Setting,
    Workload,
};

use super::seconds;
use crate::defaults;
use crate::field::Field;
use crate::injection::Injected;
use crate::installation::{Installation, Said};
use crate::workloads::Pods;

const REWRITE: &str = "sidecar.istio.io/rewriteAppHTTPProbers";
const STATUS_PORT: &str = "status.sidecar.istio.io/port";
const EXCLUDED_PORTS: &str = "traffic.sidecar.istio.io/excludeInboundPorts";

/// The probes that a container writes; `agent` is asked in place of what they ask.
pub(crate) fn probes(
    container: &Field<'_>,
    agent: Option<&ProbeAgent>,
) -> BTreeMap<ProbeKind, Box<Probe>> {
    let kinds = [
        (ProbeKind::Readiness, "readinessProbe"),
        (ProbeKind::Liveness, "livenessProbe"),
        (ProbeKind::Startup, "startupProbe"),
    ];
    let written = kinds
        .iter()
        .filter_map(|(kind, key)| Some((*kind, Box::new(probe(&container.block(key)?, agent)))));
    written.collect()
}

fn probe(block: &Field<'_>, agent: Option<&ProbeAgent>) -> Probe {
    let asks = asks(block);
    let rewritable = asks.as_ref().is_some_and(|asks| asks.way.value != ProbeWay::Command);
    Probe {
        origin: block.key_origin(),
        asks,
        agent: agent.filter(|_| rewritable).cloned(),
        period: seconds(block, &["periodSeconds"], 10, true),
        timeout: seconds(block, &["timeoutSeconds"], 1, true),
        failure_threshold: super::positive(block, &["failureThreshold"], 3),
        initial_delay: seconds(block, &["initialDelaySeconds"], 0, false),
    }
}

/// What the probe asks; the API server takes one kind of question only.
fn asks(block: &Field<'_>) -> Option<ProbeQuestion> {
    let ways = [ProbeWay::Http, ProbeWay::Tcp, ProbeWay::Grpc, ProbeWay::Command];
    let written = ways.iter().find_map(|way| Some((*way, block.block(&way.to_string())?)));
    let (way, asked) = written?;
    let text = |key: &str| asked.get(key).and_then(|f| Some(f.setting(f.text()?.to_owned())));
    let is_http = way == ProbeWay::Http;
    let tls = || {
        let scheme = asked.get("scheme").and_then(|f| Some(f.setting(f.text()? == "HTTPS")));
        scheme.unwrap_or_else(|| Setting::default_of(false, defaults::KUBERNETES))
    };
    Some(ProbeQuestion {
        way: Setting::new(way, asked.key_origin()),
        port: text("port"),
        path: is_http.then(|| path(text("path"))),
        tls: is_http.then(tls),
    })
}

/// The path of a request: `/` where there is none, and in front of any other.
fn path(written: Option<Setting<String>>) -> Setting<String> {
    let written = written.filter(|path| !path.value.is_empty());
    let Some(mut path) = written else {
        return Setting::default_of("/".to_owned(), defaults::KUBERNETES);
    };
    if !path.value.starts_with('/') {
        path.value.insert(0, '/');
    }
    path
}

/// The agent beside the proxy of these pods; `None` where injection does not see them.
pub(crate) fn agent(
    pods: &Pods<'_>,
    installation: &Installation<'_>,
    mesh: Option<&Field<'_>>,
) -> Option<ProbeAgent> {
    let sees = pods.injected != Injected::Nothing
        && !pods.is_deployed_by_istio()
        && !pods.is_injected_by_hand();
    sees.then(|| ProbeAgent { asked: is_rewritten(pods, installation), port: port(pods, mesh) })
}

/// Whether injection rewrites the probes.
fn is_rewritten(pods: &Pods<'_>, installation: &Installation<'_>) -> Setting<bool> {
    let said = installation.at(&["sidecarInjectorWebhook", "rewriteAppHTTPProbe"]);
    let installed = match said {
        Said::Here(field) if field.node().is_null() => Setting::new(false, field.key_origin()),
        Said::Here(field) => match field.flag() {
            Some(on) => field.setting(on),
            None => Setting::default_of(true, defaults::INSTALL),
        },
        Said::Absent(field) => Setting::new(false, field.key_origin()),
        Said::Nothing => Setting::default_of(true, defaults::INSTALL),
    };
    let own = pods.annotation(REWRITE);
    let Some((field, on)) = own.and_then(|field| Some((field.clone(), truth(field.text()?)?)))
    else {
        return installed;
    };
    let mut setting = field.setting(on);
    setting.overrode.extend(installed.is_written().then_some(installed.origin));
    setting
}

/// A boolean as Go reads it (`strconv.ParseBool`); the injector ignores any other text.
fn truth(text: &str) -> Option<bool> {
    match text {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Some(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Some(false),
        _ => None,
    }
}

/// The agent's port: of the pods, else of the mesh.
fn port(pods: &Pods<'_>, mesh: Option<&Field<'_>>) -> Setting<u16> {
    let of_mesh = mesh.and_then(|mesh| mesh.at(&["defaultConfig", "statusPort"]));
    let written = pods.annotation(STATUS_PORT).or(of_mesh);
    let read = written.and_then(|field| {
        let port = u16::try_from(field.count()?).ok()?;
        Some(field.setting(port))
    });
    read.unwrap_or_else(|| Setting::default_of(defaults::AGENT_PORT, defaults::ISTIO))
}

/// Names the probes that do not ask the application because they pass its proxy.
pub(super) fn report_unanswered(workload: &Workload, pods: &Pods<'_>) {
    let Some(proxy) = &workload.sidecar else { return };
    for container in &workload.containers {
        for (kind, probe) in &container.probes {
            let (Some(asks), Some(agent)) = (&probe.asks, &probe.agent) else { continue };
            let port = asks.port.as_ref();
            let port = port.and_then(|port| pods.probed_port(&container.name, &port.value));
            let Some(port) = port.filter(|port| !agent.asked.value && !is_excluded(pods, *port))
            else {
                continue;
            };
            let inbound = proxy.inbound.get(&InboundPort::Port(port));
            let inbound = inbound.or_else(|| proxy.inbound.get(&InboundPort::Others));
            let mode = inbound.and_then(|inbound| inbound.mutual_tls.as_ref());
            let strict = mode.is_some_and(|mode| mode.value == MutualTls::Strict);
            let consequence = match asks.way.value {
                ProbeWay::Tcp => {
                    "the proxy takes every connection, so that the probe holds whatever the \
                     application does"
                }
                _ if strict => {
                    "the proxy demands mutual TLS, which the kubelet does not speak: the probe fails"
                }
                _ => continue,
            };
            let place = asks.way.origin.location().map(ToString::to_string).unwrap_or_default();
            pods.source.gaps.add(
                format!(
                    "{place}: the {kind} probe of {} in {} passes the proxy ({}: {REWRITE})",
                    container.name, pods.source.id, agent.asked.origin
                ),
                consequence,
                "let injection rewrite the probes (the default), or exclude the port from the proxy",
            );
        }
    }
}

/// Whether connections to the port pass the proxy by.
fn is_excluded(pods: &Pods<'_>, port: u16) -> bool {
    let list = pods.annotation(EXCLUDED_PORTS);
    let list = list.as_ref().and_then(Field::text).unwrap_or_default();
    list.split(',').any(|one| one.trim().parse() == Ok(port))
}
