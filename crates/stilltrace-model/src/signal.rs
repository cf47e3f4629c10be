//! Everything measurable: one constant per signal.
//!
//! A signal is a name, a unit, what it is a property of, and how large a move means anything. How
//! it is asked for is the matter of each source in `stilltrace-sources`. Unless said otherwise the
//! values are averages over the last minute (`rate(…[1m])`), which is what dashboards show.

use std::cmp::Ordering;

/// Something measurable.
#[derive(Debug, Clone, Copy)]
pub struct Signal {
    /// Unique name in snake case.
    pub name: &'static str,
    /// Unit of the values.
    pub unit: Unit,
    /// What it is a property of.
    pub scope: Scope,
    /// The smallest move worth naming, in the unit; smaller ones are noise whatever the statistics say.
    pub floor: f64,
    /// What it means, as a noun phrase for the report.
    pub meaning: &'static str,
    /// What it takes to have it, as an instruction.
    pub remedy: &'static str,
}

impl PartialEq for Signal {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for Signal {}

impl PartialOrd for Signal {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Signal {
    fn cmp(&self, other: &Self) -> Ordering {
        self.name.cmp(other.name)
    }
}

/// Unit of a signal's values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// Seconds.
    Seconds,
    /// Events per second.
    PerSecond,
    /// A share between 0 and 1.
    Share,
    /// A plain quotient.
    Ratio,
    /// CPU cores.
    Cores,
    /// A plain count.
    Count,
}

impl Unit {
    /// The unit as machine-readable reports name it (UCUM where there is one).
    pub fn symbol(self) -> &'static str {
        match self {
            Self::Seconds => "s",
            Self::PerSecond => "1/s",
            Self::Share => "share",
            Self::Ratio => "1",
            Self::Cores => "cores",
            Self::Count => "count",
        }
    }
}

/// What a signal is a property of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// A service, over all its callers.
    Service,
    /// One workload's calls to one service port.
    Edge,
    /// One workload, over its pods.
    Workload,
    /// Everything together.
    Mesh,
}

