//! What a proxy records about requests: traces, access logs, statistics.
//!
//! `Telemetry` objects apply from the root namespace over the namespace to the workload, later ones
//! over earlier ones, and for each direction apart (`applicableTelemetries` of Istio, release 1.31).

mod access_log;
mod applicable;
mod providers;
mod tracing;

use stilltrace_model::{Recording, Setting, Telemetry};

use crate::edges::Mesh;
use crate::injection::Injected;
use crate::proxy_config::Layers;
use crate::workloads::Pods;
use providers::Providers;

/// The end of a request at which a proxy stands, by its name in Istio's `match.mode`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    /// The proxy sends the request; gateways always do.
    Client,
    /// The proxy takes it for its own application.
    Server,
}

impl End {
    /// Whether an entry with this `match.mode` is for this end.
    fn is_meant(self, mode: Option<&str>) -> bool {
        match mode {
            Some("CLIENT") => self == Self::Client,
            Some("SERVER") => self == Self::Server,
            _ => true,
        }
    }
}

/// Telemetry in effect on the proxy of these pods.
pub(crate) fn of(pods: &Pods<'_>, mesh: &Mesh<'_>, config: &Layers<'_>) -> Telemetry {
    let levels = applicable::levels(pods, mesh.inventory, &mesh.config.root_namespace);
    let providers = Providers::read(mesh);
    let record = |end: End| {
        let (tracing_percent, tracer) = tracing::of(&levels, end, &providers, mesh, config);
        let (access_log, access_log_filter) = access_log::of(&levels, end, &providers, mesh);
        Recording { tracing_percent, tracer, access_log, access_log_filter }
    };
    let outbound = record(End::Client);
    let inbound = match pods.injected {
        Injected::Gateway => outbound.clone(),
        Injected::Sidecar | Injected::Nothing => record(End::Server),
    };
    Telemetry { outbound, inbound, extra_stats: config.extra_stats(pods) }
}

/// `winner`, with what it won against.
fn over<T, U>(mut winner: Setting<T>, loser: Setting<U>) -> Setting<T> {
    if loser.is_written() {
        winner.overrode.push(loser.origin);
    }
    winner.overrode.extend(loser.overrode);
    winner
}
