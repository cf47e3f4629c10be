//! A revision as the cluster gets it: the applied folders, built and written as plain manifests.

use std::path::Path;

use serde_json::{Map, Number, Value, json};
use stilltrace_manifest::yaml::{Node, Resolved};
use stilltrace_manifest::{MemoryTree, kustomize};

/// Builds each of `applied` and writes its objects to one file in `folder`.
///
/// Documents are JSON, which is YAML too. Which folders are applied is the generator's word, so
/// that a folder which our reader overlooks is a disagreement.
pub(crate) fn write(tree: &MemoryTree, applied: &[String], folder: &Path) {
    std::fs::create_dir_all(folder).unwrap();
    for (index, path) in applied.iter().enumerate() {
        let build = kustomize::build(tree, path);
        assert_eq!(build.problems, Vec::new(), "{path}");
        assert!(!build.objects.is_empty(), "{path}");
        let documents: Vec<String> =
            build.objects.iter().map(|object| admitted(json(&object.root)).to_string()).collect();
        std::fs::write(folder.join(format!("{index}.yaml")), documents.join("\n---\n")).unwrap();
    }
}

/// The object with the defaults of an API server that Istio counts on: a port's protocol, without
/// which no named target port is found.
fn admitted(mut object: Value) -> Value {
    let containers = object.pointer_mut("/spec/template/spec/containers");
    for container in containers.and_then(Value::as_array_mut).into_iter().flatten() {
        for port in container["ports"].as_array_mut().into_iter().flatten() {
            let port = port.as_object_mut().unwrap();
            port.entry("protocol").or_insert_with(|| "TCP".into());
        }
    }
    object
}

/// A tree without its positions.
fn json(node: &Node) -> Value {
    match &node.value {
        stilltrace_manifest::Value::Sequence(items) => items.iter().map(json).collect(),
        stilltrace_manifest::Value::Mapping(entries) => {
            let entries = entries.iter().map(|entry| (entry.key.to_string(), json(&entry.value)));
            Value::Object(entries.collect::<Map<String, Value>>())
        }
        stilltrace_manifest::Value::Null | stilltrace_manifest::Value::Scalar(_) => scalar(node),
    }
}

/// What a scalar means in YAML 1.2's core schema.
fn scalar(node: &Node) -> Value {
    match node.resolved() {
        Some(Resolved::Bool(value)) => value.into(),
        Some(Resolved::Int(value)) => value.into(),
        Some(Resolved::Float(value)) => Number::from_f64(value).map_or(Value::Null, Value::from),
        Some(Resolved::Text) => json!(node.text()),
        Some(Resolved::Null) | None => Value::Null,
    }
}
