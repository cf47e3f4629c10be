//! All fields of a rendered folder with their origins, for programs.

use serde_json::{Value, json};
use stilltrace_manifest::{Derivation, Mark, Node, Object, kustomize::Rendered, yaml::Resolved};

use super::{
    origins::{overrode, parts},
    roots::Root,
};

/// Name of the format.
const SCHEMA: &str = "stilltrace.render/v1";

/// Fields of a `Secret` whose values this list, which people keep and pass on, leaves out.
const HIDDEN: [&str; 2] = ["data", "stringData"];

/// The document, ending with a line break.
pub(super) fn document(root: &Root, rendered: &Rendered) -> String {
    let objects: Vec<Value> = rendered.objects.iter().map(object).collect();
    let document = json!({ "schema": SCHEMA, "folder": root.dir, "objects": objects });
    format!("{document:#}\n")
}

fn object(object: &Object) -> Value {
    let is_secret = object.kind() == "Secret" && object.api_version() == "v1";
    let leaves = object.root.leaves().into_iter();
    let fields: Vec<Value> = leaves
        .map(|(path, node)| {
            let mut field = field(&path, node);
            if is_secret && HIDDEN.iter().any(|hidden| path.starts_with(hidden)) {
                field["value"] = Value::Null;
                field["hidden"] = json!(true);
            }
            field
        })
        .collect();
    json!({
        "apiVersion": object.api_version(),
        "kind": object.kind(),
        "namespace": object.namespace(),
        "name": object.name(),
        "fields": fields,
    })
}

fn field(path: &str, node: &Node) -> Value {
    let mut field = place(&node.mark);
    field["field"] = json!(path);
    field["value"] = value(node);
    field["how"] = json!(how(node.derivation()));
    // The nearest first, here and among those that lost.
    field["with"] = parts(node).into_iter().map(place).collect();
    field["overrode"] = overrode(node).into_iter().map(place).collect();
    field
}

/// One word for how a value came from its line; part of the format.
fn how(derivation: Derivation) -> &'static str {
    match derivation {
        Derivation::Written => "written",
        Derivation::Extended => "extended",
        Derivation::Hashed => "hashed",
        Derivation::Image => "image",
        Derivation::Part => "part",
        Derivation::Pair => "pair",
        Derivation::Content => "content",
        Derivation::Encoded => "encoded",
        Derivation::Generated => "generated",
        Derivation::Stamped => "stamped",
        Derivation::Substituted => "substituted",
        Derivation::Templated => "templated",
        _ => "derived",
    }
}

fn value(node: &Node) -> Value {
    match node.resolved() {
        Some(Resolved::Null) => Value::Null,
        Some(Resolved::Bool(value)) => json!(value),
        Some(Resolved::Int(value)) => json!(value),
        Some(Resolved::Float(value)) => json!(value),
        Some(_) => json!(node.text().unwrap_or_default()),
        None if matches!(node.value, stilltrace_manifest::Value::Sequence(_)) => json!([]),
        None => json!({}),
    }
}

fn place(mark: &Mark) -> Value {
    json!({ "path": &*mark.path, "line": mark.line, "column": mark.column })
}
