//! Routes: which request goes where, how long it may take, how often it is tried.

use serde_json::Value;
use stilltrace_model::Target;

use super::defaults::{ENVOY, ISTIO, RETRIES};
use super::table::{self, Row};
use super::{Fields, age, gateway, items, parts, patches, value};
use crate::page::{Page, Span, Tone};

/// Fields of a route that stand in its heading.
const IN_HEADING: &[&str] = &[
    "match",
    "to",
    "vs",
    "name",
    "origins",
    "depends_on_age",
    "redirect",
    "direct",
    "no_cluster",
    "no_cluster_status",
    "nth",
    "of",
];

/// Writes the routes to one `host|port`: those that are configured, or the one that every service
/// has. TCP and TLS routes have a target and nothing else.
pub(super) fn write(
    page: &mut Page,
    target: &str,
    settings: &Fields,
    is_http: bool,
    patched: bool,
) {
    let (host, port) = target.split_once('|').unwrap_or((target, ""));
    let mut found = false;
    let mut before: Vec<Row> = Vec::new();
    for route in of_host(settings, host, port).iter().filter_map(Value::as_object) {
        found = true;
        heading(page, "route", route);
        let rows = patches::mark(rows(route), patched);
        if rows.len() > 1 && rows == before {
            page.line(&[Span::plain("  as the route above")]);
        } else {
            table::write(page, &rows);
            before = rows;
        }
    }
    found |= write_streams(page, target, settings);
    if !found && is_http {
        page.line(&[
            Span::new(Tone::Strong, "route"),
            Span::plain("  everything, as no VirtualService says otherwise"),
        ]);
        table::write(page, &patches::mark(rows(&Fields::new()), patched));
    }
}

/// TCP and TLS routes from or to one `host|port`.
pub(super) fn streams<'s>(
    target: &'s str,
    settings: &'s Fields,
) -> impl Iterator<Item = &'s Fields> {
    let all = items(settings.get("tcp")).iter().filter_map(Value::as_object);
    all.filter(move |route| {
        let listen = route.get("listen").and_then(Value::as_str).unwrap_or_default();
        listen == target || gateway::leads_to(route, target)
    })
}

/// Writes TCP and TLS routes; whether there are any.
pub(super) fn write_streams(page: &mut Page, target: &str, settings: &Fields) -> bool {
    let mut found = false;
    for route in streams(target, settings) {
        found = true;
        heading(page, "TCP route", route);
        table::write(page, &others(route, &["listen"]));
    }
    found
}

/// The routes of a host; several names of one service stand together, joined with commas.
fn of_host<'s>(settings: &'s Fields, host: &str, port: &str) -> &'s [Value] {
    let Some(hosts) = settings.get("http").and_then(|http| http.get(port)?.as_object()) else {
        return &[];
    };
    let named = hosts.iter().find(|(names, _)| names.split(',').any(|name| name == host));
    items(named.map(|(_, routes)| routes))
}

/// What routes to one `host|port` say, in a few words.
pub(super) fn summary(target: &str, settings: &Fields) -> Vec<String> {
    let (host, port) = target.split_once('|').unwrap_or((target, ""));
    let routes = of_host(settings, host, port);
    let mut parts = Vec::new();
    parts.extend(routes.iter().filter_map(Value::as_object).find_map(object));
    if let [Value::Object(one)] = routes {
        parts.extend(limits(one));
    } else if !routes.is_empty() {
        parts.push(format!("{} routes", routes.len()));
    }
    if routes.iter().any(|route| !items(route.get("no_cluster")).is_empty()) {
        parts.push("broken".to_owned());
    }
    parts
}

/// What one route says, in a few words.
pub(super) fn in_words(route: &Fields) -> Vec<String> {
    let mut parts = vec![condition(route)];
    parts.extend(object(route));
    parts.extend(limits(route));
    parts
}

