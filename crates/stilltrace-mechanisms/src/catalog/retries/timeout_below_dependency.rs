//! Timeout below dependency: the caller gives up while the callee is still allowed to work.

use std::collections::BTreeSet;
use std::time::Duration;

use stilltrace_model::{
    Certainty, EdgeId, Entity, Fix, Hazard, Platform, Prediction, Setting, signal,
};

use crate::draft::Draft;
use crate::in_use::RouteInUse;
use crate::observed::{called_edges, changed, leads_to};
use crate::wording::duration;
use crate::{Mechanism, Surveyed};

/// ## What happens
/// The caller's timeout is shorter than what the callee may take, be it the callee's own timeout
/// towards the next service or simply its latency. The caller gives up and answers 504; the callee
/// goes on working for nobody, and often the work comes again as a retry.
///
/// ## Fingerprint
/// Requests cut by the timeout (`UT`) appear at the caller and abandoned ones at the callee, whose
/// latency reaches the timeout. The caller's own p99 may even fall, because nothing takes longer
/// than the timeout any more.
///
/// ## Fix
/// Timeouts that get shorter along the path: raise the caller's above the callee's, or lower the
/// callee's. Which of them is right is a decision, so no edit is proposed.
///
/// ## Fix safety
/// Needs review: a longer timeout lets callers wait longer.
///
/// ## References
/// - Istio: traffic management, timeouts
/// - Envoy: response flags `UT` and `DC`, `upstream_rq_timeout`
pub(crate) struct TimeoutBelowDependency;

/// Requests that are all cut at the timeout show a p99 somewhat below it in a histogram.
const CUT_SHARE: f64 = 0.8;

impl Mechanism for TimeoutBelowDependency {
    fn name(&self) -> &'static str {
        "timeout-below-dependency"
    }

    fn group(&self) -> &'static str {
        "retries"
    }

    /// A timeout is not a hazard by itself; whether latency reaches it is measured. What counts is
    /// a longer timeout further down an observed path, or a timeout that has just changed.
    fn hazards(&self, platform: &Surveyed<'_>) -> Vec<Hazard> {
        let called = called_edges(platform);
        platform
            .routes()
            .iter()
            .filter_map(|used| {
                let timeout = used.route.timeout.value?;
                let longer = longer_below(platform, &called, &used.edge.id, timeout);
                let moved = changed(platform, &(&used.edge.id).into(), &used.name("timeout"));
                (moved || longer.is_some()).then(|| describe(used, timeout, longer))
            })
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
                .because("the caller gives up when the timeout expires"),
            signal::EDGE_ABANDONED
                .of(edge)
                .rises()
                .because("the callee is still at work when the caller hangs up"),
            signal::EDGE_SERVER_P99
                .of(edge)
                .exceeds(timeout * CUT_SHARE)
                .because("the callee needs as long as the caller waits"),
            signal::EDGE_SERVER_P50
                .of(edge)
                .not_rising()
                .decisive()
                .because("a timer makes no callee slower: it takes as long as before"),
            signal::EDGE_SERVER_ERRORS
                .of(edge)
                .not_rising()
                .because("the callee does not fail, it is cut off"),
            signal::CONNECTION_FAILED
                .of(edge)
                .not_rising()
                .because("requests end at a timer, not at a broken connection"),
        ]
    }

    fn fix(&self, _: &Hazard) -> Option<Fix> {
        None
    }

    fn remedy(&self, _: &Hazard) -> Option<String> {
        Some(
            "make timeouts shorter along the path: raise the caller's or lower the callee's"
                .to_owned(),
        )
    }
}

/// A call that the callee makes in turn, with its timeout.
type Onward<'a> = (&'a EdgeId, &'a Setting<Option<Duration>>, Duration);

/// The longest timeout above `limit` of a call that the callee makes in turn.
fn longer_below<'a>(
    platform: &'a Platform,
    called: &BTreeSet<&'a EdgeId>,
    edge: &EdgeId,
    limit: Duration,
) -> Option<Onward<'a>> {
    if !called.contains(edge) {
        return None;
    }
    called
        .iter()
        .filter(|onward| leads_to(platform, edge, onward))
        .filter_map(|onward| {
            let routes = &platform.edges.get(*onward)?.routes;
            let timeout = &routes.first()?.timeout;
            timeout.value.filter(|value| *value > limit).map(|value| (*onward, timeout, value))
        })
        .max_by(|a, b| a.2.cmp(&b.2).then_with(|| b.0.cmp(a.0)))
}

fn describe(used: &RouteInUse<'_>, timeout: Duration, longer: Option<Onward<'_>>) -> Hazard {
    let id = &used.edge.id;
    let (consequence, certainty) = match longer {
        Some((onward, _, value)) => (
            format!(
                "but {} may wait {} for {}: it then works on for nobody",
                onward.source,
                duration(value),
                onward.destination,
            ),
            Certainty::Certain,
        ),
        None => (
            "since a recent change: whatever takes longer fails with 504".to_owned(),
            Certainty::NeedsLiveData,
        ),
    };
    let message =
        format!("{} gives {} {}, {consequence}", id.source, id.destination, duration(timeout));
    let mut draft = Draft::new("timeout-below-dependency", id, certainty, message)
        .setting(used.name("timeout"), &used.route.timeout)
        .value("timeout", timeout.as_secs_f64());
    if let Some((onward, setting, _)) = longer {
        draft = draft.setting("timeout", setting).related(onward);
    }
    draft.done()
}
