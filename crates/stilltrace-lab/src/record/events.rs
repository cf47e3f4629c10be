//! What Flux or Argo CD and Kubernetes would have reported: stand-ins, all marked as such.

use stilltrace_model::{CommitId, Event, EventKind, ObjectRef, Timestamp};

use crate::gitops::{Reconciler, WindowCommit};
use crate::run::{Run, Slot};

/// The events of all syncs, and of the rollouts that they started.
pub(super) fn of(run: &Run) -> Vec<Event> {
    let mut all = Vec::new();
    for (slot, commit) in run.slots.iter().zip(&run.repository.window) {
        let (Some(commit), Some(at)) = (commit, slot.in_effect_ms) else { continue };
        // An edit by hand is no sync, and Kubernetes makes no event of it.
        if commit.is_live() {
            continue;
        }
        if let Some(reconciler) = &commit.reconciler {
            all.push(synced(reconciler, commit, at));
        }
        all.extend(rolled_out(slot, commit, at));
    }
    all
}

/// The end of a sync.
fn synced(reconciler: &Reconciler, commit: &WindowCommit, at: i64) -> Event {
    let (api_version, kind) = reconciler.kind();
    let id = &commit.revision.commit;
    let object = &commit.object;
    let message = match kind {
        "Application" => format!("Sync operation to {id} succeeded"),
        _ => format!(
            "Applied revision: main@sha1:{id}; {}/{}/{} configured",
            object.kind, object.namespace, object.name
        ),
    };
    Event {
        time: Timestamp(at),
        kind: EventKind::Synced,
        object: ObjectRef {
            api_version: api_version.to_owned(),
            kind: kind.to_owned(),
            namespace: reconciler.namespace().to_owned(),
            name: reconciler.name.clone(),
        },
        revision: Some(CommitId(id.clone())),
        message,
        synthetic: true,
    }
}

/// The rollout of a Deployment whose pod template changed. The lab applies it in place, so there
/// are no new pods.
fn rolled_out(slot: &Slot, commit: &WindowCommit, at: i64) -> Option<Event> {
    let template = commit.field.starts_with("spec.template");
    if commit.object.kind != "Deployment" || !template {
        return None;
    }
    let releases = slot.applied.as_ref().map_or(0, |applied| applied.releases.len());
    let object = &commit.object;
    Some(Event {
        time: Timestamp(at),
        kind: EventKind::RolledOut,
        object: ObjectRef {
            api_version: object.api_version.clone(),
            kind: object.kind.clone(),
            namespace: object.namespace.clone(),
            name: object.name.clone(),
        },
        revision: Some(CommitId(commit.revision.commit.clone())),
        message: if releases > 0 {
            "Pod template changed: new image, applied in place".to_owned()
        } else {
            "Pod template changed, applied in place".to_owned()
        },
        synthetic: true,
    })
}
