//! What simple guesses would find: the set must not reward them.

use stilltrace_model::SettingChange;

use super::repositories::{Told, is_about, service};
use super::*;
use crate::run::commit_order;

/// Seeds over which the guesses are scored, per scenario.
const SEEDS: u32 = 200;

/// How often, over many seeds, the last commit before the symptom is the cause, and the last one
/// with an effect near the victim; `None` where no commit is guilty.
pub(super) fn guesses(incident: &Incident, told: &[Told<'_>]) -> Option<(f64, f64)> {
    let causes = incident.scenario.causes();
    if causes.iter().all(|cause| cause.change.live) || incident.scenario.expect.verdict != "cause" {
        return None;
    }
    let victim = service(incident, &incident.scenario.victim);
    // A cause counts as near even where its effect is somewhere else.
    let near = |part: &&Part| {
        let changes = told.iter().find(|(other, _)| other == *part).map(|(_, (_, all))| all);
        let about = |all: &Vec<SettingChange>| all.iter().any(|c| is_about(&c.entity, &victim));
        matches!(part, Part::Cause(_)) || changes.is_some_and(about)
    };
    let right = |part: Option<&Part>| f64::from(u8::from(matches!(part, Some(Part::Cause(_)))));
    let (mut last, mut nearest) = (0.0, 0.0);
    for seed in 0..SEEDS {
        let incident = Incident { seed: incident.seed + u64::from(seed), ..incident.clone() };
        // No symptom is earlier than the effect of its cause.
        let before = commit_order(&incident, incident.scenario.phases);
        last += right(before.last());
        nearest += right(before.iter().rev().find(near));
    }
    Some((last / f64::from(SEEDS), nearest / f64::from(SEEDS)))
}

#[test]
fn a_cause_is_neither_the_first_nor_always_the_last_commit() {
    let mut last = 0;
    let all = incidents(0);
    for incident in &all {
        let schedule = incident.schedule(incident.scenario.phases);
        assert!(schedule[0].1 < 0.0 && schedule.is_sorted_by(|a, b| a.1 <= b.1));
        let cause = schedule.iter().position(|(part, _)| matches!(part, Part::Cause(_)));
        let Some(cause) = cause else { continue };
        assert!(cause >= 2, "{}: {schedule:?}", name(incident));
        last += usize::from(cause + 1 == schedule.len());
    }
    assert!(last * 3 < all.len(), "{last} of {}", all.len());
}
