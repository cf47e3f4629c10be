//! Values that something outside of the repository puts in.

#![allow(clippy::unwrap_used, reason = "a failed test may panic")]

use stilltrace_manifest::MemoryTree;
use stilltrace_model::{Origin, Platform};
use stilltrace_platform::{ParseCache, read};

const MESH: &str = "\
apiVersion: v1
kind: Namespace
metadata: {name: shop, labels: {istio-injection: enabled}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop}
spec:
  replicas: ${R}
  template: {metadata: {labels: {app: web}}, spec: {containers: [{name: c, image: x}]}}
---
apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop}
spec: {selector: {app: web}, ports: [{name: http, port: 80}]}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: web, namespace: shop}
spec:
  hosts: [web]
  http:
  - timeout: ${TIMEOUT}
    retries: {attempts: 7, perTryTimeout: 1s}
    route: [{destination: {host: web}}]
";

fn platform(mesh: &str) -> Platform {
    read(&MemoryTree::new().with("a.yaml", mesh), &mut ParseCache::new())
}

#[test]
fn an_unknown_value_takes_nothing_else_of_its_object_away() {
    let platform = platform(MESH);
    assert!(platform.refused.is_empty(), "{:?}", platform.refused);
    let edge = platform.edges.values().next().unwrap();
    let route = &edge.routes[0];
    assert_eq!(route.retries.attempts.value, 7);
    assert!(matches!(route.timeout.origin, Origin::Default { .. }));
    let told = platform.gaps.iter().any(|gap| {
        gap.what
            == "a.yaml:23:14: `spec.http[0].timeout` of VirtualService shop/web is \
                     ${TIMEOUT}, which is not known here"
    });
    assert!(told, "{:?}", platform.gaps);
}

#[test]
fn an_unknown_number_of_pods_is_no_number() {
    let platform = platform(MESH);
    let web = platform.workloads.values().next().unwrap();
    assert_eq!(web.replicas.value, None);
    assert_eq!(web.replicas.origin.location().unwrap().line, 9);
}

#[test]
fn what_is_no_variable_is_judged() {
    for wrong in ["soon", "$TIMEOUT", "'${TIMEOUT'"] {
        let platform = platform(&MESH.replace("${TIMEOUT}", wrong));
        assert_eq!(platform.refused.len(), 1, "{wrong}");
    }
}
