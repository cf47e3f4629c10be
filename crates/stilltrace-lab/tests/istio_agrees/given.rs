//! What the lab's files tell an Envoy, in the common notation.

use std::path::Path;

use serde_json::{Map, Value, json};
use stilltrace_lab::certs::Identities;
use stilltrace_lab::envoy::{ProxyDir, World, discovery};
use stilltrace_lab::pods::Pod;
use stilltrace_model::Platform;

use crate::notation::Fields;

/// Options of a cluster's protocol.
const HTTP_OPTIONS: &str = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions";

/// All settings of the proxy of `pod`.
pub(crate) fn settings(platform: &Platform, pods: &[Pod], pod: &Pod) -> Value {
    let identities = Identities::at(Path::new("certificates"));
    let world = World { platform, pods, identities: &identities, collector: None };
    let files = discovery(world, pod, &ProxyDir("proxy".into()));
    let file = |kind: &str| files.iter().find(|(name, _)| *name == kind).unwrap().1.clone();
    let resources = |kind: &str| file(kind)["resources"].as_array().unwrap().clone();
    let (mut clusters, mut inbound) = (Map::new(), Value::Null);
    for resource in resources("cds") {
        let name = resource["name"].as_str().unwrap();
        match *name.split('|').collect::<Vec<_>>() {
            ["outbound", ..] => drop(clusters.insert(target(name), cluster(&resource))),
            ["inbound", ..] => inbound = own(&resource, &resources("lds")),
            _ => panic!("a cluster named {name}"),
        }
    }
    let mut routes = Map::new();
    for host in resources("rds")[0]["virtual_hosts"].as_array().unwrap() {
        let list: Vec<Value> = host["routes"].as_array().unwrap().iter().map(route).collect();
        let name = host["name"].as_str().unwrap().replace(':', "|");
        match name.as_str() {
            // For hosts that no proxy of the lab calls.
            "block_all" => {}
            _ if pod.is_gateway => drop(routes.insert("gateway".into(), list.into())),
            _ => drop(routes.insert(name, list.into())),
        }
    }
    json!({"clusters": clusters, "routes": routes, "inbound": inbound})
}

/// `outbound|PORT|SUBSET|HOST` as `HOST|PORT[|SUBSET]`.
fn target(cluster: &str) -> String {
    match cluster.split('|').collect::<Vec<_>>()[..] {
        ["outbound", port, "", host] => format!("{host}|{port}"),
        ["outbound", port, subset, host] => format!("{host}|{port}|{subset}"),
        _ => cluster.to_owned(),
    }
}

fn cluster(resource: &Value) -> Value {
    let mut fields = pool(resource);
    let endpoints: usize = resource["load_assignment"]["endpoints"]
        .as_array()
        .unwrap()
        .iter()
        .map(|locality| locality["lb_endpoints"].as_array().unwrap().len())
        .sum();
    fields.insert("endpoints".into(), endpoints.into());
    fields.insert("lb".into(), resource["lb_policy"].clone());
    fields.insert("tls".into(), transport(resource).into());
    if let Some(rule) = object(resource) {
        fields.insert("dr".into(), rule.into());
    }
    if let Some(outlier) = resource.get("outlier_detection") {
        fields.insert("outlier".into(), outlier_detection(outlier));
        let panic = &resource["common_lb_config"]["healthy_panic_threshold"]["value"];
        fields.insert("panic_pct".into(), panic.clone());
    }
    Value::Object(fields)
}

