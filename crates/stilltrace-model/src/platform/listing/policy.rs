//! Every setting of a traffic policy.
//!
//! Structures are taken apart without `..`, so that a new field is either listed or named here as
//! one that is not.

use super::{Listed, duration, limit, push, show};
use crate::platform::{
    Discovery, HashTable, Http2, Locality, OutlierDetection, Pool, RetryBudget, TcpKeepalive,
    TrafficPolicy, Warmup,
};

/// Adds the settings of a policy. Which object it comes from and how many endpoints there are
/// changes nothing by itself.
pub(super) fn list<'a>(prefix: &str, policy: &'a TrafficPolicy, all: &mut Vec<Listed<'a>>) {
    let TrafficPolicy {
        object: _,
        live_name: _,
        discovery,
        endpoints: _,
        plaintext_by: _,
        pool,
        outlier,
        load_balancer,
        hash_table,
        warmup,
        locality,
        tls,
        sni,
        retry_budget,
    } = policy;
    push(all, prefix, "resolution", discovery, |found| found_by(*found).to_owned());
    list_pool(prefix, pool, all);
    push(all, prefix, "loadBalancer", load_balancer, ToString::to_string);
    if let Some(table) = hash_table {
        push(all, prefix, "loadBalancer.table", table, |table| size(*table));
    }
    if let Some(warmup) = warmup {
        list_warmup(prefix, warmup, all);
    }
    if let Some(locality) = locality {
        push(all, prefix, "loadBalancer.locality", locality, |mode| nearness(*mode).to_owned());
    }
    push(all, prefix, "tls", tls, ToString::to_string);
    if let Some(sni) = sni {
        push(all, prefix, "tls.sni", sni, Clone::clone);
    }
    if let Some(outlier) = outlier {
        list_outlier(prefix, outlier, all);
    }
    if let Some(budget) = retry_budget {
        let RetryBudget { percent, min_concurrency } = budget.as_ref();
        push(all, prefix, "retryBudget.percent", percent, ToString::to_string);
        push(all, prefix, "retryBudget.minRetryConcurrency", min_concurrency, ToString::to_string);
    }
}

fn list_pool<'a>(prefix: &str, pool: &'a Pool, all: &mut Vec<Listed<'a>>) {
    let Pool {
        max_connections,
        connect_timeout,
        max_pending_requests,
        max_requests,
        max_requests_per_connection,
        max_retries,
        idle_timeout,
        max_connection_duration,
        max_concurrent_streams,
        http2,
        keepalive,
    } = pool;
    push(all, prefix, "pool.maxConnections", max_connections, limit);
    push(all, prefix, "pool.connectTimeout", connect_timeout, |value| show(*value));
    push(all, prefix, "pool.http1MaxPendingRequests", max_pending_requests, limit);
    push(all, prefix, "pool.http2MaxRequests", max_requests, limit);
    push(all, prefix, "pool.maxRequestsPerConnection", max_requests_per_connection, limit);
    push(all, prefix, "pool.maxRetries", max_retries, limit);
    push(all, prefix, "pool.idleTimeout", idle_timeout, duration);
    push(all, prefix, "pool.maxConnectionDuration", max_connection_duration, duration);
    push(all, prefix, "pool.maxConcurrentStreams", max_concurrent_streams, limit);
    push(all, prefix, "pool.h2UpgradePolicy", http2, |mode| spoken(*mode).to_owned());
    if let Some(keepalive) = keepalive {
        let TcpKeepalive { origin: _, probes, time, interval } = keepalive.as_ref();
        push(all, prefix, "pool.tcpKeepalive.probes", probes, limit);
        push(all, prefix, "pool.tcpKeepalive.time", time, seconds);
        push(all, prefix, "pool.tcpKeepalive.interval", interval, seconds);
    }
}

fn list_warmup<'a>(prefix: &str, warmup: &'a Warmup, all: &mut Vec<Listed<'a>>) {
    let Warmup { window, min_percent, aggression } = warmup;
    let figure = |value: &Option<f64>| value.map_or_else(unset, |value| value.to_string());
    push(all, prefix, "loadBalancer.warmup.duration", window, |value| show(*value));
    push(all, prefix, "loadBalancer.warmup.minimumPercent", min_percent, figure);
    push(all, prefix, "loadBalancer.warmup.aggression", aggression, figure);
}

