//! Fields that only one channel of the Gateway API has.

#![allow(clippy::unwrap_used, reason = "a failed test may panic")]

use stilltrace_manifest::MemoryTree;
use stilltrace_model::Platform;
use stilltrace_platform::{ParseCache, read};

const MESH: &str = "\
apiVersion: v1
kind: Namespace
metadata: {name: shop, labels: {istio-injection: enabled}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop}
spec: {template: {metadata: {labels: {app: web}}, spec: {containers: [{name: c, image: i}]}}}
---
apiVersion: v1
kind: Service
metadata: {name: bank, namespace: shop}
spec: {selector: {app: bank}, ports: [{name: http, port: 80}]}
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: bank, namespace: shop}
spec:
  parentRefs: [{group: '', kind: Service, name: bank}]
  rules:
  - backendRefs: [{name: bank, port: 80}]
    retry:
      attempts: 7
---
";

/// A definition whose rules have these fields.
fn definition(fields: &str) -> String {
    format!(
        "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\n\
         metadata: {{name: httproutes.gateway.networking.k8s.io}}\nspec:\n  \
         group: gateway.networking.k8s.io\n  names: {{kind: HTTPRoute}}\n  versions:\n  \
         - name: v1\n    schema: {{openAPIV3Schema: {{type: object, properties: {{spec: {{\
         type: object, properties: {{rules: {{type: array, items: {{type: object, \
         properties: {{{fields}}}}}}}}}}}}}}}}}\n"
    )
}

/// The tries of the call, the line they come from, and whether a gap speaks of the channel.
fn tries(definition: &str) -> (Platform, u32, Option<u32>, bool) {
    let tree = MemoryTree::new().with("a.yaml", MESH).with("crd.yaml", definition);
    let platform = read(&tree, &mut ParseCache::new());
    let edge = platform.edges.values().find(|edge| edge.id.destination.name == "bank").unwrap();
    let attempts = edge.routes[0].retries.attempts.clone();
    let line = attempts.origin.location().map(|place| place.line);
    let told = platform.gaps.iter().any(|gap| gap.what.contains("experimental channel"));
    (platform, attempts.value, line, told)
}

#[test]
fn retries_of_a_route_count_where_the_definition_has_them() {
    let (_, attempts, line, told) = tries(&definition("retry: {type: object}"));
    assert_eq!((attempts, line, told), (7, Some(23), false));
}

#[test]
fn retries_that_the_api_server_drops_are_not_in_effect() {
    let (platform, attempts, line, told) = tries(&definition("timeouts: {type: object}"));
    assert_eq!((attempts, line, told), (2, None, false));
    assert!(platform.gaps.iter().any(|gap| gap.what.contains("retry")), "{:?}", platform.gaps);
}

#[test]
fn retries_of_a_route_are_doubtful_where_the_channel_is_unknown() {
    let (_, attempts, line, told) = tries("");
    assert_eq!((attempts, line, told), (7, Some(23), true));
}
