//! Conflicts that only creation times decide: both outcomes without them, one with them.

#![allow(clippy::unwrap_used, reason = "a failed test may panic")]

use serde_json::{Value, json};
use stilltrace_manifest::MemoryTree;
use stilltrace_platform::{ParseCache, read};
use stilltrace_report::settings;

const MESH: &str = "\
apiVersion: v1
kind: Namespace
metadata: {name: shop, labels: {istio-injection: enabled}}
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
";

/// The document of the mesh with more objects.
fn document(objects: &[String]) -> Value {
    let text = format!("{MESH}---\n{}", objects.join("---\n"));
    let mut tree = MemoryTree::new();
    tree.insert("mesh.yaml", text.into_bytes());
    settings::document(&read(&tree, &mut ParseCache::new()))
}

fn rule(name: &str, created: &str, limit: u32) -> String {
    format!(
        "apiVersion: networking.istio.io/v1\nkind: DestinationRule\n\
         metadata: {{name: {name}, namespace: shop{created}}}\n\
         spec: {{host: web, trafficPolicy: {{connectionPool: {{tcp: {{maxConnections: {limit}}}}}}}}}\n"
    )
}

fn edge(document: &Value) -> Value {
    document["workloads"]["shop/web"]["edges"]["web.shop.svc.cluster.local|80"].clone()
}

#[test]
fn rules_of_unknown_age_give_both_limits_with_their_lines() {
    let edge = edge(&document(&[rule("a", "", 5), rule("b", "", 7)]));
    assert_eq!((&edge["max_connections"], &edge["dr"]), (&json!(5), &json!("shop/a")));
    let other = &edge["depends_on_age"][0];
    assert_eq!((&other["max_connections"], &other["dr"]), (&json!(7), &json!("shop/b")));
    let line = |edge: &Value| edge["origins"]["max_connections"]["line"].as_u64().unwrap();
    assert_eq!(line(other), line(&edge) + 5);
}

#[test]
fn of_many_rules_of_unknown_age_every_one_is_shown_as_the_winner() {
    let names = ["a", "b", "c", "d"];
    let rules: Vec<String> = names.iter().zip(1..).map(|(name, at)| rule(name, "", at)).collect();
    let edge = edge(&document(&rules));
    let others = edge["depends_on_age"].as_array().unwrap();
    let mut winners: Vec<&str> = others.iter().map(|other| other["dr"].as_str().unwrap()).collect();
    winners.push(edge["dr"].as_str().unwrap());
    winners.sort_unstable();
    assert_eq!(winners, ["shop/a", "shop/b", "shop/c", "shop/d"]);
    for other in others {
        assert_eq!(
            other["origins"]["max_connections"]["object"]["name"],
            other["dr"].as_str().unwrap()[5..]
        );
    }
}

#[test]
fn a_known_age_competes_with_every_unknown_one() {
    let dated = rule("b", ", creationTimestamp: '2026-01-01T00:00:00Z'", 2);
    let edge = edge(&document(&[rule("a", "", 1), dated, rule("c", "", 3)]));
    let others = edge["depends_on_age"].as_array().unwrap();
    let winners: Vec<&Value> = others.iter().map(|other| &other["max_connections"]).collect();
    assert_eq!((&edge["max_connections"], winners), (&json!(1), vec![&json!(2), &json!(3)]));
}

#[test]
fn of_many_routes_for_a_host_every_one_is_shown_once() {
    let route = |name: &str, time: &str| {
        format!(
            "apiVersion: networking.istio.io/v1\nkind: VirtualService\n\
             metadata: {{name: {name}, namespace: shop}}\n\
             spec: {{hosts: [web], http: [{{timeout: {time}, route: [{{destination: {{host: web}}}}]}}]}}\n"
        )
    };
    let document = document(&[route("a", "1s"), route("b", "2s"), route("c", "3s")]);
    let host = &document["workloads"]["shop/web"]["http"]["80"]["web.shop.svc.cluster.local"][0];
    let others = host["depends_on_age"].as_array().unwrap();
    let winners: Vec<&Value> = others.iter().map(|other| &other["vs"]).collect();
    assert_eq!(
        (&host["vs"], winners),
        (&json!("shop/a"), vec![&json!("shop/b"), &json!("shop/c")])
    );
}

#[test]
fn creation_times_decide() {
    let at = |day: u32| format!(", creationTimestamp: '2026-01-0{day}T00:00:00Z'");
    let edge = edge(&document(&[rule("a", &at(2), 5), rule("b", &at(1), 7)]));
    assert_eq!(edge["max_connections"], json!(7));
    assert_eq!(edge.get("depends_on_age"), None);
}

#[test]
fn rules_that_agree_in_everything_but_name_differ_in_the_name() {
    let edge = edge(&document(&[rule("a", "", 5), rule("b", "", 5)]));
    assert_eq!(edge["depends_on_age"][0]["dr"], json!("shop/b"));
}

#[test]
fn a_mesh_without_conflicts_depends_on_no_age() {
    let document = document(&[rule("a", "", 5)]);
    assert!(!document.to_string().contains("depends_on_age"), "{document}");
}

#[test]
fn sidecars_of_unknown_age_give_both_views() {
    let sidecar = |name: &str, hosts: &str| {
        format!(
            "apiVersion: networking.istio.io/v1\nkind: Sidecar\n\
             metadata: {{name: {name}, namespace: shop}}\nspec: {{egress: [{{hosts: ['{hosts}']}}]}}\n"
        )
    };
    let document = document(&[sidecar("a", "./*"), sidecar("b", "other/*")]);
    let web = &document["workloads"]["shop/web"];
    assert_eq!(web["sidecar"], json!("shop/a"));
    assert_eq!(web["depends_on_age"], json!([{"sidecar": "shop/b", "edges": []}]));
}

#[test]
fn services_that_share_a_port_of_the_pods_give_both_protocols() {
    let second = "apiVersion: v1\nkind: Service\nmetadata: {name: z, namespace: shop}\n\
                  spec: {selector: {app: web}, ports: [{name: tcp, port: 80}]}\n";
    let document = document(&[second.to_owned()]);
    let port = &document["workloads"]["shop/web"]["inbound"]["80"];
    assert_eq!(port["retries"]["n"], json!(2));
    assert_eq!(port["depends_on_age"][0].get("retries"), None);
}
