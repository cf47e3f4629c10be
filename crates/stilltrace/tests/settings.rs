//! `stilltrace settings` as its users see it.

#![allow(clippy::unwrap_used, reason = "a test fails where nothing is found")]

mod program;

use program::{Program, Run};

/// Two workloads and a rule, in one file.
const MESH: &str = r"apiVersion: v1
kind: Namespace
metadata: {name: shop, labels: {istio-injection: enabled}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: cart, namespace: shop}
spec:
  replicas: 2
  selector: {matchLabels: {app: cart}}
  template: {metadata: {labels: {app: cart}}, spec: {containers: [{name: app, image: cart}]}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: plain, namespace: other}
spec:
  selector: {matchLabels: {app: plain}}
  template: {metadata: {labels: {app: plain}}, spec: {containers: [{name: app, image: plain}]}}
---
apiVersion: v1
kind: Service
metadata: {name: cart, namespace: shop}
spec:
  selector: {app: cart}
  ports: [{name: http, port: 8080}, {name: http-admin, port: 9090}]
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: cart, namespace: shop}
spec:
  host: cart
  trafficPolicy:
    connectionPool:
      http:
        http1MaxPendingRequests: 7
";

fn ask(arguments: &[&str]) -> Run {
    let mut all = vec!["settings", "--repo", "-"];
    all.extend(arguments);
    Program::new().run_with_input(&all, MESH.as_bytes())
}

#[test]
fn a_table_names_the_line_of_every_value_and_marks_defaults() {
    let run = ask(&["cart", "cart:8080"]);
    assert_eq!((run.code, run.stderr.as_str()), (0, ""));
    assert!(run.stdout.starts_with("shop/cart → cart.shop.svc.cluster.local:8080  ("));
    let words = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
    let lines: Vec<String> = run.stdout.lines().map(words).collect();
    assert!(lines.contains(&"pending requests 7 stdin.yaml:35".to_owned()), "{}", run.stdout);
    assert!(lines.contains(&"connections unlimited Istio 1.31 default".to_owned()));
    assert!(!run.stdout.contains("9090"), "{}", run.stdout);
}

#[test]
fn names_are_understood_in_every_form() {
    let expected = ask(&["shop/cart", "shop/cart"]).stdout;
    assert!(expected.contains("9090"), "{expected}");
    for (source, destination) in [
        ("cart", "cart"),
        ("cart.shop", "cart.shop"),
        ("cart.shop.svc", "cart.shop.svc.cluster.local"),
        ("cart.shop.svc.cluster.local", "cart"),
        ("*", "cart"),
    ] {
        assert_eq!(ask(&[source, destination]).stdout, expected, "{source} {destination}");
    }
    assert_eq!(ask(&["cart", "cart", "-n", "shop"]).stdout, expected);
}

#[test]
fn names_that_are_not_there_are_explained() {
    for (arguments, message) in [
        (&["crat"][..], "there is no workload `crat`; did you mean `shop/cart`?"),
        (&["cart", "catr"], "there is no service `catr`; did you mean `shop/cart`?"),
        (&["cart", "cart:1"], "shop/cart has no port 1; it has 8080, 9090"),
        (&["cart", "cart:x"], "`x` is no port"),
        (&["cart", "-n", "other"], "there is no workload `cart`"),
        (&["plain"], "other/plain has no proxy"),
        (&["--rev", "HEAD"], "has no revisions"),
    ] {
        let run = ask(arguments);
        assert_eq!((run.code, run.stdout.as_str()), (2, ""), "{arguments:?}");
        assert!(run.stderr.contains(message), "{arguments:?}: {}", run.stderr);
    }
}

#[test]
fn json_is_one_document_with_origins() {
    let run = ask(&["-o", "json"]);
    assert_eq!((run.code, run.stderr.as_str()), (0, ""));
    let document: serde_json::Value = serde_json::from_str(&run.stdout).unwrap();
    let edge = &document["workloads"]["shop/cart"]["edges"]["cart.shop.svc.cluster.local|8080"];
    assert_eq!(edge["max_pending"], 7);
    assert_eq!(edge["origins"]["max_pending"]["line"], 35);
    let one = ask(&["cart", "cart:9090", "-o", "json"]);
    let document: serde_json::Value = serde_json::from_str(&one.stdout).unwrap();
    let edges = document["workloads"]["shop/cart"]["edges"].as_object().unwrap();
    assert_eq!(edges.keys().collect::<Vec<_>>(), ["cart.shop.svc.cluster.local|9090"]);
}

