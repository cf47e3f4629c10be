//! A proxy as a server: what it demands from callers and how it treats its own application.

use serde_json::Value;

use super::table::{self, Row};
use super::{Fields, edge, items, objects, patches, routes, value};
use crate::page::{Page, Span, Tone};

/// Writes what concerns the workload as a whole, then each of its ports.
///
/// `proxy` is what the proxy does as a process.
pub(super) fn write(page: &mut Page, workload: &str, settings: &Fields, proxy: Option<&Fields>) {
    let is_gateway = settings.get("gateway").and_then(Value::as_bool) == Some(true);
    let ports: Vec<_> = objects(settings.get("inbound")).collect();
    let general = general(settings);
    if ports.is_empty() && general.is_empty() && !is_gateway {
        return;
    }
    page.blank();
    let kind = if is_gateway { "gateway" } else { "own proxy" };
    page.line(&[Span::new(Tone::Strong, workload), Span::plain(format!("  ({kind})"))]);
    let changes_more = |patch: &&Value| {
        let context = patch.get("context").and_then(Value::as_str);
        is_gateway || context != Some("SIDECAR_OUTBOUND")
    };
    let named = proxy.map(|proxy| items(proxy.get("patches"))).unwrap_or_default();
    patches::write(page, named.iter().filter(changes_more));
    table::write(page, &general);
    table::write(page, &proxy.map(process).unwrap_or_default());
    for (port, inbound) in ports {
        let word = if port == "*" { "other ports".to_owned() } else { format!("port {port}") };
        edge::section(page, &word, inbound);
        table::write(page, &patches::mark(rows(inbound), inbound.contains_key("patched_by")));
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

/// Threads, traces, logs and statistics, by whoever chose them.
fn process(proxy: &Fields) -> Vec<Row> {
    let mut rows = Vec::new();
    let mut add = |name: &str, label: &str, text: String| {
        rows.push(Row::of(proxy, name, label, text));
    };
    if let Some(threads) = proxy.get("concurrency") {
        let text = match threads.as_u64() {
            Some(_) => value::text(threads),
            None => "by the CPU limit".to_owned(),
        };
        add("concurrency", "worker threads", text);
    }
    if let Some(share) = proxy.get("tracing_pct") {
        add("tracing_pct", "traced requests", format!("{}%", value::text(share)));
    }
    if let Some(log) = proxy.get("access_log").and_then(Value::as_bool) {
        let text = if log { "every request" } else { "off" };
        add("access_log", "access log", text.to_owned());
    }
    if let Some(more) = proxy.get("extra_stats").filter(|more| !items(Some(more)).is_empty()) {
        add("extra_stats", "extra statistics", value::text(more));
    }
    rows
}

fn rows(inbound: &Fields) -> Vec<Row> {
    let beside = ["origins", "depends_on_age", "patched_by"];
    let listed = inbound.iter().filter(|(name, _)| !beside.contains(&name.as_str()));
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
