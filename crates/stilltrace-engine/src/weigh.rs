//! How well a hypothesis fits the evidence.
//!
//! A score is a sum of natural-log likelihood ratios: one per prediction, one for the place, and a
//! prior for the timing. Missing evidence is neither for nor against; evidence that must be there
//! (a decisive prediction) and is missing leaves a hypothesis unproven.

use std::collections::BTreeMap;

use stilltrace_model::{Capture, Entity, Expect, Gap, Platform, Prediction, Reading, Weight};

use crate::{
    hypothesis::Hypothesis,
    localise::Location,
    measure::{self, movement},
    say,
    symptom::Onset,
};

/// A change this many seconds before the onset is half as likely to be its cause as one just before.
const TIMING_HALF_LIFE_SECONDS: f64 = 300.0;

/// Log-odds of a change that took effect just before the onset: about seven outages in ten are due
/// to a change (Google, Site Reliability Engineering, chapter 1).
const JUST_CHANGED: f64 = 0.85;

/// Log-odds of a state that was there all along, or of a cause that leaves no record to be timed by:
/// the other three.
const UNCHANGED: f64 = -0.85;

/// A hypothesis with what speaks for and against it.
#[derive(Debug, Clone)]
pub(crate) struct Weighed<'a> {
    pub(crate) hypothesis: &'a Hypothesis,
    /// Sum of log likelihood ratios.
    pub(crate) score: f64,
    /// Predictions that came true, strongest first.
    pub(crate) supported: Vec<(&'a Prediction, Reading)>,
    /// Predictions that did not, strongest first.
    pub(crate) contradicted: Vec<(&'a Prediction, Reading)>,
    /// Decisive predictions that could not be looked at.
    pub(crate) missing: Vec<&'a Prediction>,
    /// Whether there are decisive predictions and all of them came true, and what was seen of it
    /// is more than a signal of the whole mesh.
    pub(crate) proven: bool,
    /// Why it cannot be the cause, if it cannot.
    pub(crate) rejected: Option<String>,
    /// Share of the excess that sits where it says, if that is known.
    pub(crate) share: Option<f64>,
}

/// Weighs one hypothesis.
pub(crate) fn weigh<'a>(
    hypothesis: &'a Hypothesis,
    platform: &Platform,
    capture: &Capture,
    location: &Location,
    onset: &Onset,
) -> Weighed<'a> {
    let mut weighed = Weighed {
        hypothesis,
        score: timing(hypothesis, platform, onset),
        supported: Vec::new(),
        contradicted: Vec::new(),
        missing: Vec::new(),
        proven: false,
        rejected: too_late(hypothesis, platform, onset),
        share: location.share(&hypothesis.entity, hypothesis.is_innocent(), platform),
    };
    weighed.score += weighed.share.map_or(0.0, place);
    weighed.judge(capture, onset);
    weighed
}

