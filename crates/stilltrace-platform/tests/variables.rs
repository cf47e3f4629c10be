//! Values that something outside of the repository puts in.

#![allow(clippy::unwrap_used, reason = "a failed test may panic")]

use std::collections::BTreeSet;

use stilltrace_manifest::yaml::parse;
use stilltrace_manifest::{Budget, MemoryTree, Node, Value};
use stilltrace_model::{Origin, Platform};
use stilltrace_platform::{Options, ParseCache, read, read_all};

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

/// What the field of an accepted object decides about other fields is as unknown as the field.
#[test]
fn no_accepted_object_is_refused_for_a_variable_in_one_of_its_fields() {
    let corpora =
        [include_str!("admission/objects.yaml"), include_str!("admission/gateway_api.yaml")];
    let mut wrong = BTreeSet::new();
    let mut tried = 0;
    for objects in corpora {
        for text in objects.split("\n---\n") {
            if !platform(text).refused.is_empty() {
                continue;
            }
            for changed in with_one_variable(text) {
                tried += 1;
                for refusal in self::platform(&changed).refused {
                    wrong.insert(format!(
                        "{} {}: {}",
                        refusal.object, refusal.field, refusal.message
                    ));
                }
            }
        }
    }
    assert!(tried > 1_000);
    assert!(wrong.is_empty(), "{} of {tried}: {wrong:#?}", wrong.len());
}

/// The object once for each value of its specification, with a variable in the value's place.
fn with_one_variable(text: &str) -> Vec<String> {
    let parsed = parse("a.yaml", text.as_bytes(), &Budget::default());
    let Some(document) = parsed.documents.first() else { return Vec::new() };
    let Some(spec) = document.root.get("spec") else { return Vec::new() };
    let head = document.root.entries().iter().filter(|entry| entry.key != "spec");
    let head: Vec<String> =
        head.map(|entry| format!("{}: {}\n", entry.key, flow(&entry.value, &mut 0))).collect();
    let mut found = Vec::new();
    for number in 1.. {
        let mut left = number;
        let spec = flow(spec, &mut left);
        if left > 0 {
            break;
        }
        found.push(format!("{}spec: {spec}\n", head.concat()));
    }
    found
}

/// A value in one line, with a variable where `left`, less one for each value, comes to nothing.
fn flow(node: &Node, left: &mut usize) -> String {
    let mut inner = |node: &Node| {
        let before = *left;
        *left = left.saturating_sub(1);
        if before == 1 { "'${V}'".to_owned() } else { flow(node, left) }
    };
    match &node.value {
        Value::Mapping(entries) => {
            let entries =
                entries.iter().map(|entry| format!("{:?}: {}", entry.key, inner(&entry.value)));
            format!("{{{}}}", entries.collect::<Vec<_>>().join(", "))
        }
        Value::Sequence(items) => {
            format!("[{}]", items.iter().map(inner).collect::<Vec<_>>().join(", "))
        }
        Value::Scalar(_) if node.as_str().is_some() => format!("{:?}", node.as_str().unwrap()),
        Value::Scalar(scalar) => scalar.text.to_string(),
        Value::Null => "null".to_owned(),
    }
}

#[test]
fn a_rule_across_fields_waits_for_the_value_of_a_variable() {
    let spec = "hosts: [web]\n  http:\n  - route:\n    - {destination: {host: web}, weight: 0}\n    \
                - {destination: {host: web}, weight: WEIGHT}\n    retries: {attempts: 0, retryOn: ON}\n";
    let object = "apiVersion: networking.istio.io/v1\nkind: VirtualService\n\
                  metadata: {name: web, namespace: shop}\nspec:\n  ";
    let refused = |weight: &str, on: &str| {
        let spec = spec.replace("WEIGHT", weight).replace("ON", on);
        platform(&format!("{object}{spec}")).refused.len()
    };
    assert_eq!(refused("'${W}'", "'${C}'"), 0);
    assert_eq!(refused("0", "'${C}'"), 1);
    assert_eq!(refused("'${W}'", "5xx"), 1);
}

#[test]
fn variables_come_from_the_file_of_the_own_cluster() {
    let apps = |cluster: &str| {
        format!(
            "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\n\
             metadata: {{name: apps, namespace: flux-system}}\n\
             spec: {{path: ./apps/{cluster}, prune: true, sourceRef: {{kind: GitRepository, name: \
             flux-system}}, postBuild: {{substituteFrom: [{{kind: ConfigMap, name: vars}}]}}}}\n"
        )
    };
    let vars = |timeout: &str| {
        format!(
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: vars, namespace: flux-system}}\n\
             data: {{TIMEOUT: {timeout}, R: '1'}}\n"
        )
    };
    let mut tree = MemoryTree::new().with("base/kustomization.yaml", "resources: [mesh.yaml]\n");
    tree.insert("base/mesh.yaml", MESH.as_bytes().to_vec());
    for (cluster, timeout) in [("eu", "4s"), ("us", "1s")] {
        let overlay = "resources: [../../base]\n";
        tree.insert(format!("apps/{cluster}/kustomization.yaml"), overlay.as_bytes().to_vec());
        tree.insert(format!("clusters/{cluster}/apps.yaml"), apps(cluster).into_bytes());
        tree.insert(format!("clusters/{cluster}/vars.yaml"), vars(timeout).into_bytes());
    }
    let clusters = read_all(&tree, &mut ParseCache::new(), &Options::default());
    let timeouts: Vec<(String, String)> = clusters
        .iter()
        .filter_map(|cluster| {
            let edge = cluster.platform.edges.values().next()?;
            Some((cluster.name.clone(), edge.routes[0].timeout.origin.to_string()))
        })
        .collect();
    let expected = [("eu", "clusters/eu/vars.yaml:4:17"), ("us", "clusters/us/vars.yaml:4:17")];
    assert_eq!(timeouts, expected.map(|(name, at)| (name.to_owned(), at.to_owned())));
}
