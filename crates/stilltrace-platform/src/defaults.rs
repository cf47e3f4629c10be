//! Values in effect that nobody wrote, with the name of who defines them.
//!
//! Values are those of Istio 1.31 with default features, and of the Envoy that it ships.

use std::time::Duration;

use stilltrace_model::{Bytes, Millicores, NamedDefault, Software};

/// Defaults compiled into Istio's control plane.
pub(crate) const ISTIO: NamedDefault = NamedDefault::ISTIO;
/// Defaults of Istio's installation profile.
pub(crate) const INSTALL: NamedDefault =
    NamedDefault::of(Software::Istio, "Istio 1.31 installation default");
/// Values of Istio's installation with the profile `demo`.
pub(crate) const DEMO: NamedDefault = NamedDefault::of(Software::Istio, "Istio 1.31 demo profile");
/// Defaults that Istio leaves to its proxy.
pub(crate) const ENVOY: NamedDefault = NamedDefault::ENVOY;
/// Defaults of the Gateway API's schema, which the API server fills in.
pub(crate) const GATEWAY_API: NamedDefault = NamedDefault::GATEWAY_API;
/// Defaults of Kubernetes itself.
pub(crate) const KUBERNETES: NamedDefault = NamedDefault::KUBERNETES;
/// Tracing that no provider and no tracer of the proxy takes part in.
pub(crate) const NO_TRACER: NamedDefault =
    NamedDefault::of(Software::Istio, "Istio 1.31 default: no tracing provider");
/// A route's only destination gets every request.
pub(crate) const SINGLE: NamedDefault =
    NamedDefault::of(Software::Istio, "a single destination gets every request");
/// A service that no virtual service claims.
pub(crate) const OWN_ROUTE: NamedDefault =
    NamedDefault::of(Software::Istio, "a service's own route");
/// A destination without a port.
pub(crate) const DIALLED: NamedDefault =
    NamedDefault::of(Software::Istio, "no port is named: the port that the caller dials");
/// A destination without a port whose service has one port only.
pub(crate) const ONLY_PORT: NamedDefault =
    NamedDefault::of(Software::Istio, "no port is named: the service's only port");
/// Tries with a hash stay on the host that the hash names.
pub(crate) const HASHED: NamedDefault =
    NamedDefault::of(Software::Istio, "Istio 1.31 default with a consistent hash");
/// Hosts outside the mesh get no TLS of the mesh.
pub(crate) const OUTSIDE: NamedDefault =
    NamedDefault::of(Software::Istio, "Istio 1.31 default for hosts outside the mesh");
/// Callers of a headless service dial its pods.
pub(crate) const HEADLESS: NamedDefault =
    NamedDefault::of(Software::Istio, "a headless service is dialled by pod address");
/// Names below a wildcard are resolved one by one.
pub(crate) const DYNAMIC: NamedDefault =
    NamedDefault::of(Software::Istio, "a wildcard found by DNS is balanced by the resolver");
/// Defaults of KEDA, which scales workloads.
pub(crate) const KEDA: NamedDefault = NamedDefault::of(Software::Keda, "KEDA default");
/// Of a `DaemonSet`.
pub(crate) const PER_NODE: NamedDefault =
    NamedDefault::of(Software::Kubernetes, "one pod per node");
/// Of what an autoscaler scales.
pub(crate) const SCALED: NamedDefault =
    NamedDefault::of(Software::Kubernetes, "a HorizontalPodAutoscaler decides");
/// Of a `CronJob`.
pub(crate) const SCHEDULED: NamedDefault =
    NamedDefault::of(Software::Kubernetes, "pods at the times of its schedule");
/// Defaults of the node's kernel.
pub(crate) const SYSTEM: NamedDefault =
    NamedDefault::of(Software::OperatingSystem, "operating system default");
/// Ports that are not HTTP have no request-level behaviour.
pub(crate) const NOT_HTTP: NamedDefault =
    NamedDefault::of(Software::Istio, "no HTTP: the port's protocol is not HTTP");
