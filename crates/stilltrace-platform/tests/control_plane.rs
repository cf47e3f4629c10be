//! What the control plane reads, and what it is told about networks.

#![allow(clippy::unwrap_used, reason = "a failed test may panic")]

use serde_json::Value;
use stilltrace_manifest::MemoryTree;
use stilltrace_platform::{ParseCache, read};
use stilltrace_report::settings;

const MESH: &str = "\
apiVersion: v1
kind: Namespace
metadata: {name: shop, labels: {istio-injection: enabled, mesh: \"on\"}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop}
spec: {template: {metadata: {labels: {app: web}}, spec: {containers: [{name: c, image: x}]}}}
---
apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop}
spec: {selector: {app: web}, ports: [{name: http, port: 80}]}
---
apiVersion: v1
kind: Namespace
metadata: {name: far}
---
apiVersion: v1
kind: Service
metadata: {name: db, namespace: far}
spec: {ports: [{name: http, port: 80}]}
---
apiVersion: v1
kind: Service
metadata: {name: db, namespace: unwritten}
spec: {ports: [{name: http, port: 80}]}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: istio, namespace: istio-system}
data:
";

fn document(config: &str) -> Value {
    let mut tree = MemoryTree::new();
    tree.insert("mesh.yaml", format!("{MESH}{config}").into_bytes());
    settings::document(&read(&tree, &mut ParseCache::new()))
}

fn hosts(document: &Value) -> Vec<&str> {
    let edges = document["workloads"]["shop/web"]["edges"].as_object().unwrap();
    edges.keys().map(|key| key.split('.').nth(1).unwrap()).collect()
}

fn gaps(document: &Value) -> String {
    document["gaps"].to_string()
}

#[test]
fn services_of_namespaces_that_no_selector_selects_are_not_seen() {
    let document =
        document("  mesh: |\n    discoverySelectors:\n    - matchLabels: {mesh: \"on\"}\n");
    assert_eq!(hosts(&document), ["unwritten", "shop"]);
    assert!(gaps(&document).contains("whether istiod reads the namespace unwritten"));
}

#[test]
fn a_selector_by_name_decides_for_namespaces_that_git_does_not_hold() {
    let document = document(
        "  mesh: |\n    discoverySelectors:\n    - matchExpressions:\n      \
         - {key: kubernetes.io/metadata.name, operator: NotIn, values: [unwritten]}\n",
    );
    assert_eq!(hosts(&document), ["far", "shop"]);
    assert!(!gaps(&document).contains("unwritten"), "{}", gaps(&document));
}

#[test]
fn without_selectors_every_namespace_is_read() {
    assert_eq!(hosts(&document("  mesh: |\n    enableAutoMtls: true\n")).len(), 3);
}

#[test]
fn networks_of_the_mesh_are_a_gap_with_their_place() {
    let networks = "  meshNetworks: |\n    networks:\n      west: {endpoints: [], gateways: []}\n";
    let place = format!("mesh.yaml:{}:17: meshNetworks is not evaluated", MESH.lines().count() + 1);
    let gaps_with = gaps(&document(networks));
    assert!(gaps_with.contains(&place), "{gaps_with}");
    let none = "  meshNetworks: \"networks: {}\"\n";
    assert!(!gaps(&document(none)).contains("meshNetworks"));
}
