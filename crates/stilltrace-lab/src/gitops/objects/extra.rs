//! Objects that no repository has by itself and that exist because a scenario names them: one kind
//! per file.
//!
//! Adding a kind is one file here and one line in [`KINDS`]. The file says what an object of the
//! kind looks like before anybody sets a field: harmless, and about the right thing.

mod application;
mod destination_rule;
mod envoy_filter;
mod horizontal_pod_autoscaler;
mod peer_authentication;
mod proxy_config;
mod service_entry;
mod sidecar;
mod telemetry;
mod virtual_service;

use super::Manifest;
use super::mesh::ROOT_NAMESPACE;
use crate::gitops::value::{Value, map};
use crate::topology::{Service, Topology};

/// A kind of object that a scenario may ask for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Kind {
    /// Such as `Sidecar`.
    pub(crate) name: &'static str,
    /// Such as `networking.istio.io/v1`.
    pub(crate) api_version: &'static str,
    /// End of the file's name, without `.yaml`.
    pub(crate) file: &'static str,
    /// Whose files it lies among.
    pub(crate) place: Place,
    /// `spec` of a fresh object; `None` if there is none about such a thing.
    pub(crate) spec: fn(&Subject) -> Option<Value>,
}

/// Whose files an object lies among.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// With the routing of its service, wherever the layout has that.
    Routing,
    /// With its application.
    App,
    /// With the mesh.
    Mesh,
    /// With the objects that apply the repository to the cluster.
    Cluster,
}

/// What an object is about.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Subject<'a> {
    /// What runs.
    pub(crate) topology: &'a Topology,
    /// The service, if it is about one.
    pub(crate) service: Option<&'a Service>,
    /// The object's namespace.
    pub(crate) namespace: &'a str,
}

/// Every kind that a scenario may ask for beside those that every repository has.
pub(crate) const KINDS: &[Kind] = &[
    application::KIND,
    destination_rule::KIND,
    envoy_filter::KIND,
    horizontal_pod_autoscaler::KIND,
    peer_authentication::KIND,
    proxy_config::KIND,
    service_entry::KIND,
    sidecar::KIND,
    telemetry::KIND,
    virtual_service::KIND,
];

/// A fresh object of `kind` about the service or namespace `of`, or the whole mesh.
pub(crate) fn draw(
    topology: &Topology,
    kind: &str,
    of: &str,
    name: Option<&str>,
) -> Option<Manifest> {
    let kind = KINDS.iter().find(|known| known.name == kind)?;
    let service = topology.services.iter().find(|service| {
        service.name == of || service.workloads().iter().any(|workload| workload.name == of)
    });
    let namespace = match service {
        Some(service) => service.namespace.as_str(),
        None if of == "mesh" => ROOT_NAMESPACE,
        None if of == "gateway" => topology.gateway.namespace.as_str(),
        None => topology.services.iter().find(|s| s.namespace == of)?.namespace.as_str(),
    };
    let spec = (kind.spec)(&Subject { topology, service, namespace })?;
    let default = if service.is_some() { of } else { "default" };
    let name = name.unwrap_or(default);
    let value = map! {
        "apiVersion" => kind.api_version,
        "kind" => kind.name,
        "metadata" => map! { "name" => name },
        "spec" => spec,
    };
    let stem = if service.is_some() { name.to_owned() } else { format!("{namespace}-{name}") };
    Some(Manifest {
        kind: kind.name,
        of: of.to_owned(),
        namespace: if kind.place == Place::Cluster { "argocd" } else { namespace }.to_owned(),
        value,
        extra: Some(Extra { place: kind.place, file: format!("{stem}-{}.yaml", kind.file) }),
    })
}

/// Where an object lies that only a scenario asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Extra {
    /// Whose files it lies among.
    pub(crate) place: Place,
    /// Name of its file.
    pub(crate) file: String,
}

impl Subject<'_> {
    /// The full host name of the service.
    fn host(&self) -> Option<String> {
        let service = self.service?;
        Some(format!("{}.{}.svc.cluster.local", service.name, service.namespace))
    }

    /// `{app: SERVICE}`, or nothing where the object is about a namespace or the mesh.
    fn app(&self) -> Option<Value> {
        self.service.map(|service| map! { "app" => service.name.as_str() })
    }
}
