//! One file for every kind of route.

pub(super) mod grpc;
pub(super) mod http;
pub(super) mod tcp;
pub(super) mod tls;

mod connections;
mod limits;
mod requests;
