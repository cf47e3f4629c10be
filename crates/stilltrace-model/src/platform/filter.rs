//! Patches of `EnvoyFilter` objects: what they touch, not what comes out.

use crate::{Origin, Setting};

/// One patch that Istio applies to a proxy after everything else is computed.
///
/// A patch is opaque: it may change any value of the proxy, so that what is computed for the part
/// it touches is what holds *before* the patch.
#[derive(Debug, Clone, PartialEq)]
pub struct FilterPatch {
    /// The `EnvoyFilter`.
    pub object: Origin,
    /// Where the patch is written.
    pub origin: Origin,
    /// Which part of the proxy's configuration, such as `HTTP_FILTER` or `CLUSTER`.
    pub applies_to: Setting<String>,
    /// Which direction: `ANY`, `SIDECAR_INBOUND`, `SIDECAR_OUTBOUND` or `GATEWAY`.
    pub context: Setting<String>,
    /// What is done, such as `MERGE` or `INSERT_BEFORE`.
    pub operation: Setting<String>,
    /// Order among the filters of a proxy, the lowest first.
    pub priority: Setting<i32>,
    /// What the patch names, in the words of the object, such as `listener port 8080` or
    /// `filter envoy.filters.http.router`; empty for everything of its kind.
    pub touches: Vec<String>,
    /// Name of the filter, cluster or listener that it adds or changes, if it names one.
    pub name: Option<Setting<String>>,
    /// Every scalar of the patch by its path below `patch.value`, in the order of the manifest; long
    /// texts are cut and long patches end early.
    pub values: Vec<(String, Setting<String>)>,
}
