//! Pending limit too low: a caller's proxy refuses requests that only had to wait a moment.

use stilltrace_model::{Certainty, Entity, Fix, Hazard, Prediction, Setting, signal};

use crate::draft::{self, Draft};
use crate::in_use::PolicyInUse;
use crate::wording::count;
use crate::{Mechanism, Surveyed};

/// ## What happens
/// A connection pool limits how many requests may wait for a connection
/// (`http1MaxPendingRequests`) or be in flight (`http2MaxRequests`, which counts HTTP/1.1 too).
/// The next request is refused at once with status 503, without reaching the callee. The limit
/// holds for each client proxy by itself, so a burst of one caller overflows although the average
/// is far below it.
///
/// ## Fingerprint
/// Requests refused by the caller's own proxy appear (`UO`). The callee neither sees them nor
/// fails more often, and no connection fails. Retries can hide the errors from users, never the
/// flag.
///
/// ## Fix
/// Size the limit for bursts: two to three times rate × p99 latency. 1024, Envoy's own default,
/// leaves a bound in place and is far from normal traffic.
///
/// ## Fix safety
/// Needs review: the callee gets the requests that were refused before.
///
/// ## References
/// - Istio: `ConnectionPoolSettings.HTTPSettings`, issues 19454, 35530 and 14654
/// - Envoy: circuit breaking, response flag `UO`, `upstream_rq_pending_overflow`
pub(crate) struct PendingLimitTooLow;

/// Envoy's own default for waiting requests and for requests in flight.
const ENVOY_DEFAULT: u32 = 1_024;

/// At 100 ms of latency ten requests are in flight at 100 requests/s, which is little for a proxy.
const SMALL_BURST: u32 = 10;

const WAITING: &str = "pool.http1MaxPendingRequests";
const IN_FLIGHT: &str = "pool.http2MaxRequests";

impl Mechanism for PendingLimitTooLow {
    fn name(&self) -> &'static str {
        "pending-limit-too-low"
    }

    fn group(&self) -> &'static str {
        "pools"
    }

    /// Whether a limit is too low depends on rate, latency and burst, all of them measured. So on an
    /// edge in use every limit below Envoy's own counts, and the overflow flag decides; elsewhere
    /// only one so low that a small burst exceeds it.
    fn hazards(&self, platform: &Surveyed<'_>) -> Vec<Hazard> {
        let mut all = Vec::new();
        for used in platform.policies().iter().filter(|used| used.carries_requests()) {
            let bound = if used.called { ENVOY_DEFAULT } else { SMALL_BURST };
            let pool = &used.policy.pool;
            all.extend(describe(used, (WAITING, "wait"), &pool.max_pending_requests, bound));
            all.extend(describe(used, (IN_FLIGHT, "be in flight"), &pool.max_requests, bound));
        }
        all
    }

    fn predict(&self, hazard: &Hazard) -> Vec<Prediction> {
        let Entity::Edge(edge) = &hazard.entity else { return Vec::new() };
        vec![
            signal::OVERFLOW
                .of(edge)
                .rises()
                .decisive()
                .because("the caller's proxy refuses what exceeds the limit"),
            signal::EDGE_SERVER_ERRORS
                .of(edge)
                .not_rising()
                .because("refused requests never reach the callee"),
            signal::CONNECTION_FAILED
                .of(edge)
                .not_rising()
                .because("a refused request opens no connection"),
            signal::NO_HEALTHY_UPSTREAM
                .of(edge)
                .not_rising()
                .because("the endpoints are healthy; the limit is the caller's own"),
        ]
    }

    fn fix(&self, hazard: &Hazard) -> Option<Fix> {
        let line = draft::line_of(hazard, WAITING).or_else(|| draft::line_of(hazard, IN_FLIGHT))?;
        let why = format!("the limit is {ENVOY_DEFAULT}, which is Envoy's own default");
        Some(draft::set(line, ENVOY_DEFAULT.to_string(), why))
    }
}

fn describe(
    used: &PolicyInUse<'_>,
    (name, verb): (&str, &str),
    limit: &Setting<Option<u32>>,
    bound: u32,
) -> Option<Hazard> {
    let requests = limit.value.filter(|requests| *requests < bound)?;
    let id = &used.edge.id;
    let message = format!(
        "in each proxy of {} at most {} may {verb} towards {}: the next is refused at once with 503 (UO)",
        id.source,
        count(requests, "request"),
        used.destination(),
    );
    let mut draft = Draft::new("pending-limit-too-low", id, Certainty::NeedsLiveData, message)
        .setting(used.name(name), limit)
        .value("limit", f64::from(requests));
    // With a bound on connections, requests wait for one of them sooner.
    let connections = &used.policy.pool.max_connections;
    if connections.value.is_some() {
        draft = draft.setting(used.name("pool.maxConnections"), connections);
    }
    Some(draft.done())
}
