//! Made-up traffic policies, block by block.

use serde_json::{Map, Value, json};

use super::dice::Dice;

/// A whole traffic policy; `levels` also gives port-level settings.
pub(crate) fn policy(dice: &mut Dice, ports: &[u16], levels: bool) -> Value {
    let mut policy = blocks(dice);
    if dice.chance(25) {
        let mut budget = Map::new();
        if dice.chance(60) {
            budget.insert("percent".into(), json!(*dice.pick(&[0.0, 12.5, 25.0, 80.0])));
        }
        if dice.chance(60) {
            budget.insert("minRetryConcurrency".into(), json!(dice.below(9)));
        }
        policy.insert("retryBudget".into(), Value::Object(budget));
    }
    if levels && dice.chance(35) {
        let mut entries = Vec::new();
        for port in dice.some(ports, 40) {
            let mut entry = blocks(dice);
            if entry.is_empty() {
                entry.insert("tls".into(), tls(dice));
            }
            entry.insert("port".into(), json!({"number": port}));
            entries.push(Value::Object(entry));
        }
        if !entries.is_empty() {
            policy.insert("portLevelSettings".into(), Value::Array(entries));
        }
    }
    if policy.is_empty() {
        policy.insert("loadBalancer".into(), json!({"simple": "ROUND_ROBIN"}));
    }
    Value::Object(policy)
}

fn blocks(dice: &mut Dice) -> Map<String, Value> {
    let mut blocks = Map::new();
    if dice.chance(45) {
        blocks.insert("connectionPool".into(), pool(dice));
    }
    if dice.chance(40) {
        blocks.insert("outlierDetection".into(), outlier(dice));
    }
    if dice.chance(45) {
        blocks.insert("loadBalancer".into(), balancing(dice));
    }
    if dice.chance(30) {
        blocks.insert("tls".into(), tls(dice));
    }
    blocks
}

/// A connection pool; never empty, which admission refuses.
pub(crate) fn pool(dice: &mut Dice) -> Value {
    let mut tcp = Map::new();
    let mut http = Map::new();
    let numbers = [1, 2, 7, 100, 4096];
    if dice.chance(40) {
        tcp.insert("maxConnections".into(), json!(*dice.pick(&numbers)));
    }
    if dice.chance(30) {
        tcp.insert("connectTimeout".into(), json!(*dice.pick(&["30ms", "1s", "10s", "1m"])));
    }
    if dice.chance(25) {
        tcp.insert("idleTimeout".into(), json!(*dice.pick(&["30s", "2h"])));
    }
    if dice.chance(20) {
        tcp.insert("maxConnectionDuration".into(), json!("15m"));
    }
    if dice.chance(30) {
        tcp.insert("tcpKeepalive".into(), keepalive(dice));
    }
    for key in ["http1MaxPendingRequests", "http2MaxRequests", "maxRetries"] {
        if dice.chance(25) {
            http.insert(key.into(), json!(*dice.pick(&[0, 1, 3, 50])));
        }
    }
    for key in ["maxRequestsPerConnection", "maxConcurrentStreams"] {
        if dice.chance(25) {
            http.insert(key.into(), json!(*dice.pick(&[1, 2, 1000])));
        }
    }
    if dice.chance(30) {
        http.insert("idleTimeout".into(), json!(*dice.pick(&["5s", "300s"])));
    }
    match dice.below(8) {
        0 => _ = http.insert("h2UpgradePolicy".into(), json!("UPGRADE")),
        1 => _ = http.insert("h2UpgradePolicy".into(), json!("DO_NOT_UPGRADE")),
        2 => _ = http.insert("useClientProtocol".into(), json!(true)),
        _ => {}
    }
    let mut pool = Map::new();
    if tcp.is_empty() && http.is_empty() {
        tcp.insert("maxConnections".into(), json!(5));
    }
    for (name, block) in [("tcp", tcp), ("http", http)] {
        if !block.is_empty() {
            pool.insert(name.into(), Value::Object(block));
        }
    }
    Value::Object(pool)
}

pub(crate) fn keepalive(dice: &mut Dice) -> Value {
    let mut block = Map::new();
    if dice.chance(50) {
        block.insert("probes".into(), json!(dice.below(4)));
    }
    if dice.chance(50) {
        block.insert("time".into(), json!(*dice.pick(&["90s", "2h", "1500ms"])));
    }
    if dice.chance(50) {
        block.insert("interval".into(), json!("75s"));
    }
    Value::Object(block)
}

