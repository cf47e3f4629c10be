//! Whether what is written at a place is the value that the settings name, in their notation.
//!
//! Numbers, booleans and texts are as written; times are in milliseconds, or in seconds where the
//! name ends with `_s`; words are in any case. The other notations are one function each, and a
//! value that is absent must be written as what the settings leave out.

#[path = "pods.rs"]
mod pods;

use serde_json::{Map, Value};
use stilltrace_manifest::Node;

/// Conditions of retries of the Gateway API, beside the codes.
const ROUTE_CONDITIONS: &str = "connect-failure,refused-stream,unavailable,cancelled";

/// Whether a place is an object of one of these kinds.
fn is_kind(node: &Node, kinds: &[&str]) -> bool {
    node.get("kind").and_then(Node::text).is_some_and(|kind| kinds.contains(&kind))
}

/// A value that the settings claim to come from a line.
pub(crate) struct Claim<'a> {
    /// The field of the settings, such as `to[0].weight`.
    pub(crate) name: &'a str,
    /// The object that has the field.
    pub(crate) fields: &'a Map<String, Value>,
    /// The last key of the object's field that the origin names.
    pub(crate) key: &'a str,
}

impl Claim<'_> {
    /// Whether `node`, which stands at the line, says the value.
    pub(crate) fn holds(&self, node: &Node) -> bool {
        let text = node.text().unwrap_or_default();
        let value = self.value();
        if let Some((list, rest)) = self.name.split_once('[') {
            let (index, part) = rest.split_once(']').unwrap_or_default();
            return self.item(list, index.parse().unwrap_or_default(), part, node);
        }
        if let Some(held) = pods::holds(self, node) {
            return held;
        }
        match (self.name, value) {
            ("dr" | "vs" | "sidecar", Some(value)) => is_object(value, node),
            // Connections of a gateway name the object as a whole; how many endpoints there are
            // follows from the object and its pods.
            ("to", Some(_)) => is_kind(node, &["TCPRoute", "TLSRoute"]),
            ("ep", Some(_)) => is_kind(node, &["Service", "ServiceEntry"]),
            ("gateway", Some(_)) => {
                is_kind(node, &["Deployment", "StatefulSet", "DaemonSet", "Gateway"])
            }
            ("direct", Some(status)) if status == 500 && node.text().is_none() => {
                self.key == "backendRefs" || node.get("backendRefs").is_none()
            }
            ("rewrite" | "rewrite_regex", Some(value)) if self.key.starts_with("replace") => {
                replaces(value, text)
            }
            ("proto", Some(value)) => self.speaks(value.as_str().unwrap_or_default(), text),
            ("type", Some(value)) => self.finds(value.as_str().unwrap_or_default(), text),
            ("outlier", Some(_)) => self.key == "outlierDetection",
            // A name is made of several; one that Istio makes stands at its rule.
            ("name", Some(value)) => {
                node.text().is_none_or(|part| value.as_str().is_some_and(|all| all.contains(part)))
            }
            ("priorities", Some(_)) => {
                self.fields.get("locality").is_none_or(|own| self.prefers(own, node))
            }
            ("retries.codes", _) => self.lists_codes(node),
            ("listen", Some(value)) => self.listens(value.as_str().unwrap_or_default(), node),
            ("listen.port", _) => {
                let listen = self.fields.get("listen").and_then(Value::as_str).unwrap_or_default();
                let (place, port) = listen.split_once('|').unwrap_or_default();
                // The service in front of a gateway translates the ports of its servers.
                port == text || place == "*" && text.parse::<u16>().is_ok()
            }
            ("sni" | "dst", Some(Value::Array(names))) => lists(names, node),
            ("match", value) => value.is_none_or(|value| is_match(value, node)),
            ("lb", value) => self.balances(value, text),
            ("h2", value) => self.upgrades(value, text),
            // What a `BackendTLSPolicy` checks, it checks of servers only.
            ("tls", Some(value)) if self.key == "validation" => value == "simple",
            ("tls", value) => self.encrypts(value, text),
            // What the schema fills in stands at its block.
            ("retry_budget.min", Some(value)) if self.key == "retryConstraint" => {
                node.get("minRetryRate").is_none() && *value == 10
            }
            ("outbound_policy", Some(value)) if self.key == "outboundTrafficPolicy" => {
                // A block without a mode is this one.
                node.get("mode").is_none() && value == "REGISTRY_ONLY"
            }
            ("locality", Some(value)) => self.prefers(value, node),
            ("cors", _) => matches!(self.key, "corsPolicy" | "cors"),
            ("redirect", Some(value)) => redirects(value, node),
            ("retries", Some(Value::String(_))) => text == "0",
            ("retries.on", on) if matches!(self.key, "codes" | "retry") => {
                let codes =
                    node.items().iter().filter_map(Node::text).collect::<Vec<_>>().join(",");
                let on = on.and_then(Value::as_str).unwrap_or(ROUTE_CONDITIONS);
                self.retries_on(on, &format!("{ROUTE_CONDITIONS},{codes}"))
            }
            ("retries.on", Some(Value::String(on))) => self.retries_on(on, text),
            // With a hash, tries stay on one host whatever the route says.
            ("retries.same_host", None) if self.fields.contains_key("hash") => true,
            ("retries.same_host", value) => node.as_bool() == Some(value.is_none()),
            ("rewrite_regex", Some(value)) => {
                node.get("match").and_then(Node::text) == value[0].as_str()
                    && node.get("rewrite").and_then(Node::text) == value[1].as_str()
            }
            // A preference for near endpoints switches the threshold off.
            ("panic_pct", None) if self.key == "trafficDistribution" => text_starts(node, "Prefer"),
            ("concurrency", Some(value)) if self.key != "concurrency" => is_cpu_limit(value, text),
            ("retries.n", None) => text == "2",
            ("retries.on", None) => text == "connect-failure,refused-stream,unavailable,cancelled",
            ("connect_timeout_ms", None) => milliseconds(text) == Some(10_000.0),
            ("fault.abort_grpc", Some(code)) => {
                node.as_f64() == code.as_f64() || grpc_code(text) == code.as_u64()
            }
            (_, None) => matches!(text, "0" | "false" | "0s"),
            (name, Some(value)) if name.ends_with("_s") => {
                milliseconds(text).map(|time| (time / 1000.0).floor()) == value.as_f64()
                    || node.as_f64() == value.as_f64()
            }
            (_, Some(value)) => is_written(node, value),
        }
    }

    /// The value of a field such as `tls` or `outlier.interval_ms`.
    fn value(&self) -> Option<&Value> {
        let mut parts = self.name.split('.');
        let first = self.fields.get(parts.next()?)?;
        parts.try_fold(first, |value, part| value.get(part))
    }

    /// A part of an item of a list.
    fn item(&self, list: &str, index: usize, part: &str, node: &Node) -> bool {
        let text = node.text().unwrap_or_default();
        let Some(item) = self.fields.get(list).and_then(|items| items.get(index)) else {
            // Of header changes the settings only have the number.
            return list == "header_ops"
                && self.fields.get(list).and_then(Value::as_u64) > u64::try_from(index).ok();
        };
        if list == "ep" {
            let all = self.fields.get(list).and_then(|counts| counts.get(0));
            return text == "DISABLE" && all.and_then(Value::as_u64) > item.as_u64();
        }
        if list == "hash" {
            let key = item.as_str().unwrap_or_default();
            return key.split_once('=').map_or(text == "true", |(_, name)| name == text);
        }
        let target = item.as_str().or(item[0].as_str()).unwrap_or_default();
        let mut names = target.split('|');
        let (host, number, subset) = (names.next().unwrap_or_default(), names.next(), names.next());
        match part {
            // A reference that may not be used, or a list of which nothing has a share.
            "" | ".port" | ".subset" if node.text().is_none() => {
                matches!(host, "UnknownService" | "internal.cluster.local")
            }
            "" => {
                host == text
                    || host.strip_prefix(text).is_some_and(|rest| rest.starts_with('.'))
                    || host.starts_with("outbound_.") && host.contains(text)
            }
            ".port" => number == Some(text),
            ".subset" => subset == Some(text),
            ".weight" => {
                let single = self.fields.get(list).and_then(Value::as_array).map(Vec::len);
                single == Some(1) && item[1] == 100 || node.as_f64() == item[1].as_f64()
            }
            ".percent" if self.key == "fraction" => {
                let count = |key: &str| node.get(key).and_then(Node::as_f64);
                let share =
                    count("numerator").unwrap_or(0.0) / count("denominator").unwrap_or(100.0);
                item[1].as_f64().is_some_and(|told| (told - 100.0 * share).abs() < 1e-4)
            }
            ".percent" => node.as_f64() == item[1].as_f64(),
            _ => false,
        }
    }

    /// The protocol of a port: a word in any case, or what a name begins with.
    fn speaks(&self, protocol: &str, text: &str) -> bool {
        let text = text.to_lowercase();
        match (self.key, text.strip_prefix("kubernetes.io/")) {
            ("appProtocol", Some("h2c")) => protocol == "http2",
            ("appProtocol", Some("wss")) => protocol == "https",
            ("name" | "appProtocol", _) => {
                text == protocol || text.starts_with(&format!("{protocol}-"))
            }
            // A listener of a gateway, whose service Istio makes.
            ("protocol" | "", _) => text == protocol,
            _ => false,
        }
    }

    /// How endpoints are found: Envoy's names for Istio's.
    fn finds(&self, kind: &str, text: &str) -> bool {
        match (self.key, text) {
            ("clusterIP", "None") | ("simple", "PASSTHROUGH") | ("resolution", "NONE") => {
                kind == "ORIGINAL_DST"
            }
            ("resolution", "DNS") => kind == "STRICT_DNS",
            ("resolution", "DNS_ROUND_ROBIN") => kind == "LOGICAL_DNS",
            ("resolution", "DYNAMIC_DNS") => kind == "STATIC",
            _ => false,
        }
    }

    /// Where connections are taken: an address as written, or an object's own.
    fn listens(&self, listen: &str, node: &Node) -> bool {
        let place = listen.split_once('|').map_or(listen, |(place, _)| place);
        match (self.key, node.text()) {
            ("captureMode", Some("NONE")) => place == "127.0.0.1",
            ("clusterIP", Some("None")) => place.ends_with(".svc.cluster.local"),
            // A range of addresses is a condition of a listener on all of them.
            (_, Some(text)) => {
                place == text.split('/').next().unwrap_or_default()
                    || place == "*" && (text.contains('/') || text == "0.0.0.0")
            }
            (_, None) => {
                let name = node.at(&["metadata", "name"]).and_then(Node::text);
                name.is_some_and(|name| place.starts_with(&format!("{name}.")))
            }
        }
    }

    /// Codes among the conditions of retries.
    fn lists_codes(&self, node: &Node) -> bool {
        let told = self.value().and_then(Value::as_array).cloned().unwrap_or_default();
        let told: Vec<String> = told.iter().map(Value::to_string).collect();
        let list = || node.get("codes").unwrap_or(node).items().iter().filter_map(Node::text);
        let listed: Vec<&str> = node
            .text()
            .map_or_else(|| list().collect(), |text| text.split(',').map(str::trim).collect());
        told.iter().all(|code| listed.contains(&code.as_str()))
    }

    /// How endpoints are chosen: Envoy's names for Istio's.
    fn balances(&self, value: Option<&Value>, text: &str) -> bool {
        let name = value.and_then(Value::as_str);
        let dialled = self.fields.get("type").is_some_and(|kind| kind == "ORIGINAL_DST");
        match (self.key, text) {
            ("consistentHash", _) => matches!(name, Some("RING_HASH" | "MAGLEV")),
            (_, "LEAST_REQUEST" | "LEAST_CONN" | "UNSPECIFIED") => name.is_none(),
            (_, "PASSTHROUGH") if dialled => name.is_none(),
            (_, "PASSTHROUGH") => name == Some("CLUSTER_PROVIDED"),
            _ => name == Some(text),
        }
    }

    /// HTTP/2: asked for by a policy, or said by the name or protocol of the port.
    fn upgrades(&self, value: Option<&Value>, text: &str) -> bool {
        let mode = value.and_then(Value::as_str);
        let protocol = text.split('-').next().unwrap_or_default().to_lowercase();
        match self.key {
            "h2UpgradePolicy" => mode == (text == "UPGRADE").then_some("always"),
            "useClientProtocol" => mode == (text == "true").then_some("as_downstream"),
            "name" | "appProtocol" | "protocol" => match protocol.as_str() {
                "grpc" | "http2" => mode == Some("always"),
                _ => mode == Some("as_downstream") || text.ends_with("h2c"),
            },
            _ => false,
        }
    }

    /// A preference for places; only shares by place are more than an order of places.
    fn prefers(&self, value: &Value, node: &Node) -> bool {
        match self.key {
            "trafficDistribution" => text_starts(node, "Prefer") && value == "weighted",
            "networking.istio.io/traffic-distribution" => value == "weighted",
            "localityLbSetting" => {
                let off = node.get("enabled").and_then(Node::as_bool) == Some(false);
                !off && (value == "weighted" || value == "zone_aware")
            }
            _ => false,
        }
    }

    fn encrypts(&self, value: Option<&Value>, text: &str) -> bool {
        match (self.key, value.and_then(Value::as_str)) {
            ("enableAutoMtls", None) => text == "false",
            ("mode", None) => text == "DISABLE",
            // Only gateways can read a secret by name.
            ("credentialName", None) => !text.is_empty(),
            ("mode", Some(mode)) => text.eq_ignore_ascii_case(mode),
            _ => false,
        }
    }

    /// Conditions are words; numbers among them stand apart as codes.
    fn retries_on(&self, on: &str, text: &str) -> bool {
        let (codes, words): (Vec<&str>, Vec<&str>) =
            text.split(',').map(str::trim).partition(|word| word.parse::<u16>().is_ok());
        let told: Vec<&str> = on.split(',').filter(|word| !word.is_empty()).collect();
        let listed = self.fields.get("retries").and_then(|retries| retries.get("codes"));
        let listed: Vec<String> = listed
            .and_then(Value::as_array)
            .map(|codes| codes.iter().map(Value::to_string).collect())
            .unwrap_or_default();
        words.iter().all(|word| word.is_empty() || told.contains(word))
            && told.iter().all(|word| words.contains(word) || *word == "retriable-status-codes")
            && listed == codes
    }
}

