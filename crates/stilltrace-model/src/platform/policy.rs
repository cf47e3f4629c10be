//! Traffic policy: how a proxy treats one destination.

mod balancing;
mod pool;
mod tls;

pub use balancing::{
    Discovery, EndpointCount, HashTable, LoadBalancer, Locality, OutlierDetection, Warmup,
};
pub use pool::{Http2, Pool, RetryBudget, TcpKeepalive};
pub use tls::TlsMode;

use std::sync::Arc;

use crate::{NamedDefault, Origin, Setting};

/// How a proxy treats a destination (`DestinationRule` traffic policy with defaults filled in).
#[derive(Debug, Clone, PartialEq)]
pub struct TrafficPolicy {
    /// The `DestinationRule` that applies, if any; of merged rules the oldest, as Envoy's metadata
    /// names it.
    pub object: Option<Origin>,
    /// `namespace/name` of the destination rule that Istio makes of the object, where that is another
    /// kind of policy.
    pub live_name: Option<Arc<str>>,
    /// How the proxy learns the endpoints.
    pub discovery: Setting<Discovery>,
    /// Endpoints behind the destination. `None` where Git does not say, and where the proxy connects
    /// to whatever address the caller dialled.
    pub endpoints: Option<EndpointCount>,
    /// What takes the mark of mutual TLS from endpoints that have a proxy: the mode of a
    /// `PeerAuthentication`.
    pub plaintext_by: Option<Origin>,
    /// Connection pool limits.
    pub pool: Pool,
    /// Outlier detection, if a block is present.
    pub outlier: Option<Box<OutlierDetection>>,
    /// Load balancing.
    pub load_balancer: Setting<LoadBalancer>,
    /// The table behind consistent hashing.
    pub hash_table: Option<Setting<HashTable>>,
    /// How new endpoints are eased in.
    pub warmup: Option<Box<Warmup>>,
    /// Preference for near endpoints, where the proxy weighs by it.
    pub locality: Option<Setting<Locality>>,
    /// Transport security towards the destination.
    pub tls: Setting<TlsMode>,
    /// Server name of TLS that is not the mesh's own, where one is written.
    pub sni: Option<Setting<String>>,
    /// Bound on parallel retries, if set.
    pub retry_budget: Option<Box<RetryBudget>>,
}

impl TrafficPolicy {
    /// What Istio does where nothing is written; `of` names whose defaults these are.
    pub fn unset(of: impl Into<NamedDefault>) -> Self {
        let of = of.into();
        Self {
            object: None,
            live_name: None,
            discovery: Setting::default_of(Discovery::Pushed, of),
            endpoints: None,
            plaintext_by: None,
            pool: Pool::unset(of),
            outlier: None,
            load_balancer: Setting::default_of(LoadBalancer::LeastRequest, of),
            hash_table: None,
            warmup: None,
            locality: None,
            tls: Setting::default_of(TlsMode::Auto, of),
            sni: None,
            retry_budget: None,
        }
    }
}
