//! Outlier never ejects: the percentage is too small to take out a single pod.

use stilltrace_model::{Certainty, Fix, Hazard, OutlierDetection, Prediction};

use crate::draft::{self, Draft};
use crate::in_use::PolicyInUse;
use crate::wording::count;
use crate::{Mechanism, Surveyed};

/// ## What happens
/// Envoy ejects a pod only while the share of ejected pods, that one included, stays within
/// `maxEjectionPercent`. With the default of 10 % and fewer than ten pods not even one may go: a
/// broken pod stays in rotation, and its share of the requests keeps failing.
///
/// ## Fingerprint
/// None by itself: the block does nothing, so this is a static check. The failing pod shows as a
/// constant share of errors of about one in the number of pods.
///
/// ## Fix
/// A percentage of at least 100 ÷ pods, rounded up. Where the field is absent there is no line to
/// edit.
///
/// ## Fix safety
/// Needs review: pods will be ejected where none were before.
///
/// ## References
/// - Istio: `OutlierDetection.maxEjectionPercent` (default: 10)
/// - Envoy: issues 27909 (the percentage binds the first ejection, since 1.28) and 34796
pub(crate) struct OutlierNeverEjects;

const PERCENT: &str = "outlier.maxEjectionPercent";

impl Mechanism for OutlierNeverEjects {
    fn name(&self) -> &'static str {
        "outlier-never-ejects"
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

    fn predict(&self, _: &Hazard) -> Vec<Prediction> {
        Vec::new()
    }

    fn fix(&self, hazard: &Hazard) -> Option<Fix> {
        let line = draft::line_of(hazard, PERCENT)?;
        let percent = one_of(hazard.value("pods")?);
        let why =
            format!("one pod may be ejected: {percent}% is 100 divided by the number of pods");
        Some(draft::set(line, percent.to_string(), why))
    }

    fn remedy(&self, hazard: &Hazard) -> Option<String> {
        if let Some(fix) = self.fix(hazard) {
            return Some(draft::clause(&fix));
        }
        let percent = one_of(hazard.value("pods")?);
        Some(format!(
            "set `outlierDetection.maxEjectionPercent` to {percent}, so that one pod may be ejected"
        ))
    }
}

/// The smallest share of so many pods that is a whole one.
fn one_of(pods: f64) -> u32 {
    (100.0 / pods).ceil() as u32
}

/// A single pod must not be ejected at all, so the question begins with two.
fn describe(used: &PolicyInUse<'_>, outlier: &OutlierDetection) -> Option<Hazard> {
    let pods = used.endpoints.filter(|pods| *pods > 1)?;
    let percent = outlier.max_ejection_percent.value;
    let detects = outlier.consecutive_5xx.value > 0;
    if !detects || u64::from(pods) * u64::from(percent) >= 100 {
        return None;
    }
    let id = &used.edge.id;
    let message = format!(
        "outlier detection towards {} can never act: {percent}% of {} is less than one, so a broken \
         pod keeps its share of the requests of {}",
        used.destination(),
        count(pods, "pod"),
        id.source,
    );
    let hazard = Draft::new("outlier-never-ejects", id, Certainty::Certain, message)
        .setting(used.name(PERCENT), &outlier.max_ejection_percent)
        .origin(used.name("outlier.consecutive5xxErrors"), &outlier.origin)
        .value("pods", f64::from(pods));
    Some(hazard.done())
}
