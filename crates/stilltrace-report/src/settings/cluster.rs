//! Edges and subsets: how a proxy treats a service port.

use serde_json::{Map, Value, json};
use stilltrace_model::{
    Discovery, Edge, HashTable, Http2, LoadBalancer, Locality, NamedDefault, Origin,
    OutlierDetection, Pool, RetryBudget, Service, TlsMode, TrafficPolicy, Warmup,
};

use super::object::{Object, millis, number};

/// Why places are in order where no preference of places is in effect.
const NEAREST_FIRST: Origin = Origin::Default { of: NamedDefault::ISTIO };

/// An edge with its subsets.
pub(super) fn describe(edge: &Edge, service: &Service) -> Value {
    let mut object = policy(&edge.policy, &service.origin);
    let protocol = edge.protocol.as_ref().or_else(|| service.ports.get(&edge.id.port));
    if let Some(protocol) = protocol
        && protocol.value != "http"
    {
        object.set("proto", protocol, Some(json!(protocol.value)));
    }
    if !edge.subsets.is_empty() {
        let subsets = edge.subsets.iter();
        let subsets: Map<String, Value> = subsets
            .map(|(name, (_, own))| (name.clone(), policy(own, &service.origin).into_value()))
            .collect();
        object.put("subsets", Value::Object(subsets));
    }
    object.into_value()
}

/// A policy towards the service at `behind`, whose pods are the endpoints.
fn policy(policy: &TrafficPolicy, behind: &Origin) -> Object {
    let mut object = Object::default();
    if let Some(origin) = &policy.object
        && let Some(rule) = origin.object()
    {
        let own = || format!("{}/{}", rule.namespace, rule.name);
        let name = policy.live_name.as_deref().map_or_else(own, str::to_owned);
        object.put_from("dr", json!(name), origin);
    }
    let discovery = match policy.discovery.value {
        Discovery::Pushed => None,
        Discovery::StrictDns => Some("STRICT_DNS"),
        Discovery::LogicalDns => Some("LOGICAL_DNS"),
        Discovery::Dialled => Some("ORIGINAL_DST"),
        Discovery::Static => Some("STATIC"),
    };
    if let Some(name) = discovery {
        object.set("type", &policy.discovery, Some(json!(name)));
    }
    if let Some(endpoints) = &policy.endpoints {
        object.put_from("ep", json!([endpoints.total, endpoints.mutual_tls]), behind);
        if let Some(line) = &policy.plaintext_by {
            object.mark("ep[1]", line);
        }
        if endpoints.priorities > 1 {
            // Places are in order by the preference that weighs them, or else as Istio always does.
            let order = policy.locality.as_ref().map_or(&NEAREST_FIRST, |own| &own.origin);
            object.put_from("priorities", json!(endpoints.priorities), order);
        }
    }
    describe_pool(&mut object, &policy.pool, policy.retry_budget.as_deref());
    balancing(&mut object, policy);
    security(&mut object, policy);
    if let Some(block) = &policy.outlier {
        outlier(&mut object, block);
    }
    object
}

/// The fields of a connection pool and the retry budget, in both directions the same.
pub(super) fn describe_pool(object: &mut Object, pool: &Pool, budget: Option<&RetryBudget>) {
    let connect = &pool.connect_timeout;
    let usual = connect.value.as_millis() == 10_000;
    object.set("connect_timeout_ms", connect, (!usual).then(|| millis(connect.value)));
    object.limit("max_connections", &pool.max_connections);
    object.limit("max_pending", &pool.max_pending_requests);
    object.limit("max_requests", &pool.max_requests);
    object.limit("max_retries", &pool.max_retries);
    object.limit("max_requests_per_connection", &pool.max_requests_per_connection);
    object.time("idle_timeout_ms", &pool.idle_timeout);
    object.time("max_connection_duration_ms", &pool.max_connection_duration);
    object.limit("max_concurrent_streams", &pool.max_concurrent_streams);
    let http2 = pool.http2.value.map(|mode| match mode {
        Http2::Always => json!("always"),
        Http2::AsDownstream => json!("as_downstream"),
    });
    object.set("h2", &pool.http2, http2);
    if let Some(keepalive) = &pool.keepalive {
        let mut inner = Object::default();
        inner.limit("probes", &keepalive.probes);
        inner.limit("time_s", &keepalive.time);
        inner.limit("interval_s", &keepalive.interval);
        object.nest("tcp_keepalive", inner);
    }
    if let Some(budget) = budget {
        let mut inner = Object::default();
        inner.set("pct", &budget.percent, Some(number(budget.percent.value)));
        inner.set("min", &budget.min_concurrency, Some(json!(budget.min_concurrency.value)));
        object.nest("retry_budget", inner);
    }
}

