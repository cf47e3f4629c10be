//! What is said of routes that virtual services leave to others.

#![allow(clippy::unwrap_used, reason = "a failed test may panic")]

use stilltrace_manifest::MemoryTree;
use stilltrace_platform::{ParseCache, read};

const MESH: &str = "\
apiVersion: v1
kind: Namespace
metadata: {name: s, labels: {istio-injection: enabled}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: s}
spec: {template: {metadata: {labels: {app: web}}, spec: {containers: [{name: c, image: i}]}}}
---
apiVersion: v1
kind: Service
metadata: {name: w, namespace: s}
spec: {selector: {app: w}, ports: [{name: http, port: 80}]}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: root, namespace: s}
spec:
  hosts: [w]
  http:
  - match: [{uri: {prefix: /a}}]
    delegate: {name: leaf, namespace: t}
";

/// The gaps about a root with this delegate.
fn told(delegate: &str) -> String {
    let tree = MemoryTree::new().with("a.yaml", MESH).with("leaf.yaml", delegate);
    let platform = read(&tree, &mut ParseCache::new());
    let told = platform.gaps.iter().filter(|gap| gap.why.contains("leaves the route out"));
    let lines: Vec<String> =
        told.map(|gap| format!("{} | {} | {}\n", gap.what, gap.why, gap.remedy)).collect();
    lines.concat()
}

fn leaf(spec: &str) -> String {
    format!(
        "apiVersion: networking.istio.io/v1\nkind: VirtualService\n\
         metadata: {{name: leaf, namespace: t}}\nspec:\n{spec}"
    )
}

#[test]
fn a_delegate_that_cannot_take_the_route_is_told_with_the_reason() {
    let place =
        "a.yaml:22:15: VirtualService s/root: the route delegates, and VirtualService t/leaf";
    let missing = told("");
    assert!(missing.starts_with(&format!("{place} is not there | ")), "{missing}");
    let hosts = told(&leaf(
        "  hosts: [w.s.svc.cluster.local]\n  http: [{route: [{destination: {host: w}}]}]\n",
    ));
    assert!(hosts.starts_with(&format!("{place} has hosts, so it is no delegate | ")), "{hosts}");
    let kept = told(&leaf(
        "  exportTo: ['.']\n  http: [{route: [{destination: {host: w.s.svc.cluster.local}}]}]\n",
    ));
    assert!(kept.starts_with(&format!("{place} is not exported to s | ")), "{kept}");
    assert!(kept.ends_with("add `s` to its exportTo\n"), "{kept}");
}

#[test]
fn a_route_that_contradicts_the_one_that_delegates_is_named() {
    let route = |prefix: &str| {
        format!(
            "  http:\n  - match: [{{uri: {{prefix: {prefix}}}}}]\n    \
             route: [{{destination: {{host: w.s.svc.cluster.local}}}}]\n"
        )
    };
    assert_eq!(told(&leaf(&route("/a/b"))), "");
    let contradicting = told(&leaf(&route("/zzz")));
    assert!(
        contradicting.starts_with("leaf.yaml:6:5: VirtualService t/leaf: the route's match"),
        "{contradicting}"
    );
}
