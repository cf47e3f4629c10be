//! The query behind each signal.
//!
//! Request metrics are Istio's standard ones; labels of the two reporters differ in who counts,
//! not in what they name, so an edge is selected by the same four labels on both sides. The
//! response flags are Envoy's (`%RESPONSE_FLAGS%`), several separated by commas.

use stilltrace_model::{
    ContainerId, EdgeId, Entity, Reporter, ServiceId, Signal, Want, WorkloadId, signal,
};

use super::query::Query;
use super::selector::{Selector, Test};

const REQUESTS: &str = "istio_requests_total";
const DURATION_SUM: &str = "istio_request_duration_milliseconds_sum";
const DURATION_COUNT: &str = "istio_request_duration_milliseconds_count";
const DURATION_BUCKET: &str = "istio_request_duration_milliseconds_bucket";
const CPU: &str = "container_cpu_usage_seconds_total";
const THROTTLED: &str = "container_cpu_cfs_throttled_periods_total";
const PERIODS: &str = "container_cpu_cfs_periods_total";
const CLUSTER_UPDATES: &str = "envoy_cluster_manager_cds_update_success";
const MILLISECONDS: f64 = 1_000.0;

/// Which pods a workload has: the recorded ones, or those named after it where none are known.
pub(super) struct Pods<'a> {
    containers: &'a [ContainerId],
}

impl<'a> Pods<'a> {
    /// `containers` sorted.
    pub(super) fn new(containers: &'a [ContainerId]) -> Self {
        Self { containers }
    }

    /// Series of any metric that belong to a workload's pods.
    fn select(&self, workload: &WorkloadId) -> Selector {
        let own = self.containers.iter().filter(|one| one.workload == *workload);
        let mut pods: Vec<String> = own.map(|one| one.pod.clone()).collect();
        pods.dedup();
        let test = match pods.as_slice() {
            [] => Test::PodOf(workload.name.clone()),
            [pod] => Test::Is(pod.clone()),
            _ => Test::AnyOf(pods),
        };
        Selector::new("").is("namespace", &workload.namespace).with("pod", test)
    }
}

/// The query for a signal of an entity; `None` where Prometheus does not have it or the signal is
/// no property of such an entity.
pub(super) fn query(want: &Want, pods: &Pods<'_>) -> Option<Query> {
    match &want.entity {
        Entity::Service(service) => {
            Some(find(OF_SERVICE, want.signal)?(&service_requests(service)))
        }
        Entity::Edge(edge) => {
            let sides = Sides {
                source: edge_requests(edge, Reporter::Source),
                destination: edge_requests(edge, Reporter::Destination),
            };
            Some(find(OF_EDGE, want.signal)?(&sides))
        }
        Entity::Workload(workload) => {
            let own = Own { inbound: inbound(workload), pods: pods.select(workload) };
            Some(find(OF_WORKLOAD, want.signal)?(&own))
        }
        Entity::Mesh => Some(find(OF_MESH, want.signal)?(&())),
    }
}

/// Signals with the query that each one is, given what it is asked of.
type Table<T> = &'static [(Signal, fn(&T) -> Query)];

fn find<T>(table: Table<T>, signal: Signal) -> Option<fn(&T) -> Query> {
    table.iter().find(|(known, _)| *known == signal).map(|(_, query)| *query)
}

/// The requests of an edge as both sides count them.
struct Sides {
    source: Selector,
    destination: Selector,
}

/// What belongs to a workload.
struct Own {
    /// Requests that reached it.
    inbound: Selector,
    /// Series of its pods, of any metric.
    pods: Selector,
}

const OF_SERVICE: Table<Selector> = &[
    (signal::SERVICE_REQUESTS, |requests| Query::rate(requests.clone())),
    (signal::SERVICE_ERRORS, |requests| failed(requests, Test::Failed)),
    (signal::SERVICE_LATENCY, mean),
    (signal::SERVICE_P50, |requests| quantile(0.5, requests)),
    (signal::SERVICE_P99, |requests| quantile(0.99, requests)),
];

