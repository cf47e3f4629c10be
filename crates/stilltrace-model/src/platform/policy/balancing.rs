//! Endpoints: how many, who gets the request, who gets none for a while.

use std::{fmt, time::Duration};

use crate::{NamedDefault, Origin, Setting};

/// How a proxy learns the endpoints of a destination.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Discovery {
    /// The control plane sends them (Envoy's EDS).
    Pushed,
    /// By DNS, every address counts (`STRICT_DNS`).
    StrictDns,
    /// By DNS, one address at a time (`LOGICAL_DNS`).
    LogicalDns,
    /// Not at all: requests go to the address that the caller dialled (`ORIGINAL_DST`).
    Dialled,
    /// They are part of the configuration (`STATIC`).
    Static,
}

/// Endpoints behind a destination.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct EndpointCount {
    /// All of them.
    pub total: u32,
    /// Those that the control plane marked for mutual TLS.
    pub mutual_tls: u32,
    /// In how many groups the proxy tries them, one after the other; 1 where it tries all alike.
    pub priorities: u32,
}

/// The table behind consistent hashing. `None` leaves the size to Envoy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HashTable {
    /// A ring, with its least number of places.
    Ring(Option<u64>),
    /// A Maglev table, with its number of places.
    Maglev(Option<u64>),
}

/// How traffic to a new endpoint grows.
#[derive(Debug, Clone, PartialEq)]
pub struct Warmup {
    /// How long it takes.
    pub window: Setting<Duration>,
    /// Share of its full weight that an endpoint begins with, in percent; `None` is Envoy's 10 %.
    pub min_percent: Setting<Option<f64>>,
    /// Exponent of the growth; `None` is Envoy's 1: linear.
    pub aggression: Setting<Option<f64>>,
}

/// How a proxy prefers near endpoints.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Locality {
    /// By the weights of localities.
    Weighted,
    /// By its own zone's share (Envoy's zone-aware routing).
    ZoneAware,
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
    /// Failures in a row at a gateway (502, 503, 504) that eject; `None` is Envoy's default of 5,
    /// which is not enforced.
    pub consecutive_gateway_failure: Setting<Option<u32>>,
    /// Failures in a row on the client's own side (such as a timeout to connect) that eject; `None`
    /// is Envoy's default of 5.
    pub consecutive_local_origin_failure: Setting<Option<u32>>,
    /// Whether failures on the client's own side are counted apart.
    pub split_local_origin: Setting<bool>,
    /// Below this share of healthy endpoints ejections are ignored.
    pub min_health_percent: Setting<u32>,
}

impl OutlierDetection {
    /// A block at `origin` that says nothing; `of` names whose defaults its values are.
    pub fn unset(origin: Origin, of: impl Into<NamedDefault>) -> Self {
        let of = of.into();
        Self {
            origin,
            consecutive_5xx: Setting::default_of(5, of),
            interval: Setting::default_of(Duration::from_secs(10), of),
            base_ejection_time: Setting::default_of(Duration::from_secs(30), of),
            max_ejection_percent: Setting::default_of(10, of),
            consecutive_gateway_failure: Setting::default_of(None, of),
            consecutive_local_origin_failure: Setting::default_of(None, of),
            split_local_origin: Setting::default_of(false, of),
            min_health_percent: Setting::default_of(0, of),
        }
    }
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
