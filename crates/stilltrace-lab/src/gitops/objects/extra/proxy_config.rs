//! A `ProxyConfig` of one workload or namespace, with the mesh's number of workers.

use super::{Kind, Place, Subject};
use crate::gitops::value::{Value, map};

pub(super) const KIND: Kind = Kind {
    name: "ProxyConfig",
    api_version: "networking.istio.io/v1beta1",
    file: "proxy",
    place: Place::Mesh,
    spec,
};

#[allow(clippy::unnecessary_wraps, reason = "the kinds share this signature")]
fn spec(subject: &Subject) -> Option<Value> {
    let mut spec = map! {};
    if let Some(app) = subject.app() {
        spec.set("selector.matchLabels", app);
    }
    spec.set("concurrency", Value::from(2));
    Some(spec)
}