/// Whether names or ranges are listed here, belong to a wildcard that is, or to the object.
fn lists(names: &[Value], node: &Node) -> bool {
    let own = node.at(&["metadata", "name"]).or_else(|| node.at(&["spec", "hosts"]));
    let written: Vec<&str> = match own.unwrap_or(node) {
        one if one.text().is_some() => one.text().into_iter().collect(),
        list => list.items().iter().filter_map(Node::text).collect(),
    };
    // Hosts of a gateway may have a namespace before them, as ranges have an address.
    let bare = |text: &'_ str| match text.split_once('/') {
        Some((place, host)) if !place.contains(['.', ':']) => host.to_owned(),
        _ => text.to_owned(),
    };
    let covers = |name: &str| {
        written.iter().map(|text| bare(text)).any(|text| {
            name == text
                || name.strip_prefix(&text).is_some_and(|rest| rest.starts_with(['/', '.']))
                || text.strip_prefix('*').is_some_and(|end| name.ends_with(end))
                || own.is_some() && name.contains(&text)
        })
    };
    let mut names = names.iter().filter_map(Value::as_str);
    // The names of a service also have those of its aliases among them.
    if own.is_some() { names.any(covers) } else { names.all(covers) }
}

fn text_starts(node: &Node, with: &str) -> bool {
    node.text().is_some_and(|text| text.starts_with(with))
}

