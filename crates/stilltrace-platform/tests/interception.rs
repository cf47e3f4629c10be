//! Ports whose connections never reach a proxy.

#![allow(clippy::unwrap_used, reason = "a failed test may panic")]

use stilltrace_manifest::MemoryTree;
use stilltrace_model::Platform;
use stilltrace_platform::{ParseCache, read};

/// A pod behind a service of two ports, with these annotations.
fn platform(annotations: &str) -> Platform {
    let mesh = format!(
        "apiVersion: v1\nkind: Namespace\nmetadata: {{name: s, labels: {{istio-injection: enabled}}}}\n\
         ---\napiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: web, namespace: s}}\n\
         spec:\n  template:\n    metadata:\n      labels: {{app: web}}\n      \
         annotations: {{{annotations}}}\n    spec: {{containers: [{{name: c, image: i}}]}}\n\
         ---\napiVersion: v1\nkind: Service\nmetadata: {{name: web, namespace: s}}\n\
         spec: {{selector: {{app: web}}, ports: [{{name: http, port: 80}}, {{name: db, port: 5432}}]}}\n"
    );
    read(&MemoryTree::new().with("a.yaml", &mesh), &mut ParseCache::new())
}

/// Ports that are called past the proxy, and ports of the pod that are.
fn passed(annotations: &str) -> (Vec<u16>, Vec<u16>) {
    let platform = platform(annotations);
    let proxy = platform.workloads.values().next().unwrap().sidecar.clone().unwrap();
    let passed = proxy.passed_by;
    for list in [&passed.outbound, &passed.inbound].into_iter().flatten() {
        assert_eq!(list.origin.location().unwrap().line, 12);
    }
    let ports = |list: Option<stilltrace_model::Setting<Vec<u16>>>| {
        list.map(|list| list.value).unwrap_or_default()
    };
    (ports(passed.outbound), ports(passed.inbound))
}

#[test]
fn excluded_ports_pass_the_proxy_in_their_direction() {
    assert_eq!(passed(""), (vec![], vec![]));
    let out = "traffic.sidecar.istio.io/excludeOutboundPorts: '5432, 80'";
    assert_eq!(passed(out), (vec![80, 5432], vec![]));
    let inward = "traffic.sidecar.istio.io/excludeInboundPorts: '5432'";
    assert_eq!(passed(inward), (vec![], vec![5432]));
}

#[test]
fn ports_that_are_not_led_to_the_proxy_pass_it() {
    let only = |ports: &str| format!("traffic.sidecar.istio.io/includeInboundPorts: '{ports}'");
    assert_eq!(passed(&only("*")), (vec![], vec![]));
    assert_eq!(passed(&only("80")), (vec![], vec![5432]));
}

#[test]
fn calls_that_pass_by_their_address_are_a_gap() {
    let told = |text: &str| {
        let annotation = format!("traffic.sidecar.istio.io/excludeOutboundIPRanges: '{text}'");
        platform(&annotation).gaps.iter().any(|gap| gap.why.contains("by their addresses"))
    };
    assert!(told("10.0.0.0/8") && !told(""));
}
