//! Envoy's configuration from the settings in effect, with Istio's names.
//!
//! Our own reader says what is in effect on every workload and edge ([`Platform`]); this module
//! writes it as Envoy's xDS resources, one file per type and proxy, in the shape that Istio 1.31
//! gives them (istio/istio `pilot/pkg/networking/core`): cluster, route and listener names,
//! defaults, filter order, statistics. What Git does not say - addresses, which pods exist - comes
//! from the lab's pods. What the model does not carry is Istio's default; inbound mutual TLS is
//! always required, as under a mesh-wide `STRICT` policy.

pub mod access_log;
pub mod binary;
pub mod bootstrap;
mod cluster;
pub mod equipment;
pub mod istio;
mod listener;
mod matches;
mod route;
pub mod stats;
mod tls;

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed lookup is a failed test")]
mod tests;

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use serde_json::{Value, json};
use stilltrace_model::{Edge, Platform, ServiceId};

use crate::certs::Identities;
use crate::pods::Pod;

/// Port of a proxy's outbound listener.
pub const OUTBOUND_PORT: u16 = 15001;
/// Port of a proxy's administration interface.
pub const ADMIN_PORT: u16 = 15000;
/// Port of a proxy's statistics for Prometheus.
pub const STATS_PORT: u16 = 15090;
/// Name of the one route configuration of a proxy.
pub const ROUTES: &str = "8080";
/// Limit that stands for none: Istio writes the largest number.
const NO_LIMIT: u32 = u32::MAX;

/// What the proxies' configuration is made of.
#[derive(Debug, Clone, Copy)]
pub struct World<'a> {
    /// Settings in effect.
    pub platform: &'a Platform,
    /// Pods that exist.
    pub pods: &'a [Pod],
    /// Certificates.
    pub identities: &'a Identities,
    /// Where spans are sent, if a collector runs.
    pub collector: Option<SocketAddr>,
}

/// Folder in which a proxy finds its files.
#[derive(Debug, Clone)]
pub struct ProxyDir(pub PathBuf);

impl ProxyDir {
    /// File of a discovery type: `cds`, `rds` or `lds`.
    pub fn xds(&self, kind: &str) -> PathBuf {
        self.0.join(format!("{kind}.json"))
    }

    /// The proxy's access log.
    pub fn access_log(&self) -> PathBuf {
        self.0.join("access.log")
    }
}

/// The proxy's discovery files in the order in which they must change: clusters before the
/// routes that name them.
pub fn discovery(world: World<'_>, pod: &Pod, dir: &ProxyDir) -> Vec<(&'static str, Value)> {
    vec![
        ("cds", response(&cluster::all(world, pod))),
        ("rds", response(&[route::configuration(world, pod)])),
        ("lds", response(&listener::all(world, pod, dir))),
    ]
}

/// A discovery response; its version follows from its content.
fn response(resources: &[Value]) -> Value {
    let version = crate::pods::seed_of(&json!(resources).to_string());
    json!({"version_info": format!("{version:016x}"), "resources": resources})
}

/// The edges of the pod's proxy: what its scope lets it see.
fn edges_of<'a>(world: World<'a>, pod: &Pod) -> Vec<&'a Edge> {
    let own = world.platform.edges.values().filter(|edge| *edge.id.source == pod.workload);
    // A gateway may call everything that it sees; the lab gives it what its hosts lead to.
    own.filter(|edge| !pod.is_gateway || !edge.routes.is_empty()).collect()
}

/// The pods behind a service: those of the workloads that the platform says it selects, or those
/// of the topology for a service that the platform does not know.
fn endpoints<'a>(world: World<'a>, service: &ServiceId) -> Vec<&'a Pod> {
    let known = world.platform.services.get(service);
    let behind = |pod: &&Pod| match known {
        Some(known) => known.workloads.contains(&pod.workload),
        None => pod.service == *service,
    };
    world.pods.iter().filter(behind).collect()
}

/// Labels of a pod: the platform's over the topology's.
fn labels(world: World<'_>, pod: &Pod) -> BTreeMap<String, String> {
    let mut labels = pod.labels.clone();
    if let Some(workload) = world.platform.workloads.get(&pod.workload) {
        labels.extend(workload.labels.clone());
    }
    labels
}

/// What a proxy knows about a pod: Istio's five fields `workload;namespace;canonical service;
/// canonical revision;cluster` (istio/istio `pilot/pkg/networking/util`).
fn peer(world: World<'_>, pod: &Pod) -> String {
    let (service, revision) = canonical(world, pod);
    format!("{};{};{service};{revision};Kubernetes", pod.workload.name, pod.workload.namespace)
}

/// Canonical service and revision of a pod (istio/istio `pkg/model/istio_labels.go`).
fn canonical(world: World<'_>, pod: &Pod) -> (String, String) {
    let labels = labels(world, pod);
    let first = |keys: &[&str]| keys.iter().find_map(|key| labels.get(*key)).cloned();
    let service = first(&["service.istio.io/canonical-name", "app.kubernetes.io/name", "app"])
        .unwrap_or_else(|| pod.workload.name.clone());
    let revision =
        first(&["service.istio.io/canonical-revision", "app.kubernetes.io/version", "version"])
            .unwrap_or_else(|| "latest".to_owned());
    (service, revision)
}

/// Full host name of a service.
pub fn host(service: &ServiceId) -> String {
    format!("{}.{}.svc.cluster.local", service.name, service.namespace)
}

/// Istio's name of an outbound cluster.
pub fn outbound(service: &ServiceId, port: u16, subset: Option<&str>) -> String {
    format!("outbound|{port}|{}|{}", subset.unwrap_or_default(), host(service))
}

/// A duration as protobuf prints it in JSON.
fn seconds(duration: Duration) -> String {
    format!("{}.{:09}s", duration.as_secs(), duration.subsec_nanos())
}

/// The type URL of an Envoy message.
fn url(message: &str) -> String {
    format!("type.googleapis.com/{message}")
}

/// An extension: its name and its typed configuration.
fn extension(name: &str, message: &str, mut config: Value) -> Value {
    if let Value::Object(fields) = &mut config {
        fields.insert("@type".into(), url(message).into());
    }
    json!({"name": name, "typed_config": config})
}

/// An address with a port.
fn socket(address: impl Into<IpAddr>, port: u16) -> Value {
    json!({"socket_address": {"address": address.into().to_string(), "port_value": port}})
}

/// A share in percent as Envoy's fraction, exact to a ten-thousandth of a percent.
fn fraction(percent: f64) -> Value {
    let numerator = (percent.clamp(0.0, 100.0) * 10_000.0).round() as u32;
    json!({"numerator": numerator, "denominator": "MILLION"})
}
