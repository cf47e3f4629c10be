//! Outlier over-ejection: one bad moment takes most pods out of rotation.

use stilltrace_model::{Certainty, Entity, Fix, Hazard, OutlierDetection, Prediction, signal};

use crate::draft::{self, Draft};
use crate::in_use::PolicyInUse;
use crate::wording::{count, duration};
use crate::{Mechanism, Surveyed};

/// ## What happens
/// Outlier detection takes a pod out of rotation after a few failures in a row. Where a few
/// failures suffice and most pods may be out at once, a short disturbance that touches all of them
/// empties the pool: the rest is overloaded and ejected too, and every request is answered with
/// 503 until the ejection time has passed.
///
/// ## Fingerprint
/// Requests for which no endpoint was healthy (`UH`) appear at the caller, and fewer attempts
/// reach the callee than there are requests. No connection fails and no pool limit is reached.
///
/// ## Fix
/// Allow at most half of the pods to be ejected: `maxEjectionPercent: 50`, and eject after five
/// failures rather than fewer.
///
/// ## Fix safety
/// Needs review: pods that are really broken stay in rotation once half of them are out.
///
/// ## References
/// - Istio: `OutlierDetection`, issues 34605 and 20135
/// - Envoy: outlier detection, panic threshold, response flag `UH`, `ejections_active`
pub(crate) struct OutlierOverEjection;

/// Envoy's default number of failures in a row; fewer than that come together in a short
/// disturbance of an otherwise healthy pod.
const ENVOY_FAILURES: u32 = 5;

/// A pool that keeps half of its pods carries twice the load on each, which services are commonly
/// sized for.
const HALF_PERCENT: u32 = 50;

impl Mechanism for OutlierOverEjection {
    fn name(&self) -> &'static str {
        "outlier-over-ejection"
    }

    fn group(&self) -> &'static str {
        "balancing"
    }

    fn hazards(&self, platform: &Surveyed<'_>) -> Vec<Hazard> {
        platform
            .policies()
            .iter()
            .filter_map(|used| describe(used, used.policy.outlier.as_ref()?))
            .collect()
    }

    fn predict(&self, hazard: &Hazard) -> Vec<Prediction> {
        let Entity::Edge(edge) = &hazard.entity else { return Vec::new() };
        vec![
            signal::NO_HEALTHY_UPSTREAM
                .of(edge)
                .rises()
                .decisive()
                .because("with all pods ejected there is no endpoint left to ask"),
            signal::EDGE_ERRORS.of(edge).rises().because("such requests are answered with 503"),
            signal::ATTEMPT_RATIO
                .of(edge)
                .not_rising()
                .because("requests without an endpoint never reach the callee"),
            signal::OVERFLOW.of(edge).not_rising().because("no pool limit is involved"),
            signal::CONNECTION_FAILED
                .of(edge)
                .not_rising()
                .because("the endpoints are reachable, only not used"),
        ]
    }

    fn fix(&self, hazard: &Hazard) -> Option<Fix> {
        let line = draft::line_of(hazard, "outlier.maxEjectionPercent")?;
        let why = "at least half of the pods stay in rotation".to_owned();
        Some(draft::set(line, HALF_PERCENT.to_string(), why))
    }
}

/// Pods that may be out of rotation together: Envoy ejects while the share that is out, the next
/// one included, stays within the percentage (since 1.28, envoy#27909).
fn ejectable(pods: u32, percent: u32) -> u32 {
    u32::try_from(u64::from(pods) * u64::from(percent.min(100)) / 100).unwrap_or(pods)
}

/// Whether less than half of the pods may be left. Without a known number of pods the percentage
/// has to do; with it, a high percentage of one or two pods may mean none at all or all of them.
fn leaves_too_few(outlier: &OutlierDetection, pods: Option<u32>) -> bool {
    let percent = outlier.max_ejection_percent.value;
    match pods {
        None => percent > HALF_PERCENT,
        Some(pods) => (pods - ejectable(pods, percent)) * 2 < pods,
    }
}

fn describe(used: &PolicyInUse<'_>, outlier: &OutlierDetection) -> Option<Hazard> {
    let failures = outlier.consecutive_5xx.value;
    let hasty = (1..ENVOY_FAILURES).contains(&failures);
    // Below this share of healthy pods Envoy ignores ejections (panic mode).
    let panics_early = outlier.min_health_percent.value >= HALF_PERCENT;
    if !hasty || panics_early || !leaves_too_few(outlier, used.endpoints) {
        return None;
    }
    let percent = outlier.max_ejection_percent.value;
    let (pods, certainty) = match used.endpoints {
        Some(pods) => {
            let out = ejectable(pods, percent);
            (format!("{out} of {}", count(pods, "pod")), Certainty::Certain)
        }
        None => (format!("{percent}% of the pods"), Certainty::NeedsLiveData),
    };
    let id = &used.edge.id;
    let message = format!(
        "after {} in a row a pod of {} is out of rotation for at least {}, and {pods} may be out at \
         once: a short disturbance leaves {} without an endpoint to ask",
        count(failures, "failed request"),
        used.destination(),
        duration(outlier.base_ejection_time.value),
        id.source,
    );
    let hazard = Draft::new("outlier-over-ejection", id, certainty, message)
        .setting(used.name("outlier.maxEjectionPercent"), &outlier.max_ejection_percent)
        .setting(used.name("outlier.consecutive5xxErrors"), &outlier.consecutive_5xx)
        .setting(used.name("outlier.baseEjectionTime"), &outlier.base_ejection_time)
        .setting(used.name("outlier.minHealthPercent"), &outlier.min_health_percent);
    Some(hazard.done())
}
