//! Leftover fault: an injected delay or error meets real requests.

use stilltrace_model::{Certainty, Entity, Fix, Hazard, Prediction, signal};

use crate::draft::Draft;
use crate::in_use::RouteInUse;
use crate::wording::duration;
use crate::{Mechanism, Surveyed};

/// ## What happens
/// A `fault` block on a route delays or fails a share of the requests on purpose. Left behind after
/// a test, it does the same to everyone. It costs no CPU and leaves no trace at the callee.
///
/// ## Fingerprint
/// Requests with an injected fault (`DI`, `FI`) appear at the caller. The callee is as fast as
/// before, and it fails no more often.
///
/// ## Fix
/// Remove the whole `fault` block. A part of it alone would not be valid, so no edit of one line is
/// proposed.
///
/// ## Fix safety
/// Needs review: a test may be running.
///
/// ## References
/// - Istio: fault injection task, `HTTPFaultInjection` (an absent percentage means no fault)
/// - Envoy: response flags `DI` and `FI`, `fault.delays_injected`
pub(crate) struct LeftoverFault;

impl Mechanism for LeftoverFault {
    fn name(&self) -> &'static str {
        "leftover-fault"
    }

    fn group(&self) -> &'static str {
        "routing"
    }

    fn hazards(&self, platform: &Surveyed<'_>) -> Vec<Hazard> {
        platform.routes().iter().filter_map(describe).collect()
    }

    fn predict(&self, hazard: &Hazard) -> Vec<Prediction> {
        let Entity::Edge(edge) = &hazard.entity else { return Vec::new() };
        let harm = if hazard.value("delay").is_some() {
            signal::EDGE_LATENCY.of(edge).rises().because("the caller's proxy holds requests back")
        } else {
            signal::EDGE_ERRORS.of(edge).rises().because("the caller's proxy answers by itself")
        };
        vec![
            signal::FAULT_INJECTED
                .of(edge)
                .rises()
                .decisive()
                .because("the caller's proxy marks what it delays or fails"),
            harm,
            signal::EDGE_SERVER_P99
                .of(edge)
                .not_rising()
                .because("the delay lies before the callee"),
            signal::EDGE_SERVER_ERRORS
                .of(edge)
                .not_rising()
                .because("the callee never sees a request that the fault fails"),
        ]
    }

    fn fix(&self, _: &Hazard) -> Option<Fix> {
        None
    }

    fn remedy(&self, _: &Hazard) -> Option<String> {
        Some("remove the `fault` block once the experiment is over".to_owned())
    }
}

fn describe(used: &RouteInUse<'_>) -> Option<Hazard> {
    let fault = used.route.fault.as_ref()?;
    let delay = fault.delay.as_ref();
    let delay = delay.filter(|delay| delay.percent.value > 0.0 && !delay.fault.value.is_zero());
    let abort = fault.abort.as_ref().filter(|abort| abort.percent.value > 0.0);
    let mut parts = Vec::new();
    if let Some(delay) = delay {
        let (percent, time) = (delay.percent.value, duration(delay.fault.value));
        parts.push(format!("{percent}% of the requests are held back by {time}"));
    }
    if let Some(abort) = abort {
        let (percent, status) = (abort.percent.value, abort.fault.value);
        parts.push(format!("{percent}% are answered with {status} instead of being sent"));
    }
    if parts.is_empty() {
        return None;
    }
    let id = &used.edge.id;
    let message = format!(
        "injected fault from {} to {}: {}",
        id.source,
        id.destination,
        parts.join(", and ")
    );
    let mut draft = Draft::new("leftover-fault", id, Certainty::Certain, message);
    if let Some(delay) = delay {
        draft = draft
            .setting(used.name("fault.delay"), &delay.fault)
            .setting(used.name("fault.delay.percentage"), &delay.percent)
            .value("delay", delay.fault.value.as_secs_f64());
    }
    if let Some(abort) = abort {
        draft = draft
            .setting(used.name("fault.abort"), &abort.fault)
            .setting(used.name("fault.abort.percentage"), &abort.percent);
    }
    Some(draft.done())
}
