//! Statistics: Istio's request metrics, its tags, and the part of Envoy's own that it keeps.
//!
//! Stock Istio makes `istio_requests_total` with a filter of its own Envoy build. Upstream Envoy's
//! statistics access logger makes the same counters from log operators; Prometheus relabelling
//! ([`crate::prometheus`]) finishes the names. `*_peer` labels carry Istio's five fields of the
//! other side, which relabelling takes apart.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use stilltrace_model::ServiceId;

use super::{World, canonical, extension};
use crate::pods::Pod;

/// Istio's default inclusion list as one expression (istio/istio `pkg/bootstrap/config.go`): what
/// a scrape of a stock installation shows.
pub const STOCK_VIEW: &str = concat!(
    "^(reporter=|cluster_manager|listener_manager|server|cluster.xds-grpc|wasm|component|istio)",
    r"|(rbac.allowed|rbac.denied|shadow_allowed|shadow_denied)$|vhost\..*\.route\..*",
);

/// What the widened view shows of every cluster beyond [`STOCK_VIEW`], by the last part of the
/// counter's name: what an installation has whose `proxyStatsMatcher` names them.
pub const WIDENED: &[&str] = &[
    "lb_healthy_panic",
    "outlier_detection.ejections_active",
    "outlier_detection.ejections_enforced_total",
    "ssl.handshake",
    "ssl.session_reused",
    "upstream_cx_connect_fail",
    "upstream_cx_destroy_local",
    "upstream_cx_destroy_remote",
    "upstream_cx_http1_total",
    "upstream_cx_http2_total",
    "upstream_cx_idle_timeout",
    "upstream_cx_max_requests",
    "upstream_cx_none_healthy",
    "upstream_cx_overflow",
    "upstream_cx_total",
    "upstream_rq_pending_overflow",
    "upstream_rq_per_try_timeout",
    "upstream_rq_retry",
    "upstream_rq_retry_limit_exceeded",
    "upstream_rq_retry_overflow",
    "upstream_rq_timeout",
    "upstream_rq_total",
];
/// The same of every HTTP connection manager.
pub const WIDENED_HTTP: &[&str] = &["fault.aborts_injected", "fault.delays_injected"];

/// What of Envoy's statistics a proxy keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kept {
    /// Everything; scrapes ask for Istio's part of it. Lets the lab look deeper than the record.
    #[default]
    All,
    /// Istio's part only, for incidents about the cost of statistics themselves.
    Stock,
}

/// The expression of what a scrape shows: Istio's list and what the platform adds to it.
///
/// The model does not keep whether an addition is a prefix, a suffix or an expression; each is taken
/// as an expression that may match anywhere in a name, which shows at least what Istio would.
pub fn scraped(extra: &[String]) -> String {
    let mut expression = STOCK_VIEW.to_owned();
    for addition in extra {
        expression.push('|');
        expression.push_str(addition);
    }
    expression
}

/// The expression of what a scrape shows where proxies keep everything: both views in one.
pub fn widened(extra: &[String]) -> String {
    let of = |names: &[&str]| names.join("|").replace('.', r"\.");
    let (clusters, http) = (of(WIDENED), of(WIDENED_HTTP));
    format!(r"{}|^cluster\..*\.({clusters})$|^http\..*\.({http})$", scraped(extra))
}

/// Names under which Prometheus has what only the widened view shows.
pub fn widened_metrics() -> BTreeSet<String> {
    let exported = |scope: &str, name: &str| format!("envoy_{scope}_{}", name.replace('.', "_"));
    let clusters = WIDENED.iter().map(|name| exported("cluster", name));
    clusters.chain(WIDENED_HTTP.iter().map(|name| exported("http", name))).collect()
}

