//! The line that a hypothesis ends at.

use stilltrace_model::{Capture, Cause, Entity, Line, Location, Origin, Owner, Platform, Side};

use crate::{
    hypothesis::{Hypothesis, Trigger},
    say,
};

/// Where the guilty line is read: in the revision in effect, or, where the change removed it and a
/// default took over, in the parent of the commit.
pub(crate) fn cause_side(hypothesis: &Hypothesis) -> Side {
    match &hypothesis.trigger {
        Some(trigger) if trigger.setting.origin_after.location().is_none() => Side::Before,
        _ => Side::After,
    }
}

/// The guilty line; `None` for a cause that no line set.
pub(crate) fn cause_location(hypothesis: &Hypothesis) -> Option<&Location> {
    origin(hypothesis)?.location()
}

/// The guilty line as something to ask the history of.
pub(crate) fn cause_line(hypothesis: &Hypothesis, platform: &Platform) -> Option<Line> {
    let mut line = Line::from(cause_location(hypothesis)?);
    if cause_side(hypothesis) == Side::Before {
        let change = hypothesis.trigger.as_ref()?.change(platform)?;
        line.removed_by = Some(change.commit.id.clone());
    }
    Some(line)
}

/// The cause as reports show it, with its history where that was found.
pub(crate) fn cause(
    hypothesis: &Hypothesis,
    platform: &Platform,
    capture: &Capture,
) -> Option<Cause> {
    let Origin::Git { at, object, field } = origin(hypothesis)? else { return None };
    let record = cause_line(hypothesis, platform).and_then(|line| capture.lines.get(&line));
    let triggered = hypothesis.trigger.as_ref().and_then(|trigger| trigger.change(platform));
    let commit = triggered
        .map(|change| change.commit.clone())
        .or_else(|| record.map(|record| record.commit.clone()));
    Some(Cause {
        at: at.clone(),
        side: cause_side(hypothesis),
        commit,
        object: object.as_ref().clone(),
        field: field.to_string(),
        before: hypothesis.trigger.as_ref().map(|trigger| trigger.setting.before.clone()),
        after: value_in_effect(hypothesis, platform),
        context: record.map(|record| record.context.clone()).unwrap_or_default(),
        first_line: record.map_or(at.line, |record| record.first_line),
        note: note(hypothesis),
    })
}

/// Who answers for the cause: the owner of the file, else the owner of the workload.
pub(crate) fn owner(hypothesis: &Hypothesis, platform: &Platform) -> Option<Owner> {
    let of_file = cause_location(hypothesis).and_then(|at| platform.owners_of(&at.path).first());
    of_file.or_else(|| of_workload(hypothesis, platform)).cloned()
}

fn of_workload<'a>(hypothesis: &Hypothesis, platform: &'a Platform) -> Option<&'a Owner> {
    let workload = match &hypothesis.entity {
        Entity::Workload(workload) => workload,
        Entity::Edge(edge) => &edge.source,
        _ => return None,
    };
    platform.workloads.get(workload)?.owners.first()
}

/// The origin of the changed setting as it stands in the revision in effect: a later commit of the
/// window may have moved the line.
fn origin(hypothesis: &Hypothesis) -> Option<&Origin> {
    let Some(trigger) = &hypothesis.trigger else {
        let origins = &hypothesis.hazard.as_ref()?.origins;
        return origins.iter().find(|origin| origin.location().is_some());
    };
    if cause_side(hypothesis) == Side::Before {
        return Some(&trigger.setting.origin_before);
    }
    as_it_stands(hypothesis, trigger).or(Some(&trigger.setting.origin_after))
}

fn as_it_stands<'a>(hypothesis: &'a Hypothesis, trigger: &Trigger) -> Option<&'a Origin> {
    let hazard = hypothesis.hazard.as_ref()?;
    let index = hazard.settings.iter().position(|name| *name == trigger.setting.setting)?;
    let origin = hazard.origins.get(index)?;
    let same_object = origin.object() == trigger.setting.origin_after.object();
    (same_object && origin.field() == trigger.setting.origin_after.field()).then_some(origin)
}

fn value_in_effect(hypothesis: &Hypothesis, platform: &Platform) -> String {
    if let Some(trigger) = &hypothesis.trigger {
        return trigger.setting.after.clone();
    }
    let Some(name) = hypothesis.hazard.as_ref().and_then(|hazard| {
        let index = hazard.origins.iter().position(|origin| origin.location().is_some())?;
        hazard.settings.get(index)
    }) else {
        return String::new();
    };
    in_effect(&hypothesis.entity, name, platform).unwrap_or_default()
}

/// The printed value of a setting in the revision in effect; `None` where the entity has no such
/// setting there.
pub(crate) fn in_effect(entity: &Entity, name: &str, platform: &Platform) -> Option<String> {
    let settings = match entity {
        Entity::Edge(edge) => platform.edges.get(edge)?.settings(),
        Entity::Workload(workload) => platform.workloads.get(workload)?.settings(),
        _ => return None,
    };
    settings.into_iter().find(|(key, ..)| key == name).map(|(_, value, _)| value)
}

fn note(hypothesis: &Hypothesis) -> String {
    match &hypothesis.trigger {
        Some(trigger) if cause_side(hypothesis) == Side::Before => {
            format!("removed; now {} [{}]", trigger.setting.after, hypothesis.mechanism)
        }
        Some(trigger) => {
            let before = say::earlier(&trigger.setting.before, &trigger.setting.after);
            format!("was {before} [{}]", hypothesis.mechanism)
        }
        None => format!("not changed lately [{}]", hypothesis.mechanism),
    }
}
