//! A `ServiceEntry` of a host outside the mesh that nothing calls.

use super::{Kind, Place, Subject};
use crate::gitops::value::{Value, map};

pub(super) const KIND: Kind = Kind {
    name: "ServiceEntry",
    api_version: "networking.istio.io/v1",
    file: "external",
    place: Place::Mesh,
    spec,
};

#[allow(clippy::unnecessary_wraps, reason = "the kinds share this signature")]
fn spec(subject: &Subject) -> Option<Value> {
    Some(map! {
        "hosts" => vec![format!("{}.partners.example.com", subject.namespace)],
        "location" => "MESH_EXTERNAL",
        "resolution" => "STATIC",
        "ports" => vec![map! { "number" => 8443, "name" => "https", "protocol" => "HTTPS" }],
        "endpoints" => vec![map! { "address" => "192.0.2.10" }],
    })
}
