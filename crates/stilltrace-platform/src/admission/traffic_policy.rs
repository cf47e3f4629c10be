//! The block `trafficPolicy` of rules and subsets, and the pool of a Sidecar.

use super::check::Check;
use super::{locality, patterns, values};
use crate::field::Field;

/// Judges `trafficPolicy` of a rule or subset.
pub(super) fn judge(owner: &Field<'_>, check: &mut Check<'_>) {
    const BLOCKS: [&str; 7] = [
        "outlierDetection",
        "connectionPool",
        "loadBalancer",
        "tls",
        "tunnel",
        "proxyProtocol",
        "retryBudget",
    ];
    let Some(policy) = owner.block("trafficPolicy") else { return };
    let written = BLOCKS.iter().any(|key| policy.get(key).is_some());
    if !written && !values::has_items(&policy, "portLevelSettings") {
        check.refuse(&policy, "a traffic policy needs at least one block");
        return;
    }
    if policy.get("tunnel").is_some() && policy.get("proxyProtocol").is_some() {
        check.refuse(&policy, "`tunnel` cannot stand beside `proxyProtocol`");
        return;
    }
    blocks(&policy, check);
    for entry in policy.list("portLevelSettings") {
        let port = entry.block("port");
        if port.is_none() {
            check.refuse(&entry, "an entry of portLevelSettings needs a port");
        }
        values::unsigned(port.and_then(|port| port.get("number")), check);
        let own = ["outlierDetection", "connectionPool", "loadBalancer", "tls"];
        if own.iter().any(|key| entry.get(key).is_some()) {
            blocks(&entry, check);
        } else {
            check.refuse(&entry, "an entry of portLevelSettings needs at least one block");
        }
    }
    tunnel(&policy, check);
    values::choice(policy.at(&["proxyProtocol", "version"]), &["V1", "V2"], check);
}

/// The blocks that a rule's policy and its ports share.
fn blocks(policy: &Field<'_>, check: &mut Check<'_>) {
    let outlier = policy.block("outlierDetection");
    if let Some(block) = &outlier {
        outlier_detection(block, check);
    }
    if let Some(pool) = policy.block("connectionPool") {
        connection_pool(&pool, check);
    }
    if let Some(balancer) = policy.block("loadBalancer") {
        load_balancer(&balancer, check);
    }
    if let Some(tls) = policy.block("tls") {
        client_tls(&tls, check);
    }
}

fn outlier_detection(block: &Field<'_>, check: &mut Check<'_>) {
    values::duration(block.get("baseEjectionTime"), check);
    values::duration(block.get("interval"), check);
    values::between(block.get("maxEjectionPercent"), 0, 100, check);
    values::between(block.get("minHealthPercent"), 0, 100, check);
    for key in ["consecutive5xxErrors", "consecutiveGatewayErrors"] {
        values::unsigned(block.get(key), check);
    }
    let splits = block.get("splitExternalLocalOriginErrors");
    let split = splits.as_ref().and_then(|field| field.node().as_bool());
    let local = block.get("consecutiveLocalOriginFailures");
    let number = values::unsigned(local.clone(), check);
    if let (Some(field), Some(1..), false) = (local, number, split.unwrap_or(false)) {
        let message = "works only with splitExternalLocalOriginErrors: true";
        check.refuse_beside(&field, splits, message);
    }
}

/// Judges a connection pool of a rule or of a Sidecar.
pub(super) fn connection_pool(pool: &Field<'_>, check: &mut Check<'_>) {
    let (http, tcp) = (pool.block("http"), pool.block("tcp"));
    if http.is_none() && tcp.is_none() {
        check.refuse(pool, "a connection pool needs `http` or `tcp`");
    }
    if let Some(http) = http {
        for key in [
            "http1MaxPendingRequests",
            "http2MaxRequests",
            "maxRequestsPerConnection",
            "maxRetries",
            "maxConcurrentStreams",
        ] {
            values::count(http.get(key), check);
        }
        values::duration(http.get("idleTimeout"), check);
        let policy = http.get("h2UpgradePolicy");
        values::choice(policy.clone(), &["DEFAULT", "DO_NOT_UPGRADE", "UPGRADE"], check);
        let follows = http.get("useClientProtocol").and_then(|field| field.node().as_bool());
        if values::text(&http, "h2UpgradePolicy") == "UPGRADE" && follows == Some(true) {
            check.refuse(
                &http,
                "`useClientProtocol: true` cannot stand beside `h2UpgradePolicy: UPGRADE`",
            );
        }
        if let Some(keepalive) = http.block("http2KeepAlive") {
            for key in ["interval", "timeout"] {
                match keepalive.get(key) {
                    None => check.refuse(&keepalive, format!("`{key}` is required")),
                    field => values::duration(field, check),
                }
            }
        }
    }
    if let Some(tcp) = tcp {
        values::count(tcp.get("maxConnections"), check);
        values::duration(tcp.get("connectTimeout"), check);
        values::duration(tcp.get("maxConnectionDuration"), check);
        // Zero switches this timeout off.
        let idle = tcp.get("idleTimeout");
        let off = idle.as_ref().and_then(|field| crate::value::duration(field.node().as_str()?));
        if off.is_none_or(|time| time.as_millis() != 0) {
            values::duration(idle, check);
        }
        if let Some(keepalive) = tcp.block("tcpKeepalive") {
            values::duration(keepalive.get("time"), check);
            values::duration(keepalive.get("interval"), check);
            values::unsigned(keepalive.get("probes"), check);
        }
    }
}

