//! A proxy as a server: what it demands from callers and how it treats its own application.

use serde_json::Value;

use super::table::{self, Row};
use super::{Fields, edge, gateway, hazards, items, objects, patches, value};
use crate::page::{Page, Span, Tone};

/// Writes what concerns the workload as a whole, then each of its ports; for a gateway the routes
/// that lead to no edge of the document.
pub(super) fn write(page: &mut Page, document: &Value, workload: &str, settings: &Fields) {
    let is_gateway = settings.get("gateway").and_then(Value::as_bool) == Some(true);
    let ports: Vec<_> = objects(settings.get("inbound")).collect();
    let general = general(settings);
    let proxy = document.get("proxies").and_then(|all| all.get(workload)?.as_object());
    let elsewhere = if is_gateway { elsewhere(settings) } else { Vec::new() };
    if ports.is_empty() && general.is_empty() && proxy.is_none() && elsewhere.is_empty() {
        return;
    }
    page.blank();
    let kind = if is_gateway { "gateway" } else { "own proxy" };
    page.line(&[Span::new(Tone::Strong, workload), Span::plain(format!("  ({kind})"))]);
    hazards::write(page, hazards::of_workload(document, workload));
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
    gateway::write_each(page, elsewhere.iter(), !named.is_empty());
}

/// Routes that lead to no edge: redirects, answers, and targets that do not exist.
fn elsewhere(settings: &Fields) -> Vec<gateway::Led<'_>> {
    let edges: Vec<&String> = objects(settings.get("edges")).map(|(target, _)| target).collect();
    let mut all = gateway::all(settings);
    all.retain(|led| !edges.iter().any(|target| gateway::leads_to(led.route, target)));
    all
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
            None => "one per core of the node".to_owned(),
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
