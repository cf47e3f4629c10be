//! The Gateway API: routes and gateways, as the rules that Istio makes of them.
//!
//! Istio translates these objects into its own and then treats them like any other, so does this
//! module: a listener becomes a server ([`Listener`]), the routes of one host of one gateway or
//! service become one virtual service. Every value keeps the line of the object that wrote it.
//! Semantics of Istio's `pilot/pkg/config/kube/gateway`, release 1.31; what the schema of the
//! objects defaults is filled in as the API server does.

mod backend;
mod channel;
mod class;
mod deployment;
mod filters;
mod grants;
mod listener;
mod merge;
mod parent;
mod policies;
mod request_match;
mod route;
mod routes;

use crate::field::Field;
use crate::inventory::Inventory;
use crate::mesh_config::MeshConfig;
use crate::services::Callee;
use crate::virtual_service::VirtualService;
use grants::Grants;

pub(crate) use deployment::{GATEWAY_NAME, made as deployments};
pub(crate) use listener::{Listener, selects};
pub(crate) use policies::made as destination_rules;

/// The API group of routes and gateways.
pub(crate) const GROUP: &str = "gateway.networking.k8s.io";

/// What routes are read against.
pub(crate) struct Facts<'f, 'a> {
    /// All objects.
    pub(crate) inventory: &'f Inventory<'a>,
    /// Mesh-wide values.
    pub(crate) mesh: &'f MeshConfig,
    /// The mesh's `defaultHttpRetryPolicy`.
    pub(crate) mesh_retries: Option<&'f Field<'f>>,
    /// All services.
    pub(crate) callees: &'f [Callee],
    /// All listeners.
    pub(crate) listeners: &'f [Listener<'a>],
}

/// All listeners of gateways that Istio serves, oldest gateway first.
pub(crate) fn listeners<'a>(inventory: &Inventory<'a>) -> Vec<Listener<'a>> {
    listener::read(inventory)
}

/// What Istio makes of all routes, in no particular order.
pub(crate) fn virtual_services<'a>(facts: &Facts<'_, 'a>) -> Vec<VirtualService<'a>> {
    let grants = Grants::read(facts.inventory);
    let context = route::Context::new(facts, &grants);
    let mut drafts = routes::http::read(&context);
    drafts.extend(routes::grpc::read(&context));
    let mut found = merge::merged(drafts, facts);
    found.extend(routes::tcp::read(&context));
    found.extend(routes::tls::read(&context));
    found
}
