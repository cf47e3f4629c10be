//! One edge: who calls whom, by which routes, under which limits.

use serde_json::Value;

use super::defaults::{DESTINATION, HTTP_ONLY, Known, OUTLIER};
use super::table::{self, Row};
use super::{Fields, age, gateway, hazards, items, objects, patches, routes, server, value};
use crate::page::{Page, Span, Tone};

/// Fields of an edge that stand in its heading or in sections of their own.
const ELSEWHERE: &[&str] =
    &["dr", "ep", "proto", "subsets", "origins", "depends_on_age", "hosts", "patched_by"];

/// An edge with what is known around it.
#[derive(Clone, Copy)]
pub(super) struct Shown<'d> {
    /// The whole document.
    pub(super) document: &'d Value,
    /// Who calls.
    pub(super) workload: &'d str,
    /// `host|port`.
    pub(super) target: &'d str,
    /// The edge.
    pub(super) fields: &'d Fields,
    /// The settings of the workload.
    pub(super) settings: &'d Fields,
}

/// Writes hazards and patches, the routes, the settings, and those of every subset that differ from
/// them.
pub(super) fn write(page: &mut Page, shown: &Shown<'_>) {
    let Shown { document, workload, target, fields: edge, settings } = *shown;
    let is_http = is_http(edge);
    hazards::write(page, hazards::of_edge(document, workload, target));
    passed_by(page, document, workload, target);
    patches::write(page, items(edge.get("patched_by")).iter());
    let by_routes = patches::reach_routes(edge);
    if settings.contains_key("gateway") {
        gateway::write(page, target, settings, by_routes);
    } else {
        routes::write(page, target, settings, is_http, by_routes);
    }
    section(page, "destination", edge);
    let mut own = patches::mark(rows(edge, is_http), patches::reach_destination(edge, ""));
    own.extend(server::demanded(document, target));
    table::write(page, &own);
    for (name, subset) in objects(edge.get("subsets")) {
        section(page, &format!("subset {name}"), subset);
        let general = rows(edge, is_http);
        let is_general = |row: &Row| general.iter().any(|one| one.repeats(row));
        let own: Vec<Row> =
            rows(subset, is_http).into_iter().filter(|row| !is_general(row)).collect();
        if own.is_empty() {
            page.line(&[Span::plain("  as the destination")]);
        }
        table::write(page, &patches::mark(own, patches::reach_destination(edge, name)));
    }
}

/// Says that calls of this port never reach the caller's proxy.
fn passed_by(page: &mut Page, document: &Value, workload: &str, target: &str) {
    let proxy = document.get("proxies").and_then(|proxies| proxies.get(workload));
    let Some(proxy) = proxy.and_then(Value::as_object) else { return };
    let port = target.rsplit('|').next().and_then(|port| port.parse::<u64>().ok());
    let passed = items(proxy.get("passed_by_outbound")).iter().any(|one| one.as_u64() == port);
    if port.is_none() || !passed {
        return;
    }
    let place = proxy.get("origins").and_then(|origins| origins.get("passed_by_outbound"));
    let place = place.and_then(value::place).map(|place| format!(" ({place})"));
    let place = place.unwrap_or_default();
    let text =
        format!("calls of this port pass the proxy by{place}: nothing below applies to them");
    page.paragraph(&[Span::new(Tone::Bad, "not in effect  ")], 15, &[Span::plain(text)]);
}

fn protocol(edge: &Fields) -> &str {
    edge.get("proto").and_then(Value::as_str).unwrap_or("http")
}

/// Whether the proxy sees requests.
pub(super) fn is_http(edge: &Fields) -> bool {
    matches!(protocol(edge), "http" | "http2" | "grpc" | "grpc-web" | "auto")
}

/// The protocol and the endpoints of an edge.
pub(super) fn notes(edge: &Fields) -> String {
    let mut notes = vec![protocol(edge).to_owned()];
    if let [all, marked, ..] = items(edge.get("ep")) {
        let (all, marked) = (all.as_u64().unwrap_or(0), marked.as_u64().unwrap_or(0));
        let word = if all == 1 { "endpoint" } else { "endpoints" };
        notes.push(match marked {
            _ if marked == all => format!("{all} {word}"),
            _ => format!("{all} {word}, {marked} marked for mutual TLS"),
        });
    }
    notes.join(", ")
}

