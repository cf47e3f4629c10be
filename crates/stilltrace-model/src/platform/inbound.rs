//! The server's side: what a proxy does with requests that arrive for its own application.

use std::{collections::BTreeSet, fmt, time::Duration};

use super::{Pool, RetryBudget};
use crate::{ServiceId, Setting};

/// A port of a workload, as its proxy distinguishes them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum InboundPort {
    /// A port that a service or a `Sidecar` names.
    Port(u16),
    /// Every other port.
    Others,
}

impl fmt::Display for InboundPort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Port(port) => port.fmt(f),
            Self::Others => f.write_str("*"),
        }
    }
}

/// What a proxy demands from callers of one port, and how it treats the application behind it.
#[derive(Debug, Clone, PartialEq)]
pub struct Inbound {
    /// Mutual TLS with callers; `None` where the proxy has no listener for the port.
    pub mutual_tls: Option<Setting<MutualTls>>,
    /// The service ports that lead here, sorted.
    pub services: BTreeSet<(ServiceId, u16)>,
    /// How the proxy treats its own application; `None` for ports that nothing names. Behind a
    /// pointer: maps of ports make room for many values, and most workloads have one port.
    pub application: Option<Box<TowardsApplication>>,
}

/// Whether a server takes mutual TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MutualTls {
    /// Takes it, and plaintext too; Istio's default.
    Permissive,
    /// Refuses everything else.
    Strict,
    /// Does not take it.
    Disable,
}

impl fmt::Display for MutualTls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Permissive => "PERMISSIVE",
            Self::Strict => "STRICT",
            Self::Disable => "DISABLE",
        })
    }
}

/// How a proxy treats its own application.
#[derive(Debug, Clone, PartialEq)]
pub struct TowardsApplication {
    /// Connection pool limits.
    pub pool: Pool,
    /// Bound on parallel retries, if set.
    pub retry_budget: Option<RetryBudget>,
    /// Tries after the first and their conditions; `None` where requests are not tried again.
    pub retries: Option<Setting<InboundRetries>>,
    /// Time for the whole request; `None` is no limit.
    pub timeout: Setting<Option<Duration>>,
}

/// Retries of a proxy towards its own application.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InboundRetries {
    /// Tries after the first.
    pub attempts: u32,
    /// Conditions as Envoy names them, such as `reset-before-request`.
    pub retry_on: String,
}