impl<'a> Weighed<'a> {
    fn judge(&mut self, capture: &Capture, onset: &Onset) {
        let mut groups: BTreeMap<(&str, Weight), Vec<f64>> = BTreeMap::new();
        let mut scored: Vec<(f64, &'a Prediction, Reading)> = Vec::new();
        for prediction in &self.hypothesis.predictions {
            let judged = measure::reading(capture, &prediction.want, onset).and_then(|reading| {
                let ratio = ratio(prediction, &reading)?;
                Some((if self.is_about_more(prediction) { ratio.min(0.0) } else { ratio }, reading))
            });
            match judged {
                Some((ratio, reading)) => {
                    groups
                        .entry((prediction.want.signal.name, prediction.weight))
                        .or_default()
                        .push(ratio);
                    scored.push((ratio, prediction, reading));
                }
                None if prediction.weight == Weight::Decisive => self.missing.push(prediction),
                None => {}
            }
        }
        // One signal seen on several edges is one piece of evidence, not several.
        let mut decisive = Vec::new();
        for ((_, weight), ratios) in &groups {
            let mean = ratios.iter().sum::<f64>() / ratios.len() as f64;
            self.score += mean;
            if *weight == Weight::Decisive {
                decisive.push(mean);
            }
        }
        self.proven = !decisive.is_empty()
            && decisive.iter().all(|ratio| *ratio > 0.0)
            && self.missing.is_empty()
            && (self.hypothesis.trigger.is_some() || seen_at_its_place(self.hypothesis, &scored));
        scored
            .sort_by(|a, b| b.0.abs().total_cmp(&a.0.abs()).then_with(|| a.1.want.cmp(&b.1.want)));
        if self.rejected.is_none() && decisive.iter().any(|ratio| *ratio < 0.0) {
            let failed = scored.iter().find(|(ratio, prediction, _)| {
                prediction.weight == Weight::Decisive && *ratio < 0.0
            });
            self.rejected =
                failed.map(|(_, prediction, reading)| say::refuted(prediction, reading));
        }
        for (ratio, prediction, reading) in scored {
            let side = if ratio > 0.0 { &mut self.supported } else { &mut self.contradicted };
            side.push((prediction, reading));
        }
    }

    /// Whether a prediction is about the whole mesh and the hypothesis about a part of it that
    /// nobody changed: the mesh as a whole moves for many reasons, most of all with the load, so
    /// that it moved says nothing; that it did not still does.
    fn is_about_more(&self, prediction: &Prediction) -> bool {
        prediction.want.entity == Entity::Mesh
            && self.hypothesis.entity != Entity::Mesh
            && self.hypothesis.trigger.is_none()
            && !self.hypothesis.is_innocent()
    }

    /// The gaps that keep this hypothesis from being proven.
    pub(crate) fn gaps(&self) -> Vec<Gap> {
        self.missing
            .iter()
            .map(|prediction| Gap {
                what: format!(
                    "{} was not measured for {}",
                    prediction.want.signal.meaning, prediction.want.entity
                ),
                why: format!(
                    "without it `{}` can neither be proven nor ruled out",
                    self.hypothesis.mechanism
                ),
                remedy: prediction.want.signal.remedy.to_owned(),
                ..Gap::default()
            })
            .collect()
    }
}

/// Whether a hazard that stood there before shows at its own place: a signal of the whole mesh moves
/// for many reasons. A cause outside the platform has no place to show at but its own predictions.
fn seen_at_its_place(hypothesis: &Hypothesis, scored: &[(f64, &Prediction, Reading)]) -> bool {
    let tells = |expect: Expect| !matches!(expect, Expect::Steady | Expect::NotRising);
    hypothesis.is_innocent()
        || hypothesis.entity == Entity::Mesh
        || scored.iter().any(|(ratio, prediction, _)| {
            *ratio > 0.0 && prediction.want.entity != Entity::Mesh && tells(prediction.expect)
        })
}

/// The log likelihood ratio of a prediction given the reading; `None` where the reading cannot
/// tell.
fn ratio(prediction: &Prediction, reading: &Reading) -> Option<f64> {
    let (for_it, against) = match prediction.weight {
        Weight::Decisive => (1.5, 3.0),
        Weight::Supporting => (0.8, 0.8),
    };
    let z = match prediction.expect {
        Expect::Exceeds(limit) => return Some(threshold(reading.after, limit, for_it, against)),
        Expect::Below(limit) => return Some(threshold(-reading.after, -limit, for_it, against)),
        _ => movement(reading)?,
    };
    Some(match prediction.expect {
        Expect::Rises => rising(z) * if z >= 1.0 { for_it } else { against },
        Expect::Falls => rising(-z) * if z <= -1.0 { for_it } else { against },
        Expect::Steady => staying(z.abs()) * if z.abs() < 1.0 { for_it } else { against },
        _ => staying(z) * if z < 1.0 { for_it } else { against },
    })
}

/// From -1 (no rise at all) over 0 (a rise as large as noise) to 2 (a rise far beyond it).
fn rising(z: f64) -> f64 {
    if z >= 1.0 { (0.5 + 0.5 * z.ln()).min(2.0) } else { (z - 1.0).max(-1.0) }
}

/// From 0.4 (did not move) to -1 (moved far). Staying put is what most signals do, so it tells less
/// than moving.
fn staying(z: f64) -> f64 {
    if z < 1.0 { 0.4 * (1.0 - z.max(0.0)) } else { -(z - 1.0).min(1.0) }
}

fn threshold(value: f64, limit: f64, for_it: f64, against: f64) -> f64 {
    if value >= limit { 0.7 * for_it } else { -0.7 * against }
}

/// A cause that sits where the excess sits gains up to 1.1, one that sits elsewhere loses up to 2.
fn place(share: f64) -> f64 {
    ((share + 0.05) / 0.35).ln()
}

fn timing(hypothesis: &Hypothesis, platform: &Platform, onset: &Onset) -> f64 {
    match hypothesis.trigger.as_ref().and_then(|trigger| trigger.change(platform)) {
        Some(change) => {
            let age = onset.by.seconds_since(change.in_effect()).max(0.0);
            // Samples that fall between the last good and the first bad one are free of charge.
            let age = (age - onset.by.seconds_since(onset.after)).max(0.0);
            (JUST_CHANGED - std::f64::consts::LN_2 * age / TIMING_HALF_LIFE_SECONDS).max(UNCHANGED)
        }
        None => UNCHANGED,
    }
}

/// How exactly an onset is known: metrics are scraped every 15 s as a rule, and of a service whose
/// latency varies the first bad sample may be one that would have been bad anyway.
const ONSET_SECONDS: f64 = 15.0;

/// A cause must come before its effect, as far as the onset is known.
fn too_late(hypothesis: &Hypothesis, platform: &Platform, onset: &Onset) -> Option<String> {
    let change = hypothesis.trigger.as_ref()?.change(platform)?;
    (change.in_effect() > onset.by.plus_seconds(ONSET_SECONDS)).then(|| {
        format!(
            "took effect at {}, after the trouble had begun at {}",
            change.in_effect().clock(),
            onset.by.clock()
        )
    })
}

#[cfg(test)]
mod tests {
    use super::{place, rising, staying};

    #[test]
    fn more_of_the_predicted_move_never_tells_less() {
        let mut last = f64::NEG_INFINITY;
        for step in -20..80 {
            let now = rising(f64::from(step) / 4.0);
            assert!(now >= last);
            last = now;
        }
        assert!(rising(1.0) > 0.0 && rising(0.9) < 0.0);
    }

    #[test]
    fn staying_put_tells_less_than_moving() {
        assert!(staying(0.0) < rising(5.0));
        assert!(staying(0.0) > 0.0 && staying(2.0) < 0.0);
    }

    #[test]
    fn a_cause_gains_where_the_excess_sits() {
        assert!(place(1.0) > 0.0 && place(0.0) < 0.0 && place(0.3).abs() < 0.01);
    }
}