fn load_balancer(block: &Field<'_>, check: &mut Check<'_>) {
    const SIMPLE: [&str; 6] =
        ["UNSPECIFIED", "LEAST_CONN", "RANDOM", "PASSTHROUGH", "ROUND_ROBIN", "LEAST_REQUEST"];
    values::choice(block.get("simple"), &SIMPLE, check);
    if block.get("simple").is_some() && block.get("consistentHash").is_some() {
        check.refuse(block, "only one of simple and consistentHash can be given");
    }
    if let Some(hash) = block.block("consistentHash") {
        consistent_hash(&hash, check);
    }
    locality::judge(block, check);
    if let Some(warmup) = block.block("warmup") {
        match warmup.get("duration") {
            None => check.refuse(&warmup, "`duration` is required"),
            field => values::duration(field, check),
        }
        let percent = warmup.get("minimumPercent").and_then(|field| field.node().as_f64());
        if percent.is_some_and(|percent| percent > 100.0) {
            check.refuse(&warmup, "`minimumPercent` is at most 100");
        }
        let aggression = warmup.get("aggression").and_then(|field| field.node().as_f64());
        if aggression.is_some_and(|aggression| aggression <= 0.0) {
            check.refuse(&warmup, "`aggression` must be more than 0");
        }
    }
}

fn consistent_hash(hash: &Field<'_>, check: &mut Check<'_>) {
    if let Some(cookie) = hash.block("httpCookie") {
        if !values::is_set(&cookie, "name") {
            check.refuse(&cookie, "a cookie needs a name");
        }
        if let Some(time) = cookie.get("ttl") {
            values::read_duration(&time, check);
        }
    }
    let keys = ["httpHeaderName", "httpCookie", "useSourceIp", "httpQueryParameterName"];
    if keys.iter().filter(|key| hash.get(key).is_some()).count() > 1 {
        check.refuse(hash, "only one thing can be hashed");
    }
    let ring = hash.get("minimumRingSize").filter(|field| values::number(field) != Some(0));
    let (maglev, hashed) = (hash.block("maglev"), hash.get("ringHash"));
    if ring.is_some() && (maglev.is_some() || hashed.is_some())
        || maglev.is_some() && hashed.is_some()
    {
        check.refuse(hash, "only one of minimumRingSize, ringHash and maglev can be given");
    }
    if let Some(maglev) = maglev
        && let Some(size) = maglev.get("tableSize").as_ref().and_then(values::number).or(Some(0))
    {
        let place = maglev.get("tableSize").unwrap_or(maglev);
        if size >= 5_000_011 || !is_prime(size) {
            check.refuse(&place, "the size of the table must be a prime number below 5000011");
        }
    }
}

/// As Envoy sees it, which takes 1 for a prime.
fn is_prime(number: i64) -> bool {
    number > 0 && !(2..=number.isqrt()).any(|factor| number % factor == 0)
}

/// TLS towards a destination.
fn client_tls(tls: &Field<'_>, check: &mut Check<'_>) {
    values::choice(tls.get("mode"), &["DISABLE", "SIMPLE", "MUTUAL", "ISTIO_MUTUAL"], check);
    let says = |key: &str| values::is_set(tls, key);
    let mode = values::text(tls, "mode");
    let unverified = tls.get("insecureSkipVerify").and_then(|field| field.node().as_bool());
    if unverified == Some(true) && matches!(mode, "SIMPLE" | "MUTUAL") {
        let names = tls.get("subjectAltNames").is_some();
        if says("caCertificates") || names || mode == "SIMPLE" && says("credentialName") {
            check.refuse(tls, "insecureSkipVerify cannot stand beside what would be verified");
        }
    }
    if matches!(mode, "SIMPLE" | "MUTUAL") && says("credentialName") {
        let files = ["clientCertificate", "caCertificates", "privateKey", "caCrl"];
        if files.iter().any(|key| says(key)) {
            check.refuse(tls, "certificates come from credentialName or from files, not from both");
        }
        return;
    }
    if mode == "MUTUAL" && !(says("clientCertificate") && says("privateKey")) {
        check.refuse(tls, "mode MUTUAL needs clientCertificate and privateKey, or credentialName");
    }
}

fn tunnel(policy: &Field<'_>, check: &mut Check<'_>) {
    let Some(tunnel) = policy.block("tunnel") else { return };
    if !matches!(values::text(&tunnel, "protocol"), "" | "CONNECT" | "POST") {
        check.refuse(&tunnel, "the protocol of a tunnel is CONNECT or POST");
    }
    let host = values::text(&tunnel, "targetHost");
    if patterns::domain(host).is_some() && !patterns::is_address(host) {
        check.refuse(&tunnel, "`targetHost` must be a domain name or an address");
    }
    match tunnel.get("targetPort") {
        None => check.refuse(&tunnel, "`targetPort` is required"),
        port => drop(values::port(port, check)),
    }
}
