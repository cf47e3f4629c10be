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

/// What the servers of `host|port` demand from callers: a row, or one for each where they differ.
pub(super) fn demanded(document: &Value, target: &str) -> Vec<Row> {
    let servers = objects(document.get("pods")).filter_map(|(workload, pods)| {
        let served = pods.get("serves")?.get(target)?.as_object()?;
        if served.contains_key("passed_by") {
            return Some((workload, served, "none: the port passes the proxy by".to_owned()));
        }
        let mode = value::text(served.get("mtls")?);
        let others =
            items(served.get("depends_on_age")).iter().filter_map(|other| other.get("mtls"));
        let others: Vec<String> = others.map(value::text).filter(|other| *other != mode).collect();
        let mode = if others.is_empty() {
            mode
        } else {
            format!("{mode}, or by age {}", others.join(" or "))
        };
        Some((workload, served, mode))
    });
    let servers: Vec<_> = servers.collect();
    let row = |label: &str, served: &Fields, mode: &str| {
        let name = if served.contains_key("passed_by") { "passed_by" } else { "mtls" };
        Row::of(served, name, label, mode)
    };
    let all: Vec<Row> = servers
        .iter()
        .map(|(_, served, mode)| row("mutual TLS at the server", served, mode))
        .collect();
    match all.as_slice() {
        [first, others @ ..] if others.iter().all(|other| first.repeats(other)) => {
            vec![first.clone()]
        }
        _ => {
            let each = servers.iter().map(|(workload, served, mode)| {
                row(&format!("mutual TLS at {workload}"), served, mode)
            });
            each.collect()
        }
    }
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
    for name in ["tracing_pct", "inbound_tracing_pct"] {
        let Some(share) = proxy.get(name).filter(|_| tells_more(proxy, name)) else { continue };
        let tracer = proxy.get(&name.replace("tracing_pct", "tracer"));
        let text = match tracer.and_then(Value::as_str) {
            Some(tracer) => format!("{}%, to {tracer}", value::text(share)),
            None if share == 0 => "none".to_owned(),
            None => format!("{}%, to nobody: there is no tracer", value::text(share)),
        };
        add(name, &label(proxy, name, "traced requests"), text);
    }
    for name in ["access_log", "inbound_access_log"] {
        let log = proxy.get(name).filter(|_| tells_more(proxy, name)).and_then(Value::as_bool);
        if let Some(log) = log {
            let filter = proxy.get(&format!("{name}_filter")).and_then(Value::as_str);
            let text = match filter {
                _ if log => "every request".to_owned(),
                Some(filter) => format!("only requests that match {filter}"),
                None => "off".to_owned(),
            };
            add(name, &label(proxy, name, "access log"), text);
        }
    }
    if let Some(more) = proxy.get("extra_stats").filter(|more| !items(Some(more)).is_empty()) {
        add("extra_stats", "extra statistics", value::text(more));
    }
    rows
}

/// Whether both directions do the same for the same reason: one row is enough.
fn is_same(proxy: &Fields, sent: &str) -> bool {
    let arriving = format!("inbound_{sent}");
    let origin = |name: &str| proxy.get("origins").and_then(|origins| origins.get(name));
    proxy.get(sent) == proxy.get(&arriving) && origin(sent) == origin(&arriving)
}

/// Whether a value needs a row of its own.
fn tells_more(proxy: &Fields, name: &str) -> bool {
    name.strip_prefix("inbound_").is_none_or(|sent| !is_same(proxy, sent))
}

/// The label of a row, with the direction where the other one differs.
fn label(proxy: &Fields, name: &str, what: &str) -> String {
    match name.strip_prefix("inbound_") {
        Some(_) => format!("{what}, arriving"),
        None if is_same(proxy, name) || !proxy.contains_key(&format!("inbound_{name}")) => {
            what.to_owned()
        }
        None => format!("{what}, sent"),
    }
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
