//! The platform of a topology for which nobody wrote any YAML: Istio's defaults everywhere.
//!
//! For smoke runs and tests. A recorded scenario takes its platform from a repository instead.

use std::collections::BTreeMap;
use std::sync::Arc;

use stilltrace_model::{
    AppContainer, Destination, Edge, EdgeId, Origin, Platform, PodRules, Recording, Retries, Route,
    Scope, Service, ServiceId, Setting, SidecarProxy, Target, Telemetry, TrafficPolicy, Workload,
};

use crate::pods::{APP_CONTAINER, Pod};

/// Whose defaults these are.
const ISTIO: &str = "Istio 1.31 default";
/// Conditions of Istio's default retries (istio/istio `pilot/pkg/networking/core/route/retry`).
const RETRY_ON: [&str; 5] =
    ["connect-failure", "refused-stream", "unavailable", "cancelled", "retriable-status-codes"];

/// The platform of `pods` with nothing but defaults, each seeing every service.
pub fn platform(pods: &[Pod]) -> Platform {
    let mut platform = Platform::default();
    for pod in pods {
        platform
            .workloads
            .entry(pod.workload.clone())
            .or_insert_with(|| workload(pod))
            .replicas
            .value =
            Some(pods.iter().filter(|other| other.workload == pod.workload).count() as u32);
        let service = platform.services.entry(pod.service.clone()).or_insert_with(|| service(pod));
        if !service.workloads.contains(&pod.workload) {
            service.workloads.push(pod.workload.clone());
        }
    }
    for source in platform.workloads.keys() {
        for pod in pods.iter().filter(|pod| !pod.is_gateway) {
            let id = EdgeId::new(source.clone(), pod.service.clone(), pod.port);
            platform.edges.entry(id.clone()).or_insert_with(|| edge(id));
        }
    }
    platform
}

/// A value that nobody wrote.
fn unset<T>(value: T) -> Setting<T> {
    Setting::default_of(value, ISTIO)
}

/// No traces, and every request in the access log.
fn recording() -> Recording {
    Recording {
        tracing_percent: unset(0.0),
        tracer: unset(None),
        access_log: unset(true),
        access_log_filter: None,
    }
}

/// A workload with a proxy and, unless it is a gateway, one application container.
fn workload(pod: &Pod) -> Workload {
    let container = AppContainer {
        name: APP_CONTAINER.to_owned(),
        image: unset(format!("lab/{}:latest", pod.workload.name)),
        cpu_limit: unset(None),
        cpu_request: unset(None),
        memory_limit: unset(None),
        memory_request: unset(None),
        probes: BTreeMap::new(),
        env: BTreeMap::new(),
    };
    Workload {
        id: pod.workload.clone(),
        kind: "Deployment".to_owned(),
        origin: Origin::Default { of: ISTIO.into() },
        labels: pod.labels.clone(),
        service_account: pod.service_account.clone(),
        replicas: unset(None),
        pod_rules: PodRules::default(),
        containers: if pod.is_gateway { Vec::new() } else { vec![container] },
        sidecar: Some(SidecarProxy {
            revision: unset("default".to_owned()),
            cpu_limit: unset(None),
            cpu_request: unset(None),
            memory_limit: unset(None),
            memory_request: unset(None),
            concurrency: unset(None),
            scope: Scope {
                hosts: unset(vec!["*/*".to_owned()]),
                object: None,
                visible_services: 0,
            },
            outbound_policy: None,
            inbound: BTreeMap::new(),
            passed_by: stilltrace_model::PassedBy::default(),
            patches: Vec::new(),
            telemetry: Telemetry {
                outbound: recording(),
                inbound: recording(),
                extra_stats: unset(Vec::new()),
            },
        }),
        is_gateway: pod.is_gateway,
        owners: Vec::new(),
        reconciler: None,
    }
}

/// The service of a pod; its workloads are added as pods are met.
fn service(pod: &Pod) -> Service {
    Service {
        id: pod.service.clone(),
        host: format!("{}.{}.svc.cluster.local", pod.service.name, pod.service.namespace),
        origin: Origin::Default { of: ISTIO.into() },
        ports: BTreeMap::from([(pod.port, Setting::default_of("http".to_owned(), ISTIO))]),
        alias_of: None,
        workloads: Vec::new(),
    }
}

/// An edge with Istio's default route and policy.
fn edge(id: EdgeId) -> Edge {
    let routes = Arc::from([route(ServiceId::clone(&id.destination), id.port)]);
    Edge {
        id,
        routes,
        policy: Arc::new(policy()),
        subsets: Arc::default(),
        endpoints: None,
        protocol: None,
    }
}

/// The route that a service gets by itself.
fn route(service: ServiceId, port: u16) -> Route {
    let host = format!("{}.{}.svc.cluster.local", service.name, service.namespace);
    let to = Target::implied(service, host, port, ISTIO);
    let retries =
        Retries::new(unset(2), unset(None), unset(RETRY_ON.map(str::to_owned).to_vec()), ISTIO);
    Route::towards(vec![Destination { to, weight: unset(100) }], unset(None), retries)
}

/// The traffic policy of a service without `DestinationRule`.
pub fn policy() -> TrafficPolicy {
    TrafficPolicy::unset(ISTIO)
}