/// Time and tries where they are set.
fn limits(route: &Fields) -> Vec<String> {
    let mut parts = Vec::new();
    if let Some(millis) = route.get("timeout_ms").and_then(Value::as_u64) {
        parts.push(format!("timeout {}", value::time(millis)));
    }
    match route.get("retries") {
        Some(Value::String(word)) => parts.push(format!("retries {word}")),
        Some(retries) => {
            let count = retries.get("n").map(value::text).unwrap_or_default();
            parts.push(format!("{count} retries"));
        }
        None => {}
    }
    parts
}

/// The object that a route comes from: the one of Git, where the proxy knows it by another name.
pub(super) fn object(route: &Fields) -> Option<String> {
    let live = route.get("vs")?.as_str()?;
    let origin = route.get("origins").and_then(|origins| origins.get("vs")?.get("object"));
    let written = origin.and_then(|object| {
        let text = |key: &str| object.get(key).and_then(Value::as_str);
        Some(format!("{} {}/{}", text("kind")?, text("namespace")?, text("name")?))
    });
    Some(written.unwrap_or_else(|| format!("VirtualService {live}")))
}

/// Writes condition, target and object of a route.
pub(super) fn heading(page: &mut Page, word: &str, route: &Fields) {
    let mut text = format!("{} → {}", condition(route), destination(route));
    let name = route.get("name").and_then(Value::as_str).filter(|name| !name.is_empty());
    if let Some(object) = object(route) {
        text.extend([format!("  {object}")]);
        if let Some(name) = name {
            text.extend([format!(" `{name}`")]);
        }
        let origins = route.get("origins");
        let place = origins.and_then(|origins| origins.get("route").or_else(|| origins.get("vs")));
        if let Some(place) = place.and_then(value::place) {
            text.extend([format!(" at {place}")]);
        }
    }
    let head = [Span::new(Tone::Strong, word), Span::plain("  ")];
    page.paragraph(&head, word.len() + 2, &[Span::plain(text)]);
    for dead in items(route.get("no_cluster")) {
        let text = broken(route, dead.as_str().unwrap_or_default());
        page.paragraph(&[Span::new(Tone::Bad, "  broken  ")], 10, &[Span::plain(text)]);
    }
    age::undecided(page, route);
}

/// What comes of a target that the proxy has no cluster for.
fn broken(route: &Fields, dead: &str) -> String {
    let target = if dead == Target::UNKNOWN {
        "a backend that may not be used (its kind, or no ReferenceGrant) leads nowhere".to_owned()
    } else {
        format!("{} does not exist in what was read", value::target(dead))
    };
    let mut sent = items(route.get("to")).iter().filter_map(|to| to.get(0)?.as_str());
    if sent.any(|to| to == dead) {
        let status = route.get("no_cluster_status").and_then(Value::as_u64).unwrap_or(503);
        format!("{target}: it answers {status}")
    } else {
        format!("{target}: copies are lost")
    }
}

/// The match in words; everything where there is none.
fn condition(route: &Fields) -> String {
    let mut parts = Vec::new();
    let matched = route.get("match").and_then(Value::as_object).into_iter().flatten();
    for (kind, found) in matched {
        match (kind.as_str(), found) {
            ("prefix", path) => parts.push(format!("{}*", value::text(path))),
            ("path", path) => parts.push(value::text(path)),
            ("regex", path) => parts.push(format!("~{}", value::text(path))),
            ("sep_prefix", path) => parts.push(format!("{0} and {0}/*", value::text(path))),
            ("ci", _) => parts.push("in any case".to_owned()),
            ("headers", list) => {
                parts.extend(
                    items(Some(list)).iter().map(|one| format!("header {}", value::text(one))),
                );
            }
            ("query", list) => {
                parts.extend(
                    items(Some(list)).iter().map(|one| format!("query {}", value::text(one))),
                );
            }
            (other, found) => parts.push(format!("{other} {}", value::text(found))),
        }
    }
    if let Some(names) = route.get("sni") {
        parts.push(format!("server name {}", value::text(names)));
    }
    if parts.is_empty() { "everything".to_owned() } else { parts.join(" and ") }
}

