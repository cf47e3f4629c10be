//! The objects as they would have stood at the end: those of Flux or Argo CD, which are stand-ins, and
//! those that somebody edited by hand, which no revision of the repository shows.

use serde_json::{Value, json};
use stilltrace_model::Timestamp;

use super::drift;
use crate::gitops::{Reconciler, WindowCommit};
use crate::rendered::RenderError;
use crate::run::Run;

/// One object per line.
///
/// # Errors
/// When the repository with an edit by hand cannot be rendered.
pub(super) fn of(run: &Run) -> Result<String, RenderError> {
    let reconcilers = run.repository.reconcilers.iter().map(|reconciler| {
        let syncs = syncs_of(run, reconciler);
        match reconciler.kind().1 {
            "Application" => application(run, reconciler, &syncs),
            _ => kustomization(run, reconciler, &syncs),
        }
    });
    let mut objects: Vec<Value> = reconcilers.collect();
    for (slot, commit) in run.slots.iter().zip(&run.repository.window) {
        if let (Some(commit), Some(at)) =
            (commit.as_ref().filter(|one| one.is_live()), slot.in_effect_ms)
            && let Some(object) = drift::edited(commit, at)?
        {
            objects.push(object);
        }
    }
    let lines = objects.iter().flat_map(|object| [object.to_string(), "\n".to_owned()]);
    Ok(lines.collect())
}

/// The syncs in which a reconciler changed something, in order of time.
fn syncs_of<'a>(run: &'a Run, reconciler: &Reconciler) -> Vec<(i64, &'a WindowCommit)> {
    run.slots
        .iter()
        .zip(&run.repository.window)
        .filter_map(|(slot, commit)| Some((slot.in_effect_ms?, commit.as_ref()?)))
        .filter(|(_, commit)| !commit.is_live())
        .filter(|(_, commit)| commit.reconciler.as_ref() == Some(reconciler))
        .collect()
}

/// The last commit that was synced at all: every reconciler has seen it.
pub(super) fn last_revision(run: &Run) -> String {
    let slots = run.slots.iter().zip(&run.repository.window).rev();
    let mut synced =
        slots.filter(|(_, commit)| !commit.as_ref().is_some_and(WindowCommit::is_live));
    let last = synced.find_map(|(slot, commit)| slot.in_effect_ms.and(commit.as_ref()));
    last.map_or_else(|| run.repository.base.commit.clone(), |last| last.revision.commit.clone())
}

fn application(run: &Run, reconciler: &Reconciler, syncs: &[(i64, &WindowCommit)]) -> Value {
    let edits = run.slots.iter().zip(&run.repository.window);
    let has_drifted = edits.filter(|(slot, _)| slot.in_effect_ms.is_some()).any(|(_, commit)| {
        let edit = commit.as_ref().filter(|commit| commit.is_live());
        edit.is_some_and(|edit| edit.reconciler.as_ref() == Some(reconciler))
    });
    let history: Vec<_> = syncs
        .iter()
        .enumerate()
        .map(|(id, (at, commit))| {
            json!({
                "id": id,
                "revision": commit.revision.commit,
                "deployedAt": seconds(*at),
                "source": {"path": reconciler.path, "targetRevision": "main"},
            })
        })
        .collect();
    json!({
        "apiVersion": reconciler.kind().0,
        "kind": "Application",
        "metadata": {"name": reconciler.name, "namespace": reconciler.namespace()},
        "spec": {"source": {"path": reconciler.path, "targetRevision": "main"}},
        "status": {
            "sync": {"status": if has_drifted { "OutOfSync" } else { "Synced" }, "revision": last_revision(run)},
            "health": {"status": "Healthy"},
            "history": history,
        },
    })
}

fn kustomization(run: &Run, reconciler: &Reconciler, syncs: &[(i64, &WindowCommit)]) -> Value {
    let revision = |id: &str| format!("main@sha1:{id}");
    // Flux keeps the last five, newest first.
    let history: Vec<_> = syncs
        .iter()
        .rev()
        .take(5)
        .map(|(at, commit)| {
            json!({
                "firstReconciled": seconds(*at),
                "lastReconciled": seconds(*at),
                "lastReconciledStatus": "ReconciliationSucceeded",
                "metadata": {"revision": revision(&commit.revision.commit)},
            })
        })
        .collect();
    json!({
        "apiVersion": reconciler.kind().0,
        "kind": "Kustomization",
        "metadata": {"name": reconciler.name, "namespace": reconciler.namespace()},
        "spec": {
            "path": format!("./{}", reconciler.path),
            "sourceRef": {"kind": "GitRepository", "name": "flux-system"},
        },
        "status": {
            "conditions": [{"type": "Ready", "status": "True", "reason": "ReconciliationSucceeded"}],
            "lastAppliedRevision": revision(&last_revision(run)),
            "history": history,
        },
    })
}

/// A time as Kubernetes writes it, to the second.
pub(super) fn seconds(at_ms: i64) -> String {
    Timestamp(at_ms.div_euclid(1_000) * 1_000).to_string()
}
