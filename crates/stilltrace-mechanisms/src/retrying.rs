//! What Envoy sends again, and what bounds it.

use stilltrace_model::{Edge, Platform, Retries, Route, TrafficPolicy};

use crate::in_use::policy_towards;

/// Retry conditions that a try cut short by `perTryTimeout` fulfils: to Envoy it is a local reset,
/// which `reset`, `5xx` and `gateway-error` cover (Envoy router documentation,
/// `x-envoy-retry-on`). Istio's default conditions do not.
const SLOW_TRY_CONDITIONS: [&str; 3] = ["5xx", "gateway-error", "reset"];

/// Retry conditions that an answer of an overloaded server fulfils: those above and status 503.
const OVERLOAD_CONDITIONS: [&str; 4] = ["5xx", "gateway-error", "reset", "503"];

/// Envoy's own default for requests in flight (`max_requests`, 1,024): a limit on parallel
/// retries at or above it comes too late to bound anything.
const NO_BOUND: u32 = 1_024;

/// Whether a try that takes too long is sent again.
pub(crate) fn retried_when_slow(retries: &Retries) -> bool {
    retries.attempts.value > 0 && covers(retries, &SLOW_TRY_CONDITIONS)
}

/// Whether a request that an overloaded server refuses is sent again.
pub(crate) fn retried_when_overloaded(retries: &Retries) -> bool {
    retries.attempts.value > 0 && covers(retries, &OVERLOAD_CONDITIONS)
}

fn covers(retries: &Retries, conditions: &[&str]) -> bool {
    let mut words = retries.retry_on.value.iter().flat_map(|words| words.split(','));
    words.any(|word| conditions.contains(&word.trim()))
}

/// Whether something bounds the retries of a route, towards every destination it has.
pub(crate) fn is_bounded(platform: &Platform, edge: &Edge, route: &Route) -> bool {
    !route.destinations.is_empty()
        && route
            .destinations
            .iter()
            .all(|to| policy_towards(platform, edge, to).is_some_and(bounds_retries))
}

/// A budget below 100 % keeps retries below the requests themselves; `maxRetries` limits those in
/// flight at one client proxy. Zero counts as unset, which the platform has already applied.
fn bounds_retries(policy: &TrafficPolicy) -> bool {
    let by_budget = policy.retry_budget.as_ref().is_some_and(|budget| budget.percent.value < 100.0);
    by_budget || policy.pool.max_retries.value.is_some_and(|limit| limit < NO_BOUND)
}