/// The word for a group of rows, the object that they come from, and what only age decides.
pub(super) fn section(page: &mut Page, word: &str, fields: &Fields) {
    let mut line = vec![Span::new(Tone::Strong, word)];
    if let Some(rule) = fields.get("dr").and_then(Value::as_str) {
        let place = fields.get("origins").and_then(|origins| origins.get("dr"));
        let place = place.and_then(value::place).map(|place| format!(" at {place}"));
        let text = format!("  DestinationRule {rule}{}", place.unwrap_or_default());
        line.push(Span::plain(text));
    }
    page.line(&line);
    age::undecided(page, fields);
}

/// The settings of a destination or a subset: known ones in their order, then all others.
fn rows(fields: &Fields, is_http: bool) -> Vec<Row> {
    let mut rows = Vec::new();
    for known in DESTINATION {
        add(&mut rows, fields, known, is_http);
    }
    let listed = |name: &str| {
        ELSEWHERE.contains(&name) || DESTINATION.iter().any(|known| known.name == name)
    };
    for (name, found) in fields.iter().filter(|(name, _)| !listed(name)) {
        let (word, text) = value::with_unit(name, found);
        rows.push(Row::of(fields, name, &word.replace('_', " "), text));
    }
    rows
}

/// Endpoints are the addresses that callers dial.
const DIALLED: &str = "ORIGINAL_DST";

fn add(rows: &mut Vec<Row>, fields: &Fields, known: &Known, is_http: bool) {
    match (known.name, fields.get(known.name)) {
        ("outlier", Some(Value::Object(block))) => outlier(rows, fields, block),
        (name, Some(found)) => rows.push(Row::of(fields, name, known.label, worded(name, found))),
        (name, None) if !is_http && HTTP_ONLY.contains(&name) => {}
        (name, None) => {
            if let Some((text, of)) = known.default {
                let dialled = name == "lb" && fields.get("type").is_some_and(|of| of == DIALLED);
                let text = if dialled { "none: the address that was called" } else { text };
                rows.push(Row::unwritten(fields, name, known.label, text, of));
            }
        }
    }
}

/// A value in words where the document has a code word.
fn worded(name: &str, found: &Value) -> String {
    let code = found.as_str().unwrap_or_default();
    match (name, code) {
        ("tls", "auto") => "mutual, if the server has a proxy".to_owned(),
        ("tls", "istio_mutual") => "mutual, always".to_owned(),
        ("h2", "always") => "always".to_owned(),
        ("h2", "as_downstream") => "if the caller speaks it".to_owned(),
        ("retry_budget", _) => {
            let part = |name: &str| found.get(name).map(value::text).unwrap_or_default();
            format!("{}% of the requests, at least {}", part("pct"), part("min"))
        }
        _ => value::with_unit(name, found).1,
    }
}

/// A row for every figure of the block, those of Envoy's defaults included.
fn outlier(rows: &mut Vec<Row>, fields: &Fields, block: &Fields) {
    rows.push(Row::of(fields, "outlier", "outlier detection", "on"));
    for known in OUTLIER {
        let name = format!("outlier.{}", known.name);
        let label = format!("  {}", known.label);
        match (known.name, block.get(known.name)) {
            ("consecutive_5xx", Some(Value::Number(count))) if count.as_u64() == Some(0) => {
                rows.push(Row::of(fields, &name, &label, "no number of failures"));
            }
            ("consecutive_5xx", Some(count)) => {
                let word = if count.as_u64() == Some(1) { "failure" } else { "failures in a row" };
                let text = format!("{} {word}", value::text(count));
                rows.push(Row::of(fields, &name, &label, text));
            }
            ("max_ejection_pct", Some(share)) => {
                let text = format!("{}% of the endpoints", value::text(share));
                rows.push(Row::of(fields, &name, &label, text));
            }
            (short, Some(found)) => {
                rows.push(Row::of(fields, &name, &label, value::with_unit(short, found).1));
            }
            (_, None) => {
                let (text, of) = known.default.unwrap_or_default();
                rows.push(Row::unwritten(fields, &name, &label, text, of));
            }
        }
    }
    let listed = |name: &str| OUTLIER.iter().any(|known| known.name == name);
    let others = block.iter().filter(|(name, _)| !listed(name) && !name.starts_with("enforcing_"));
    for (name, found) in others {
        let (word, text) = value::with_unit(name, found);
        let label = format!("  {}", word.replace('_', " "));
        rows.push(Row::of(fields, &format!("outlier.{name}"), &label, text));
    }
}
