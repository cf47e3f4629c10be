//! What `stilltrace settings` must say, and must not claim, about a mesh.

#![allow(clippy::unwrap_used, reason = "a test fails where nothing is found")]

mod program;

#[path = "settings_answers/ambient.rs"]
mod ambient;
#[path = "settings_answers/dangling.rs"]
mod dangling;
#[path = "settings_answers/gateways.rs"]
mod gateways;
#[path = "settings_answers/hazards.rs"]
mod hazards;
#[path = "settings_answers/patches.rs"]
mod patches;
#[path = "settings_answers/pods.rs"]
mod pods;
#[path = "settings_answers/reading.rs"]
mod reading;
#[path = "settings_answers/remedies.rs"]
mod remedies;
#[path = "settings_answers/wording.rs"]
mod wording;

use program::{Program, Run};
use serde_json::Value;

/// A namespace with a proxy in every pod, a caller and a server with two ports.
const MESH: &str = r"apiVersion: v1
kind: Namespace
metadata: {name: shop, labels: {istio-injection: enabled}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop}
spec:
  replicas: 1
  template: {metadata: {labels: {app: web}}, spec: {containers: [{name: app, image: web}]}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: cart, namespace: shop}
spec:
  replicas: 2
  template: {metadata: {labels: {app: cart}}, spec: {containers: [{name: app, image: cart}]}}
---
apiVersion: v1
kind: Service
metadata: {name: cart, namespace: shop}
spec:
  selector: {app: cart}
  ports: [{name: http, port: 80}, {name: http-admin, port: 90}]
---
";

/// Asks about the mesh with more objects.
fn ask(objects: &str, arguments: &[&str]) -> Run {
    let mut all = vec!["settings", "--repo", "-"];
    all.extend(arguments);
    let run = Program::new().run_with_input(&all, format!("{MESH}{objects}").as_bytes());
    assert_eq!(run.code, 0, "{}", run.stderr);
    run
}

/// The text of the answer with every run of spaces and line breaks as one space.
fn said(objects: &str, arguments: &[&str]) -> String {
    ask(objects, arguments).stdout.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The answer as JSON.
fn json(objects: &str, arguments: &[&str]) -> Value {
    let mut all = arguments.to_vec();
    all.extend(["-o", "json"]);
    serde_json::from_str(&ask(objects, &all).stdout).unwrap()
}

/// The line in the file of a line of the further objects, both counted from 1.
fn line(of_objects: usize) -> usize {
    MESH.lines().count() + of_objects
}