fn balancing(object: &mut Object, policy: &TrafficPolicy) {
    let table = policy.hash_table.as_ref();
    let name = match policy.load_balancer.value {
        LoadBalancer::LeastRequest => None,
        LoadBalancer::Passthrough if policy.discovery.value == Discovery::Dialled => None,
        LoadBalancer::Passthrough => Some("CLUSTER_PROVIDED"),
        LoadBalancer::RoundRobin => Some("ROUND_ROBIN"),
        LoadBalancer::Random => Some("RANDOM"),
        LoadBalancer::ConsistentHash => match table.map(|table| table.value) {
            Some(HashTable::Maglev(_)) => Some("MAGLEV"),
            _ => Some("RING_HASH"),
        },
    };
    object.set("lb", &policy.load_balancer, name.map(|name| json!(name)));
    match table.map(|table| (table, table.value)) {
        Some((setting, HashTable::Ring(Some(size)))) => {
            object.set("ring_min", setting, Some(json!(size)));
        }
        Some((setting, HashTable::Maglev(Some(size)))) => {
            object.set("maglev_table", setting, Some(json!(size)));
        }
        _ => {}
    }
    if let Some(warmup) = &policy.warmup {
        object.nest("warmup", describe_warmup(warmup));
    }
    if let Some(locality) = &policy.locality {
        let name = match locality.value {
            Locality::Weighted => "weighted",
            Locality::ZoneAware => "zone_aware",
        };
        object.set("locality", locality, Some(json!(name)));
    }
}

fn describe_warmup(warmup: &Warmup) -> Object {
    let mut inner = Object::default();
    inner.set("window_ms", &warmup.window, Some(millis(warmup.window.value)));
    inner.set("min_pct", &warmup.min_percent, warmup.min_percent.value.map(number));
    inner.set("aggression", &warmup.aggression, warmup.aggression.value.map(number));
    inner
}

fn security(object: &mut Object, policy: &TrafficPolicy) {
    let name = match policy.tls.value {
        TlsMode::Auto => Some("auto"),
        TlsMode::IstioMutual => Some("istio_mutual"),
        TlsMode::Simple => Some("simple"),
        TlsMode::Mutual => Some("mutual"),
        TlsMode::Disable => None,
    };
    object.set("tls", &policy.tls, name.map(|name| json!(name)));
    if let Some(sni) = &policy.sni {
        object.set("sni", sni, Some(json!(sni.value)));
    }
}

/// Figures of the block that are Envoy's defaults are absent; the panic threshold stands beside it.
fn outlier(object: &mut Object, block: &OutlierDetection) {
    let mut inner = Object::default();
    let written = |origin: &Origin| !matches!(origin, Origin::Default { .. });
    let failures = &block.consecutive_5xx;
    let value = written(&failures.origin).then_some(failures.value);
    inner.set("consecutive_5xx", failures, value.map(|value| json!(value)));
    if value == Some(0) {
        inner.put_from("enforcing_consecutive_5xx", json!(0), &failures.origin);
    }
    let gateway = &block.consecutive_gateway_failure;
    inner.limit("consecutive_gateway_failure", gateway);
    if gateway.value == Some(0) {
        inner.put_from("enforcing_consecutive_gateway_failure", json!(0), &gateway.origin);
    }
    inner.limit("consecutive_local_origin_failure", &block.consecutive_local_origin_failure);
    for (name, time) in
        [("interval_ms", &block.interval), ("base_ejection_ms", &block.base_ejection_time)]
    {
        inner.set(name, time, written(&time.origin).then(|| millis(time.value)));
    }
    let most = &block.max_ejection_percent;
    inner.set("max_ejection_pct", most, written(&most.origin).then(|| json!(most.value)));
    let split = &block.split_local_origin;
    inner.set("split_local_origin", split, split.value.then_some(Value::Bool(true)));
    object.nest("outlier", inner);
    object.mark("outlier", &block.origin);
    let panic = &block.min_health_percent;
    object.set("panic_pct", panic, (panic.value > 0).then(|| json!(panic.value)));
}
