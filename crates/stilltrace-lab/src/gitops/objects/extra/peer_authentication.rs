//! A `PeerAuthentication` of one workload or namespace, in the mesh's own mode.

use super::{Kind, Place, Subject};
use crate::gitops::value::{Value, map};

pub(super) const KIND: Kind = Kind {
    name: "PeerAuthentication",
    api_version: "security.istio.io/v1",
    file: "authentication",
    place: Place::Mesh,
    spec,
};

#[allow(clippy::unnecessary_wraps, reason = "the kinds share this signature")]
fn spec(subject: &Subject) -> Option<Value> {
    let mut spec = map! {};
    if let Some(app) = subject.app() {
        spec.set("selector.matchLabels", app);
    }
    spec.set("mtls.mode", Value::from("STRICT"));
    Some(spec)
}
