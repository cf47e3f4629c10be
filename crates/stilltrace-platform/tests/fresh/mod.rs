//! Made-up input for which no answer is kept: a seed gives a mesh, Istio's own code the answer.

#![allow(clippy::unwrap_used, reason = "a failed test may panic")]

mod apps;
pub(crate) mod dice;
mod forwarding;
mod gateways;
mod mesh;
mod policies;
mod routes;
mod rules;

pub(crate) use mesh::{manifests, of_gateway_api, routed};