#[test]
fn the_mesh_configuration_may_come_from_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("mesh.yaml");
    std::fs::write(&file, "# ours\nconnectTimeout: 3s\n").unwrap();
    let file = file.to_str().unwrap();
    let run = ask(&["cart", "cart:8080", "-o", "json", "--mesh-config", file]);
    assert_eq!((run.code, run.stderr.as_str()), (0, ""));
    let document: serde_json::Value = serde_json::from_str(&run.stdout).unwrap();
    let edge = &document["workloads"]["shop/cart"]["edges"]["cart.shop.svc.cluster.local|8080"];
    assert_eq!(edge["connect_timeout_ms"], 3_000, "{edge}");
    let origin = &edge["origins"]["connect_timeout_ms"];
    assert_eq!((&origin["path"], &origin["line"]), (&file.into(), &2.into()));
}

#[test]
fn the_root_namespace_may_be_told() {
    let rule = MESH.replace(
        "{name: cart, namespace: shop}\nspec:\n  host: cart",
        "{name: cart, namespace: mesh-root}\nspec:\n  host: cart.shop.svc.cluster.local",
    );
    let pending = |arguments: &[&str]| {
        let mut all = vec!["settings", "--repo", "-", "-o", "json"];
        all.extend(arguments);
        let run = Program::new().run_with_input(&all, rule.as_bytes());
        let document: serde_json::Value = serde_json::from_str(&run.stdout).unwrap();
        document["workloads"]["shop/cart"]["edges"]["cart.shop.svc.cluster.local|8080"]["max_pending"].clone()
    };
    assert_eq!(pending(&[]), serde_json::Value::Null);
    assert_eq!(pending(&["--istio-namespace", "mesh-root"]), 7);
}

#[test]
fn a_cluster_that_is_not_there_is_explained() {
    let run = ask(&["--cluster", "west"]);
    assert_eq!((run.code, run.stdout.as_str()), (2, ""));
    assert!(run.stderr.contains("there is no cluster `west`"), "{}", run.stderr);
}

#[test]
fn what_admission_refuses_is_named_and_not_in_effect() {
    let mesh = MESH.replace("http1MaxPendingRequests: 7", "http1MaxPendingRequests: -7");
    let program = Program::new();
    let ask = |arguments: &[&str]| {
        let mut all = vec!["settings", "--repo", "-"];
        all.extend(arguments);
        program.run_with_input(&all, mesh.as_bytes())
    };
    let run = ask(&["-o", "json"]);
    let document: serde_json::Value = serde_json::from_str(&run.stdout).unwrap();
    let refused = &document["invalid"][0];
    assert_eq!(refused["object"]["kind"], "DestinationRule", "{refused}");
    assert_eq!((&refused["path"], &refused["line"]), (&"stdin.yaml".into(), &35.into()));
    let edge = &document["workloads"]["shop/cart"]["edges"]["cart.shop.svc.cluster.local|8080"];
    assert_eq!(edge.get("max_pending"), None);
    let table = ask(&["cart", "cart:8080"]).stdout;
    let start = "refused  stdin.yaml:35: DestinationRule shop/cart: ";
    assert!(table.starts_with(start), "{table}");
}

#[test]
fn a_file_that_cannot_be_read_costs_that_file_only() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("mesh.yaml"), MESH).unwrap();
    std::fs::write(folder.path().join("broken.yaml"), "a: [1\n").unwrap();
    std::fs::write(folder.path().join("latin.yaml"), b"a: \xff\n").unwrap();
    let path = folder.path().to_str().unwrap();
    let run = Program::new().run(&["settings", "cart", "cart:8080", "--repo", path]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert!(run.stdout.contains("mesh.yaml:35"), "{}", run.stdout);
    for broken in ["broken.yaml", "latin.yaml"] {
        assert!(run.stdout.contains(&format!("not read  {broken}")), "{}", run.stdout);
    }
}
