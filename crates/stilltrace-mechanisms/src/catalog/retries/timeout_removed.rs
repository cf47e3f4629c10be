//! Timeout removed: nothing ends a request to a dependency that has become slow.

use std::time::Duration;

use stilltrace_model::{Certainty, Entity, Fix, Hazard, Platform, Prediction, signal};

use crate::draft::Draft;
use crate::in_use::RouteInUse;
use crate::observed::value_before;
use crate::wording::parse_duration;
use crate::{Mechanism, Surveyed};

/// ## What happens
/// Istio sets no timeout by itself. Once the `timeout` of a route is gone, or where a route never
/// had one, a request waits for as long as the dependency takes. Callers hold connections, threads
/// and memory for it, and the slowness of one service becomes the slowness of all above it.
///
/// ## Fingerprint
/// The callee itself gets slower, and requests take longer than the timeout that was removed (where
/// there never was one: longer than 15 s, Envoy's own default, which Istio switches off). None is
/// cut by a timeout (`UT`). Nothing is added between the two ends, and the callee's application needs no
/// more CPU per request and gets no more requests: if it does, its own code or the load is the first
/// suspect. A missing timeout lets slowness through; it does not make it.
///
/// ## Fix
/// Put the timeout back, a little above the latency that callers can live with. There is no line
/// to edit where none was ever written.
///
/// ## Fix safety
/// Needs review: requests slower than the timeout will fail.
///
/// ## References
/// - Istio: `HTTPRoute.timeout` (default: disabled)
/// - Envoy: response flag `UT`, `upstream_rq_timeout`
pub(crate) struct TimeoutRemoved;

/// Envoy's own timeout of a route, which Istio switches off: below it, the lack of a timeout makes
/// no difference that anyone could have expected.
const ENVOY_TIMEOUT: Duration = Duration::from_secs(15);

impl Mechanism for TimeoutRemoved {
    fn name(&self) -> &'static str {
        "timeout-removed"
    }

    fn group(&self) -> &'static str {
        "retries"
    }

    /// Only where a change in the window took the timeout away, or where somebody wrote a route
    /// without one and it is in use: most routes have none, and seldom does it matter.
    fn hazards(&self, platform: &Surveyed<'_>) -> Vec<Hazard> {
        platform
            .routes()
            .iter()
            .filter(|used| used.route.timeout.value.is_none() && !only_fails(used))
            .filter_map(|used| describe(platform, used))
            .collect()
    }

    fn predict(&self, hazard: &Hazard) -> Vec<Prediction> {
        let (Entity::Edge(edge), Some(limit)) = (&hazard.entity, hazard.value("limit")) else {
            return Vec::new();
        };
        let mut all = vec![
            signal::EDGE_P99
                .of(edge)
                .exceeds(limit)
                .decisive()
                .because("requests take longer than a timeout would have let them"),
            signal::EDGE_SERVER_P99
                .of(edge)
                .rises()
                .decisive()
                .because("a missing timeout only lets through what the callee makes slow"),
            signal::TIMED_OUT.of(edge).not_rising().because("there is no timeout to cut a request"),
            signal::EDGE_GAP_P99
                .of(edge)
                .not_rising()
                .because("the time is spent in the callee, not between the two ends"),
        ];
        for entity in &hazard.related {
            if let Entity::Workload(callee) = entity {
                all.push(signal::APP_CPU_PER_REQUEST.of(callee).not_rising().decisive().because(
                    "waiting costs no CPU; more CPU per request is the callee's own work",
                ));
                all.push(
                    signal::INBOUND_REQUESTS
                        .of(callee)
                        .not_rising()
                        .decisive()
                        .because("the callee is slow without being asked more often"),
                );
            }
        }
        all
    }

    fn fix(&self, _: &Hazard) -> Option<Fix> {
        None
    }
}

/// Whether every request of the route is answered by an injected abort.
fn only_fails(used: &RouteInUse<'_>) -> bool {
    let abort = used.route.fault.as_ref().and_then(|fault| fault.abort.as_ref());
    abort.is_some_and(|abort| abort.percent.value >= 100.0)
}

fn describe(platform: &Platform, used: &RouteInUse<'_>) -> Option<Hazard> {
    let (id, setting) = (&used.edge.id, used.name("timeout"));
    let removed = value_before(platform, &id.into(), &setting);
    let standing = used.route.object.is_some() && used.called;
    if removed.is_none() && !standing {
        return None;
    }
    let message = format!(
        "requests of {} to {} have no timeout{}: when the callee is slow, the caller waits and holds \
         its connection for as long as that takes",
        id.source,
        id.destination,
        if removed.is_some() { " since a recent change" } else { "" },
    );
    let mut draft = Draft::new("timeout-removed", id, Certainty::NeedsLiveData, message)
        .setting(setting.clone(), &used.route.timeout)
        .value("limit", removed.and_then(parse_duration).unwrap_or(ENVOY_TIMEOUT).as_secs_f64());
    if let Some(route) = &used.route.object {
        draft = draft.origin(setting, route);
    }
    let callees = platform.workloads_of(&id.destination).map(|workload| &workload.id);
    Some(draft.related_all(callees).done())
}
