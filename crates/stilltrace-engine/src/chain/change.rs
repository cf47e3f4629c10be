//! Frames of what changed: config, gitops, git, owner.

use stilltrace_model::{
    Cause, Entity, Evidence, Frame, Layer, Measure, Platform, Side, WorkloadId,
};

use super::Scene;
use crate::{hypothesis::Hypothesis, reach::workloads_behind, say};

/// The settings in effect that make up the cause.
pub(super) fn config(
    scene: &Scene<'_>,
    hypothesis: &Hypothesis,
    cause: Option<&Cause>,
) -> Option<Frame> {
    let place = say::entity(&hypothesis.entity);
    if let Some(trigger) = &hypothesis.trigger {
        let setting = &trigger.setting;
        let object = setting.origin_after.object().or_else(|| setting.origin_before.object());
        let statement = format!(
            "{}{} {} on {place}",
            object.map_or_else(String::new, |object| format!("{object}: ")),
            setting.setting,
            say::values(&setting.before, &setting.after),
        );
        let evidence = Evidence {
            what: format!("{} on {}", setting.setting, setting.entity),
            value: Measure::Text(setting.after.clone()),
            baseline: Some(Measure::Text(setting.before.clone())),
            unit: "",
            query: setting.origin_after.to_string(),
            source: "git".to_owned(),
        };
        let frame = Frame::new(Layer::Config, statement, evidence);
        return Some(match trigger.change(scene.platform) {
            Some(change) => frame.at(change.in_effect()),
            None => frame,
        });
    }
    let (hazard, cause) = (hypothesis.hazard.as_ref()?, cause?);
    let evidence = Evidence {
        what: format!("{} of {}", cause.field, cause.object),
        value: Measure::Text(cause.after.clone()),
        baseline: None,
        unit: "",
        query: cause.at.to_string(),
        source: "git".to_owned(),
    };
    Some(Frame::new(Layer::Config, format!("standing: {}", hazard.message), evidence))
}

/// Who applied the change, and how long before the trouble.
pub(super) fn gitops(scene: &Scene<'_>, hypothesis: &Hypothesis) -> Option<Frame> {
    let change = hypothesis.trigger.as_ref()?.change(scene.platform)?;
    let synced = change.synced?;
    let by = change.synced_by.clone().unwrap_or_else(|| "a GitOps engine".to_owned());
    let lead = scene.onset.by.seconds_since(synced);
    let statement = format!(
        "{by} synced {} at {}, {:.0} s before the first bad sample{}",
        change.commit.id.short(),
        synced.clock(),
        lead.max(0.0),
        if change.synthetic { " (synthetic record)" } else { "" },
    );
    let evidence = Evidence {
        what: format!("sync of {}", change.commit.id),
        value: Measure::Text(synced.to_string()),
        baseline: Some(Measure::Text(format!("onset {}", scene.onset.by))),
        unit: "",
        query: format!("event Synced revision={}", change.commit.id),
        source: "events".to_owned(),
    };
    Some(Frame::new(Layer::Gitops, statement, evidence).at(synced))
}

/// The commit and the line.
pub(super) fn git(cause: &Cause) -> Option<Frame> {
    let commit = cause.commit.as_ref()?;
    let statement = format!("{} \"{}\" by {}", commit.id.short(), commit.summary, commit.author);
    let revision = match cause.side {
        Side::After => commit.id.0.clone(),
        Side::Before => format!("{}^", commit.id),
    };
    let evidence = Evidence {
        what: format!("{}:{}", cause.at.path, cause.at.line),
        value: Measure::Text(cause.after.clone()),
        baseline: cause.before.clone().map(Measure::Text),
        unit: "",
        query: format!("git blame -L {0},{0} {revision} -- {1}", cause.at.line, cause.at.path),
        source: "git".to_owned(),
    };
    Some(Frame::new(Layer::Git, statement, evidence).at(commit.time))
}

/// Who answers for it.
pub(super) fn owner(platform: &Platform, hypothesis: &Hypothesis, cause: &Cause) -> Option<Frame> {
    let owner = super::owner(hypothesis, platform)?;
    let component = concerned(&hypothesis.entity, cause, platform)
        .and_then(|workload| platform.workloads.get(&workload))
        .and_then(|workload| workload.owners.first())
        .and_then(|owner| owner.component.clone())
        .or_else(|| owner.component.clone());
    let statement = match component {
        Some(component) => format!("{} ({component})", owner.name),
        None => owner.name.clone(),
    };
    let evidence = Evidence {
        what: format!("owner of {}", cause.at.path),
        value: Measure::Text(owner.name.clone()),
        baseline: None,
        unit: "",
        query: owner.source.to_string(),
        source: "git".to_owned(),
    };
    Some(Frame::new(Layer::Owner, statement, evidence))
}

/// The workload that the guilty object is about: of an edge the callee, if the object lives in its
/// namespace, else the caller.
fn concerned(entity: &Entity, cause: &Cause, platform: &Platform) -> Option<WorkloadId> {
    match entity {
        Entity::Workload(workload) => Some(workload.clone()),
        Entity::Edge(edge) if cause.object.namespace == edge.destination.namespace => {
            workloads_behind(&edge.destination, platform).into_iter().next()
        }
        Entity::Edge(edge) => Some(WorkloadId::clone(&edge.source)),
        _ => None,
    }
}
