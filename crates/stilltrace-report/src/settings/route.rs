//! Routes: virtual hosts by port, and connections that are forwarded.

use serde_json::{Map, Value, json};
use stilltrace_model::{
    AbortStatus, Answer, Destination, FaultRule, Mirror, NamedCondition, NamedDefault, Origin,
    PathCondition, Retries, Rewrite, Route, RouteMatch, RouteTable, Target, TcpRoute,
    TextCondition, VirtualHost,
};

use super::object::{Object, millis, number};

/// Conditions of the retries that Istio gives every route.
const USUAL_CONDITIONS: &str =
    "connect-failure,refused-stream,unavailable,cancelled,retriable-status-codes";

/// Virtual hosts by port or list; `None` where a proxy has none that says anything.
pub(super) fn http(table: &RouteTable, is_gateway: bool) -> Option<Value> {
    let mut ports = Map::new();
    for (port, hosts) in &table.http {
        let mut names: Map<String, Value> = Map::new();
        for host in hosts {
            let key = host.names.join(",");
            if !is_gateway && is_own_route(host, &key, port) {
                continue;
            }
            let routes = host_routes(host);
            match names.get(&key) {
                None => drop(names.insert(key, routes)),
                Some(known) if *known == routes => {}
                Some(_) => drop(names.insert(format!("{key}#{}", host.listed_in), routes)),
            }
        }
        if !names.is_empty() {
            ports.insert(port.clone(), Value::Object(names));
        }
    }
    (!ports.is_empty()).then_some(Value::Object(ports))
}

/// Whether a host has the one route that every service gets by itself, at all defaults.
fn is_own_route(host: &VirtualHost, name: &str, port: &str) -> bool {
    let [route] = &*host.routes else { return false };
    let only = [("to".to_owned(), json!([[format!("{name}|{port}"), 100]]))];
    let plain = route.object.is_none() && host.depends_on_age.is_empty();
    plain && *values(route).values() == Map::from_iter(only)
}

/// The routes of a host in order. What depends on ages stands with the first.
fn host_routes(host: &VirtualHost) -> Value {
    let mut routes: Vec<Value> = host.routes.iter().map(|r| values(r).into_value()).collect();
    if let (Some(Value::Object(first)), false) =
        (routes.first_mut(), host.depends_on_age.is_empty())
    {
        let others = host.depends_on_age.iter().map(|other| {
            let mut object = Object::default();
            let live = other.routes.first().and_then(|route| route.live_name.as_deref());
            name_object(&mut object, &other.object, live);
            let routes = other.routes.iter().map(|route| values(route).into_value());
            object.put("routes", Value::Array(routes.collect()));
            object.into_value()
        });
        first.insert("depends_on_age".to_owned(), Value::Array(others.collect()));
    }
    if let Some(origin) = &host.https_redirect {
        let mut object = Object::default();
        object.put_from("https_redirect", json!(true), origin);
        routes.push(object.into_value());
    }
    Value::Array(routes)
}

/// The name that the proxy's metadata gives to the object that a route comes from.
fn name_object(object: &mut Object, origin: &Origin, live_name: Option<&str>) {
    if let Some(named) = origin.object() {
        let own = || format!("{}/{}", named.namespace, named.name);
        object.put_from("vs", json!(live_name.map_or_else(own, str::to_owned)), origin);
    }
}

/// All fields of a route.
fn values(route: &Route) -> Object {
    let mut object = Object::default();
    let matched = conditions(&route.matches);
    if !matched.is_empty() {
        object.put("match", Value::Object(matched));
    }
    match (route.conditions.as_slice(), &route.rule) {
        ([narrowest, broader @ ..], _) => object.mark_over("match", narrowest, broader),
        ([], Some(rule)) => object.mark("match", rule),
        ([], None) => {}
    }
    if let Some(origin) = &route.object {
        name_object(&mut object, origin, route.live_name.as_deref());
    }
    if !route.name.is_empty() && route.name != "default" {
        object.put("name", json!(route.name));
        if let Some(origin) = &route.name_origin {
            object.mark("name", origin);
        }
    }
    if let Some(fault) = &route.fault {
        object.nest("fault", describe_fault(fault));
    }
    if !route.header_changes.is_empty() {
        object.put("header_ops", json!(route.header_changes.len()));
        for (index, origin) in route.header_changes.iter().enumerate() {
            object.mark(&format!("header_ops[{index}]"), origin);
        }
    }
    if let Some(origin) = &route.cors {
        object.put_from("cors", json!(true), origin);
    }
    match &route.answer {
        Some(answer) => {
            let (name, value) = describe_answer(&answer.value);
            object.set(name, answer, Some(value));
        }
        None => sending(&mut object, route),
    }
    object
}

