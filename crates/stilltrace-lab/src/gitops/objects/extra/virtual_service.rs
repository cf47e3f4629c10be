//! A second `VirtualService` of a host: it claims the host and sends everything where it went.

use super::{Kind, Place, Subject};
use crate::gitops::value::{Value, map};

pub(super) const KIND: Kind = Kind {
    name: "VirtualService",
    api_version: "networking.istio.io/v1",
    file: "route",
    place: Place::Routing,
    spec,
};

fn spec(subject: &Subject) -> Option<Value> {
    let host = subject.host()?;
    let route = vec![map! { "destination" => map! { "host" => host.as_str() } }];
    Some(map! { "hosts" => vec![host], "http" => vec![map! { "route" => route }] })
}
