//! A mesh in which every proxy sees every service has as many edges as the product of both; beyond a
//! limit the rest is a gap.

use std::fmt::Write as _;

use stilltrace_manifest::MemoryTree;
use stilltrace_platform::{ParseCache, read};

/// Services, each with a workload: 57,600 edges.
const SERVICES: usize = 240;
/// Edges that are computed, at most.
const LIMIT: usize = 50_000;

#[test]
fn proxies_beyond_the_limit_have_no_edges_and_are_named() {
    let mut mesh =
        "{apiVersion: v1, kind: Namespace, metadata: {name: shop, labels: {istio-injection: enabled}}}\n"
            .to_owned();
    for number in 0..SERVICES {
        let _ = write!(
            mesh,
            "---
apiVersion: apps/v1
kind: Deployment
metadata: {{name: s{number:03}, namespace: shop}}
spec: {{template: {{metadata: {{labels: {{app: s{number:03}}}}}, spec: {{containers: [{{name: c, image: i}}]}}}}}}
---
{{apiVersion: v1, kind: Service, metadata: {{name: s{number:03}, namespace: shop}},
  spec: {{selector: {{app: s{number:03}}}, ports: [{{name: http, port: 80}}]}}}}
"
        );
    }
    let platform = read(&MemoryTree::new().with("mesh.yaml", &mesh), &mut ParseCache::new());
    let complete = LIMIT / SERVICES;
    assert_eq!(platform.edges.len(), complete * SERVICES);
    let has_edges = |number: usize| {
        let name = format!("s{number:03}");
        platform.edges.keys().any(|edge| edge.source.name == name)
    };
    assert!(has_edges(complete - 1) && !has_edges(complete));
    let named = platform.gaps.iter().filter(|gap| gap.what.starts_with("calls of shop/"));
    assert_eq!(named.count(), SERVICES - complete);
    assert_eq!(platform.workloads.len(), SERVICES, "the workloads are there all the same");
}
