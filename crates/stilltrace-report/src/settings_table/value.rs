//! Values, places and names as people write them.

use serde_json::Value;

/// A time in milliseconds: `250ms`, `1.5s`, `90s`, `10m`, `1h`.
pub(super) fn time(millis: u64) -> String {
    match millis {
        0 => "0s".to_owned(),
        _ if millis.is_multiple_of(3_600_000) => format!("{}h", millis / 3_600_000),
        _ if millis >= 120_000 && millis.is_multiple_of(60_000) => format!("{}m", millis / 60_000),
        _ if millis < 1_000 => format!("{millis}ms"),
        _ if millis.is_multiple_of(1_000) => format!("{}s", millis / 1_000),
        _ => format!("{}s", millis as f64 / 1_000.0),
    }
}

/// Any JSON value in one line, objects as `name value`.
pub(super) fn text(value: &Value) -> String {
    match value {
        Value::Null => "none".to_owned(),
        Value::Bool(true) => "yes".to_owned(),
        Value::Bool(false) => "no".to_owned(),
        Value::Number(number) => number.to_string(),
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().map(text).collect::<Vec<_>>().join(", "),
        Value::Object(fields) => {
            let parts = fields.iter().filter(|(name, _)| *name != "origins");
            parts.map(|(name, value)| self::field(name, value)).collect::<Vec<_>>().join(", ")
        }
    }
}

/// A field whose name says its unit, as `window 2m`, `min 10%`.
fn field(name: &str, value: &Value) -> String {
    let (word, value) = with_unit(name, value);
    format!("{} {value}", word.replace('_', " "))
}

/// The name without its unit, and the value with it.
pub(super) fn with_unit<'n>(name: &'n str, value: &Value) -> (&'n str, String) {
    if let (Some(word), Some(millis)) = (name.strip_suffix("_ms"), value.as_u64()) {
        return (word, time(millis));
    }
    if let (Some(word), Some(seconds)) = (name.strip_suffix("_s"), value.as_u64()) {
        return (word, time(seconds.saturating_mul(1_000)));
    }
    if let ("ep", Some([all, marked])) = (name, value.as_array().map(Vec::as_slice)) {
        return ("endpoints", format!("{all}, {marked} of them marked for mutual TLS"));
    }
    match name.strip_suffix("_pct") {
        Some(word) => (word, format!("{}%", text(value))),
        None => (name, text(value)),
    }
}

/// `host|port` or `host|port|subset` as `host:port` and `host:port subset NAME`.
pub(super) fn target(text: &str) -> String {
    let mut parts = text.splitn(3, '|');
    let host = parts.next().unwrap_or_default();
    let port = parts.next().filter(|port| !port.is_empty());
    let subset = parts.next().filter(|subset| !subset.is_empty());
    let mut shown = host.to_owned();
    if let Some(port) = port {
        shown.push(':');
        shown.push_str(port);
    }
    if let Some(subset) = subset {
        shown.push_str(" subset ");
        shown.push_str(subset);
    }
    shown
}

/// `path:line` of an object that has a place.
pub(super) fn place(origin: &Value) -> Option<String> {
    let path = origin.get("path").and_then(Value::as_str)?;
    match origin.get("line").and_then(Value::as_u64) {
        Some(line) if line > 0 => Some(format!("{path}:{line}")),
        _ => Some(path.to_owned()),
    }
}

/// Something that `winner` overrode: its place, or whose default it is. Of two in one line the column
/// tells which.
pub(super) fn lost(origin: &Value, winner: &Value) -> Option<String> {
    let default = || Some(origin.get("default")?.as_str()?.to_owned());
    let column = origin.get("column").and_then(Value::as_u64);
    match (place(origin), column) {
        (Some(own), Some(column)) if place(winner).as_ref() == Some(&own) => {
            Some(format!("{own}:{column}"))
        }
        (own, _) => own.or_else(default),
    }
}

/// `Kind namespace/name` of an object reference, or the text itself.
pub(super) fn object_name(object: &Value) -> String {
    let part = |name: &str| object.get(name).and_then(Value::as_str).unwrap_or_default();
    match object.as_str() {
        Some(text) => text.to_owned(),
        None if part("namespace").is_empty() => format!("{} {}", part("kind"), part("name")),
        None => format!("{} {}/{}", part("kind"), part("namespace"), part("name")),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{object_name, place, target, text, time};

    #[test]
    fn times_are_written_as_in_manifests() {
        let shown: Vec<String> =
            [0, 30, 999, 1_000, 1_500, 60_000, 90_000, 120_000, 3_600_000].map(time).to_vec();
        assert_eq!(shown, ["0s", "30ms", "999ms", "1s", "1.5s", "60s", "90s", "2m", "1h"]);
    }

    #[test]
    fn groups_are_one_line_with_units() {
        let warmup = json!({"window_ms": 120_000, "min_pct": 10, "origins": {}});
        assert_eq!(text(&warmup), "min 10%, window 2m");
    }

    #[test]
    fn targets_and_places_are_addresses() {
        assert_eq!(target("a.b.svc.cluster.local|80|v1"), "a.b.svc.cluster.local:80 subset v1");
        assert_eq!(target("a|80"), "a:80");
        assert_eq!(target("a"), "a");
        assert_eq!(place(&json!({"path": "a/b.yaml", "line": 3})).as_deref(), Some("a/b.yaml:3"));
        assert_eq!(place(&json!({"default": "Istio"})), None);
        let object = json!({"kind": "Sidecar", "namespace": "a", "name": "b"});
        assert_eq!(object_name(&object), "Sidecar a/b");
    }
}
