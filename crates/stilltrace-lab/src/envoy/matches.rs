//! Match conditions of a route, from the text that the model carries.
//!
//! A condition is `KIND ARGUMENT`: `prefix /api`, `path /health`, `regex /item/.*`, `method HOW`,
//! `authority HOW`, `scheme HOW`, `header NAME HOW`, `query NAME HOW`, with HOW one of `exact TEXT`,
//! `prefix TEXT`, `regex TEXT`, `present`; `not` in front of a header inverts it; `ignoring case`
//! speaks of the path.

use serde_json::{Map, Value, json};

/// Envoy's `RouteMatch` for conditions that must all hold.
pub(super) fn condition(conditions: &[String]) -> Value {
    let mut matched = Map::new();
    let (mut headers, mut queries) = (Vec::new(), Vec::new());
    for condition in conditions {
        let (kind, argument) = condition.split_once(' ').unwrap_or((condition, ""));
        match kind {
            "prefix" => drop(matched.insert("prefix".into(), argument.into())),
            "path" => drop(matched.insert("path".into(), argument.into())),
            "regex" => drop(matched.insert("safe_regex".into(), json!({"regex": argument}))),
            "ignoring" => drop(matched.insert("case_sensitive".into(), false.into())),
            "method" | "authority" | "scheme" => {
                headers.push(header(&format!(":{kind} {argument}"), false));
            }
            "header" => headers.push(header(argument, false)),
            "not" => {
                headers.push(header(argument.strip_prefix("header ").unwrap_or(argument), true));
            }
            "query" => queries.push(query(argument)),
            // A kind that this lab cannot stage matches nothing rather than everything.
            _ => headers.push(json!({"name": ":unsupported", "present_match": true})),
        }
    }
    if !["prefix", "path", "safe_regex"].iter().any(|kind| matched.contains_key(*kind)) {
        matched.insert("prefix".into(), "/".into());
    }
    if !headers.is_empty() {
        matched.insert("headers".into(), headers.into());
    }
    if !queries.is_empty() {
        matched.insert("query_parameters".into(), queries.into());
    }
    Value::Object(matched)
}

/// A matcher of a header: `NAME HOW`.
fn header(text: &str, inverted: bool) -> Value {
    let (name, how) = text.split_once(' ').unwrap_or((text, "present"));
    let mut matcher = json!({"name": name, "invert_match": inverted});
    match string_match(how) {
        Some(string) => matcher["string_match"] = string,
        None => matcher["present_match"] = true.into(),
    }
    matcher
}

/// A matcher of a query parameter: `NAME HOW`.
fn query(text: &str) -> Value {
    let (name, how) = text.split_once(' ').unwrap_or((text, "present"));
    match string_match(how) {
        Some(string) => json!({"name": name, "string_match": string}),
        None => json!({"name": name, "present_match": true}),
    }
}

/// Envoy's `StringMatcher`, or `None` for presence.
fn string_match(how: &str) -> Option<Value> {
    match how.split_once(' ') {
        Some(("regex", value)) => Some(json!({"safe_regex": {"regex": value}})),
        Some(("prefix", value)) => Some(json!({"prefix": value})),
        Some(("exact", value)) => Some(json!({"exact": value})),
        _ if how == "present" => None,
        _ => Some(json!({"exact": how})),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matched(conditions: &[&str]) -> Value {
        condition(&conditions.iter().map(ToString::to_string).collect::<Vec<_>>())
    }

    #[test]
    fn nothing_matches_everything() {
        assert_eq!(matched(&[]), json!({"prefix": "/"}));
    }

    #[test]
    fn conditions_are_joined() {
        let expected = json!({
            "path": "/health",
            "case_sensitive": false,
            "headers": [
                {"name": ":method", "invert_match": false, "string_match": {"exact": "GET"}},
                {"name": "x-user", "invert_match": false, "string_match": {"prefix": "an n"}},
                {"name": "x-skip", "invert_match": true, "present_match": true},
            ],
        });
        let conditions = [
            "path /health",
            "ignoring case",
            "method exact GET",
            "header x-user prefix an n",
            "not header x-skip present",
        ];
        assert_eq!(matched(&conditions), expected);
    }

    #[test]
    fn an_unknown_kind_does_not_match_everything() {
        assert!(matched(&["moon full"]).get("headers").is_some());
    }
}
