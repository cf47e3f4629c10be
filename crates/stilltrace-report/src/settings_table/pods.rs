//! The pods of a workload in a few lines: who answers for them, how many there are, and which limits
//! hold them back.

use serde_json::Value;

use super::table::{self, Row};
use super::{Fields, items, objects, value};
use crate::page::{Page, Span, Tone};

/// Containers whose limits are shown; the JSON has all.
const CONTAINERS: usize = 3;

/// Writes a section for every workload whose pods the document has.
pub(super) fn write(page: &mut Page, document: &Value) {
    for (workload, pods) in objects(document.get("pods")) {
        page.blank();
        page.line(&[Span::new(Tone::Strong, workload), Span::plain("  (pods)")]);
        table::write(page, &rows(pods));
    }
}

fn rows(pods: &Fields) -> Vec<Row> {
    let mut rows = Vec::new();
    rows.extend(owner(items(pods.get("owners"))));
    rows.extend(pods.get("applied_by").map(applied_by));
    rows.extend(pods.get("kind").map(|kind| Row::of(pods, "kind", "run by", value::text(kind))));
    if pods.contains_key("ambient") {
        let text = "yes: proxies reach it by mutual TLS (HBONE)";
        rows.push(Row::of(pods, "ambient", "ambient mode", text));
    }
    rows.push(replicas(pods));
    for budget in items(pods.get("disruption_budgets")).iter().filter_map(Value::as_object) {
        rows.extend(disruption(budget));
    }
    for spread in items(pods.get("spread")).iter().filter_map(Value::as_object) {
        rows.extend(spread_over(spread));
    }
    let mut containers = objects(pods.get("containers"));
    for (name, container) in containers.by_ref().take(CONTAINERS) {
        rows.push(cpu(container, &format!("CPU of {name}")));
        rows.extend(memory(container, &format!("memory of {name}")));
        rows.extend(probes(name, container));
    }
    let more = containers.count();
    if more > 0 {
        let none = Fields::new();
        rows.push(Row::of(&none, "", "more containers", format!("{more} (-o json has all)")));
    }
    if let Some(proxy) = pods.get("proxy").and_then(Value::as_object) {
        rows.push(cpu(proxy, "CPU of the proxy"));
        rows.extend(memory(proxy, "memory of the proxy"));
    }
    rows
}

/// All owners in a line: a line of `CODEOWNERS` names them together.
fn owner(owners: &[Value]) -> Option<Row> {
    let first = owners.first()?;
    let text = |owner: &Value, name: &str| owner.get(name)?.as_str().map(str::to_owned);
    let shown = owners.iter().filter_map(|owner| {
        let name = text(owner, "name")?;
        Some(match text(owner, "component") {
            Some(component) => format!("{name} ({component})"),
            None => name,
        })
    });
    let shown: Vec<String> = shown.collect();
    Some(Row::from_origin(Some(first), "owner", shown.join(", ")))
}

fn applied_by(reconciler: &Value) -> Row {
    let object = reconciler.get("object").unwrap_or(&Value::Null);
    let part = |name: &str| object.get(name).and_then(Value::as_str).unwrap_or_default();
    let kind = reconciler.get("kind").and_then(Value::as_str).unwrap_or_default();
    let suspended = reconciler.get("suspended").map(|line| {
        let place = value::place(line).map(|place| format!(" at {place}"));
        format!(", suspended{}", place.unwrap_or_default())
    });
    let text =
        format!("{kind} {}/{}{}", part("namespace"), part("name"), suspended.unwrap_or_default());
    Row::from_origin(Some(reconciler), "applied by", text)
}

