//! Computes which settings are in effect on each workload and edge, and which line or default set them.
//!
//! [`read()`] turns the files of one revision into a [`Platform`]: it finds the folders that Argo CD
//! or Flux apply, builds them, and answers for every workload and every service port that its
//! proxy may call what the proxy does, as Istio 1.31 computes it. One module answers one question;
//! [`compare()`] names the settings that differ between two revisions.
//!
//! Nothing here opens a file, knows the time or fails: whatever cannot be read or decided is a
//! [`stilltrace_model::Gap`] of the platform, and the default in effect is used. Patches
//! of `EnvoyFilter` objects are listed, not evaluated; rules that ambient clients miss are found, not
//! their routes through waypoints. Routes and gateways of the Gateway API become the rules that Istio
//! makes of them (`gateway_api`).

mod admission;
mod age;
mod ambient;
mod assumed_injection;
mod cluster;
mod compare;
mod connections;
mod dangling;
mod defaults;
mod delegate;
mod destination_rule;
mod directory;
mod discovery;
mod edges;
mod embedded;
mod endpoints;
mod envoy_filter;
mod field;
mod gaps;
mod gateway_api;
mod gitops;
mod header_changes;
mod hosts;
mod http_rule;
mod inbound;
mod ineffective;
mod injection;
mod installation;
mod interception;
mod inventory;
mod istio_version;
mod istiod;
mod kubernetes;
mod labels;
mod made;
mod matching;
mod mesh_config;
mod networks;
mod ownership;
mod peer_authentication;
mod pod_template;
mod policy;
mod ports;
mod proxy_config;
mod proxy_resources;
mod read;
mod resources;
mod retries;
mod revision;
mod revision_known;
mod routes;
mod schema_faults;
mod scope;
mod served;
mod service_entry;
mod services;
mod sidecar_scope;
mod source;
mod tables;
mod telemetry;
mod value;
mod views;
mod virtual_service;
mod visibility;
mod wanted;
mod workloads;

pub use cluster::{Cluster, read, read_all, read_once, read_with};
pub use compare::compare;
pub use gitops::{MeshFile, Options};
pub use stilltrace_manifest::ParseCache;
pub use stilltrace_model::{Platform, SettingChange};
