//! Traffic policy: how a proxy treats one destination.

use std::{fmt, time::Duration};

use crate::{Origin, Setting};

/// How a proxy treats a destination (`DestinationRule` traffic policy with defaults filled in).
#[derive(Debug, Clone, PartialEq)]
pub struct TrafficPolicy {
    /// The `DestinationRule` that applies, if any.
    pub object: Option<Origin>,
    /// Connection pool limits.
    pub pool: Pool,
    /// Outlier detection, if a block is present.
    pub outlier: Option<OutlierDetection>,
    /// Load balancing.
    pub load_balancer: Setting<LoadBalancer>,
    /// Transport security towards the destination.
    pub tls: Setting<TlsMode>,
    /// Bound on parallel retries, if set.
    pub retry_budget: Option<RetryBudget>,
}

/// Connection pool limits of one client proxy towards one destination. `None` is no limit.
#[derive(Debug, Clone, PartialEq)]
pub struct Pool {
    /// `tcp.maxConnections`.
    pub max_connections: Setting<Option<u32>>,
    /// `tcp.connectTimeout`.
    pub connect_timeout: Setting<Duration>,
    /// `http.http1MaxPendingRequests`.
    pub max_pending_requests: Setting<Option<u32>>,
    /// `http.http2MaxRequests`: requests in flight, HTTP/1.1 included.
    pub max_requests: Setting<Option<u32>>,
    /// `http.maxRequestsPerConnection`.
    pub max_requests_per_connection: Setting<Option<u32>>,
    /// `http.maxRetries`: retries in flight.
    pub max_retries: Setting<Option<u32>>,
    /// `http.idleTimeout`; `None` is the proxy's default of 1 h.
    pub idle_timeout: Setting<Option<Duration>>,
}

/// When a proxy stops sending to an endpoint.
#[derive(Debug, Clone, PartialEq)]
pub struct OutlierDetection {
    /// Where the block starts.
    pub origin: Origin,
    /// Failures in a row that eject; 0 switches the detector off.
    pub consecutive_5xx: Setting<u32>,
    /// Time between sweeps.
    pub interval: Setting<Duration>,
    /// First ejection time; grows with repeats.
    pub base_ejection_time: Setting<Duration>,
    /// Share of endpoints that may be ejected at once.
    pub max_ejection_percent: Setting<u32>,
    /// Below this share of healthy endpoints ejections are ignored.
    pub min_health_percent: Setting<u32>,
}

/// Bound on parallel retries as a share of requests in flight.
#[derive(Debug, Clone, PartialEq)]
pub struct RetryBudget {
    /// Share in percent.
    pub percent: Setting<f64>,
    /// Retries always allowed.
    pub min_concurrency: Setting<u32>,
}

/// Load balancing policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LoadBalancer {
    /// Two random choices, the less loaded one; Istio's default.
    LeastRequest,
    /// In turn.
    RoundRobin,
    /// At random.
    Random,
    /// To the address the caller dialled.
    Passthrough,
    /// By a hash of the request.
    ConsistentHash,
}

impl fmt::Display for LoadBalancer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::LeastRequest => "LEAST_REQUEST",
            Self::RoundRobin => "ROUND_ROBIN",
            Self::Random => "RANDOM",
            Self::Passthrough => "PASSTHROUGH",
            Self::ConsistentHash => "consistentHash",
        })
    }
}

/// Transport security towards a destination.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TlsMode {
    /// Mutual TLS to endpoints that have a proxy, plaintext to the others; Istio's default.
    Auto,
    /// Mutual TLS with Istio's certificates, always.
    IstioMutual,
    /// TLS without a client certificate.
    Simple,
    /// TLS with the user's own client certificate.
    Mutual,
    /// Plaintext.
    Disable,
}

impl fmt::Display for TlsMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Auto => "auto",
            Self::IstioMutual => "ISTIO_MUTUAL",
            Self::Simple => "SIMPLE",
            Self::Mutual => "MUTUAL",
            Self::Disable => "DISABLE",
        })
    }
}
