//! Three-valued answers: what an object would be if others were older.
//!
//! Istio lets the older of conflicting objects win, and Git does not know creation times. Documents,
//! one per guess at the unknown ages, are compared object by object; where they differ, the object
//! carries the others under `depends_on_age`, each once.

use serde_json::{Map, Value, json};

/// The key of the alternatives.
const KEY: &str = "depends_on_age";

/// Adds the alternatives of one more document to the workloads and proxies of `document`.
pub(super) fn annotate(document: &mut Value, other: &Value) {
    members(document.get_mut("proxies"), other.get("proxies"), compare_object);
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
        add(workload, Value::Object(whole));
    }
}

/// Adds an alternative that is not named yet.
fn add(fields: &mut Map<String, Value>, alternative: Value) {
    let known = fields.entry(KEY).or_insert_with(|| Value::Array(Vec::new()));
    if let Some(known) = known.as_array_mut()
        && !known.contains(&alternative)
    {
        known.push(alternative);
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
        kept.remove(KEY);
        if let Some(subsets) = kept.remove("subsets") {
            let names = subsets.as_object().map(|s| s.keys().cloned().collect::<Vec<_>>());
            kept.insert("subsets".to_owned(), json!(names));
        }
        kept
    };
    let alternative = without_subsets(others);
    if without_subsets(fields) != alternative {
        add(fields, Value::Object(alternative));
    }
    members(fields.get_mut("subsets"), other.get("subsets"), compare_object);
}

/// Whether a host already names the virtual service that wins on the other side, with its routes.
fn names_winner(first: &Value, others: &[Value]) -> bool {
    let winner = others.first().and_then(|route| route.get("vs"));
    let named = first.get(KEY).and_then(Value::as_array);
    let is_winner = |one: &Value| one.get("routes").is_some() && one.get("vs") == winner;
    winner.is_some() && named.is_some_and(|named| named.iter().any(is_winner))
}

/// Routes in their order. A longer list on the other side is named whole by the first route.
fn compare_list(own: &mut Value, other: &Value) {
    let (Some(routes), Some(others)) = (own.as_array_mut(), other.as_array()) else { return };
    if routes.first().is_some_and(|first| names_winner(first, others)) {
        return;
    }
    if routes.len() != others.len() {
        if let Some(first) = routes.first_mut().and_then(Value::as_object_mut) {
            let mut others = others.clone();
            for route in others.iter_mut().filter_map(Value::as_object_mut) {
                route.remove(KEY);
            }
            add(first, json!({"routes": others}));
        }
        return;
    }
    for (own, other) in routes.iter_mut().zip(others) {
        compare_object(own, other);
    }
}