/// Whether an object of this name begins here; what applies it may give it a namespace and may
/// extend its name.
fn is_object(value: &Value, node: &Node) -> bool {
    let (_, name) = value.as_str().and_then(|id| id.split_once('/')).unwrap_or_default();
    let text = |path: &[&str]| node.at(path).and_then(Node::text).unwrap_or_default();
    let written = text(&["metadata", "name"]);
    if text(&["apiVersion"]).starts_with("gateway.networking.") {
        // Istio names what it makes of several such objects by gateway or service and host.
        return name.contains('~');
    }
    !written.is_empty() && name.contains(written)
}

/// Whether the path of a condition is the entry's, or the entry has none, so that the path is that
/// of the broader entry which it overrode.
fn is_match(value: &Value, node: &Node) -> bool {
    if let Some(path) = node.at(&["path", "value"]).and_then(Node::text) {
        let told = ["path", "regex", "sep_prefix"].map(|kind| value[kind].as_str());
        return told.into_iter().flatten().next().unwrap_or("/").trim_end_matches('/')
            == path.trim_end_matches('/');
    }
    let paths = ["path", "prefix", "regex", "sep_prefix"].map(|kind| value[kind].as_str());
    let written = node.get("uri").map(Node::leaves).unwrap_or_default();
    let mut written = written.iter().filter_map(|(_, leaf)| leaf.text());
    match paths.into_iter().flatten().next() {
        Some(path) if node.get("uri").is_some() => written.any(|text| text == path),
        _ => true,
    }
}

