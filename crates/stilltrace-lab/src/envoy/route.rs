//! Routes: virtual hosts per visible service, in the order and with the defaults of Istio.

use serde_json::{Value, json};
use stilltrace_model::{
    AbortStatus, Destination, Edge, FaultRule, Mirror, ObjectRef, Origin, Retries, Route,
};

use super::{ROUTES, World, edges_of, extension, fraction, host, matches, outbound, seconds, url};
use crate::pods::Pod;

/// The route configuration of the pod's proxy.
pub(super) fn configuration(world: World<'_>, pod: &Pod) -> Value {
    let hosts = if pod.is_gateway { gateway_hosts(world, pod) } else { sidecar_hosts(world, pod) };
    json!({
        "@type": url("envoy.config.route.v3.RouteConfiguration"),
        "name": ROUTES,
        "virtual_hosts": hosts,
        // A route may name a cluster that is out of scope: the proxy then answers 503 `NC`.
        "validate_clusters": false,
        "max_direct_response_body_size_bytes": 1_048_576,
    })
}

/// One virtual host per visible service port, then one that refuses every other host.
fn sidecar_hosts(world: World<'_>, pod: &Pod) -> Vec<Value> {
    let mut hosts = Vec::new();
    let mut previous = None;
    for edge in edges_of(world, pod) {
        let service = &edge.id.destination;
        let full = host(service);
        let mut names = vec![
            full.clone(),
            format!("{}.{}.svc", service.name, service.namespace),
            format!("{}.{}", service.name, service.namespace),
        ];
        if service.namespace == pod.workload.namespace {
            names.push(service.name.clone());
        }
        let mut domains: Vec<String> =
            names.iter().map(|name| format!("{name}:{}", edge.id.port)).collect();
        // A host without port belongs to the service's first port; a domain may occur once only.
        if previous != Some(service) {
            domains.extend(names);
        }
        previous = Some(service);
        hosts.push(json!({
            "name": format!("{full}:{}", edge.id.port),
            "domains": domains,
            "routes": edge.routes.iter().map(|route| http_route(edge, route)).collect::<Vec<_>>(),
            "include_request_attempt_count": true,
        }));
    }
    hosts.push(json!({
        "name": "block_all",
        "domains": ["*"],
        "routes": [{"name": "block_all", "match": {"prefix": "/"}, "direct_response": {"status": 502}}],
    }));
    hosts
}

/// One virtual host with the routes of every service the gateway leads to, narrow ones first.
fn gateway_hosts(world: World<'_>, pod: &Pod) -> Vec<Value> {
    let edges = edges_of(world, pod);
    let called = pod.calls.iter().filter_map(|(service, _)| {
        edges.iter().find(|edge| *edge.id.destination == *service).copied()
    });
    let mut narrow: Vec<Value> = Vec::new();
    let mut wide: Vec<Value> = Vec::new();
    for edge in called {
        for route in edge.routes.iter() {
            let routes = if route.matches.is_everything() { &mut wide } else { &mut narrow };
            let route = http_route(edge, route);
            if !routes.contains(&route) {
                routes.push(route);
            }
        }
    }
    narrow.extend(wide);
    vec![json!({
        "name": "*:80",
        "domains": ["*"],
        "routes": narrow,
        "include_request_attempt_count": true,
    })]
}

/// One route with its action.
fn http_route(edge: &Edge, route: &Route) -> Value {
    let condition = matches::condition(&route.matches.texts());
    if route.destinations.is_empty() {
        // The proxy answers itself (a redirect, a direct response); the model does not say what.
        return json!({"name": route.name, "match": condition, "direct_response": {"status": 200}});
    }
    let mut action = targets(route);
    action["timeout"] = seconds(route.timeout.value.unwrap_or_default()).into();
    if let Some(policy) = retry_policy(&route.retries) {
        action["retry_policy"] = policy;
    }
    let mirrors: Vec<Value> = route.mirrors.iter().map(mirror).collect();
    if !mirrors.is_empty() {
        action["request_mirror_policies"] = mirrors.into();
    }
    let name = if route.name.is_empty() { "default" } else { &route.name };
    let mut entry = json!({
        "name": name,
        "match": condition,
        "route": action,
        "decorator": {"operation": format!("{}:{}/*", host(&edge.id.destination), edge.id.port)},
    });
    if let Some(object) = route.object.as_ref().and_then(Origin::object) {
        entry["metadata"] = json!({"filter_metadata": {"istio": {"config": config_path(object, "virtual-service")}}});
    }
    if let Some(fault) = &route.fault {
        entry["typed_per_filter_config"] = json!({"envoy.filters.http.fault": fault_config(fault)});
    }
    entry
}

