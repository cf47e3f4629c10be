//! Settings of a route that consist of parts, each with a row and a place of its own: shares of
//! several destinations, injected faults, copies of requests, and changes of headers.

use serde_json::Value;

use super::table::Row;
use super::{Fields, items, value};

/// The share of every destination, where there are several.
pub(super) fn shares(route: &Fields) -> Vec<Row> {
    let targets = items(route.get("to"));
    if targets.len() < 2 {
        return Vec::new();
    }
    let row = |(index, to): (usize, &Value)| {
        let text = format!("{} to {}", share(to), target(to));
        Row::of(route, &format!("to[{index}].weight"), "share", text)
    };
    targets.iter().enumerate().map(row).collect()
}

/// A delay and an abort, each with the share of requests that it hits.
pub(super) fn fault(route: &Fields, fault: &Value) -> Vec<Row> {
    let mut rows = Vec::new();
    let mut add = |name: &str, label: &str, show: &dyn Fn(&Value) -> String| {
        if let Some(found) = fault.get(name) {
            rows.push(Row::of(route, &format!("fault.{name}"), label, show(found)));
        }
    };
    let percent = |found: &Value| format!("{}%", value::text(found));
    add("delay_ms", "fault: delay", &|found| value::time(found.as_u64().unwrap_or_default()));
    add("delay_pct", "  of the requests", &percent);
    add("abort", "fault: status", &value::text);
    add("abort_grpc", "fault: gRPC status", &value::text);
    add("abort_pct", "  of the requests", &percent);
    rows
}

/// Every copy with its target and share.
pub(super) fn mirrors(route: &Fields, mirrors: &Value) -> Vec<Row> {
    let rows = items(Some(mirrors)).iter().enumerate().flat_map(|(index, to)| {
        let name = format!("mirror[{index}]");
        let percent = format!("{}%", share(to));
        [
            Row::of(route, &name, "mirror", target(to)),
            Row::of(route, &format!("{name}.percent"), "  of the requests", percent),
        ]
    });
    rows.collect()
}

/// A row for every header that is changed; which, its line says.
pub(super) fn header_changes(route: &Fields, count: &Value) -> Vec<Row> {
    let count = count.as_u64().unwrap_or_default();
    let row = |index: u64| {
        let text = format!("{} of {count}", index + 1);
        Row::of(route, &format!("header_ops[{index}]"), "header change", text)
    };
    (0..count).map(row).collect()
}

fn target(to: &Value) -> String {
    value::target(to.get(0).and_then(Value::as_str).unwrap_or_default())
}

fn share(to: &Value) -> String {
    to.get(1).map(value::text).unwrap_or_default()
}
