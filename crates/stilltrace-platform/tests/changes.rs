//! Changes of settings between two revisions, each at the line that changed.

#![allow(clippy::unwrap_used, reason = "a failed test may panic")]

use stilltrace_manifest::MemoryTree;
use stilltrace_platform::{ParseCache, compare, read};

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
metadata: {name: cart, namespace: shop}
spec: {ports: [{name: http, port: 80}]}
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: cart, namespace: shop}
spec:
  host: cart
  trafficPolicy:
    connectionPool:
      http:
        h2UpgradePolicy: DEFAULT
  subsets:
    - name: v1
      labels: {version: v1}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: cart, namespace: shop}
spec:
  hosts: [cart]
  http:
    - fault:
        delay:
          fixedDelay: 3s
          percentage:
            value: 1
      route:
        - destination: {host: cart, subset: v1}
";

/// What differs once a text of the mesh is another one, with the line of it.
fn after_replacing(old: &str, new: &str) -> Vec<String> {
    assert_eq!(MESH.matches(old).count(), 1, "the text must be there once");
    let platform = |text: &str| {
        let tree = MemoryTree::new().with("mesh.yaml", text);
        read(&tree, &mut ParseCache::new())
    };
    let changes = compare(&platform(MESH), &platform(&MESH.replace(old, new)));
    let told = changes.iter().map(|change| {
        let line = change.origin_after.location().unwrap().line as usize;
        let written = MESH.lines().nth(line - 1).unwrap().trim();
        format!("{}: {} -> {} at `{written}`", change.setting, change.before, change.after)
    });
    told.collect()
}

#[test]
fn a_share_of_faults_changes_at_its_own_line() {
    assert_eq!(
        after_replacing("value: 1", "value: 100"),
        ["fault.delay.percentage: 1% -> 100% at `value: 1`"]
    );
    assert_eq!(after_replacing("3s", "5s"), ["fault.delay: 3s -> 5s at `fixedDelay: 3s`"]);
}

#[test]
fn labels_of_a_subset_are_a_setting() {
    assert_eq!(
        after_replacing("{version: v1}", "{version: v2}"),
        ["subset[v1].labels: version=v1 -> version=v2 at `labels: {version: v1}`"]
    );
}

#[test]
fn an_upgrade_to_http_2_is_a_setting() {
    assert_eq!(
        after_replacing("DEFAULT", "UPGRADE"),
        [
            "pool.h2UpgradePolicy: unset -> always at `h2UpgradePolicy: DEFAULT`",
            "subset[v1].pool.h2UpgradePolicy: unset -> always at `h2UpgradePolicy: DEFAULT`",
        ]
    );
}
