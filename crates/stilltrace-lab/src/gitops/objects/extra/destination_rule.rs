//! A second `DestinationRule` of a host, without any policy of its own.

use super::{Kind, Place, Subject};
use crate::gitops::value::{Value, map};

pub(super) const KIND: Kind = Kind {
    name: "DestinationRule",
    api_version: "networking.istio.io/v1",
    file: "policy",
    place: Place::Routing,
    spec,
};

fn spec(subject: &Subject) -> Option<Value> {
    Some(map! { "host" => subject.host()? })
}