/// Limits and times of a cluster's connections.
fn pool(resource: &Value) -> Fields {
    let mut fields = Map::new();
    fields.insert("connect_timeout_ms".into(), millis(&resource["connect_timeout"]));
    let thresholds = &resource["circuit_breakers"]["thresholds"][0];
    let names = [
        ("max_connections", "max_connections"),
        ("max_pending_requests", "max_pending"),
        ("max_requests", "max_requests"),
        ("max_retries", "max_retries"),
    ];
    for (envoy, ours) in names {
        let limit = &thresholds[envoy];
        if *limit != json!(u32::MAX) {
            fields.insert(ours.into(), limit.clone());
        }
    }
    if let Some(budget) = thresholds.get("retry_budget") {
        let (percent, least) =
            (&budget["budget_percent"]["value"], &budget["min_retry_concurrency"]);
        fields.insert("retry_budget".into(), json!({"pct": percent, "min": least}));
    }
    let options = &resource["typed_extension_protocol_options"][HTTP_OPTIONS];
    let common = &options["common_http_protocol_options"];
    if let Some(requests) = common.get("max_requests_per_connection") {
        fields.insert("max_requests_per_connection".into(), requests.clone());
    }
    if let Some(idle) = common.get("idle_timeout") {
        fields.insert("idle_timeout_ms".into(), millis(idle));
    }
    if options["explicit_http_config"].get("http2_protocol_options").is_some() {
        fields.insert("h2".into(), "always".into());
    }
    fields
}

fn outlier_detection(block: &Value) -> Value {
    // Istio switches the detector of success rates off; absent, it would be on.
    assert_eq!(block["enforcing_success_rate"], 0);
    json!({
        "consecutive_5xx": block["consecutive_5xx"],
        "enforcing_consecutive_5xx": block["enforcing_consecutive_5xx"],
        "interval_ms": millis(&block["interval"]),
        "base_ejection_ms": millis(&block["base_ejection_time"]),
        "max_ejection_pct": block["max_ejection_percent"],
    })
}

fn transport(resource: &Value) -> &'static str {
    let context = &resource["transport_socket"]["typed_config"]["common_tls_context"];
    match (context.is_null(), context["tls_certificates"].is_null()) {
        (true, _) => "plaintext",
        (false, true) => "simple",
        (false, false) => "mutual with Istio's certificates",
    }
}

/// The proxy towards its own application: the inbound cluster, and its route and TLS.
fn own(resource: &Value, listeners: &[Value]) -> Value {
    let mut fields = pool(resource);
    let listener = listeners.iter().find(|listener| listener["name"] == "virtualInbound").unwrap();
    let chain = &listener["filter_chains"][0];
    let demanded = &chain["transport_socket"]["typed_config"]["require_client_certificate"];
    let mtls = if *demanded == json!(true) { "STRICT" } else { "DISABLE" };
    fields.insert("mtls".into(), mtls.into());
    let manager = &chain["filters"][0]["typed_config"];
    let action = &manager["route_config"]["virtual_hosts"][0]["routes"][0]["route"];
    let retries = &action["retry_policy"];
    let retries = json!({"n": retries["num_retries"], "on": retries["retry_on"]});
    fields.insert("retries".into(), retries);
    if action["timeout"] != "0s" {
        fields.insert("timeout_ms".into(), millis(&action["timeout"]));
    }
    Value::Object(fields)
}

fn route(route: &Value) -> Value {
    let mut fields = Map::new();
    let matched = conditions(&route["match"]);
    if !matched.is_empty() {
        fields.insert("match".into(), matched.into());
    }
    if route["name"] != "default" {
        fields.insert("name".into(), route["name"].clone());
    }
    if let Some(service) = object(route) {
        fields.insert("vs".into(), service.into());
    }
    if let Some(direct) = route.get("direct_response") {
        fields.insert("direct".into(), direct["status"].clone());
        return Value::Object(fields);
    }
    if let Some(fault) = route["typed_per_filter_config"].get("envoy.filters.http.fault") {
        fields.insert("fault".into(), injected(fault));
    }
    action(&route["route"], &mut fields);
    Value::Object(fields)
}