/// Why a missing cluster is answered with another status than Envoy's own.
const GATEWAY_API: Origin = Origin::Default { of: NamedDefault::GATEWAY_API };

/// The fields of a route that sends requests on.
fn sending(object: &mut Object, route: &Route) {
    let to = route.destinations.iter().map(|to| json!([cluster(&to.to), to.weight.value]));
    object.put("to", Value::Array(to.collect()));
    mark_destinations(object, &route.destinations);
    let missing: Vec<String> = route.without_cluster().map(cluster).collect();
    if !missing.is_empty() {
        object.put("no_cluster", json!(missing));
        let status = route.status_without_cluster();
        let answered = route.destinations.iter().any(|to| !to.to.has_cluster);
        // Envoy's own status goes without saying.
        if answered && status != 503 {
            object.put_from("no_cluster_status", json!(status), &GATEWAY_API);
        }
        for (index, target) in route.without_cluster().enumerate() {
            object.mark(&format!("no_cluster[{index}]"), &target.host_origin);
        }
    }
    object.time("timeout_ms", &route.timeout);
    retries(object, &route.retries, !route.hash.is_empty());
    if !route.mirrors.is_empty() {
        let pair = |mirror: &Mirror| json!([cluster(&mirror.to), number(mirror.percent.value)]);
        object.put("mirror", Value::Array(route.mirrors.iter().map(pair).collect()));
        for (index, mirror) in route.mirrors.iter().enumerate() {
            object.mark(&format!("mirror[{index}]"), &mirror.to.host_origin);
            object.mark(&format!("mirror[{index}].percent"), &mirror.percent.origin);
        }
    }
    if !route.hash.is_empty() {
        let keys: Vec<String> = route.hash.iter().map(|key| key.value.to_string()).collect();
        object.put("hash", json!(keys));
        for (index, key) in route.hash.iter().enumerate() {
            object.mark(&format!("hash[{index}]"), &key.origin);
        }
    }
    if let Some(rewrite) = &route.rewrite {
        let (name, value) = match &rewrite.value {
            Rewrite::Prefix(prefix) => ("rewrite", json!(prefix)),
            Rewrite::Regex { pattern, substitution } => {
                ("rewrite_regex", json!([pattern, substitution]))
            }
        };
        object.set(name, rewrite, Some(value));
    }
    if let Some(host) = &route.rewrite_host {
        object.set("rewrite_host", host, Some(json!(host.value)));
    }
}

fn mark_destinations(object: &mut Object, destinations: &[Destination]) {
    for (index, destination) in destinations.iter().enumerate() {
        let target = &destination.to;
        object.mark(&format!("to[{index}]"), &target.host_origin);
        object.mark(&format!("to[{index}].port"), &target.port_origin);
        if let Some(origin) = &target.subset_origin {
            object.mark(&format!("to[{index}].subset"), origin);
        }
        object.mark(&format!("to[{index}].weight"), &destination.weight.origin);
    }
}

/// `host|port`, with the subset where there is one; a cluster that has another kind of name keeps it.
fn cluster(target: &Target) -> String {
    if is_special(target) {
        return target.host.clone();
    }
    match &target.subset {
        Some(subset) => format!("{}|{}|{subset}", target.host, target.port),
        None => format!("{}|{}", target.host, target.port),
    }
}

fn retries(object: &mut Object, retries: &Retries, hashed: bool) {
    if retries.attempts.value == 0 {
        object.set("retries", &retries.attempts, Some(json!("off")));
        return;
    }
    let mut inner = Object::default();
    inner.set("n", &retries.attempts, Some(json!(retries.attempts.value)));
    inner.set("on", &retries.retry_on, Some(json!(retries.envoy_retry_on)));
    if !retries.status_codes.is_empty() {
        inner.put_from("codes", json!(retries.status_codes), &retries.retry_on.origin);
    }
    inner.time("per_try_ms", &retries.per_try_timeout);
    inner.time("backoff_ms", &retries.backoff);
    let same = !retries.other_hosts.value && !hashed;
    inner.set("same_host", &retries.other_hosts, same.then_some(json!(true)));
    let far = &retries.remote_localities;
    inner.set("remote_localities", far, far.value.then_some(json!(true)));
    let usual = inner.len() == 2
        && retries.attempts.value == 2
        && retries.envoy_retry_on == USUAL_CONDITIONS;
    if usual {
        object.nest_origins("retries", inner);
    } else {
        object.nest("retries", inner);
    }
}