/// Envoy's `stats_config`: Istio's tags and the matcher.
pub(super) fn config(kept: Kept, extra: &[String]) -> Value {
    let matcher = match kept {
        Kept::All => json!({"reject_all": false}),
        Kept::Stock => {
            json!({"inclusion_list": {"patterns": [{"safe_regex": {"regex": whole(&scraped(extra))}}]}})
        }
    };
    // istio/istio tools/packaging/common/envoy_bootstrap.json.
    json!({
        "use_all_default_tags": false,
        "stats_tags": [
            {"tag_name": "cluster_name", "regex": r"^cluster(\.(.+);)"},
            {"tag_name": "http_conn_manager_prefix", "regex": r"^http\.((.+?;)\.)"},
            {"tag_name": "listener_address", "regex": r"^listener\.(([0-9._:\[\]]+)\.)"},
            {"tag_name": "tcp_prefix", "regex": r"^tcp\.((.*?)\.)\w+?$"},
            {"tag_name": "response_code", "regex": r"_rq(_(\d{3}))$"},
            {"tag_name": "response_code_class", "regex": r"_rq(_(\dxx))$"},
            {"tag_name": "thread_name", "regex": r"^server(\.(.+))\.watchdog"},
            {"tag_name": "authz_enforce_result", "regex": r"rbac(\.(allowed|denied))"},
        ],
        "stats_matcher": matcher,
    })
}

/// A matcher must cover the whole name; the scrape's filter may match anywhere in it.
fn whole(expression: &str) -> String {
    let part = |part: &str| {
        let start = if part.starts_with('^') { "" } else { ".*" };
        let end = if part.ends_with('$') { "" } else { ".*" };
        format!("{start}{part}{end}")
    };
    // Alternatives at the top level only: brackets of Istio's list hold alternatives of their own.
    let mut parts = vec![String::new()];
    let mut depth = 0_i32;
    for character in expression.chars() {
        match character {
            '(' => depth += 1,
            ')' => depth -= 1,
            '|' if depth == 0 => {
                parts.push(String::new());
                continue;
            }
            _ => {}
        }
        if let Some(last) = parts.last_mut() {
            last.push(character);
        }
    }
    parts.iter().map(|one| part(one)).collect::<Vec<_>>().join("|")
}

/// What a proxy calls the fields that it tells of its own pod, and where its node holds them.
const OWN_FIELDS: [(&str, &str); 7] = [
    ("workload", "['WORKLOAD_NAME']"),
    ("workload_namespace", "['NAMESPACE']"),
    ("app", "['LABELS']['service.istio.io/canonical-name']"),
    ("version", "['LABELS']['service.istio.io/canonical-revision']"),
    ("canonical_service", "['LABELS']['service.istio.io/canonical-name']"),
    ("canonical_revision", "['LABELS']['service.istio.io/canonical-revision']"),
    ("cluster", "['CLUSTER_ID']"),
];

/// The logger of calls that the pod makes.
pub(super) fn source_logger(world: World<'_>, pod: &Pod) -> Value {
    logger(source_tags(own_side(world, pod, "source")))
}

/// The same for whatever pod the proxy belongs to, which its node tells.
pub(super) fn client_logger() -> Value {
    logger(source_tags(own_node("source")))
}

/// The tags of a client's logger behind those of its own side.
fn source_tags(mut tags: Vec<Value>) -> Vec<Value> {
    tags.extend([
        tag("reporter", "source"),
        tag("source_principal", "%UPSTREAM_LOCAL_URI_SAN%"),
        tag("destination_principal", "%UPSTREAM_PEER_URI_SAN%"),
        tag("destination_peer", "%METADATA(UPSTREAM_HOST:istio:workload)%"),
        // A client does not know whether the server insisted; Istio says the same.
        tag("connection_security_policy", "unknown"),
        called("destination_service", "host", "request.host"),
        called("destination_service_name", "name", "xds.cluster_name"),
        called("destination_service_namespace", "namespace", "'unknown'"),
    ]);
    tags
}

/// The logger of calls that the pod serves.
pub(super) fn destination_logger(world: World<'_>, pod: &Pod) -> Value {
    let mut tags = destination_tags(own_side(world, pod, "destination"));
    let ServiceId { namespace, name } = &pod.service;
    tags.extend([
        tag("destination_service", &super::host(&pod.service)),
        tag("destination_service_name", name),
        tag("destination_service_namespace", namespace),
    ]);
    logger(tags)
}

/// The same for whatever pod the proxy belongs to.
pub(super) fn server_logger() -> Value {
    let mut tags = destination_tags(own_node("destination"));
    tags.extend([
        served("destination_service", "host", "request.host"),
        served("destination_service_name", "name", "xds.cluster_name"),
        served("destination_service_namespace", "namespace", "'unknown'"),
    ]);
    logger(tags)
}