/// A redirect names its code, or the block that has its parts; without a code that of a route of the
/// Gateway API is 302.
fn redirects(value: &Value, node: &Node) -> bool {
    if let Some(code) = node.as_f64() {
        return value["code"].as_f64() == Some(code);
    }
    if let Some(host) = node.get("hostname").and_then(Node::text) {
        return value["host"] == host && value["code"] == 302 && node.get("statusCode").is_none();
    }
    if let Some(full) = node.at(&["path", "replaceFullPath"]).and_then(Node::text) {
        return value["path"] == full;
    }
    let parts = [("authority", "host"), ("uri", "path")];
    parts
        .iter()
        .all(|(written, told)| node.get(written).and_then(Node::text) == value[told].as_str())
}

/// A new path or start of one; a start that is only cut off becomes an expression.
fn replaces(value: &Value, text: &str) -> bool {
    match value {
        Value::String(prefix) => prefix == text.trim_end_matches('/'),
        _ => value[1] == text || value[1] == r"/\2" && text.trim_end_matches('/').is_empty(),
    }
}

/// Whether what is written is the value.
fn is_written(node: &Node, value: &Value) -> bool {
    match value {
        Value::Bool(value) => node.as_bool() == Some(*value),
        Value::String(value) => node.text().is_some_and(|text| text.eq_ignore_ascii_case(value)),
        Value::Number(value) => {
            let value = value.as_f64();
            node.as_f64() == value || node.text().and_then(milliseconds) == value
        }
        _ => false,
    }
}