/// The protocol of ports that nothing names is found in the first bytes.
pub(crate) const SNIFFED: NamedDefault = NamedDefault::of(
    Software::Istio,
    "Istio 1.31 default: the protocol of a port without one is sniffed",
);
/// Ports on which servers are known to speak first.
pub(crate) const SERVER_FIRST: NamedDefault = NamedDefault::of(
    Software::Istio,
    "Istio 1.31 default: ports 25, 53, 3306 and 27017 without a protocol are TCP",
);
/// Worker threads that nobody wrote, of a proxy with a CPU limit that nobody wrote.
pub(crate) const LIMIT_CORES: NamedDefault =
    NamedDefault::of(Software::Istio, "Istio 1.31 default: the proxy's CPU limit, rounded up");
/// Worker threads that nobody wrote, of a proxy without a CPU limit.
pub(crate) const NODE_CORES: NamedDefault =
    NamedDefault::of(Software::Istio, "Istio 1.31 default without a CPU limit: the node's cores");
/// The installation's CPU limit falls away as soon as one resource annotation is set.
pub(crate) const ANNOTATED: NamedDefault = NamedDefault::of(
    Software::Istio,
    "Istio 1.31: one sidecar resource annotation replaces all default resources",
);

/// Status of a redirect that names none.
pub(crate) const REDIRECT: u16 = 301;
/// Status of a redirect of the Gateway API that names none.
pub(crate) const GATEWAY_API_REDIRECT: u16 = 302;
/// Tries after the first.
pub(crate) const RETRY_ATTEMPTS: u32 = 2;
/// Conditions under which a request is tried again.
pub(crate) const RETRY_ON: [&str; 5] =
    ["connect-failure", "refused-stream", "unavailable", "cancelled", "retriable-status-codes"];
/// Time to open a connection.
pub(crate) const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Failures in a row that eject.
pub(crate) const CONSECUTIVE_5XX: u32 = 5;
/// Time between two sweeps of outlier detection.
pub(crate) const OUTLIER_INTERVAL: Duration = Duration::from_secs(10);
/// First ejection time.
pub(crate) const BASE_EJECTION: Duration = Duration::from_secs(30);
/// Share of endpoints that may be ejected at once.
pub(crate) const MAX_EJECTION_PERCENT: u32 = 10;
/// Share of requests that may be retries when a budget is given without a percentage.
pub(crate) const RETRY_BUDGET_PERCENT: f64 = 20.0;
/// Retries that a budget always allows.
pub(crate) const RETRY_BUDGET_MINIMUM: u32 = 3;
/// Share of requests traced.
pub(crate) const TRACING_PERCENT: f64 = 1.0;
/// The same with the profile `demo`.
pub(crate) const DEMO_TRACING_PERCENT: f64 = 100.0;
/// The port of the agent beside a proxy.
pub(crate) const AGENT_PORT: u16 = 15_020;
/// CPU limit of an injected proxy.
pub(crate) const PROXY_CPU_LIMIT: Millicores = Millicores(2_000);
/// CPU request of an injected proxy.
pub(crate) const PROXY_CPU_REQUEST: Millicores = Millicores(100);
/// Memory limit of an injected proxy.
pub(crate) const PROXY_MEMORY_LIMIT: Bytes = Bytes(1 << 30);
/// Memory request of an injected proxy.
pub(crate) const PROXY_MEMORY_REQUEST: Bytes = Bytes(128 << 20);
/// CPU request of an injected proxy with the profile `demo`.
pub(crate) const DEMO_CPU_REQUEST: Millicores = Millicores(10);
/// Memory request of an injected proxy with the profile `demo`.
pub(crate) const DEMO_MEMORY_REQUEST: Bytes = Bytes(40 << 20);
/// The namespace whose objects apply to the whole mesh.
pub(crate) const ROOT_NAMESPACE: &str = "istio-system";