/// Istio delivers an abort without a percentage as it is, which means never; its own tools print
/// such a one as if it were complete.
fn describe_fault(fault: &FaultRule) -> Object {
    let mut inner = Object::default();
    if let Some(delay) = &fault.delay {
        inner.set("delay_ms", &delay.fault, Some(millis(delay.fault.value)));
        inner.set("delay_pct", &delay.percent, Some(number(delay.percent.value)));
    }
    if let Some(abort) = &fault.abort {
        let (name, value) = match abort.fault.value {
            AbortStatus::Http(status) => ("abort", json!(status)),
            AbortStatus::Grpc(code) => ("abort_grpc", json!(code)),
        };
        inner.set(name, &abort.fault, Some(value));
        let written = abort.percent.is_written();
        let share = if written { abort.percent.value } else { 100.0 };
        inner.set("abort_pct", &abort.percent, Some(number(share)));
    }
    inner
}

fn describe_answer(answer: &Answer) -> (&'static str, Value) {
    match answer {
        Answer::Direct(status) => ("direct", json!(status)),
        Answer::Redirect { status, host, path } => {
            let mut redirect = Map::new();
            redirect.insert("code".to_owned(), json!(status));
            redirect.extend(host.as_ref().map(|host| ("host".to_owned(), json!(host))));
            redirect.extend(path.as_ref().map(|path| ("path".to_owned(), json!(path))));
            ("redirect", Value::Object(redirect))
        }
    }
}

fn conditions(matches: &RouteMatch) -> Map<String, Value> {
    let mut all = Map::new();
    if let Some(path) = &matches.path {
        let (name, text) = match path {
            PathCondition::Exact(text) => ("path", text),
            PathCondition::Prefix(text) => ("prefix", text),
            PathCondition::Segments(text) => ("sep_prefix", text),
            PathCondition::Regex(text) => ("regex", text),
        };
        all.insert(name.to_owned(), json!(text));
    }
    if matches.ignore_case {
        all.insert("ci".to_owned(), json!(true));
    }
    for (name, list) in [("headers", &matches.headers), ("query", &matches.query)] {
        if !list.is_empty() {
            all.insert(name.to_owned(), list.iter().map(condition).collect());
        }
    }
    all
}

fn condition(condition: &NamedCondition) -> String {
    let not = if condition.inverted { "not " } else { "" };
    let name = &condition.name;
    match &condition.value {
        TextCondition::Exact(text) => format!("{not}{name} exact={text}"),
        TextCondition::Prefix(text) => format!("{not}{name} prefix={text}"),
        TextCondition::Regex(text) => format!("{not}{name} regex={text}"),
        TextCondition::Present => format!("{not}{name} present=true"),
    }
}

/// Connections that are more than "a service to itself", sorted by their text.
pub(super) fn tcp(table: &RouteTable) -> Option<Value> {
    let told = table.tcp.iter().filter(|route| says_more(route)).map(connection);
    let mut told: Vec<(String, Value)> = told.collect();
    told.sort_by(|(a, _), (b, _)| a.cmp(b));
    let told: Vec<Value> = told.into_iter().map(|(_, route)| route).collect();
    (!told.is_empty()).then_some(Value::Array(told))
}

fn says_more(route: &TcpRoute) -> bool {
    let named = route.named && route.object.is_some();
    let plain = match route.destinations.as_slice() {
        [only] => only.to.subset.is_none() && only.weight.value == 100 && !is_special(&only.to),
        _ => false,
    };
    named || route.idle_timeout.is_some() || !plain
}

fn is_special(target: &Target) -> bool {
    target.host.starts_with("outbound_.") || target.host == Target::UNKNOWN
}

/// The text that decides the order, without origins, and the whole.
fn connection(route: &TcpRoute) -> (String, Value) {
    let mut object = Object::default();
    let listen = json!(format!("{}|{}", route.listen, route.port));
    object.put_from("listen", listen, &route.listen_origin);
    object.mark("listen.port", &route.port_origin);
    let lists =
        [("sni", &route.sni, &route.sni_origin), ("dst", &route.subnets, &route.subnets_origin)];
    for (name, items, origin) in lists {
        if !items.is_empty() {
            object.put(name, json!(items));
            if let Some(origin) = origin {
                object.mark(name, origin);
            }
        }
    }
    if let Some(origin) = &route.object {
        if route.named {
            name_object(&mut object, origin, route.live_name.as_deref());
        } else {
            object.mark("to", origin);
        }
    }
    let to = route.destinations.iter().map(|to| json!([cluster(&to.to), to.weight.value]));
    object.put("to", Value::Array(to.collect()));
    mark_destinations(&mut object, &route.destinations);
    if let Some(idle) = &route.idle_timeout {
        object.set("idle_ms", idle, Some(millis(idle.value)));
    }
    (Value::Object(object.values().clone()).to_string(), object.into_value())
}
