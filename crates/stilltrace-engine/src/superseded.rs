//! Several changes of one setting: only one of them gave it the value in effect.
//!
//! A value is often set twice within minutes: in steps, by a change that is reverted and made again,
//! by a commit and the merge that brings it in. Each of these touched the setting, so each is a
//! hypothesis with the same evidence; the history of the line tells which one left its text there.

use std::collections::BTreeMap;

use stilltrace_model::{Capture, Change, Entity, Platform};

use crate::{
    chain::cause_line,
    hypothesis::{Hypothesis, Trigger},
    symptom::Onset,
    weigh::Weighed,
};

/// Lets go of the changes whose value was no longer, or not by them, in effect at the onset.
///
/// Of the changes before the onset the one stays that the line is blamed on; where the blamed commit
/// is none of them (a later one may have reformatted the line), the one that took effect last.
pub(crate) fn reject(
    weighed: &mut [Weighed<'_>],
    platform: &Platform,
    capture: &Capture,
    onset: &Onset,
) {
    let mut groups: BTreeMap<(&str, &Entity, &str), Vec<usize>> = BTreeMap::new();
    for (index, one) in weighed.iter().enumerate() {
        let Some((trigger, change)) = change_of(one.hypothesis, platform) else { continue };
        if change.in_effect() <= onset.by {
            let key = (
                one.hypothesis.mechanism,
                &one.hypothesis.entity,
                trigger.setting.setting.as_str(),
            );
            groups.entry(key).or_default().push(index);
        }
    }
    for group in groups.into_values().filter(|group| group.len() > 1) {
        let Some(kept) = in_effect(&group, weighed, platform, capture) else { continue };
        let Some((_, change)) = change_of(weighed[kept].hypothesis, platform) else { continue };
        let reason = format!("the value in effect comes from commit {}", change.commit.id.short());
        for index in group.into_iter().filter(|index| *index != kept) {
            weighed[index].rejected.get_or_insert_with(|| reason.clone());
        }
    }
}

fn in_effect(
    group: &[usize],
    weighed: &[Weighed<'_>],
    platform: &Platform,
    capture: &Capture,
) -> Option<usize> {
    let is_blamed = |index: &&usize| {
        let hypothesis = weighed[**index].hypothesis;
        let blamed = cause_line(hypothesis, platform).and_then(|line| capture.lines.get(&line));
        let own = change_of(hypothesis, platform).map(|(_, change)| &change.commit.id);
        blamed.map(|record| &record.commit.id) == own
    };
    let last = group.iter().max_by_key(|index| {
        change_of(weighed[**index].hypothesis, platform)
            .map(|(trigger, change)| (change.in_effect(), trigger.change))
    });
    // A removed line is blamed on whoever removed it, so several may be; the last of them counts.
    group.iter().rev().find(is_blamed).or(last).copied()
}

fn change_of<'a>(
    hypothesis: &'a Hypothesis,
    platform: &'a Platform,
) -> Option<(&'a Trigger, &'a Change)> {
    let trigger = hypothesis.trigger.as_ref()?;
    Some((trigger, trigger.change(platform)?))
}
