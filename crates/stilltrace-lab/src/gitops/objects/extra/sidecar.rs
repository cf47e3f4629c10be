//! A `Sidecar` of a namespace or of one service's pods: what they call, and nothing else.

use std::collections::BTreeSet;

use super::super::mesh::ROOT_NAMESPACE;
use super::{Kind, Place, Subject};
use crate::gitops::value::{Value, map};

pub(super) const KIND: Kind = Kind {
    name: "Sidecar",
    api_version: "networking.istio.io/v1",
    file: "scope",
    place: Place::Mesh,
    spec,
};

#[allow(clippy::unnecessary_wraps, reason = "the kinds share this signature")]
fn spec(subject: &Subject) -> Option<Value> {
    let mut spec = map! {};
    if let Some(app) = subject.app() {
        spec.set("workloadSelector.labels", app);
    }
    spec.set("egress", Value::List(vec![map! { "hosts" => hosts(subject) }]));
    Some(spec)
}

/// The namespaces that the pods call, their own and the mesh's.
fn hosts(subject: &Subject) -> Vec<String> {
    let own = |service: &&crate::topology::Service| {
        subject.service.map_or(service.namespace == subject.namespace, |own| own == *service)
    };
    let called: BTreeSet<_> = subject
        .topology
        .services
        .iter()
        .filter(own)
        .flat_map(|service| &service.calls)
        .filter_map(|call| call.namespace.clone())
        .filter(|namespace| namespace != subject.namespace)
        .collect();
    let mut hosts = vec!["./*".to_owned(), format!("{ROOT_NAMESPACE}/*")];
    hosts.extend(called.into_iter().map(|namespace| format!("{namespace}/*")));
    hosts
}
