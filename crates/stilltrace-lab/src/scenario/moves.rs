//! The signals with which a fault must show, as a scenario names them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// One signal and what it must do between the quiet phase and the fault.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Move {
    /// What is measured.
    pub signal: Signal,
    /// The service whose pods, proxies or answers are meant; the whole mesh if absent.
    #[serde(default)]
    pub of: Option<String>,
    /// For `flagged`: Envoy's response flag, such as `UT`.
    #[serde(default)]
    pub flag: Option<String>,
    /// For `counter`: name of the metric.
    #[serde(default)]
    pub metric: Option<String>,
    /// For `counter`: labels that a series must have.
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
    /// What it must do.
    pub direction: Direction,
    /// The least factor by which it must; what leaves the noise of the controls is enough if
    /// absent.
    #[serde(default)]
    pub by: Option<f64>,
    /// Whether it must come back when the change is taken back. True unless said otherwise.
    #[serde(default = "yes")]
    pub returns: bool,
}

/// What can be measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Signal {
    /// Requests of clients, per second.
    ClientRate,
    /// Median latency of clients, in milliseconds.
    ClientP50,
    /// 99th percentile of it.
    ClientP99,
    /// Requests of clients that failed, in percent.
    ClientErrors,
    /// CPU of proxies, in cores.
    ProxyCpu,
    /// Highest average of it over 15 s.
    #[serde(rename = "proxy-cpu-15s")]
    ProxyCpu15s,
    /// Highest average of it over 100 ms.
    #[serde(rename = "proxy-cpu-100ms")]
    ProxyCpu100ms,
    /// CPU of applications, in cores.
    AppCpu,
    /// Highest average of it over 100 ms.
    #[serde(rename = "app-cpu-100ms")]
    AppCpu100ms,
    /// Time that proxies stood still at their limit, in seconds per second.
    ProxyThrottled,
    /// The same of applications.
    AppThrottled,
    /// Requests that arrived at servers, tries and mirrors included, per second.
    ServerRate,
    /// Answers with a response flag of Envoy, per second.
    Flagged,
    /// Pushes of configuration, per second.
    Pushes,
    /// A counter of Prometheus, per second.
    Counter,
}

/// What a signal must do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Direction {
    /// It rises.
    Rises,
    /// It falls.
    Falls,
    /// It stays within the noise.
    Steady,
}

fn yes() -> bool {
    true
}
