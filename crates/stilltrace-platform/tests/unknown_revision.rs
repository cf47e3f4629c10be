//! Labels that name a revision of istiod which nothing installs.

#![allow(clippy::unwrap_used, reason = "a failed test may panic")]

use stilltrace_manifest::MemoryTree;
use stilltrace_platform::{ParseCache, read};

/// What is said of pods of a namespace with this label, beside these installations.
fn told(label: &str, installed: &str) -> Vec<String> {
    let mesh = format!(
        "apiVersion: v1\nkind: Namespace\nmetadata: {{name: s, labels: {{istio.io/rev: {label}}}}}\n\
         ---\napiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: web, namespace: s}}\n\
         spec: {{template: {{metadata: {{labels: {{app: web}}}}, spec: {{containers: [{{name: c, image: i}}]}}}}}}\n"
    );
    let tree = MemoryTree::new().with("a.yaml", &mesh).with("istio.yaml", installed);
    let platform = read(&tree, &mut ParseCache::new());
    let gaps = platform.gaps.iter().map(|gap| gap.what.clone());
    gaps.filter(|what| what.contains("asks for the istiod revision")).collect()
}

const STABLE: &str = "\
apiVersion: v1
kind: ConfigMap
metadata: {name: istio-stable, namespace: istio-system}
data: {mesh: 'connectTimeout: 1s'}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: istio-ca-root-cert, namespace: istio-system}
data: {root-cert.pem: x}
---
apiVersion: admissionregistration.k8s.io/v1
kind: MutatingWebhookConfiguration
metadata: {name: istio-revision-tag-prod, labels: {istio.io/rev: stable, istio.io/tag: prod}}
";

#[test]
fn a_revision_that_nothing_installs_is_named_with_those_that_are() {
    let expected = "a.yaml:3:44: Deployment s/web asks for the istiod revision stabel, which \
                    nothing that was read installs, only stable";
    assert_eq!(told("stabel", STABLE), [expected]);
}

#[test]
fn revisions_and_tags_that_are_installed_are_not_named() {
    assert_eq!(told("stable", STABLE), [""; 0]);
    assert_eq!(told("prod", STABLE), [""; 0]);
    assert_eq!(told("stabel", ""), [""; 0], "nothing about Istio was read");
    let sail =
        "---\napiVersion: sailoperator.io/v1\nkind: Istio\nmetadata: {name: default}\nspec: {}\n";
    assert_eq!(told("default-v1-31-0", &format!("{STABLE}{sail}")), [""; 0]);
}

/// What is said of a virtual service with this line of metadata, beside pods of the revision `stable`.
fn told_of_rule(label: &str) -> Vec<String> {
    let mesh = format!(
        "apiVersion: v1\nkind: Namespace\nmetadata: {{name: s, labels: {{istio.io/rev: prod}}}}\n\
         ---\napiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: web, namespace: s}}\n\
         spec: {{template: {{metadata: {{labels: {{app: web}}}}, spec: {{containers: [{{name: c, image: i}}]}}}}}}\n\
         ---\napiVersion: networking.istio.io/v1\nkind: VirtualService\n\
         metadata: {{name: web, namespace: s{label}}}\n\
         spec: {{hosts: [web.example], http: [{{timeout: 1s, route: [{{destination: {{host: web.example}}}}]}}]}}\n"
    );
    let tree = MemoryTree::new().with("a.yaml", &mesh).with("istio.yaml", STABLE);
    let platform = read(&tree, &mut ParseCache::new());
    let gaps = platform.gaps.iter().map(|gap| gap.what.clone());
    gaps.filter(|what| what.contains("for the istiod revision")).collect()
}

#[test]
fn a_rule_for_a_revision_without_pods_is_named() {
    let expected = "a.yaml:12:60: VirtualService s/web is for the istiod revision canary alone, and \
                    the pods that were read have stable";
    assert_eq!(told_of_rule(", labels: {istio.io/rev: canary}"), [expected]);
    // A tag is for pods and namespaces; an object has to name the revision itself.
    assert_eq!(told_of_rule(", labels: {istio.io/rev: prod}").len(), 1);
    assert_eq!(told_of_rule(", labels: {istio.io/rev: stable}"), [""; 0]);
    assert_eq!(told_of_rule(""), [""; 0]);
}