/// Where requests go: one target, shares of several, a redirect or an answer.
fn destination(route: &Fields) -> String {
    if let Some(redirect) = route.get("redirect") {
        return format!("redirect, {}", value::text(redirect));
    }
    if let Some(status) = route.get("direct") {
        return format!("answers {}", value::text(status));
    }
    let targets = items(route.get("to"));
    let shown = |to: &Value, share: bool| {
        let name = value::target(to.get(0).and_then(Value::as_str).unwrap_or_default());
        let weight = to.get(1).map(value::text).unwrap_or_default();
        if share { format!("{weight} to {name}") } else { name }
    };
    match targets {
        [] => "nowhere".to_owned(),
        [one] => shown(one, false),
        several => several.iter().map(|to| shown(to, true)).collect::<Vec<_>>().join(", "),
    }
}

/// Timeout and retries always, everything else where it is set.
pub(super) fn rows(route: &Fields) -> Vec<Row> {
    if route.contains_key("redirect") || route.contains_key("direct") {
        return others(route, &[]);
    }
    let mut rows = Vec::new();
    rows.push(match route.get("timeout_ms").and_then(Value::as_u64) {
        Some(millis) => Row::of(route, "timeout_ms", "timeout", value::time(millis)),
        None => Row::unwritten(route, "timeout_ms", "timeout", "none", ISTIO),
    });
    match route.get("retries") {
        None => rows.extend(
            RETRIES.map(|(label, text)| Row::unwritten(route, "retries", label, text, ISTIO)),
        ),
        Some(Value::String(word)) => rows.push(Row::of(route, "retries", "retries", word)),
        Some(retries) => retry(&mut rows, route, retries),
    }
    rows.extend(others(route, &["timeout_ms", "retries"]));
    rows
}

fn retry(rows: &mut Vec<Row>, route: &Fields, retries: &Value) {
    let part = |name: &str| retries.get(name);
    let count = part("n").map(value::text).unwrap_or_default();
    let of = |name: &str, label: &str, text: String| {
        Row::of(route, &format!("retries.{name}"), label, text)
    };
    rows.push(of("n", "retries", count));
    let mut on = part("on").map(|on| value::text(on).replace(',', ", ")).unwrap_or_default();
    if let Some(codes) = part("codes") {
        on.extend([format!(" ({})", value::text(codes))]);
    }
    if !on.is_empty() {
        rows.push(of("on", "  on", on));
    }
    rows.push(match part("per_try_ms").and_then(Value::as_u64) {
        Some(millis) => of("per_try_ms", "  each at most", value::time(millis)),
        None => Row::unwritten(
            route,
            "retries.per_try_ms",
            "  each at most",
            "what is left of the timeout",
            ENVOY,
        ),
    });
    let listed = ["n", "on", "codes", "per_try_ms", "origins"];
    for (name, found) in retries.as_object().into_iter().flatten() {
        if !listed.contains(&name.as_str()) {
            let (word, text) = value::with_unit(name, found);
            rows.push(of(name, &format!("  {}", word.replace('_', " ")), text));
        }
    }
}

/// Fields that have no words of their own.
fn others(route: &Fields, listed: &[&str]) -> Vec<Row> {
    let rest = route.iter().filter(|(name, _)| {
        let name = name.as_str();
        !IN_HEADING.contains(&name) && !listed.contains(&name) && name != "sni"
    });
    let mut rows = parts::shares(route);
    for (name, found) in rest {
        match name.as_str() {
            "fault" => rows.extend(parts::fault(route, found)),
            "mirror" => rows.extend(parts::mirrors(route, found)),
            "header_ops" => rows.extend(parts::header_changes(route, found)),
            name => {
                let (word, text) = value::with_unit(name, found);
                rows.push(Row::of(route, name, &word.replace('_', " "), text));
            }
        }
    }
    rows
}
