//! A proxy as a server: what it demands from callers and how it treats its own application.

use serde_json::Value;

use super::table::{self, Row};
use super::{Fields, edge, objects, routes, value};
use crate::page::{Page, Span, Tone};

/// Writes what concerns the workload as a whole, then each of its ports.
pub(super) fn write(page: &mut Page, workload: &str, settings: &Fields) {
    let is_gateway = settings.get("gateway").and_then(Value::as_bool) == Some(true);
    let ports: Vec<_> = objects(settings.get("inbound")).collect();
    let general = general(settings);
    if ports.is_empty() && general.is_empty() && !is_gateway {
        return;
    }
    page.blank();
    let kind = if is_gateway { "gateway" } else { "own proxy" };
    page.line(&[Span::new(Tone::Strong, workload), Span::plain(format!("  ({kind})"))]);
    table::write(page, &general);
    for (port, inbound) in ports {
        let word = if port == "*" { "other ports".to_owned() } else { format!("port {port}") };
        edge::section(page, &word, inbound);
        table::write(page, &rows(inbound));
    }
    if is_gateway {
        routes::write_all(page, settings);
    }
}

fn general(settings: &Fields) -> Vec<Row> {
    let labels = [("sidecar", "Sidecar"), ("outbound_policy", "unknown hosts")];
    let found = labels.into_iter().filter_map(|(name, label)| {
        Some(Row::of(settings, name, label, value::text(settings.get(name)?)))
    });
    found.collect()
}

fn rows(inbound: &Fields) -> Vec<Row> {
    let listed =
        inbound.iter().filter(|(name, _)| !matches!(name.as_str(), "origins" | "depends_on_age"));
    let rows = listed.map(|(name, found)| {
        let (word, text) = match (name.as_str(), found) {
            ("mtls", _) => ("mutual TLS", value::text(found)),
            ("retries", retries) => {
                let part = |name: &str| retries.get(name).map(value::text).unwrap_or_default();
                ("retries", format!("{} on {}", part("n"), part("on").replace(',', ", ")))
            }
            (name, found) => value::with_unit(name, found),
        };
        Row::of(inbound, name, &word.replace('_', " "), text)
    });
    rows.collect()
}
