//! Connection pools, keep-alive and the bound on retries.

use std::time::Duration;

use crate::{NamedDefault, Origin, Setting};

/// Connection pool limits of one proxy towards one destination. `None` is no limit.
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
    /// `tcp.maxConnectionDuration`; `None` is no limit.
    pub max_connection_duration: Setting<Option<Duration>>,
    /// `http.maxConcurrentStreams`; acts on HTTP/2 connections only and is `None` on others.
    pub max_concurrent_streams: Setting<Option<u32>>,
    /// HTTP/2 towards the destination; `None` is HTTP/1.1, or no HTTP.
    pub http2: Setting<Option<Http2>>,
    /// Probes on idle TCP connections, if switched on.
    pub keepalive: Option<Box<TcpKeepalive>>,
}

impl Pool {
    /// No limits, and 10 s to connect; `of` names whose defaults these are.
    pub fn unset(of: impl Into<NamedDefault>) -> Self {
        let of = of.into();
        Self {
            max_connections: Setting::default_of(None, of),
            connect_timeout: Setting::default_of(Duration::from_secs(10), of),
            max_pending_requests: Setting::default_of(None, of),
            max_requests: Setting::default_of(None, of),
            max_requests_per_connection: Setting::default_of(None, of),
            max_retries: Setting::default_of(None, of),
            idle_timeout: Setting::default_of(None, of),
            max_connection_duration: Setting::default_of(None, of),
            max_concurrent_streams: Setting::default_of(None, of),
            http2: Setting::default_of(None, of),
            keepalive: None,
        }
    }
}

/// When a proxy speaks HTTP/2 to a destination.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Http2 {
    /// Always.
    Always,
    /// When its own caller does.
    AsDownstream,
}

/// TCP keep-alive towards a destination. `None` leaves a figure to the operating system.
#[derive(Debug, Clone, PartialEq)]
pub struct TcpKeepalive {
    /// Where the block starts.
    pub origin: Origin,
    /// Unanswered probes after which a connection is dead.
    pub probes: Setting<Option<u32>>,
    /// Idle time before the first probe, in whole seconds.
    pub time: Setting<Option<u32>>,
    /// Time between probes, in whole seconds.
    pub interval: Setting<Option<u32>>,
}

/// Bound on parallel retries as a share of requests in flight.
#[derive(Debug, Clone, PartialEq)]
pub struct RetryBudget {
    /// Share in percent.
    pub percent: Setting<f64>,
    /// Retries always allowed.
    pub min_concurrency: Setting<u32>,
}
