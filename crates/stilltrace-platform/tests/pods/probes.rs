//! What the kubelet asks a container, how, and whom in its place.

use stilltrace_model::{Platform, Probe, ProbeKind};

use super::{gaps, platform, shown, workload};

/// A deployment `web` with the annotations and a readiness probe; line 4 is its template.
fn web(annotations: &str, probe: &str) -> String {
    let container = format!(
        "{{name: c, image: x, ports: [{{name: main, containerPort: 8080}}], readinessProbe: {probe}}}"
    );
    let template = format!(
        "{{metadata: {{labels: {{app: web}}, annotations: {{{annotations}}}}}, \
         spec: {{containers: [{container}]}}}}"
    );
    let head = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web, namespace: shop}";
    format!("{head}\nspec: {{template: {template}}}\n")
}

fn readiness(platform: &Platform) -> &Probe {
    &workload(platform, "web").containers[0].probes[&ProbeKind::Readiness]
}

/// Whether the agent is asked and on which port, each with its place.
fn agent(manifests: &str) -> Option<[String; 2]> {
    let platform = platform(manifests);
    let agent = readiness(&platform).agent.as_ref()?;
    Some([shown(&agent.asked.map(|on| Some(*on))), shown(&agent.port.map(|port| Some(*port)))])
}

const HTTP: &str = "{httpGet: {path: /ready, port: main}}";
const TCP: &str = "{tcpSocket: {port: 8080}}";

#[test]
fn questions_are_shown_as_the_kubelet_asks_them() {
    let asked = |probe: &str| {
        let platform = platform(&web("", probe));
        readiness(&platform).asks.as_ref().map(ToString::to_string)
    };
    assert_eq!(asked(HTTP).unwrap(), "GET http://:main/ready");
    let https = "{httpGet: {port: 8443, scheme: HTTPS}}";
    assert_eq!(asked(https).unwrap(), "GET https://:8443/");
    assert_eq!(asked(TCP).unwrap(), "connect to :8080");
    assert_eq!(asked("{grpc: {port: 9000}}").unwrap(), "gRPC health on :9000");
    assert_eq!(asked("{exec: {command: [x]}}").unwrap(), "run a command");
    assert_eq!(asked("{periodSeconds: 3}"), None);
}

#[test]
fn injection_lets_the_agent_ask_by_default() {
    let expected =
        ["true, Istio 1.31 installation default", "15020, Istio 1.31 default"].map(str::to_owned);
    assert_eq!(agent(&web("", HTTP)), Some(expected.clone()));
    assert_eq!(agent(&web("", TCP)), Some(expected.clone()));
    assert_eq!(agent(&web("", "{grpc: {port: 9000}}")), Some(expected));
}

#[test]
fn a_command_and_pods_without_a_proxy_have_no_agent() {
    assert_eq!(agent(&web("", "{exec: {command: [x]}}")), None);
    assert_eq!(agent(&web("sidecar.istio.io/inject: \"false\"", HTTP)), None);
}

#[test]
fn the_pods_annotation_decides_as_go_reads_booleans() {
    let said = |text: &str| {
        let annotation = format!("sidecar.istio.io/rewriteAppHTTPProbers: \"{text}\"");
        agent(&web(&annotation, HTTP)).unwrap()[0].clone()
    };
    assert_eq!(said("false"), "false, line 4");
    assert_eq!(said("0"), "false, line 4");
    assert_eq!(said("no"), "true, Istio 1.31 installation default", "no boolean of Go");
}

const OPERATOR: &str = "
---
apiVersion: install.istio.io/v1alpha1
kind: IstioOperator
metadata: {name: mesh, namespace: istio-system}
spec:
  meshConfig: {defaultConfig: {statusPort: 15030}}
  values:
    sidecarInjectorWebhook: {rewriteAppHTTPProbe: false}
";

#[test]
fn the_installation_decides_where_pods_say_nothing() {
    let installed = format!("{}{OPERATOR}", web("", HTTP));
    assert_eq!(agent(&installed).unwrap(), ["false, line 13", "15030, line 11"]);
    let annotation = "sidecar.istio.io/rewriteAppHTTPProbers: \"true\"";
    let both = platform(&format!("{}{OPERATOR}", web(annotation, HTTP)));
    let asked = &readiness(&both).agent.as_ref().unwrap().asked;
    assert!(asked.value && asked.overrode[0].location().unwrap().line == 13, "{asked:?}");
}

#[test]
fn a_zero_is_as_good_as_nothing() {
    let zeros = platform(&web("", "{exec: {command: [x]}, periodSeconds: 0, timeoutSeconds: 0}"));
    let probe = readiness(&zeros);
    assert_eq!((probe.period.value.as_secs(), probe.timeout.value.as_secs()), (10, 1));
}

const STRICT: &str = "
---
apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop}
spec: {selector: {app: web}, ports: [{name: http, port: 80, targetPort: 8080}]}
---
apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata: {name: default, namespace: shop}
spec: {mtls: {mode: STRICT}}
";

#[test]
fn probes_that_pass_a_proxy_are_named_where_they_do_not_ask_the_application() {
    let off = "sidecar.istio.io/rewriteAppHTTPProbers: \"false\"";
    let told = |annotations: &str, probe: &str, rest: &str| {
        gaps(&platform(&format!("{}{rest}", web(annotations, probe))))
    };
    assert!(told(off, HTTP, STRICT).contains("the probe fails"));
    assert!(told(off, TCP, "").contains("the proxy takes every connection"));
    assert!(!told(off, HTTP, "").contains("probe of c"), "plaintext is taken");
    assert!(!told("", HTTP, STRICT).contains("probe of c"), "the agent asks");
    let excluded = format!("{off}, traffic.sidecar.istio.io/excludeInboundPorts: \"8080\"");
    assert!(!told(&excluded, HTTP, STRICT).contains("probe of c"));
}