/// Destinations, time and retries of a route.
fn action(action: &Value, fields: &mut Fields) {
    let to = match action["cluster"].as_str() {
        Some(only) => json!([[target(only), 100]]),
        None => action["weighted_clusters"]["clusters"]
            .as_array()
            .unwrap()
            .iter()
            .map(|to| json!([target(to["name"].as_str().unwrap()), to["weight"]]))
            .collect(),
    };
    fields.insert("to".into(), to);
    let timeout = millis(&action["timeout"]);
    if timeout != json!(0) {
        fields.insert("timeout_ms".into(), timeout);
    }
    match action.get("retry_policy") {
        None => drop(fields.insert("retries".into(), "off".into())),
        Some(policy) => {
            fields.insert("retries n".into(), policy["num_retries"].clone());
            fields.insert("retries on".into(), policy["retry_on"].clone());
            if let Some(limit) = policy.get("per_try_timeout") {
                fields.insert("retries per_try_ms".into(), millis(limit));
            }
            if let Some(codes) = policy.get("retriable_status_codes") {
                fields.insert("retries codes".into(), codes.clone());
            }
            if policy.get("retry_host_predicate").is_none() {
                fields.insert("retries same_host".into(), true.into());
            }
        }
    }
    if let Some(mirrors) = action.get("request_mirror_policies") {
        let mirror = |mirror: &Value| {
            let share = &mirror["runtime_fraction"]["default_value"];
            json!([target(mirror["cluster"].as_str().unwrap()), percent(share)])
        };
        fields.insert("mirror".into(), mirrors.as_array().unwrap().iter().map(mirror).collect());
    }
}

/// Match conditions, in Istio's notation.
fn conditions(matched: &Value) -> Fields {
    let mut all = Map::new();
    if let Some(prefix) = matched["prefix"].as_str().filter(|prefix| *prefix != "/") {
        all.insert("prefix".into(), prefix.into());
    }
    if let Some(path) = matched.get("path") {
        all.insert("path".into(), path.clone());
    }
    if let Some(regex) = matched.get("safe_regex") {
        all.insert("regex".into(), regex["regex"].clone());
    }
    if matched["case_sensitive"] == false {
        all.insert("ci".into(), true.into());
    }
    for (envoy, ours) in [("headers", "headers"), ("query_parameters", "query")] {
        if let Some(list) = matched.get(envoy) {
            all.insert(ours.into(), list.as_array().unwrap().iter().map(named).collect());
        }
    }
    all
}

/// A condition on a header or query parameter as one text.
fn named(matcher: &Value) -> Value {
    let not = if matcher["invert_match"] == true { "not " } else { "" };
    let name = matcher["name"].as_str().unwrap();
    let text = matcher["string_match"].as_object().and_then(|text| text.iter().next());
    match text {
        None => format!("{not}{name} present=true"),
        Some((how, value)) if how == "safe_regex" => {
            format!("{not}{name} regex={}", value["regex"].as_str().unwrap())
        }
        Some((how, value)) => format!("{not}{name} {how}={}", value.as_str().unwrap()),
    }
    .into()
}

/// An injected delay or abort.
fn injected(fault: &Value) -> Value {
    let mut all = Map::new();
    if let Some(delay) = fault.get("delay") {
        all.insert("delay_ms".into(), millis(&delay["fixed_delay"]));
        all.insert("delay_pct".into(), percent(&delay["percentage"]));
    }
    if let Some(abort) = fault.get("abort") {
        all.insert("abort".into(), abort["http_status"].clone());
        all.insert("abort_pct".into(), percent(&abort["percentage"]));
    }
    Value::Object(all)
}

/// The object that a cluster or route comes from, as `namespace/name`.
fn object(resource: &Value) -> Option<String> {
    let path = resource["metadata"]["filter_metadata"]["istio"]["config"].as_str()?;
    let parts: Vec<&str> = path.split('/').collect();
    let namespace = parts.iter().position(|part| *part == "namespaces")?;
    Some(format!("{}/{}", parts.get(namespace + 1)?, parts.last()?))
}

/// A share in percent; the files give it in millionths.
fn percent(share: &Value) -> Value {
    assert_eq!(share["denominator"], "MILLION");
    number(share["numerator"].as_f64().unwrap() / 10_000.0)
}

/// A duration such as `1.5s` in milliseconds.
fn millis(duration: &Value) -> Value {
    let seconds: f64 = duration.as_str().unwrap().strip_suffix('s').unwrap().parse().unwrap();
    number((seconds * 1_000_000.0).round() / 1_000.0)
}

/// A number, whole where it is.
fn number(value: f64) -> Value {
    if value.fract() == 0.0 { json!(value as i64) } else { json!(value) }
}
