//! Traffic policies: pool, outlier detection, load balancing, TLS, subsets.

use serde_json::{Map, Value, json};
use stilltrace_model::{Edge, LoadBalancer, OutlierDetection, TlsMode, TrafficPolicy};

use super::{Ours, Score, millis};

/// Compares the policy of an edge and of each of its subsets.
pub(super) fn compare_edge(edge: &Edge, wanted: &Value, place: &str, score: &mut Score) {
    compare(&edge.policy, wanted, place, "", score);
    let empty = Map::new();
    let subsets = wanted["subsets"].as_object().unwrap_or(&empty);
    let ours: Vec<&String> = edge.subsets.keys().collect();
    let theirs: Vec<&String> = subsets.keys().collect();
    let ours = Ours::from(edge.policy.object.as_ref(), json!(ours));
    score.compare("subsets", place, ours, &json!(theirs));
    for (name, (_, policy)) in edge.subsets.as_ref() {
        if let Some(wanted) = subsets.get(name) {
            compare(policy, wanted, &format!("{place} subset {name}"), "subset ", score);
        }
    }
}

fn compare(policy: &TrafficPolicy, wanted: &Value, place: &str, kind: &str, score: &mut Score) {
    compare_pool(policy, wanted, place, kind, score);
    let balancer = match policy.load_balancer.value {
        LoadBalancer::LeastRequest => "LEAST_REQUEST",
        LoadBalancer::RoundRobin => "ROUND_ROBIN",
        LoadBalancer::Random => "RANDOM",
        LoadBalancer::Passthrough => "CLUSTER_PROVIDED",
        LoadBalancer::ConsistentHash => "hash",
    };
    let theirs = match wanted["lb"].as_str().unwrap_or("LEAST_REQUEST") {
        "RING_HASH" | "MAGLEV" => "hash",
        _ if wanted["type"] == json!("ORIGINAL_DST") => "CLUSTER_PROVIDED",
        other => other,
    };
    let ours = Ours::of(&policy.load_balancer, json!(balancer));
    score.compare(&format!("{kind}lb"), place, ours, &json!(theirs));
    let tls = match policy.tls.value {
        TlsMode::Auto => json!("auto"),
        TlsMode::IstioMutual => json!("istio_mutual"),
        TlsMode::Simple => json!("simple"),
        TlsMode::Mutual => json!("mutual"),
        TlsMode::Disable => Value::Null,
    };
    score.compare(&format!("{kind}tls"), place, Ours::of(&policy.tls, tls), &wanted["tls"]);
    let rule = policy.object.as_ref().and_then(|origin| origin.object());
    let rule = rule.map(|object| format!("{}/{}", object.namespace, object.name));
    let ours = Ours::from(policy.object.as_ref(), json!(rule));
    score.compare(&format!("{kind}dr"), place, ours, &wanted["dr"]);
    compare_outlier(policy.outlier.as_deref(), wanted, place, kind, score);
}

fn compare_pool(
    policy: &TrafficPolicy,
    wanted: &Value,
    place: &str,
    kind: &str,
    score: &mut Score,
) {
    let pool = &policy.pool;
    let limits = [
        ("max_connections", &pool.max_connections),
        ("max_pending", &pool.max_pending_requests),
        ("max_requests", &pool.max_requests),
        ("max_retries", &pool.max_retries),
        ("max_requests_per_connection", &pool.max_requests_per_connection),
    ];
    for (field, limit) in limits {
        let ours = Ours::of(limit, json!(limit.value));
        score.compare(&format!("{kind}{field}"), place, ours, &wanted[field]);
    }
    let connect = wanted["connect_timeout_ms"].as_f64().unwrap_or(10_000.0);
    let ours = Ours::of(&pool.connect_timeout, json!(millis(pool.connect_timeout.value)));
    score.compare(&format!("{kind}connect_timeout"), place, ours, &json!(connect));
    let ours = Ours::of(&pool.idle_timeout, json!(pool.idle_timeout.value.map(millis)));
    let theirs = json!(wanted["idle_timeout_ms"].as_f64());
    score.compare(&format!("{kind}idle_timeout"), place, ours, &theirs);
    let budget = policy.retry_budget.as_ref();
    let ours = budget.map(|b| json!([b.percent.value, f64::from(b.min_concurrency.value)]));
    let ours = Ours::from(budget.map(|b| &b.percent.origin), json!(ours));
    let theirs = wanted.get("retry_budget").map(|b| json!([b["pct"].as_f64(), b["min"].as_f64()]));
    score.compare(&format!("{kind}retry_budget"), place, ours, &json!(theirs));
}

fn compare_outlier(
    outlier: Option<&OutlierDetection>,
    wanted: &Value,
    place: &str,
    kind: &str,
    score: &mut Score,
) {
    let theirs = wanted.get("outlier");
    let present = Ours::from(outlier.map(|o| &o.origin), json!(outlier.is_some()));
    score.compare(&format!("{kind}outlier"), place, present, &json!(theirs.is_some()));
    let (Some(o), Some(theirs)) = (outlier, theirs) else { return };
    let number = |field: &str, default: f64| json!(theirs[field].as_f64().unwrap_or(default));
    let whole = |value: u32| json!(f64::from(value));
    let pairs = [
        (
            "consecutive_5xx",
            Ours::of(&o.consecutive_5xx, whole(o.consecutive_5xx.value)),
            number("consecutive_5xx", 5.0),
        ),
        (
            "interval",
            Ours::of(&o.interval, json!(millis(o.interval.value))),
            number("interval_ms", 10_000.0),
        ),
        (
            "base_ejection",
            Ours::of(&o.base_ejection_time, json!(millis(o.base_ejection_time.value))),
            number("base_ejection_ms", 30_000.0),
        ),
        (
            "max_ejection_pct",
            Ours::of(&o.max_ejection_percent, whole(o.max_ejection_percent.value)),
            number("max_ejection_pct", 10.0),
        ),
        (
            "panic_pct",
            Ours::of(&o.min_health_percent, whole(o.min_health_percent.value)),
            json!(wanted["panic_pct"].as_f64().unwrap_or(0.0)),
        ),
    ];
    for (field, ours, theirs) in pairs {
        score.compare(&format!("{kind}outlier {field}"), place, ours, &theirs);
    }
}
