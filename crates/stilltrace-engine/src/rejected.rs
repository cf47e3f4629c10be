//! Suspects that were let go, each with the number that cleared it.

use std::collections::BTreeSet;

use stilltrace_model::{Change, Entity, Reading, Rejected, SettingChange, Signal, signal};

use crate::{
    chain::{self, Scene},
    decide::Ranked,
    measure,
    reach::Reach,
    say,
};

/// Every change of the window that is not the answer, and every other kind of cause.
///
/// `answered` is the index of the change that the answer names, if it names one.
pub(crate) fn rejected(
    scene: &Scene<'_>,
    reach: &Reach,
    ranked: &[Ranked<'_>],
    answered: Option<usize>,
) -> Vec<Rejected> {
    let mut all: Vec<Rejected> = Vec::new();
    for (index, change) in scene.platform.changes.iter().enumerate() {
        let open = answered.is_none() && is_candidate(index, ranked);
        if Some(index) == answered || open {
            continue;
        }
        all.push(Rejected {
            suspect: format!("{} \"{}\"", change.commit.id.short(), change.commit.summary),
            reason: why_not(index, change, scene, reach, ranked),
            commit: Some(change.commit.clone()),
        });
    }
    let mut named: BTreeSet<&str> = BTreeSet::new();
    for candidate in
        ranked.iter().skip(1).filter(|candidate| candidate.weighed.hypothesis.trigger.is_none())
    {
        let Some(reason) = &candidate.weighed.rejected else { continue };
        if named.insert(candidate.weighed.hypothesis.mechanism) {
            all.push(Rejected {
                suspect: candidate.weighed.hypothesis.mechanism.to_owned(),
                reason: reason.clone(),
                commit: None,
            });
        }
    }
    all
}

/// Whether a hypothesis that was not ruled out blames the change: while nothing is proven, it is not
/// let go.
fn is_candidate(change: usize, ranked: &[Ranked<'_>]) -> bool {
    ranked.iter().any(|candidate| {
        let weighed = &candidate.weighed;
        let blamed = weighed.hypothesis.trigger.as_ref().is_some_and(|t| t.change == change);
        blamed && weighed.rejected.is_none()
    })
}

fn why_not(
    index: usize,
    change: &Change,
    scene: &Scene<'_>,
    reach: &Reach,
    ranked: &[Ranked<'_>],
) -> String {
    if change.in_effect() > scene.onset.by {
        return format!(
            "took effect at {}, after the trouble had begun",
            change.in_effect().clock()
        );
    }
    if change.settings.is_empty() {
        return "changes no setting in effect".to_owned();
    }
    let Some(setting) = change.settings.iter().find(|setting| reach.contains(&setting.entity))
    else {
        return format!(
            "changes {} only where no request of the service goes",
            change.settings[0].setting
        );
    };
    let own = ranked.iter().find(|candidate| {
        candidate.weighed.hypothesis.trigger.as_ref().is_some_and(|trigger| trigger.change == index)
    });
    match own {
        Some(candidate) => match &candidate.weighed.rejected {
            Some(reason) => format!("{}: {reason}", candidate.weighed.hypothesis.mechanism),
            None => format!(
                "{}: explains less (confidence {:.2})",
                candidate.weighed.hypothesis.mechanism, candidate.confidence
            ),
        },
        None => harmless(setting, scene),
    }
}

/// A change of a setting that no mechanism finds harmful, with what the requests it acts on met.
fn harmless(setting: &SettingChange, scene: &Scene<'_>) -> String {
    const FAILURES: &[Signal] = &[
        signal::OVERFLOW,
        signal::TIMED_OUT,
        signal::CONNECTION_FAILED,
        signal::NO_HEALTHY_UPSTREAM,
    ];
    if let Some(now) = chain::in_effect(&setting.entity, &setting.setting, scene.platform)
        .filter(|now| *now != setting.after)
    {
        return format!(
            "{} {} -> {} is not what is in effect at the end of the window: that is {now}",
            setting.setting, setting.before, setting.after
        );
    }
    let what = format!(
        "{} {} -> {} matches no known way to slow a request",
        setting.setting, setting.before, setting.after
    );
    let Entity::Edge(edge) = &setting.entity else { return what };
    let readings: Vec<Reading> = FAILURES
        .iter()
        .filter_map(|signal| measure::reading(scene.capture, &signal.of(edge), scene.onset))
        .collect();
    let risen =
        readings.iter().find(|reading| measure::movement(reading).is_some_and(|z| z >= 1.0));
    match risen {
        Some(reading) => {
            format!("{what}; {} there: {}", reading.want.signal.meaning, say::moved(reading))
        }
        None if readings.is_empty() => what,
        None => {
            format!("{what}; no more requests there were refused, cut or disconnected than before")
        }
    }
}