/// The number of a gRPC status.
fn grpc_code(name: &str) -> Option<u64> {
    const NAMES: [&str; 17] = [
        "OK",
        "CANCELLED",
        "UNKNOWN",
        "INVALID_ARGUMENT",
        "DEADLINE_EXCEEDED",
        "NOT_FOUND",
        "ALREADY_EXISTS",
        "PERMISSION_DENIED",
        "RESOURCE_EXHAUSTED",
        "FAILED_PRECONDITION",
        "ABORTED",
        "OUT_OF_RANGE",
        "UNIMPLEMENTED",
        "INTERNAL",
        "UNAVAILABLE",
        "DATA_LOSS",
        "UNAUTHENTICATED",
    ];
    NAMES.iter().position(|known| *known == name).and_then(|at| u64::try_from(at).ok())
}

/// A time as Go writes it, in milliseconds.
fn milliseconds(text: &str) -> Option<f64> {
    let mut rest = text;
    let mut total = 0.0;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (number, behind) = rest.split_at(digits);
        let unit = behind.find(|c: char| c.is_ascii_digit()).unwrap_or(behind.len());
        let (unit, behind) = behind.split_at(unit);
        let factor = match unit {
            "h" => 3_600_000.0,
            "m" => 60_000.0,
            "s" => 1_000.0,
            "ms" => 1.0,
            _ => return None,
        };
        total += number.parse::<f64>().ok()? * factor;
        rest = behind;
    }
    Some(total)
}

/// Whether a CPU limit, rounded up, makes so many worker threads.
fn is_cpu_limit(threads: &Value, limit: &str) -> bool {
    let cores = match limit.strip_suffix('m') {
        Some(thousandths) => thousandths.parse::<f64>().map(|cpu| cpu / 1_000.0),
        None => limit.parse(),
    };
    cores.is_ok_and(|cores| threads.as_f64() == Some(cores.ceil()))
}
