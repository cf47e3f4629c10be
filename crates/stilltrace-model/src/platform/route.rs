//! Routes: where a proxy sends a request, and how often it tries.

use std::time::Duration;

use crate::{Origin, ServiceId, Setting};

/// One route of a proxy.
#[derive(Debug, Clone, PartialEq)]
pub struct Route {
    /// The `VirtualService` that it comes from; `None` for the route a service gets by itself.
    pub object: Option<Origin>,
    /// Name in the `VirtualService`, or empty.
    pub name: String,
    /// Match conditions as printed text, such as `prefix /api`; empty matches everything.
    pub matches: Vec<String>,
    /// Where requests go, with weights that add up to the whole.
    pub destinations: Vec<Destination>,
    /// Time for the whole request with all tries; `None` is no limit.
    pub timeout: Setting<Option<Duration>>,
    /// Retry policy.
    pub retries: Retries,
    /// Injected faults.
    pub fault: Option<FaultRule>,
    /// Mirrored copies.
    pub mirrors: Vec<Mirror>,
}

/// A weighted target of a route.
#[derive(Debug, Clone, PartialEq)]
pub struct Destination {
    /// The service.
    pub service: ServiceId,
    /// The service port.
    pub port: u16,
    /// The subset, if one is named.
    pub subset: Option<String>,
    /// Relative weight; 100 for a single target.
    pub weight: Setting<u32>,
}

/// When and how often a request is sent again.
#[derive(Debug, Clone, PartialEq)]
pub struct Retries {
    /// Tries after the first; 0 is none.
    pub attempts: Setting<u32>,
    /// Time for one try; `None`: a try may use the whole timeout.
    pub per_try_timeout: Setting<Option<Duration>>,
    /// Conditions, such as `5xx`, `reset`, `connect-failure`.
    pub retry_on: Setting<Vec<String>>,
}

/// An injected delay or abort.
#[derive(Debug, Clone, PartialEq)]
pub struct FaultRule {
    /// Added delay and the share of requests in percent.
    pub delay: Option<(Setting<Duration>, f64)>,
    /// HTTP status answered and the share of requests in percent.
    pub abort: Option<(Setting<u16>, f64)>,
}

/// A copy of requests sent elsewhere.
#[derive(Debug, Clone, PartialEq)]
pub struct Mirror {
    /// Where copies go.
    pub destination: ServiceId,
    /// Port there.
    pub port: u16,
    /// Share of requests in percent.
    pub percent: Setting<f64>,
}