const OF_EDGE: Table<Sides> = &[
    (signal::EDGE_REQUESTS, |edge| Query::rate(edge.source.clone())),
    (signal::EDGE_ATTEMPTS, |edge| Query::rate(edge.destination.clone())),
    (signal::ATTEMPT_RATIO, |edge| {
        Query::rate(edge.destination.clone()).over(Query::rate(edge.source.clone()))
    }),
    (signal::EDGE_ERRORS, |edge| failed(&edge.source, Test::Failed)),
    (signal::EDGE_SERVER_ERRORS, |edge| failed(&edge.destination, Test::ServerError)),
    (signal::EDGE_ABANDONED, |edge| flagged(&edge.destination, &["DC"])),
    (signal::EDGE_LATENCY, |edge| mean(&edge.source)),
    (signal::EDGE_IN_FLIGHT, |edge| Query::rate(edge.source.of(DURATION_SUM)).per(MILLISECONDS)),
    (signal::EDGE_P50, |edge| quantile(0.5, &edge.source)),
    (signal::EDGE_P99, |edge| quantile(0.99, &edge.source)),
    (signal::EDGE_SERVER_LATENCY, |edge| mean(&edge.destination)),
    (signal::EDGE_SERVER_P50, |edge| quantile(0.5, &edge.destination)),
    (signal::EDGE_SERVER_P99, |edge| quantile(0.99, &edge.destination)),
    (signal::EDGE_GAP, gap_per_request),
    (signal::EDGE_GAP_P99, |edge| {
        quantile(0.99, &edge.source).minus(quantile(0.99, &edge.destination))
    }),
    (signal::OVERFLOW, |edge| flagged(&edge.source, &["UO"])),
    (signal::RETRIES_EXHAUSTED, |edge| flagged(&edge.source, &["URX"])),
    (signal::TIMED_OUT, |edge| flagged(&edge.source, &["UT"])),
    (signal::NO_HEALTHY_UPSTREAM, |edge| flagged(&edge.source, &["UH"])),
    (signal::NO_ROUTE, |edge| flagged(&edge.source, &["NR", "NC"])),
    (signal::CONNECTION_FAILED, |edge| flagged(&edge.source, &["UF", "UC"])),
    (signal::FAULT_INJECTED, |edge| flagged(&edge.source, &["DI", "FI"])),
];

const OF_WORKLOAD: Table<Own> = &[
    (signal::INBOUND_REQUESTS, |own| {
        // A proxy that is scraped shows its clusters from the start, and requests from the first one.
        Query::rate_from_zero(own.inbound.clone(), Query::rate(own.pods.of(CLUSTER_UPDATES)))
    }),
    (signal::APP_CPU, |own| Query::rate(of_app(own, CPU))),
    (signal::APP_CPU_PER_REQUEST, |own| {
        Query::rate(of_app(own, CPU)).over(Query::rate(own.inbound.clone()))
    }),
    (signal::PROXY_CPU, |own| Query::rate(of_proxy(own, CPU))),
    (signal::APP_THROTTLED, |own| {
        Query::rate(of_app(own, THROTTLED)).over(Query::rate(of_app(own, PERIODS)))
    }),
    (signal::PROXY_THROTTLED, |own| {
        Query::rate(of_proxy(own, THROTTLED)).over(Query::rate(of_proxy(own, PERIODS)))
    }),
    (signal::CONFIG_UPDATES, |own| config_updates(|metric| own.pods.of(metric))),
];

