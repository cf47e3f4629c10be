//! The Kubernetes and Istio objects of the invented platform, before anybody writes them down.

mod app;
pub(crate) mod extra;
mod mesh;
mod routing;

use super::cast::Cast;
use super::draw::Draw;
use super::value::Value;
use crate::topology::{Service, Topology};

/// An object with what a scenario calls it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Manifest {
    /// Kubernetes kind.
    pub(crate) kind: &'static str,
    /// The workload or service that it is about, `gateway`, or `mesh`.
    pub(crate) of: String,
    /// Namespace; empty for cluster-scoped kinds.
    pub(crate) namespace: String,
    /// The object as it is in effect, `metadata.namespace` left out.
    pub(crate) value: Value,
    /// Where it lies, if only a scenario asked for it; the layout knows where the others lie.
    pub(crate) extra: Option<extra::Extra>,
}

impl Manifest {
    /// Whether a scenario means this object.
    pub(crate) fn is(&self, kind: &str, of: &str, name: Option<&str>) -> bool {
        self.kind == kind
            && self.of == of
            && match name {
                Some(name) => self.name() == name,
                None => true,
            }
    }

    /// `metadata.name`.
    pub(crate) fn name(&self) -> String {
        let name = self.value.get("metadata").and_then(|metadata| metadata.get("name"));
        name.and_then(Value::scalar).unwrap_or_default()
    }

    /// The object with its namespace written into it.
    pub(crate) fn with_namespace(&self) -> Value {
        let mut value = self.value.clone();
        if !self.namespace.is_empty() {
            value.set("metadata.namespace", Value::from(self.namespace.as_str()));
        }
        value
    }
}

/// The repository of images that a service's releases are pushed to.
pub(crate) fn image_repository(service: &Service) -> String {
    format!("registry.example.com/{}/{}", service.namespace, service.name)
}

/// All objects of a topology, as in effect before the incident, without a scenario's own values.
pub(crate) fn draw(topology: &Topology, cast: &Cast, seed: u64) -> Vec<Manifest> {
    let mut manifests = mesh::objects(topology, cast, &mut Draw::new(seed, "mesh objects"));
    for service in &topology.services {
        // By position, so that a renamed topology gets the same values.
        let index = topology.services.iter().position(|other| other == service).unwrap_or(0);
        let mut draw = Draw::new(seed, &format!("objects of service {index}"));
        manifests.extend(app::objects(service, cast, &mut draw));
        manifests.extend(routing::objects(service, &mut draw));
    }
    manifests
}
