//! Calls of workloads in ambient mode: they have no proxy of their own, and a service may have a
//! waypoint.

use serde_json::Value;

use super::table::{self, Row};
use super::{Fields, items, objects, value};
use crate::page::{Page, Span, Tone};

/// Writes a section for each call that was asked about, or a line for each caller where none was.
pub(super) fn write(page: &mut Page, document: &Value) {
    let Some(ambient) = document.get("ambient").and_then(Value::as_object) else { return };
    let services = ambient.get("services").and_then(Value::as_object);
    let calls = ambient.get("calls").and_then(Value::as_object);
    for (workload, label) in objects(ambient.get("workloads")) {
        let targets = items(calls.and_then(|calls| calls.get(workload)));
        if targets.is_empty() {
            page.blank();
            let place = value::place(&Value::Object(label.clone())).unwrap_or_default();
            let text = format!(
                "in ambient mode ({place}), without a proxy of its own; name a service for what \
                 stands before it"
            );
            let head = [Span::new(Tone::Strong, workload), Span::plain("  ")];
            page.paragraph(&head, 2, &[Span::plain(text)]);
        }
        for target in targets.iter().filter_map(Value::as_str) {
            page.blank();
            page.line(&[
                Span::new(Tone::Strong, format!("{workload} → {}", value::target(target))),
                Span::plain("  (ambient mode: no proxy of its own)"),
            ]);
            let host = target.split('|').next().unwrap_or_default();
            let waypoint = services.and_then(|all| all.get(host)).and_then(Value::as_object);
            table::write(page, &rows(label, waypoint));
        }
    }
}

fn rows(label: &Fields, waypoint: Option<&Fields>) -> Vec<Row> {
    let label = Value::Object(label.clone());
    let mut rows = vec![Row::from_origin(Some(&label), "ambient mode", "yes".to_owned())];
    let none = Fields::new();
    let plain = |label: &str, text: &str| Row::of(&none, "", label, text);
    let Some(waypoint) = waypoint else {
        rows.push(plain("waypoint", "none"));
        rows.push(plain("HTTP", "no route, timeout, retry or limit: connections pass as they are"));
        return rows;
    };
    let text = |name: &str| waypoint.get(name).and_then(Value::as_str).unwrap_or_default();
    let name = text("waypoint");
    let (waypoint_is, http) = match text("takes") {
        "requests" => (name.to_owned(), "as the waypoint does it, which is not computed"),
        "unread" => (
            format!("{name}, which nothing that was read makes"),
            "none by rules, unless the waypoint is there",
        ),
        "other-traffic" => (
            format!("{name}, which takes no requests for services"),
            "no route, timeout, retry or limit: connections pass as they are",
        ),
        _ => (
            format!("{name}, which takes no requests for services of this namespace"),
            "no route, timeout, retry or limit: connections pass as they are",
        ),
    };
    rows.push(Row::of(waypoint, "waypoint", "waypoint", waypoint_is));
    if matches!(text("takes"), "requests" | "unread") {
        for rule in items(waypoint.get("follows")) {
            let name = value::object_name(rule.get("object").unwrap_or(&Value::Null));
            rows.push(Row::from_origin(Some(rule), "it follows", name));
        }
    }
    rows.push(plain("HTTP", http));
    rows
}
