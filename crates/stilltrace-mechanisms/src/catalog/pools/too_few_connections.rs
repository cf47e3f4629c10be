//! Too few connections: requests queue inside the caller's proxy.

use stilltrace_model::{Certainty, Entity, Fix, Hazard, Platform, Prediction, signal};

use crate::draft::{self, Draft};
use crate::in_use::PolicyInUse;
use crate::wording::count;
use crate::{Mechanism, Surveyed};

/// ## What happens
/// Over HTTP/1.1 a connection carries one request at a time. With few connections the others wait
/// inside the caller's proxy, and a single slow answer holds up those behind it.
///
/// ## Fingerprint
/// The time between the caller's and the callee's clock rises while the callee is as fast as
/// before. No request is refused (`UO`): if some are, the limit on waiting requests is the matter.
/// Neither end's proxy is throttled; if one is, look at its CPU limit. A limit far above the number of
/// requests under way (their rate times their duration, Little's law) makes nobody wait: only bursts
/// of more than twenty times the average would reach it.
///
/// ## Fix
/// 1024 connections, Envoy's own default, or HTTP/2 between the proxies.
///
/// ## Fix safety
/// Needs review: the callee may get more requests at the same time.
///
/// ## References
/// - Istio: `TCPSettings.maxConnections`, issues 14654 and 35530
/// - Envoy: circuit breaking, `upstream_cx_overflow`, `upstream_rq_pending_active`
pub(crate) struct TooFewConnections;

/// Envoy's own default for connections.
const ENVOY_DEFAULT: u32 = 1_024;

/// At 100 ms of latency ten requests are in flight at 100 requests/s, which is little for a proxy.
const SMALL_BURST: u32 = 10;

const LIMIT: &str = "pool.maxConnections";

/// How far bursts may stand above the average of a minute. Those of 100 ms that come once in two
/// seconds and hold all requests stand at twenty.
const BURST: f64 = 20.0;

impl Mechanism for TooFewConnections {
    fn name(&self) -> &'static str {
        "too-few-connections"
    }

    fn group(&self) -> &'static str {
        "pools"
    }

    fn hazards(&self, platform: &Surveyed<'_>) -> Vec<Hazard> {
        platform
            .policies()
            .iter()
            .filter(|used| used.carries_requests() && !used.is_multiplexed())
            .filter_map(|used| describe(platform, used))
            .collect()
    }

    fn predict(&self, hazard: &Hazard) -> Vec<Prediction> {
        let Entity::Edge(edge) = &hazard.entity else { return Vec::new() };
        let mut all = vec![
            signal::EDGE_GAP_P99
                .of(edge)
                .rises()
                .decisive()
                .because("requests wait for a connection in the caller's proxy"),
            signal::EDGE_SERVER_P50
                .of(edge)
                .not_rising()
                .decisive()
                .because("the callee is as fast as before once it is asked"),
            signal::OVERFLOW
                .of(edge)
                .not_rising()
                .because("waiting requests are queued, not refused"),
            signal::FAULT_INJECTED
                .of(edge)
                .not_rising()
                .decisive()
                .because("they wait for a connection, not because a rule holds them back"),
            signal::PROXY_THROTTLED
                .of(&*edge.source)
                .not_rising()
                .decisive()
                .because("the caller's proxy waits for connections, not for CPU"),
        ];
        if let Some(capacity) = hazard.value("capacity") {
            all.push(
                signal::EDGE_IN_FLIGHT
                    .of(edge)
                    .exceeds(capacity / BURST)
                    .decisive()
                    .because("bursts of the requests under way reach what the connections carry"),
            );
        }
        for entity in &hazard.related {
            if let Entity::Workload(callee) = entity {
                all.push(
                    signal::PROXY_THROTTLED
                        .of(callee)
                        .not_rising()
                        .decisive()
                        .because("nor does the callee's proxy wait for CPU"),
                );
            }
        }
        all
    }

    fn fix(&self, hazard: &Hazard) -> Option<Fix> {
        let line = draft::line_of(hazard, LIMIT)?;
        let why = format!("up to {ENVOY_DEFAULT} connections, as Envoy itself allows");
        Some(draft::set(line, ENVOY_DEFAULT.to_string(), why))
    }
}

/// Each worker of a proxy may always have one connection to each endpoint, whatever the limit
/// (measured in the lab: a limit of 1 hurts towards one pod and hardly towards three), so the
/// limit means something only above the number of pods. On an edge in use every limit below Envoy's
/// own counts, because rate and latency decide; elsewhere only one that a small burst exceeds.
fn describe(platform: &Platform, used: &PolicyInUse<'_>) -> Option<Hazard> {
    let limit = &used.policy.pool.max_connections;
    let bound = if used.called { ENVOY_DEFAULT } else { SMALL_BURST };
    let connections = limit.value.filter(|connections| *connections < bound)?;
    let usable = connections.max(used.endpoints.unwrap_or(0));
    let id = &used.edge.id;
    let spread =
        used.endpoints.map_or_else(String::new, |pods| format!(" for {}", count(pods, "pod")));
    let message = format!(
        "each proxy of {} may have {} to {}{spread}: over HTTP/1.1 that is {} at a time, the others \
         wait inside the proxy",
        id.source,
        count(connections, "connection"),
        used.destination(),
        count(usable, "request"),
    );
    let hazard = Draft::new("too-few-connections", id, Certainty::NeedsLiveData, message)
        .setting(used.name(LIMIT), limit)
        .value("connections", f64::from(usable));
    // The limit is one of each proxy.
    let proxies = platform.workloads.get(&*id.source).and_then(|caller| caller.replicas.value);
    let hazard = match proxies {
        Some(proxies) => hazard.value("capacity", f64::from(usable) * f64::from(proxies.max(1))),
        None => hazard,
    };
    let callees = platform.workloads_of(&id.destination).filter(|callee| callee.id != *id.source);
    Some(hazard.related_all(callees.map(|callee| &callee.id)).done())
}