/// How many pods there are, or what decides that.
fn replicas(pods: &Fields) -> Row {
    let Some(scaler) = pods.get("autoscaler").and_then(Value::as_object) else {
        let text = match pods.get("replicas") {
            Some(Value::Number(count)) => count.to_string(),
            _ => "not fixed".to_owned(),
        };
        return Row::of(pods, "replicas", "replicas", text);
    };
    let part = |name: &str| scaler.get(name).map(value::text).unwrap_or_default();
    let targets = scaler.get("targets").and_then(Value::as_object).into_iter().flatten();
    let mut parts = vec![format!("{} to {}", part("min"), part("max"))];
    parts.extend(targets.map(|(metric, target)| format!("{metric} at {}", value::text(target))));
    let text = parts.join(", ");
    Row::of(scaler, "kind", "replicas", text)
}

fn disruption(budget: &Fields) -> Option<Row> {
    let words = [("min_available", "must stay"), ("max_unavailable", "may be missing")];
    words.into_iter().find_map(|(name, word)| {
        let text = format!("{} {word}", value::text(budget.get(name)?));
        Some(Row::of(budget, name, "in a drain", text))
    })
}

/// How the pods are spread: over which label's values, and how unevenly at most.
fn spread_over(spread: &Fields) -> Option<Row> {
    let key = spread.get("key").map(value::text)?;
    let skew = spread.get("max_skew").map(value::text)?;
    let strict = spread.get("strict").and_then(Value::as_bool) == Some(true);
    let word = if strict { "must" } else { "should" };
    let text = format!("over {key}: numbers {word} differ by at most {skew}");
    Some(Row::of(spread, "max_skew", "spread", text))
}

/// What the kubelet asks a container, how long an answer may take, and who is asked in its place.
fn probes(name: &str, container: &Fields) -> Vec<Row> {
    let kinds = ["readiness", "liveness", "startup"];
    let written = kinds.iter().filter_map(|kind| Some((kind, container.get(*kind)?.as_object()?)));
    let row = |(kind, probe): (&&str, &Fields)| {
        let asks = question(probe.get("asks")?.as_object()?);
        let within = probe.get("timeout_ms").and_then(Value::as_u64).map(value::time)?;
        let agent = match probe.get("through_agent").and_then(Value::as_bool) {
            Some(true) => ", asked by the agent",
            Some(false) => ", through the proxy",
            None => "",
        };
        let text = format!("{asks} within {within}{agent}");
        Some(Row::of(probe, "asks.way", &format!("{kind} of {name}"), text))
    };
    written.filter_map(row).collect()
}

/// A question in words.
fn question(asks: &Fields) -> String {
    let part = |name: &str| asks.get(name).map(value::text).unwrap_or_default();
    match part("way").as_str() {
        "httpGet" => {
            let tls = asks.get("tls").and_then(Value::as_bool) == Some(true);
            let scheme = if tls { "https" } else { "http" };
            format!("GET {scheme}://:{}{}", part("port"), part("path"))
        }
        "tcpSocket" => format!("connect to :{}", part("port")),
        "grpc" => format!("gRPC health on :{}", part("port")),
        _ => "run a command".to_owned(),
    }
}

/// The limit, and the request where there is one.
fn cpu(container: &Fields, label: &str) -> Row {
    Row::of(container, "limits.cpu", label, amounts(container, "cpu").0)
}

/// The same of memory, where anything is said about it.
fn memory(container: &Fields, label: &str) -> Option<Row> {
    let (text, group) = amounts(container, "memory");
    Some(Row::of(container, &format!("{}.memory", group?), label, text))
}

/// Limit and request in words, and the group that says something: the limit if it does.
fn amounts(container: &Fields, of: &str) -> (String, Option<&'static str>) {
    let amount = |group: &str| container.get(group)?.get(of)?.as_str();
    match (amount("limits"), amount("requests")) {
        (Some(limit), Some(request)) => (format!("{limit}, requests {request}"), Some("limits")),
        (Some(limit), None) => (limit.to_owned(), Some("limits")),
        (None, Some(request)) => (format!("no limit, requests {request}"), Some("requests")),
        (None, None) => ("no limit".to_owned(), None),
    }
}
