//! Which hypothesis is the answer, and whether the evidence is enough to say so.

use std::collections::BTreeSet;

use stilltrace_model::{Entity, Location, Platform, Verdict};

use crate::{chain::cause_location, hypothesis::Hypothesis, weigh::Weighed};

/// Score of "something that nobody thought of". A hypothesis below it explains the evidence worse
/// than knowing nothing does: one supporting prediction in the right place does not beat it, a
/// decisive one that comes true does.
const UNKNOWN: f64 = 1.0;

/// The best hypothesis must be at least this likely to be named as the answer.
const SURE: f64 = 0.6;

/// A ranked hypothesis.
pub(crate) struct Ranked<'a> {
    pub(crate) weighed: Weighed<'a>,
    /// Share of the probability among all hypotheses and the unknown.
    pub(crate) confidence: f64,
}

/// Ranks the hypotheses, best first; ties break by mechanism, entity and line.
///
/// Hypotheses of one mechanism that end at the same line are one suspect seen on several edges;
/// only the best of them is kept.
pub(crate) fn rank(mut weighed: Vec<Weighed<'_>>) -> Vec<Ranked<'_>> {
    weighed.sort_by(|a, b| {
        let rejected = a.rejected.is_some().cmp(&b.rejected.is_some());
        rejected
            .then_with(|| b.score.total_cmp(&a.score))
            .then_with(|| a.hypothesis.mechanism.cmp(b.hypothesis.mechanism))
            .then_with(|| a.hypothesis.entity.cmp(&b.hypothesis.entity))
            .then_with(|| cause_location(a.hypothesis).cmp(&cause_location(b.hypothesis)))
    });
    let mut seen: BTreeSet<(&str, Key)> = BTreeSet::new();
    weighed.retain(|candidate| {
        seen.insert((candidate.hypothesis.mechanism, key(candidate.hypothesis)))
    });
    let top =
        weighed.iter().filter(|w| w.rejected.is_none()).map(|w| w.score).fold(UNKNOWN, f64::max);
    let weight = |w: &Weighed<'_>| if w.rejected.is_some() { 0.0 } else { (w.score - top).exp() };
    let total = (UNKNOWN - top).exp() + weighed.iter().map(weight).sum::<f64>();
    weighed.into_iter().map(|w| Ranked { confidence: weight(&w) / total, weighed: w }).collect()
}

/// The verdict on a real anomaly.
///
/// "Nothing was changed" is no answer while a change of the window can be neither proven nor ruled
/// out, and "not the platform" is none where the platform could not be read.
pub(crate) fn verdict(ranked: &[Ranked<'_>], platform: &Platform) -> Verdict {
    match ranked.first() {
        Some(best)
            if best.weighed.rejected.is_none()
                && best.weighed.proven
                && best.confidence >= SURE
                && !(best.weighed.hypothesis.trigger.is_none() && ranked.iter().any(is_open)) =>
        {
            match best.weighed.hypothesis.is_innocent() {
                false => Verdict::Cause,
                // What nobody could read cannot be shown innocent.
                true if platform.workloads.is_empty() => Verdict::NotProven,
                true => Verdict::NotThePlatform,
            }
        }
        _ => Verdict::NotProven,
    }
}

/// Whether it blames a change whose deciding evidence could not be had.
fn is_open(ranked: &Ranked<'_>) -> bool {
    let weighed = &ranked.weighed;
    weighed.rejected.is_none()
        && weighed.hypothesis.trigger.is_some()
        && !weighed.missing.is_empty()
}

type Key = (Option<Location>, Option<Entity>, usize);

/// What makes two hypotheses of one mechanism the same suspect: the line and the change, or without
/// a line the entity.
fn key(hypothesis: &Hypothesis) -> Key {
    let change = hypothesis.trigger.as_ref().map_or(usize::MAX, |trigger| trigger.change);
    match cause_location(hypothesis) {
        Some(at) => (Some(at.clone()), None, change),
        None => (None, Some(hypothesis.entity.clone()), change),
    }
}