fn list_outlier<'a>(prefix: &str, outlier: &'a OutlierDetection, all: &mut Vec<Listed<'a>>) {
    let OutlierDetection {
        origin: _,
        consecutive_5xx,
        interval,
        base_ejection_time,
        max_ejection_percent,
        consecutive_gateway_failure,
        consecutive_local_origin_failure,
        split_local_origin,
        min_health_percent,
    } = outlier;
    let mut add = |name: &str, setting, text: fn(&u32) -> String| {
        push(all, prefix, &format!("outlier.{name}"), setting, text);
    };
    add("consecutive5xxErrors", consecutive_5xx, ToString::to_string);
    add("maxEjectionPercent", max_ejection_percent, ToString::to_string);
    add("minHealthPercent", min_health_percent, ToString::to_string);
    push(all, prefix, "outlier.interval", interval, |value| show(*value));
    push(all, prefix, "outlier.baseEjectionTime", base_ejection_time, |value| show(*value));
    let name = "outlier.consecutiveGatewayErrors";
    push(all, prefix, name, consecutive_gateway_failure, limit);
    let name = "outlier.consecutiveLocalOriginFailures";
    push(all, prefix, name, consecutive_local_origin_failure, limit);
    if split_local_origin.value {
        let name = "outlier.splitExternalLocalOriginErrors";
        push(all, prefix, name, split_local_origin, ToString::to_string);
    }
}

fn unset() -> String {
    "unset".to_owned()
}

fn seconds(value: &Option<u32>) -> String {
    value.map_or_else(unset, |value| format!("{value}s"))
}

/// How endpoints are found, in the words of `ServiceEntry.resolution` where it has one.
fn found_by(discovery: Discovery) -> &'static str {
    match discovery {
        Discovery::Pushed => "pushed",
        Discovery::StrictDns => "DNS",
        Discovery::LogicalDns => "DNS_ROUND_ROBIN",
        Discovery::Dialled => "NONE",
        Discovery::Static => "STATIC",
    }
}

fn size(table: HashTable) -> String {
    let (kind, size) = match table {
        HashTable::Ring(size) => ("ring", size),
        HashTable::Maglev(size) => ("Maglev", size),
    };
    size.map_or_else(|| kind.to_owned(), |size| format!("{kind} {size}"))
}

fn nearness(locality: Locality) -> &'static str {
    match locality {
        Locality::Weighted => "weighted",
        Locality::ZoneAware => "zone aware",
    }
}

/// Whether the proxy speaks HTTP/2 to the server.
fn spoken(mode: Option<Http2>) -> &'static str {
    match mode {
        None => "unset",
        Some(Http2::Always) => "always",
        Some(Http2::AsDownstream) => "as the caller does",
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::{Origin, Setting};

    fn listed(policy: &TrafficPolicy) -> Vec<(String, String)> {
        let mut all = Vec::new();
        list("", policy, &mut all);
        all.into_iter().map(|(name, value, _)| (name, value)).collect()
    }

    #[test]
    fn what_is_set_beside_the_usual_limits_is_listed_too() {
        let of = "a test";
        let unset = TrafficPolicy::unset(of);
        let mut policy = unset.clone();
        let pool = &mut policy.pool;
        pool.max_connection_duration.value = Some(Duration::from_secs(90));
        pool.max_concurrent_streams.value = Some(7);
        pool.keepalive = Some(Box::new(TcpKeepalive {
            origin: Origin::Default { of: of.into() },
            probes: Setting::default_of(Some(3), of),
            time: Setting::default_of(Some(60), of),
            interval: Setting::default_of(None, of),
        }));
        policy.hash_table = Some(Setting::default_of(HashTable::Maglev(Some(65_537)), of));
        policy.locality = Some(Setting::default_of(Locality::Weighted, of));
        policy.sni = Some(Setting::default_of("db.example.com".to_owned(), of));
        let mut changed = listed(&policy);
        let before = listed(&unset);
        changed.retain(|one| !before.contains(one));
        let words: Vec<String> =
            changed.iter().map(|(name, value)| format!("{name} {value}")).collect();
        assert_eq!(
            words,
            [
                "pool.maxConnectionDuration 90s",
                "pool.maxConcurrentStreams 7",
                "pool.tcpKeepalive.probes 3",
                "pool.tcpKeepalive.time 60s",
                "pool.tcpKeepalive.interval unset",
                "loadBalancer.table Maglev 65537",
                "loadBalancer.locality weighted",
                "tls.sni db.example.com",
            ]
        );
    }
}
