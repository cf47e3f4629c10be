//! Retry storm: a caller's proxy multiplies the load on a server that is already too slow.

use stilltrace_model::{Certainty, Entity, Fix, Hazard, Prediction, signal};

use crate::draft::{self, Draft};
use crate::in_use::RouteInUse;
use crate::retrying::{is_bounded, retried_when_slow};
use crate::wording::{count, duration};
use crate::{Mechanism, Surveyed};

/// ## What happens
/// The caller's proxy gives each try less time than the server needs in its slow phases, abandons
/// the try and sends the request again, almost at once. The server still works on the abandoned
/// tries, so the slower it gets, the more it is asked to do. Past some number of attempts the
/// first slow phase starts a collapse that does not end by itself.
///
/// ## Fingerprint
/// The server sees more than one attempt per request while the caller sends no more requests than
/// before; that separates it from load growth. The caller abandons attempts, and the server's
/// latency reaches the time limit of a try: it cannot be seen beyond it, because the caller hangs
/// up. Connections do not fail; if they do, look at the network instead.
///
/// ## Fix
/// Remove `perTryTimeout`, so that a try may take the time the server needs. Where the route also
/// has a `timeout`, one slow try would then use it up; there the edit brings `retryOn` back to
/// Istio's default conditions, which do not cover slow tries. A `retryBudget` of 20 % bounds the
/// storm as well, and keeps the retries.
///
/// ## Fix safety
/// Needs review: requests take longer, or fail, that so far succeeded on a later attempt.
///
/// ## References
/// - Istio: `HTTPRetry`, `TrafficPolicy.retryBudget`, issues 10566 and 51762
/// - Envoy: `x-envoy-retry-on`, `upstream_rq_per_try_timeout`, `upstream_rq_retry_limit_exceeded`
pub(crate) struct RetryStorm;

/// Istio's default conditions: failed connections and refusals, not slowness.
const DEFAULT_CONDITIONS: &str =
    "connect-failure,refused-stream,unavailable,cancelled,retriable-status-codes";

/// Histogram buckets are wide, and a server starts its clock later than the caller: a server whose
/// tries are all cut at the limit shows a p99 somewhat below it.
const CUT_SHARE: f64 = 0.8;

impl Mechanism for RetryStorm {
    fn name(&self) -> &'static str {
        "retry-storm"
    }

    fn group(&self) -> &'static str {
        "retries"
    }

    /// The number of attempts alone says nothing: with back-off, ten attempts ride out a short
    /// outage more gently than two (measured in the lab). What amplifies is a time limit per try
    /// whose expiry is retried with no bound. Whether tries *are* cut short needs the server's
    /// latency, so that is a prediction.
    fn hazards(&self, platform: &Surveyed<'_>) -> Vec<Hazard> {
        platform
            .routes()
            .iter()
            .filter(|used| {
                retried_when_slow(&used.route.retries)
                    && !is_bounded(platform, used.edge, used.route)
            })
            .filter_map(describe)
            .collect()
    }

    fn predict(&self, hazard: &Hazard) -> Vec<Prediction> {
        let (Entity::Edge(edge), Some(limit)) = (&hazard.entity, hazard.value("per_try_timeout"))
        else {
            return Vec::new();
        };
        vec![
            signal::ATTEMPT_RATIO
                .of(edge)
                .rises()
                .decisive()
                .because("abandoned tries are sent again, so the callee sees more than one attempt per request"),
            signal::EDGE_ABANDONED
                .of(edge)
                .rises()
                .because("the caller hangs up when a try exceeds its time limit"),
            signal::EDGE_SERVER_P99
                .of(edge)
                .exceeds(limit * CUT_SHARE)
                .because("the callee needs longer than a try may take"),
            signal::EDGE_REQUESTS
                .of(edge)
                .not_rising()
                .because("the extra load is made by the proxy, not by more requests"),
            signal::CONNECTION_FAILED
                .of(edge)
                .not_rising()
                .because("tries end at a timer, not at a broken connection"),
        ]
    }

    fn fix(&self, hazard: &Hazard) -> Option<Fix> {
        if hazard.value("timeout").is_none() {
            let line = draft::line_of(hazard, "retries.perTryTimeout")?;
            return Some(draft::remove(
                line,
                "a try may take the time the callee needs".to_owned(),
            ));
        }
        let line = draft::line_of(hazard, "retries.retryOn")?;
        let why =
            "a try that takes too long ends the request instead of being sent again".to_owned();
        Some(draft::set(line, DEFAULT_CONDITIONS, why))
    }
}

/// The hazard, if the route limits the time of a try.
fn describe(used: &RouteInUse<'_>) -> Option<Hazard> {
    let retries = &used.route.retries;
    let limit = retries.per_try_timeout.value?;
    if used.route.timeout.value.is_some_and(|whole| whole <= limit) {
        return None; // The request ends with its first try: nothing is left to send again.
    }
    let (attempts, id) = (retries.attempts.value, &used.edge.id);
    let message = format!(
        "a try of {} to {} is abandoned after {} and sent again up to {}, with nothing to bound it: \
         when the callee needs longer than that, it gets up to {} times the requests",
        id.source,
        id.destination,
        duration(limit),
        count(attempts, "time"),
        attempts.saturating_add(1),
    );
    let mut draft = Draft::new("retry-storm", id, Certainty::NeedsLiveData, message)
        .setting(used.name("retries.attempts"), &retries.attempts)
        .setting(used.name("retries.perTryTimeout"), &retries.per_try_timeout)
        .setting(used.name("retries.retryOn"), &retries.retry_on)
        .value("per_try_timeout", limit.as_secs_f64());
    if let Some(timeout) = used.route.timeout.value {
        draft = draft.value("timeout", timeout.as_secs_f64());
    }
    Some(draft.done())
}