pub(crate) fn outlier(dice: &mut Dice) -> Value {
    let mut block = Map::new();
    for key in ["consecutive5xxErrors", "consecutiveGatewayErrors"] {
        if dice.chance(35) {
            block.insert(key.into(), json!(*dice.pick(&[0, 1, 5, 9])));
        }
    }
    if dice.chance(25) {
        block.insert("splitExternalLocalOriginErrors".into(), json!(true));
        if dice.chance(50) {
            block.insert("consecutiveLocalOriginFailures".into(), json!(dice.below(4)));
        }
    }
    if dice.chance(30) {
        block.insert("interval".into(), json!(*dice.pick(&["1s", "10s", "2m"])));
    }
    if dice.chance(30) {
        block.insert("baseEjectionTime".into(), json!("45s"));
    }
    for key in ["maxEjectionPercent", "minHealthPercent"] {
        if dice.chance(30) {
            block.insert(key.into(), json!(*dice.pick(&[0, 10, 50, 100])));
        }
    }
    Value::Object(block)
}

fn balancing(dice: &mut Dice) -> Value {
    let mut block = Map::new();
    match dice.below(10) {
        0 => _ = block.insert("simple".into(), json!("PASSTHROUGH")),
        1..=5 => {
            let names = ["LEAST_REQUEST", "ROUND_ROBIN", "RANDOM", "LEAST_CONN", "UNSPECIFIED"];
            block.insert("simple".into(), json!(*dice.pick(&names)));
        }
        6..=8 => _ = block.insert("consistentHash".into(), hash(dice)),
        _ => {}
    }
    match dice.below(8) {
        0 => {
            let mut warmup = Map::new();
            warmup.insert("duration".into(), json!("30s"));
            if dice.chance(50) {
                warmup.insert("minimumPercent".into(), json!(*dice.pick(&[0, 5, 100])));
            }
            if dice.chance(50) {
                warmup.insert("aggression".into(), json!(*dice.pick(&[1.0, 2.5])));
            }
            block.insert("warmup".into(), Value::Object(warmup));
        }
        1 => _ = block.insert("warmupDurationSecs".into(), json!("20s")),
        _ => {}
    }
    if dice.chance(25) {
        block.insert("localityLbSetting".into(), locality(dice));
    }
    if block.is_empty() {
        block.insert("simple".into(), json!("RANDOM"));
    }
    Value::Object(block)
}

fn hash(dice: &mut Dice) -> Value {
    let mut block = Map::new();
    match dice.below(4) {
        0 => block.insert("httpHeaderName".into(), json!("x-user")),
        1 => block.insert("useSourceIp".into(), json!(true)),
        2 => block.insert("httpQueryParameterName".into(), json!("q")),
        _ => block.insert("httpCookie".into(), json!({"name": "sid", "ttl": "10s"})),
    };
    match dice.below(6) {
        0 | 1 => _ = block.insert("maglev".into(), json!({"tableSize": 1009})),
        2 => _ = block.insert("ringHash".into(), json!({})),
        3 => _ = block.insert("ringHash".into(), json!({"minimumRingSize": 64})),
        4 => _ = block.insert("minimumRingSize".into(), json!(*dice.pick(&[0, 2048]))),
        _ => {}
    }
    Value::Object(block)
}

/// Locality preferences of a rule or the mesh.
pub(crate) fn locality(dice: &mut Dice) -> Value {
    match dice.below(6) {
        0 => json!({"enabled": false}),
        1 => json!({"enabled": true}),
        2 => json!({"failover": [{"from": "east", "to": "west"}]}),
        3 => json!({"failoverPriority": ["app", "version"]}),
        4 => json!({"failoverPriority": ["version=v1", "app"],
                    "failover": [{"from": "east", "to": "west"}]}),
        _ => json!({"distribute": [{"from": "*", "to": {"east/*": 70, "west/*": 30}}]}),
    }
}

fn tls(dice: &mut Dice) -> Value {
    match dice.below(7) {
        0 => json!({"mode": "DISABLE"}),
        1 | 2 => json!({"mode": "ISTIO_MUTUAL"}),
        3 => json!({"mode": "SIMPLE"}),
        4 => json!({"mode": "SIMPLE", "sni": "sni.example.test"}),
        5 => json!({"mode": "MUTUAL", "clientCertificate": "/c.pem", "privateKey": "/k.pem",
                    "caCertificates": "/ca.pem", "sni": "m.example.test"}),
        _ => json!({"mode": "SIMPLE", "credentialName": "secret"}),
    }
}