macro_rules! signals {
    ($($(#[doc = $doc:literal])+ $constant:ident = $name:literal, $unit:ident, $scope:ident, floor $floor:literal, $meaning:literal, $remedy:ident;)+) => {
        $($(#[doc = $doc])+
        pub const $constant: Signal = Signal { name: $name, unit: Unit::$unit, scope: Scope::$scope, floor: $floor, meaning: $meaning, remedy: $remedy };)+

        /// All signals, in the order of this page.
        pub const ALL: &[Signal] = &[$($constant),+];
    };
}

const ISTIO: &str = "keep Istio's standard metrics (istio_requests_total, istio_request_duration_milliseconds) for this workload and scrape its proxy";
const SERVER: &str = "let the callee's proxy report (reporter=\"destination\"): inject a sidecar there and do not disable server metrics in Telemetry";
const CADVISOR: &str = "scrape the kubelet's cAdvisor endpoint (container_cpu_usage_seconds_total, container_cpu_cfs_*)";
const WINDOWS: &str = "record 10 ms windows of this container's CPU use on its node";
const NODE: &str = "scrape node_exporter (node_cpu_seconds_total)";
const PROXY: &str = "scrape the proxies' statistics endpoint (envoy_cluster_manager_*)";

signals! {
    /// Requests per second that callers sent to a service.
    SERVICE_REQUESTS = "service_requests", PerSecond, Service, floor 1.0, "requests to the service", ISTIO;
    /// Share of a service's requests that failed at the caller (5xx, or no answer).
    SERVICE_ERRORS = "service_errors", Share, Service, floor 0.01, "failed requests of the service", ISTIO;
    /// Mean latency of a service as its callers see it.
    SERVICE_LATENCY = "service_latency", Seconds, Service, floor 0.005, "mean latency of the service", ISTIO;
    /// Median latency of a service as its callers see it.
    SERVICE_P50 = "service_p50", Seconds, Service, floor 0.005, "p50 latency of the service", ISTIO;
    /// 99th percentile of latency of a service as its callers see it.
    SERVICE_P99 = "service_p99", Seconds, Service, floor 0.025, "p99 latency of the service", ISTIO;

    /// Requests per second as the caller counts them: once per request.
    EDGE_REQUESTS = "edge_requests", PerSecond, Edge, floor 1.0, "requests that the caller sent", ISTIO;
    /// Requests per second as the callee counts them: once per attempt.
    EDGE_ATTEMPTS = "edge_attempts", PerSecond, Edge, floor 1.0, "attempts that reached the callee", SERVER;
    /// Attempts per request: callee's count ÷ caller's count. Mirrored copies count too.
    ATTEMPT_RATIO = "attempt_ratio", Ratio, Edge, floor 0.1, "attempts per request", SERVER;
    /// Share of requests that failed at the caller (5xx, or no answer).
    EDGE_ERRORS = "edge_errors", Share, Edge, floor 0.01, "failed requests at the caller", ISTIO;
    /// Share of attempts that failed at the callee by its own answer (5xx).
    EDGE_SERVER_ERRORS = "edge_server_errors", Share, Edge, floor 0.01, "failed requests at the callee", SERVER;
    /// Share of attempts that the caller abandoned before the callee had answered (flag `DC`).
    EDGE_ABANDONED = "edge_abandoned", Share, Edge, floor 0.01, "attempts abandoned by the caller", SERVER;
    /// Mean latency at the caller.
    EDGE_LATENCY = "edge_latency", Seconds, Edge, floor 0.005, "mean latency at the caller", ISTIO;
    /// Requests under way at a time, on average, from the caller's clock: the seconds that requests
    /// took, per second (Little's law).
    EDGE_IN_FLIGHT = "edge_in_flight", Count, Edge, floor 0.5, "requests under way at the caller", ISTIO;
    /// Median latency at the caller.
    EDGE_P50 = "edge_p50", Seconds, Edge, floor 0.005, "p50 latency at the caller", ISTIO;
    /// 99th percentile of latency at the caller.
    EDGE_P99 = "edge_p99", Seconds, Edge, floor 0.025, "p99 latency at the caller", ISTIO;
    /// Mean latency at the callee, per attempt.
    EDGE_SERVER_LATENCY = "edge_server_latency", Seconds, Edge, floor 0.005, "mean latency at the callee", SERVER;
    /// Median latency at the callee, per attempt.
    EDGE_SERVER_P50 = "edge_server_p50", Seconds, Edge, floor 0.005, "p50 latency at the callee", SERVER;
    /// 99th percentile of latency at the callee, per attempt.
    EDGE_SERVER_P99 = "edge_server_p99", Seconds, Edge, floor 0.025, "p99 latency at the callee", SERVER;
    /// Mean latency at the caller minus the callee's, per request: time in proxies, pools and network.
    EDGE_GAP = "edge_gap", Seconds, Edge, floor 0.003, "mean time between caller's and callee's clock (proxy, pool, network)", SERVER;
    /// 99th percentile at the caller minus that at the callee.
    EDGE_GAP_P99 = "edge_gap_p99", Seconds, Edge, floor 0.025, "p99 at the caller minus p99 at the callee", SERVER;
    /// Share of requests that the caller's proxy refused because a pool limit was reached (flag `UO`).
    OVERFLOW = "overflow", Share, Edge, floor 0.001, "requests refused by a pool limit (UO)", ISTIO;
    /// Share of requests that ended because all tries were used up (flag `URX`).
    RETRIES_EXHAUSTED = "retries_exhausted", Share, Edge, floor 0.001, "requests with all tries used up (URX)", ISTIO;
    /// Share of requests that ended at a timeout of the caller's proxy (flag `UT`).
    TIMED_OUT = "timed_out", Share, Edge, floor 0.001, "requests cut by a timeout (UT)", ISTIO;
    /// Share of requests for which no endpoint was healthy (flag `UH`).
    NO_HEALTHY_UPSTREAM = "no_healthy_upstream", Share, Edge, floor 0.001, "requests without a healthy endpoint (UH)", ISTIO;
    /// Share of requests for which the proxy had no route or cluster (flags `NR`, `NC`).
    NO_ROUTE = "no_route", Share, Edge, floor 0.001, "requests without a route or cluster (NR, NC)", ISTIO;
    /// Share of requests whose connection failed or broke (flags `UF`, `UC`).
    CONNECTION_FAILED = "connection_failed", Share, Edge, floor 0.001, "requests with a failed connection (UF, UC)", ISTIO;
    /// Share of requests with an injected fault (flags `DI`, `FI`).
    FAULT_INJECTED = "fault_injected", Share, Edge, floor 0.001, "requests with an injected fault (DI, FI)", ISTIO;

    /// Requests per second that reached a workload, as its own proxy counts them.
    INBOUND_REQUESTS = "inbound_requests", PerSecond, Workload, floor 1.0, "requests that reached the workload", SERVER;
    /// CPU use of the application containers of a workload.
    APP_CPU = "app_cpu", Cores, Workload, floor 0.02, "CPU of the application", CADVISOR;
    /// CPU use of the application per request that reached the workload, in seconds.
    APP_CPU_PER_REQUEST = "app_cpu_per_request", Seconds, Workload, floor 0.0005, "CPU of the application per request", CADVISOR;
    /// CPU use of the proxies of a workload.
    PROXY_CPU = "proxy_cpu", Cores, Workload, floor 0.02, "CPU of the proxy", CADVISOR;
    /// Share of CFS periods in which the application was throttled.
    APP_THROTTLED = "app_throttled", Share, Workload, floor 0.02, "throttled periods of the application", CADVISOR;
    /// Share of CFS periods in which the proxy was throttled.
    PROXY_THROTTLED = "proxy_throttled", Share, Workload, floor 0.02, "throttled periods of the proxy", CADVISOR;
    /// Share of the time in which the proxy stood still because of its quota, from 10 ms windows.
    PROXY_STALLED = "proxy_stalled", Share, Workload, floor 0.01, "time the proxy stood still at its CPU limit", WINDOWS;
    /// Share of the time in which the application stood still because of its quota, from 10 ms windows.
    APP_STALLED = "app_stalled", Share, Workload, floor 0.01, "time the application stood still at its CPU limit", WINDOWS;
    /// Highest CPU use of the proxy over 100 ms within each 15 s, from 10 ms windows.
    PROXY_CPU_PEAK = "proxy_cpu_peak", Cores, Workload, floor 0.1, "100 ms CPU peak of the proxy", WINDOWS;
    /// Configuration updates that the workload's proxies accepted, per second.
    CONFIG_UPDATES = "config_updates", PerSecond, Workload, floor 0.02, "configuration updates of the proxy", PROXY;

    /// CPU use of all proxies.
    ALL_PROXIES_CPU = "all_proxies_cpu", Cores, Mesh, floor 0.05, "CPU of all proxies", CADVISOR;
    /// CPU use on the nodes by anything other than the observed containers.
    NEIGHBOUR_CPU = "neighbour_cpu", Cores, Mesh, floor 0.2, "CPU used by others on the node", NODE;
    /// Configuration updates that all proxies accepted, per second.
    ALL_CONFIG_UPDATES = "all_config_updates", PerSecond, Mesh, floor 0.05, "configuration updates of all proxies", PROXY;
}

#[cfg(test)]
mod tests {
    use super::ALL;

    #[test]
    fn names_are_unique() {
        let mut names: Vec<_> = ALL.iter().map(|signal| signal.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), ALL.len());
    }
}
