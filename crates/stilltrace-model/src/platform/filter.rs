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
    /// What it may change, so that nothing there is claimed to be in effect.
    pub reach: PatchReach,
    /// Name of the filter, cluster or listener that it adds or changes, if it names one.
    pub name: Option<Setting<String>>,
    /// Every scalar of the patch by its path below `patch.value`, in the order of the manifest; long
    /// texts are cut and long patches end early.
    pub values: Vec<(String, Setting<String>)>,
}

/// What a patch may change, taken wide: where a match says nothing, everything of its kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PatchReach {
    /// Which part of the proxy.
    pub part: PatchedPart,
    /// Whether it reaches requests that arrive for the workload.
    pub inbound: bool,
    /// Whether it reaches requests that the workload sends, or a gateway forwards.
    pub outbound: bool,
    /// The only host that it concerns.
    pub host: Option<String>,
    /// The only service port that it concerns.
    pub port: Option<u16>,
    /// The only subset that it concerns; an empty name is the destination without one.
    pub subset: Option<String>,
}

/// Part of a proxy's configuration that a patch may change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum PatchedPart {
    /// Limits, balancing and security towards destinations (`CLUSTER`).
    Destination,
    /// Which request goes where, for how long and how often (`HTTP_ROUTE` and what holds it).
    Routes,
    /// How connections are accepted and what looks at requests (`LISTENER` and the filters).
    Filters,
    /// The process as a whole (`BOOTSTRAP`, `EXTENSION_CONFIG`).
    Process,
}

impl PatchReach {
    /// Whether it may change what happens to calls of the workload to a port of a host.
    pub fn concerns(&self, host: &str, port: u16) -> bool {
        self.outbound
            && self.part != PatchedPart::Process
            && self.host.as_deref().is_none_or(|only| only == host)
            && self.port.is_none_or(|only| only == port)
    }
}

impl PatchedPart {
    /// Its name in reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Destination => "destination",
            Self::Routes => "routes",
            Self::Filters => "filters",
            Self::Process => "process",
        }
    }
}
