//! What is in effect where nobody wrote anything, and in which order people ask for it.
//!
//! The document leaves a setting out when it has its default; these are those defaults, for the
//! Istio version that the document is computed for. Only those that matter in an incident are shown
//! where they are not written.

use stilltrace_model::NamedDefault;

/// The control plane's.
pub(super) const ISTIO: &str = NamedDefault::ISTIO.says();
/// The proxy's.
pub(super) const ENVOY: &str = NamedDefault::ENVOY.says();

/// A setting of a destination, in the order of the table.
pub(super) struct Known {
    /// Its name in the document.
    pub(super) name: &'static str,
    /// What the table calls it.
    pub(super) label: &'static str,
    /// What is in effect, and by whose choice, where nobody wrote it; `None`: not worth a line.
    pub(super) default: Option<(&'static str, &'static str)>,
}

const fn known(
    name: &'static str,
    label: &'static str,
    default: Option<(&'static str, &'static str)>,
) -> Known {
    Known { name, label, default }
}

/// Settings of a destination. "Unlimited" is what Istio writes in place of Envoy's own limits of
/// 1,024 connections and requests (`getDefaultCircuitBreakerThresholds`).
pub(super) const DESTINATION: &[Known] = &[
    known("connect_timeout_ms", "connect timeout", Some(("10s", ISTIO))),
    known("max_connections", "connections", Some(("unlimited", ISTIO))),
    known("max_pending", "pending requests", Some(("unlimited", ISTIO))),
    known("max_requests", "requests in flight", Some(("unlimited", ISTIO))),
    known("max_retries", "retries in flight", Some(("unlimited", ISTIO))),
    known("retry_budget", "retry budget", None),
    known("max_requests_per_connection", "requests per connection", None),
    known("max_concurrent_streams", "streams per connection", None),
    known("idle_timeout_ms", "idle timeout", None),
    known("max_connection_duration_ms", "connection lifetime", None),
    known("tcp_keepalive", "TCP keepalive", None),
    known("h2", "HTTP/2", None),
    known("lb", "load balancer", Some(("LEAST_REQUEST", ISTIO))),
    known("ring_min", "ring size, at least", None),
    known("maglev_table", "Maglev table", None),
    known("warmup", "warm-up", None),
    known("locality", "locality", None),
    known("priorities", "priorities", None),
    known("outlier", "outlier detection", Some(("off", ISTIO))),
    known("panic_pct", "panic threshold", None),
    known("tls", "TLS", Some(("plaintext", ISTIO))),
    known("sni", "server name", None),
    known("type", "endpoints from", None),
];

/// Figures of an outlier detection block that are in effect where the block does not say
/// (`envoy.config.cluster.v3.OutlierDetection`).
pub(super) const OUTLIER: &[Known] = &[
    known("consecutive_5xx", "ejects after", Some(("5 failures in a row", ENVOY))),
    known("interval_ms", "looks every", Some(("10s", ENVOY))),
    known("base_ejection_ms", "ejects for", Some(("30s", ENVOY))),
    known("max_ejection_pct", "at most", Some(("10% of the endpoints", ENVOY))),
];

/// Settings that only HTTP has; a destination of another protocol has no such lines by default.
pub(super) const HTTP_ONLY: &[&str] = &["max_pending", "max_requests", "max_retries"];

/// The two retries that Istio gives every route, and their conditions
/// (`pilot/pkg/networking/core/route/retry`, `DefaultPolicy`).
pub(super) const RETRIES: [(&str, &str); 2] = [
    ("retries", "2"),
    ("  on", "connect-failure, refused-stream, unavailable, cancelled, retriable-status-codes"),
];
