//! The laboratory: real meshes with faults on one machine, without a cluster.
//!
//! A [`topology`] says which services exist and what a request costs them; the platform that our
//! own reader computes from a GitOps repository says how their proxies are configured. A [`mesh`]
//! runs both: one real Envoy and one small service per pod, mutual TLS between all, control groups
//! named as the kubelet names them, a real Prometheus, open-loop traffic. What was seen is handed
//! out as [`harvest::Records`].
//!
//! ```text
//! Topology ─┐
//!           ├─> Mesh::boot ──> apply(platform)* ──> load ──> records ──> shutdown
//! Platform ─┘   pods, envoy      only what changed
//! ```

pub mod behave;
pub mod certs;
pub mod cluster;
pub mod defaults;
pub mod envoy;
mod form;
mod gitops;
pub mod harvest;
pub mod hidden;
pub mod host;
pub mod http;
pub mod mesh;
pub mod pods;
pub mod profile;
pub mod prometheus;
pub mod record;
pub mod rendered;
pub mod roles;
pub mod run;
pub mod scenario;
pub mod score;
pub mod shown;
pub mod topology;
mod truth;
