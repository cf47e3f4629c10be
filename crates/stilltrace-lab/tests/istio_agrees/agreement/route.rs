//! Routes: order, match, destinations, timeout, retries, fault, mirrors.

use serde_json::{Value, json};
use stilltrace_model::{AbortStatus, Edge, Route};

use super::{Ours, Score, matches, millis};

/// Conditions of the retries that Istio gives every route.
const DEFAULT_RETRY_ON: &str =
    "connect-failure,refused-stream,unavailable,cancelled,retriable-status-codes";

/// Compares the routes of an edge in their order; `wanted` is null for a plain catch-all.
pub(super) fn compare_all(edge: &Edge, wanted: &Value, place: &str, score: &mut Score) {
    let origin = edge.routes.first().and_then(|route| route.object.as_ref());
    let Some(wanted) = wanted.as_array() else {
        let plain = edge.routes.len() == 1 && edge.routes[0].object.is_none();
        score.compare("plain route", place, Ours::from(origin, json!(plain)), &json!(true));
        return;
    };
    let ours = Ours::from(origin, json!(edge.routes.len()));
    score.compare("routes", place, ours, &json!(wanted.len()));
    for (index, (route, wanted)) in edge.routes.iter().zip(wanted).enumerate() {
        compare(route, wanted, &format!("{place} route {index}"), score);
    }
}

fn compare(route: &Route, wanted: &Value, place: &str, score: &mut Score) {
    let origin = route.object.as_ref();
    let object = origin.and_then(|origin| origin.object());
    let object = object.map(|object| format!("{}/{}", object.namespace, object.name));
    score.compare("route vs", place, Ours::from(origin, json!(object)), &wanted["vs"]);
    let name = Some(&route.name).filter(|name| !name.is_empty());
    score.compare("route name", place, Ours::from(origin, json!(name)), &wanted["name"]);
    let matched = Ours::from(origin, matches::of(&route.matches.texts()));
    score.compare("route match", place, matched, &matches::sorted(&wanted["match"]));
    compare_destinations(route, wanted, place, score);
    compare_fault(route, wanted, place, score);
    if wanted.get("to").is_none() {
        return;
    }
    let timeout = Ours::of(&route.timeout, json!(route.timeout.value.map(millis)));
    score.compare("route timeout", place, timeout, &json!(wanted["timeout_ms"].as_f64()));
    compare_retries(route, wanted, place, score);
    compare_mirrors(route, wanted, place, score);
}

fn compare_destinations(route: &Route, wanted: &Value, place: &str, score: &mut Score) {
    let target = |destination: &stilltrace_model::Destination| {
        let to = &destination.to;
        let subset = to.subset.as_ref().map(|subset| format!("|{subset}")).unwrap_or_default();
        json!([format!("{}|{}{subset}", to.host, to.port), destination.weight.value])
    };
    let ours: Vec<Value> = route.destinations.iter().map(target).collect();
    let origin = route.destinations.first().map(|to| &to.weight.origin);
    let theirs = wanted.get("to").cloned().unwrap_or(json!([]));
    score.compare("route to", place, Ours::from(origin, json!(ours)), &theirs);
}

fn compare_retries(route: &Route, wanted: &Value, place: &str, score: &mut Score) {
    let retries = &route.retries;
    let attempts = retries.attempts.value;
    let (wanted_n, theirs_on, theirs_per_try) = match wanted.get("retries") {
        None => (2, DEFAULT_RETRY_ON.to_owned(), None),
        Some(Value::String(_)) => (0, String::new(), None),
        Some(block) => {
            let codes: Vec<String> = block["codes"]
                .as_array()
                .map(|codes| codes.iter().map(ToString::to_string).collect())
                .unwrap_or_default();
            let on = block["on"].as_str().unwrap_or("").trim_start_matches(',');
            let mut words: Vec<&str> = on.split(',').collect();
            words.extend(codes.iter().map(String::as_str));
            let n = block["n"].as_u64().unwrap();
            (n, words.join(","), block["per_try_ms"].as_f64())
        }
    };
    let ours = Ours::of(&retries.attempts, json!(attempts));
    score.compare("route retries n", place, ours, &json!(wanted_n));
    if attempts > 0 && wanted_n > 0 {
        let on = Ours::of(&retries.retry_on, json!(retries.retry_on.value.join(",")));
        score.compare("route retries on", place, on, &json!(theirs_on));
        let per_try = retries.per_try_timeout.value.map(millis);
        let per_try = Ours::of(&retries.per_try_timeout, json!(per_try));
        score.compare("route retries per_try", place, per_try, &json!(theirs_per_try));
    }
}

fn compare_fault(route: &Route, wanted: &Value, place: &str, score: &mut Score) {
    if wanted.get("to").is_none() {
        return;
    }
    let fault = route.fault.as_ref();
    let ours = fault.map(|fault| {
        json!([
            fault.delay.as_ref().map(|delay| (millis(delay.fault.value), delay.percent.value)),
            fault.abort.as_ref().map(|abort| (status(abort.fault.value), abort.percent.value)),
        ])
    });
    // 100 is also printed for an abort without a percentage, which Envoy never injects.
    let abort = fault.and_then(|fault| fault.abort.as_ref());
    let never = abort.is_some_and(|abort| abort.percent.value == 0.0);
    let theirs = wanted.get("fault").map(|fault| {
        let pair = |value: &str, percent: &str| {
            let unset = percent == "abort_pct" && never && fault[percent] == json!(100);
            let share = fault[percent].as_f64().filter(|_| !unset).unwrap_or(0.0);
            fault[value].as_f64().map(|v| (v, share))
        };
        json!([pair("delay_ms", "delay_pct"), pair("abort", "abort_pct")])
    });
    let delay = fault.and_then(|fault| fault.delay.as_ref()).map(|delay| &delay.fault.origin);
    let origin = delay.or_else(|| abort.map(|abort| &abort.fault.origin));
    score.compare("route fault", place, Ours::from(origin, json!(ours)), &json!(theirs));
}

/// A status as Istio's tools print it.
fn status(status: AbortStatus) -> f64 {
    match status {
        AbortStatus::Http(status) => f64::from(status),
        AbortStatus::Grpc(code) => f64::from(code),
    }
}

fn compare_mirrors(route: &Route, wanted: &Value, place: &str, score: &mut Score) {
    let target = |mirror: &stilltrace_model::Mirror| {
        let to = &mirror.to;
        let subset = to.subset.as_ref().map(|subset| format!("|{subset}")).unwrap_or_default();
        json!([format!("{}|{}{subset}", to.host, to.port), mirror.percent.value])
    };
    let ours: Vec<Value> = route.mirrors.iter().map(target).collect();
    let theirs: Vec<Value> = wanted["mirror"]
        .as_array()
        .map(|list| list.iter().map(|m| json!([m[0], m[1].as_f64()])).collect())
        .unwrap_or_default();
    let origin = route.mirrors.first().map(|mirror| &mirror.percent.origin);
    score.compare("route mirror", place, Ours::from(origin, json!(ours)), &json!(theirs));
}
