//! Missing per-try timeout: the first slow try uses up the time of all of them.

use std::time::Duration;

use stilltrace_model::{Certainty, Entity, Fix, Hazard, Platform, Prediction, signal};

use crate::draft::{self, Draft};
use crate::in_use::RouteInUse;
use crate::retrying::{is_bounded, retried_when_slow};
use crate::wording::duration;
use crate::{Mechanism, Surveyed};

/// ## What happens
/// A route retries requests that take too long and has a timeout for the whole, but none for a
/// single try. So one try to a slow pod takes the whole time, and the retry that was meant to go
/// to a better pod never happens.
///
/// ## Fingerprint
/// Requests end at the timeout (`UT`) and their latency piles up exactly there, while the number
/// of attempts per request stays where it was.
///
/// ## Fix
/// `perTryTimeout` of at most `timeout` ÷ (`attempts` + 1), together with a `retryBudget`: without
/// a bound, short tries can become a retry storm. The edit is proposed where there is a bound and
/// the field is written but too large; where it is absent there is no line to edit.
///
/// ## Fix safety
/// Needs review: a `perTryTimeout` below the callee's normal latency cuts good tries and sends
/// them again.
///
/// ## References
/// - Istio: `HTTPRetry.perTryTimeout` (default: the route's timeout), issue 55748
/// - Envoy: response flag `UT`, `upstream_rq_timeout`, `upstream_rq_per_try_timeout`
pub(crate) struct MissingPerTryTimeout;

const PER_TRY: &str = "retries.perTryTimeout";

/// Latencies that all end at one value show a p99 somewhat below it in a histogram.
const CUT_SHARE: f64 = 0.8;

impl Mechanism for MissingPerTryTimeout {
    fn name(&self) -> &'static str {
        "missing-per-try-timeout"
    }

    fn group(&self) -> &'static str {
        "retries"
    }

    /// Istio's default conditions retry connections that fail, which takes no time: only a route
    /// that retries slow tries needs a limit for one.
    fn hazards(&self, platform: &Surveyed<'_>) -> Vec<Hazard> {
        platform
            .routes()
            .iter()
            .filter(|used| retried_when_slow(&used.route.retries))
            .filter_map(|used| describe(platform, used))
            .collect()
    }

    fn predict(&self, hazard: &Hazard) -> Vec<Prediction> {
        let (Entity::Edge(edge), Some(timeout)) = (&hazard.entity, hazard.value("timeout")) else {
            return Vec::new();
        };
        vec![
            signal::TIMED_OUT
                .of(edge)
                .rises()
                .decisive()
                .because("the first try takes the whole time of the request"),
            signal::EDGE_P99
                .of(edge)
                .exceeds(timeout * CUT_SHARE)
                .because("latency piles up at the timeout"),
            signal::ATTEMPT_RATIO.of(edge).not_rising().because("no time is left for a second try"),
            signal::CONNECTION_FAILED
                .of(edge)
                .not_rising()
                .because("requests end at a timer, not at a broken connection"),
        ]
    }

    fn fix(&self, hazard: &Hazard) -> Option<Fix> {
        let line = draft::line_of(hazard, PER_TRY).filter(|_| hazard.value("bounded").is_some())?;
        let share = hazard.value("timeout")? / hazard.value("tries")?;
        let limit = Duration::from_millis((share * 1_000.0).floor().max(1.0) as u64);
        let why = "every try fits into the timeout of the request".to_owned();
        Some(draft::set(line, duration(limit), why))
    }

    fn remedy(&self, hazard: &Hazard) -> Option<String> {
        if let Some(fix) = self.fix(hazard) {
            return Some(draft::clause(&fix));
        }
        let share = hazard.value("timeout")? / hazard.value("tries")?;
        let limit = Duration::from_millis((share * 1_000.0).floor().max(1.0) as u64);
        Some(format!(
            "set `retries.perTryTimeout` to what a good try needs, at most {} so that all tries fit \
             into the timeout; or take out the retries on slow answers",
            duration(limit)
        ))
    }
}

fn describe(platform: &Platform, used: &RouteInUse<'_>) -> Option<Hazard> {
    let retries = &used.route.retries;
    let timeout = used.route.timeout.value?;
    if retries.per_try_timeout.value.is_some_and(|limit| limit < timeout) {
        return None;
    }
    let id = &used.edge.id;
    let message = format!(
        "requests of {} to {} have {} for up to {} tries, and no try has a limit of its own below that: the \
         first slow one uses up all of it",
        id.source,
        id.destination,
        duration(timeout),
        retries.attempts.value.saturating_add(1),
    );
    let mut draft = Draft::new("missing-per-try-timeout", id, Certainty::Certain, message)
        .setting(used.name(PER_TRY), &retries.per_try_timeout)
        .setting(used.name("timeout"), &used.route.timeout)
        .setting(used.name("retries.attempts"), &retries.attempts)
        .setting(used.name("retries.retryOn"), &retries.retry_on)
        .value("timeout", timeout.as_secs_f64())
        .value("tries", f64::from(retries.attempts.value) + 1.0);
    if is_bounded(platform, used.edge, used.route) {
        draft = draft.value("bounded", 1.0);
    }
    Some(draft.done())
}
