//! Three-valued answers: what an object would be if others were older.
//!
//! Istio lets the older of two conflicting objects win, and Git does not know creation times. Two
//! documents, one per guess at the unknown ages, are compared object by object; where they differ,
//! the object carries the other one under `depends_on_age`.

use serde_json::{Map, Value, json};

/// The key of the alternatives.
const KEY: &str = "depends_on_age";

/// Adds the alternatives of `other` to the workloads of `document`.
pub(super) fn annotate(document: &mut Value, other: &Value) {
    let Some(workloads) = document.get_mut("workloads").and_then(Value::as_object_mut) else {
        return;
    };
    for (name, workload) in workloads {
        if let (Some(workload), Some(other)) =
            (workload.as_object_mut(), other["workloads"][name].as_object())
        {
            compare_workload(workload, other);
        }
    }
}

fn compare_workload(workload: &mut Map<String, Value>, other: &Map<String, Value>) {
    let mut whole = Map::new();
    for key in ["sidecar", "outbound_policy"] {
        if workload.get(key) != other.get(key) {
            whole.insert(key.to_owned(), other.get(key).cloned().unwrap_or_default());
        }
    }
    // What the proxy sees is listed by name where it differs; what both see is compared below.
    for key in ["edges", "inbound"] {
        let names = |side: &Map<String, Value>| {
            let entries = side.get(key).and_then(Value::as_object);
            entries.map(|entries| entries.keys().cloned().collect::<Vec<_>>()).unwrap_or_default()
        };
        let theirs = names(other);
        if names(workload) != theirs {
            whole.insert(key.to_owned(), json!(theirs));
        }
        members(workload.get_mut(key), other.get(key), compare_object);
    }
    members(workload.get_mut("http"), other.get("http"), |port, other| {
        members(Some(port), Some(other), compare_list);
    });
    if let (Some(own), Some(theirs)) = (workload.get_mut("tcp"), other.get("tcp")) {
        compare_list(own, theirs);
    }
    if !whole.is_empty() {
        workload.insert(KEY.to_owned(), json!([whole]));
    }
}

/// Applies `compare` to the members that both sides have.
fn members(own: Option<&mut Value>, other: Option<&Value>, compare: impl Fn(&mut Value, &Value)) {
    let own = own.and_then(Value::as_object_mut);
    let other = other.and_then(Value::as_object);
    if let (Some(own), Some(other)) = (own, other) {
        for (name, own) in own {
            if let Some(other) = other.get(name) {
                compare(own, other);
            }
        }
    }
}

/// One edge, subset, route or port; subsets that both sides have are compared on their own.
fn compare_object(own: &mut Value, other: &Value) {
    let (Some(fields), Some(others)) = (own.as_object_mut(), other.as_object()) else { return };
    let without_subsets = |fields: &Map<String, Value>| {
        let mut kept = fields.clone();
        if let Some(subsets) = kept.remove("subsets") {
            let names = subsets.as_object().map(|s| s.keys().cloned().collect::<Vec<_>>());
            kept.insert("subsets".to_owned(), json!(names));
        }
        kept
    };
    let alternative = without_subsets(others);
    if without_subsets(fields) != alternative {
        fields.insert(KEY.to_owned(), json!([alternative]));
    }
    members(fields.get_mut("subsets"), other.get("subsets"), compare_object);
}

/// Routes in their order. A longer list on the other side is named whole by the first route.
fn compare_list(own: &mut Value, other: &Value) {
    let (Some(routes), Some(others)) = (own.as_array_mut(), other.as_array()) else { return };
    if routes.len() != others.len() {
        if let Some(first) = routes.first_mut().and_then(Value::as_object_mut) {
            first.insert(KEY.to_owned(), other.clone());
        }
        return;
    }
    for (own, other) in routes.iter_mut().zip(others) {
        compare_object(own, other);
    }
}