const OF_MESH: Table<()> = &[
    (signal::ALL_PROXIES_CPU, |()| {
        Query::rate(Selector::new(CPU).is("container", ContainerId::SIDECAR))
    }),
    (signal::NEIGHBOUR_CPU, |()| {
        // Steal is CPU that a neighbour outside of this machine has.
        let idle = ["idle", "iowait"].map(ToOwned::to_owned).to_vec();
        let busy = Selector::new("node_cpu_seconds_total").with("mode", Test::NoneOf(idle));
        let own = Selector::new(CPU).with("container", Test::NoneOf(not_containers()));
        Query::rate(busy).minus(Query::rate(own))
    }),
    (signal::ALL_CONFIG_UPDATES, |()| config_updates(Selector::new)),
];

/// Requests of a service as its callers count them.
fn service_requests(service: &ServiceId) -> Selector {
    Selector::new(REQUESTS)
        .is("reporter", "source")
        .is("destination_service_name", &service.name)
        .is("destination_service_namespace", &service.namespace)
}

/// Requests of an edge as one side counts them.
pub(super) fn edge_requests(edge: &EdgeId, reporter: Reporter) -> Selector {
    let reporter = match reporter {
        Reporter::Source => "source",
        Reporter::Destination => "destination",
    };
    Selector::new(REQUESTS)
        .is("reporter", reporter)
        .is("source_workload", &edge.source.name)
        .is("source_workload_namespace", &edge.source.namespace)
        .is("destination_service_name", &edge.destination.name)
        .is("destination_service_namespace", &edge.destination.namespace)
}

/// Requests that reached a workload, from anywhere.
fn inbound(workload: &WorkloadId) -> Selector {
    Selector::new(REQUESTS)
        .is("reporter", "destination")
        .is("destination_workload", &workload.name)
        .is("destination_workload_namespace", &workload.namespace)
}

fn of_app(own: &Own, metric: &str) -> Selector {
    let mut others = not_containers();
    others.push(ContainerId::SIDECAR.to_owned());
    own.pods.of(metric).with("container", Test::NoneOf(others))
}

fn of_proxy(own: &Own, metric: &str) -> Selector {
    own.pods.of(metric).is("container", ContainerId::SIDECAR)
}

/// Mean time per request of the caller that the callee did not spend: over all attempts, so that
/// a request that is sent again does not count as time on the way.
fn gap_per_request(edge: &Sides) -> Query {
    let spent = |requests: &Selector| Query::rate(requests.of(DURATION_SUM));
    let count = Query::rate(edge.source.of(DURATION_COUNT));
    spent(&edge.source).minus(spent(&edge.destination)).over(count).per(MILLISECONDS)
}

fn flagged(requests: &Selector, flags: &[&'static str]) -> Query {
    part(requests, "response_flags", Test::Contains(flags.to_vec()))
}

/// cAdvisor also reports the pod as a whole (no container name) and, with some runtimes, the
/// container that only holds its namespaces.
fn not_containers() -> Vec<String> {
    vec![String::new(), "POD".to_owned()]
}

/// Clusters and listeners that a proxy took over. Routes are not among the statistics that Istio
/// keeps by default.
fn config_updates(of: impl Fn(&str) -> Selector) -> Query {
    let clusters = Query::rate(of(CLUSTER_UPDATES));
    let listeners = Query::rate(of("envoy_listener_manager_lds_update_success"));
    let listeners = Query::OrNoneOf(Box::new(listeners), Box::new(clusters.clone()));
    clusters.plus(listeners)
}

/// The share of requests under one more condition.
fn part(requests: &Selector, label: &'static str, test: Test) -> Query {
    Query::rate(requests.clone().with(label, test)).share_of(Query::rate(requests.clone()))
}

fn failed(requests: &Selector, test: Test) -> Query {
    part(requests, "response_code", test)
}

/// Mean latency in seconds.
fn mean(requests: &Selector) -> Query {
    let sum = Query::rate(requests.of(DURATION_SUM));
    sum.over(Query::rate(requests.of(DURATION_COUNT))).per(MILLISECONDS)
}

/// A quantile of latency in seconds.
fn quantile(quantile: f64, requests: &Selector) -> Query {
    Query::Quantile(quantile, requests.of(DURATION_BUCKET)).per(MILLISECONDS)
}
