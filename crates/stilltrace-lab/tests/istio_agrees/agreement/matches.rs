//! Match conditions: the model's text in Istio's notation.

use serde_json::{Map, Value, json};

/// The conditions of one of our routes.
pub(super) fn of(conditions: &[String]) -> Value {
    let mut all = Map::new();
    let (mut headers, mut queries) = (Vec::new(), Vec::new());
    for condition in conditions {
        let (kind, argument) = condition.split_once(' ').unwrap_or((condition, ""));
        match (kind, argument) {
            ("prefix" | "path" | "regex", path) => drop(all.insert(kind.into(), path.into())),
            ("ignoring", "case") => drop(all.insert("ci".into(), true.into())),
            ("method" | "authority" | "scheme", how) => {
                headers.push(format!(":{kind} {}", text(how)));
            }
            ("header", header) => headers.push(named(header)),
            ("not", header) => {
                let header = header.strip_prefix("header ").unwrap_or(header);
                headers.push(format!("not {}", named(header)));
            }
            ("query", query) => queries.push(named(query)),
            (kind, argument) => drop(all.insert(kind.into(), argument.into())),
        }
    }
    if !headers.is_empty() {
        all.insert("headers".into(), json!(headers));
    }
    if !queries.is_empty() {
        all.insert("query".into(), json!(queries));
    }
    sorted(&Value::Object(all))
}

/// The same conditions with headers and query parameters in order of name: all of them must hold,
/// so their order means nothing. No condition is an empty object.
pub(super) fn sorted(conditions: &Value) -> Value {
    let mut conditions = conditions.as_object().cloned().unwrap_or_default();
    for list in ["headers", "query"] {
        if let Some(Value::Array(items)) = conditions.get_mut(list) {
            items.sort_by_key(ToString::to_string);
        }
    }
    Value::Object(conditions)
}

/// `NAME HOW TEXT` as `NAME how=TEXT`.
fn named(condition: &str) -> String {
    let (name, how) = condition.split_once(' ').unwrap_or((condition, "present"));
    format!("{name} {}", text(how))
}

/// `HOW TEXT` as `how=TEXT`.
fn text(how: &str) -> String {
    match how.split_once(' ') {
        Some((how, value)) => format!("{how}={value}"),
        None => "present=true".to_owned(),
    }
}