/// The tags of a server's logger behind those of its own side, but for the service.
fn destination_tags(mut tags: Vec<Value>) -> Vec<Value> {
    tags.extend([
        tag("reporter", "destination"),
        tag("source_principal", "%DOWNSTREAM_PEER_URI_SAN%"),
        tag("destination_principal", "%DOWNSTREAM_LOCAL_URI_SAN%"),
        tag("source_peer", "%DYNAMIC_METADATA(lab:source_peer)%"),
        tag("connection_security_policy", "%CEL(connection.mtls ? 'mutual_tls' : 'none')%"),
    ]);
    tags
}

/// What the proxy knows about its own pod.
fn own_side(world: World<'_>, pod: &Pod, side: &str) -> Vec<Value> {
    let (service, revision) = canonical(world, pod);
    let own = |name: &str, value: &str| tag(&format!("{side}_{name}"), value);
    vec![
        own("workload", &pod.workload.name),
        own("workload_namespace", &pod.workload.namespace),
        own("app", &service),
        own("version", &revision),
        own("canonical_service", &service),
        own("canonical_revision", &revision),
        own("cluster", "Kubernetes"),
    ]
}

/// The same from the proxy's node.
fn own_node(side: &str) -> Vec<Value> {
    let own = OWN_FIELDS.map(|(name, _)| tag(&format!("{side}_{name}"), &own_field(name)));
    own.to_vec()
}

/// The operator of one field that a proxy's node tells of its pod; nothing for another field.
pub(super) fn own_field(name: &str) -> String {
    let place = OWN_FIELDS.iter().find(|(field, _)| *field == name).map(|(_, place)| place);
    place.map_or_else(String::new, |place| format!("%CEL(xds.node.metadata{place})%"))
}

/// A tag of the called service, from the metadata that Istio puts on clusters.
fn called(name: &str, field: &str, otherwise: &str) -> Value {
    service_tag("outbound", name, field, otherwise)
}

/// A tag of the service that the proxy's own pod serves.
fn served(name: &str, field: &str, otherwise: &str) -> Value {
    service_tag("inbound", name, field, otherwise)
}

fn service_tag(direction: &str, name: &str, field: &str, otherwise: &str) -> Value {
    let known = format!("xds.cluster_metadata.filter_metadata['istio']['services'][0]['{field}']");
    tag(
        name,
        &format!("%CEL(xds.cluster_name.startsWith('{direction}|') ? {known} : {otherwise})%"),
    )
}

/// A logger that counts and times requests by `tags`.
fn logger(mut tags: Vec<Value>) -> Value {
    tags.extend([
        tag("response_code", "%RESPONSE_CODE%"),
        tag("response_flags", "%RESPONSE_FLAGS%"),
        tag("request_protocol", "http"),
    ]);
    let stat = |name: &str| json!({"name": name, "tags": tags});
    extension(
        "envoy.access_loggers.stats",
        "envoy.extensions.access_loggers.stats.v3.Config",
        json!({
            "stat_prefix": "istio",
            "counters": [{"value_fixed": 1, "stat": stat("requests_total")}],
            "histograms": [{
                "unit": "Milliseconds",
                "value_format": "%DURATION%",
                "stat": stat("request_duration_milliseconds"),
            }],
        }),
    )
}

/// A tag with an operator or a literal. Literals are Kubernetes names, which have no percent sign.
fn tag(name: &str, value: &str) -> Value {
    json!({"name": name, "value_format": value})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn additions_extend_the_stock_view() {
        let expression = scraped(&["upstream_rq_retry".to_owned()]);
        assert!(expression.starts_with(STOCK_VIEW));
        assert!(expression.ends_with("|upstream_rq_retry"));
    }

    #[test]
    fn the_widened_view_shows_both() {
        let expression = widened(&[]);
        assert!(expression.starts_with(STOCK_VIEW));
        assert!(expression.contains(r"ssl\.handshake|"), "{expression}");
        assert!(
            expression.ends_with(r"|^http\..*\.(fault\.aborts_injected|fault\.delays_injected)$")
        );
    }

    #[test]
    fn a_matcher_covers_whole_names() {
        assert_eq!(whole("^(a|b)|c$|d"), "^(a|b).*|.*c$|.*d.*");
    }
}