/// Where a route leads: one cluster, or several by weight.
fn targets(route: &Route) -> Value {
    let name = |to: &Destination| outbound(&to.to.service, to.to.port, to.to.subset.as_deref());
    match route.destinations.as_slice() {
        [only] => json!({"cluster": name(only)}),
        several => {
            let clusters: Vec<Value> = several
                .iter()
                .map(|to| json!({"name": name(to), "weight": to.weight.value}))
                .collect();
            json!({"weighted_clusters": {"clusters": clusters}})
        }
    }
}

/// Retry policy; none where tries are switched off. Istio retries on another host where it can
/// (istio/istio `pilot/pkg/networking/core/route/retry`). A number among the conditions is a
/// status code.
fn retry_policy(retries: &Retries) -> Option<Value> {
    if retries.attempts.value == 0 {
        return None;
    }
    let (codes, mut conditions): (Vec<&String>, Vec<&str>) = (
        retries.retry_on.value.iter().filter(|on| on.parse::<u16>().is_ok()).collect(),
        retries
            .retry_on
            .value
            .iter()
            .filter(|on| on.parse::<u16>().is_err())
            .map(String::as_str)
            .collect(),
    );
    if !codes.is_empty() && !conditions.contains(&"retriable-status-codes") {
        conditions.push("retriable-status-codes");
    }
    let mut policy = json!({
        "retry_on": conditions.join(","),
        "num_retries": retries.attempts.value,
        "retry_host_predicate": [extension(
            "envoy.retry_host_predicates.previous_hosts",
            "envoy.extensions.retry.host.previous_hosts.v3.PreviousHostsPredicate",
            json!({}),
        )],
        "host_selection_retry_max_attempts": "5",
    });
    if let Some(limit) = retries.per_try_timeout.value {
        policy["per_try_timeout"] = seconds(limit).into();
    }
    if !codes.is_empty() {
        let codes: Vec<u16> = codes.iter().filter_map(|code| code.parse().ok()).collect();
        policy["retriable_status_codes"] = codes.into();
    }
    Some(policy)
}

/// A copy of requests that nobody waits for.
fn mirror(mirror: &Mirror) -> Value {
    json!({
        "cluster": outbound(&mirror.to.service, mirror.to.port, mirror.to.subset.as_deref()),
        "runtime_fraction": {"default_value": fraction(mirror.percent.value)},
    })
}

/// Injected delay and abort.
fn fault_config(fault: &FaultRule) -> Value {
    let mut config = json!({"@type": url("envoy.extensions.filters.http.fault.v3.HTTPFault")});
    if let Some(delay) = &fault.delay {
        let percent = fraction(delay.percent.value);
        config["delay"] = json!({"fixed_delay": seconds(delay.fault.value), "percentage": percent});
    }
    if let Some(abort) = &fault.abort {
        let percent = fraction(abort.percent.value);
        config["abort"] = match abort.fault.value {
            AbortStatus::Http(status) => json!({"http_status": status, "percentage": percent}),
            AbortStatus::Grpc(code) => json!({"grpc_status": code, "percentage": percent}),
        };
    }
    config
}

/// The path by which Istio names an object in Envoy's metadata.
pub(super) fn config_path(object: &ObjectRef, kind: &str) -> String {
    format!("/apis/{}/namespaces/{}/{kind}/{}", object.api_version, object.namespace, object.name)
}
