//! The smallest edit that would undo the cause.

use stilltrace_model::{Edit, Fix, Origin, Platform, Safety, Side};

use crate::{chain::cause_side, hypothesis::Hypothesis, say};

/// The fix of a hypothesis: the earlier value where a commit of the window is guilty, else what the
/// mechanism proposes.
pub(crate) fn propose(hypothesis: &Hypothesis, platform: &Platform) -> Option<Fix> {
    let Some(hazard) = &hypothesis.hazard else { return None };
    let Some(trigger) = &hypothesis.trigger else { return hypothesis.fix.clone() };
    let restorable = cause_side(hypothesis) == Side::After
        && matches!(trigger.setting.origin_before, Origin::Git { .. })
        && trigger.setting.before != "unset";
    if !restorable {
        return hypothesis.fix.clone();
    }
    let earlier = trigger
        .change(platform)
        .map(|change| change.commit.id.clone())
        .zip(trigger.setting.origin_before.location().cloned());
    let commit = trigger
        .change(platform)
        .map_or_else(String::new, |change| format!(" as before {}", change.commit.id.short()));
    Some(Fix {
        origin: trigger.setting.origin_after.clone(),
        edit: Edit::Restore { value: trigger.setting.before.clone(), earlier },
        explanation: format!(
            "{} back to {}{commit} on {}",
            trigger.setting.setting,
            trigger.setting.before,
            say::entity(&hazard.entity)
        ),
        safety: Safety::Review,
        patch: None,
    })
}
