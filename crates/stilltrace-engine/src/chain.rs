//! The platform stack trace: one frame per layer, from the symptom down to the owner.
//!
//! A frame is laid only on evidence; a layer about which nothing was seen has no frame.

mod cause;
mod change;
mod runtime;

use stilltrace_model::{Cause, Entity, Frame, Platform, Symptom, WorkloadId};

pub(crate) use cause::{cause, cause_line, cause_location, cause_side, in_effect, owner};

use crate::{localise::Location, reach::workloads_behind, symptom::Onset, weigh::Weighed};

/// Everything that frames are laid on.
pub(crate) struct Scene<'a> {
    pub(crate) service: &'a stilltrace_model::ServiceId,
    pub(crate) platform: &'a Platform,
    pub(crate) capture: &'a stilltrace_model::Capture,
    pub(crate) symptom: &'a Symptom,
    pub(crate) onset: &'a Onset,
    pub(crate) location: &'a Location,
}

/// The frames for the leading hypothesis, or without one for the place where the excess sits.
pub(crate) fn frames(
    scene: &Scene<'_>,
    best: Option<&Weighed<'_>>,
    cause: Option<&Cause>,
) -> Vec<Frame> {
    let entity = best
        .map(|best| best.hypothesis.entity.clone())
        .or_else(|| scene.location.top().map(|top| top.0));
    let workloads = entity.as_ref().map(|entity| touched(entity, scene)).unwrap_or_default();
    let mut frames = vec![runtime::slo(scene)];
    frames.extend(runtime::workload(scene, &workloads));
    frames.extend(runtime::kernel(scene, &workloads));
    frames.extend(runtime::mesh(scene, best));
    let Some(best) = best else { return frames };
    frames.extend(change::config(scene, best.hypothesis, cause));
    frames.extend(change::gitops(scene, best.hypothesis));
    if let Some(cause) = cause {
        frames.extend(change::git(cause));
        frames.extend(change::owner(scene.platform, best.hypothesis, cause));
    }
    frames
}

/// The workloads whose containers tell about an entity: both ends of an edge, callee first.
fn touched(entity: &Entity, scene: &Scene<'_>) -> Vec<WorkloadId> {
    match entity {
        Entity::Workload(workload) => vec![workload.clone()],
        Entity::Edge(edge) => {
            let mut ends = workloads_behind(&edge.destination, scene.platform);
            ends.push(WorkloadId::clone(&edge.source));
            ends
        }
        Entity::Service(service) => workloads_behind(service, scene.platform),
        Entity::Mesh => scene.platform.workloads.keys().cloned().collect(),
    }
}
