//! The tables that are committed, written by `cargo xtask gen`; each is read when it is first asked
//! for.
//!
//! All definitions are under the Apache License 2.0; the head of every table names its modules and
//! their versions. A table that cannot be read would be empty, and a test says that none is.

use std::sync::LazyLock;

use super::table::Table;

/// Kinds of Istio: networking, security, telemetry, extensions.
pub static ISTIO: LazyLock<Table> = LazyLock::new(|| read(include_str!("tables/istio.txt")));

/// Kinds of the Gateway API; of its two channels the experimental one, which has every field of the
/// standard one.
pub static GATEWAY_API: LazyLock<Table> =
    LazyLock::new(|| read(include_str!("tables/gateway_api.txt")));

/// Istio's mesh configuration, as [`MESH`] names its documents.
pub static MESH_CONFIG: LazyLock<Table> =
    LazyLock::new(|| read(include_str!("tables/mesh_config.txt")));

/// Kinds of Argo CD.
pub static ARGO_CD: LazyLock<Table> = LazyLock::new(|| read(include_str!("tables/argo_cd.txt")));

/// Kinds of Flux whose definitions its modules publish: sources, kustomizations and releases of
/// charts.
pub static FLUX: LazyLock<Table> = LazyLock::new(|| read(include_str!("tables/flux.txt")));

/// What stands in the place of an `apiVersion` for the documents `MeshConfig`, `MeshNetworks` and
/// `ProxyConfig`, which are no objects.
pub const MESH: &str = "mesh/v1alpha1";

/// The committed table that knows kinds of this API group.
pub fn of_group(group: &str) -> Option<&'static Table> {
    let table = match group {
        "networking.istio.io"
        | "security.istio.io"
        | "telemetry.istio.io"
        | "extensions.istio.io" => &ISTIO,
        "gateway.networking.k8s.io" | "gateway.networking.x-k8s.io" => &GATEWAY_API,
        "argoproj.io" => &ARGO_CD,
        "source.toolkit.fluxcd.io" | "kustomize.toolkit.fluxcd.io" | "helm.toolkit.fluxcd.io" => {
            &FLUX
        }
        _ => return None,
    };
    Some(table)
}

fn read(text: &str) -> Table {
    Table::parse(text).unwrap_or_default()
}
