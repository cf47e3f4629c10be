//! An `EnvoyFilter` that puts a Lua filter before the router on the way into a service's pods.
//! Fresh, it looks at one header and does nothing else.

use super::{Kind, Place, Subject};
use crate::gitops::value::{Value, map};

pub(super) const KIND: Kind = Kind {
    name: "EnvoyFilter",
    api_version: "networking.istio.io/v1alpha3",
    file: "filter",
    place: Place::Routing,
    spec,
};

const CODE: &str = "function envoy_on_request(handle)\n  local id = \
                    handle:headers():get(\"x-request-id\")\nend\n";

fn spec(subject: &Subject) -> Option<Value> {
    let router = map! { "name" => "envoy.filters.http.router" };
    let manager =
        map! { "name" => "envoy.filters.network.http_connection_manager", "subFilter" => router };
    let lua = map! {
        "@type" => "type.googleapis.com/envoy.extensions.filters.http.lua.v3.Lua",
        "defaultSourceCode" => map! { "inlineString" => Value::Block(CODE.to_owned()) },
    };
    let patch = map! {
        "applyTo" => "HTTP_FILTER",
        "match" => map! {
            "context" => "SIDECAR_INBOUND",
            "listener" => map! { "filterChain" => map! { "filter" => manager } },
        },
        "patch" => map! {
            "operation" => "INSERT_BEFORE",
            "value" => map! { "name" => "envoy.filters.http.lua", "typed_config" => lua },
        },
    };
    Some(map! {
        "workloadSelector" => map! { "labels" => subject.app()? },
        "configPatches" => vec![patch],
    })
}
