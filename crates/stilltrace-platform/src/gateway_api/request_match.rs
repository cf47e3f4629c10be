//! Conditions on requests: one entry of `matches` of an `HTTPRoute` or `GRPCRoute`.
//!
//! Istio's `createURIMatch`, `createGRPCURIMatch` and their neighbours, release 1.31.

use std::collections::BTreeMap;

use crate::field::Field;
use crate::matching::{Match, Text};

/// An entry of `matches` of an `HTTPRoute`; `None` is the entry that the API server fills in.
pub(super) fn of_http(entry: Option<&Field<'_>>) -> Match {
    let text = |path: &[&str]| entry?.at(path)?.text();
    let value = text(&["path", "value"]).unwrap_or("/").to_owned();
    let uri = match text(&["path", "type"]).unwrap_or("PathPrefix") {
        "Exact" => Text::Exact(value),
        "RegularExpression" => Text::Regex(value),
        _ if value == "/" => Text::Prefix(value),
        _ => Text::Segments(value.strip_suffix('/').unwrap_or(&value).to_owned()),
    };
    let method = text(&["method"]).map(|method| Text::Exact(method.to_owned()));
    let origin = entry.map(Field::origin);
    Match::of_request(
        origin,
        Some(uri),
        method,
        named(entry, "headers"),
        named(entry, "queryParams"),
    )
}

/// An entry of `matches` of a `GRPCRoute`; the path of a call is `/SERVICE/METHOD`.
pub(super) fn of_grpc(entry: &Field<'_>) -> Match {
    let text = |key: &str| entry.at(&["method", key])?.text();
    let (service, method) = (text("service"), text("method"));
    let regular = text("type") == Some("RegularExpression");
    let uri = match (service, method) {
        (None, None) => None,
        (Some(service), None) if regular => Some(Text::Regex(format!("/{service}/.+"))),
        // Istio cuts the last slash and compares segments.
        (Some(service), None) => Some(Text::Segments(format!("/{service}/"))),
        (None, Some(method)) => Some(Text::Regex(format!("/[^/]+/{method}"))),
        (Some(service), Some(method)) if regular => {
            Some(Text::Regex(format!("/{service}/{method}")))
        }
        (Some(service), Some(method)) => Some(Text::Exact(format!("/{service}/{method}"))),
    };
    let headers = named(Some(entry), "headers");
    Match::of_request(Some(entry.origin()), uri, None, headers, BTreeMap::new())
}

/// Conditions on headers or query parameters by name; the last of a name counts.
fn named(entry: Option<&Field<'_>>, list: &str) -> BTreeMap<String, Text> {
    let items = entry.map(|entry| entry.list(list)).unwrap_or_default();
    let read = |item: &Field<'_>| {
        let text = |key: &str| item.get(key).and_then(|field| field.text());
        let value = text("value").unwrap_or_default().to_owned();
        let regular = text("type") == Some("RegularExpression");
        let condition = if regular { Text::Regex(value) } else { Text::Exact(value) };
        Some((text("name")?.to_owned(), condition))
    };
    items.iter().filter_map(read).collect()
}
