//! The Flux or Argo CD objects as they would have stood at the end: stand-ins.

use serde_json::{Value, json};
use stilltrace_model::Timestamp;

use crate::gitops::{Reconciler, WindowCommit};
use crate::run::Run;

/// One object per line.
pub(super) fn of(run: &Run) -> String {
    let lines = run.repository.reconcilers.iter().map(|reconciler| {
        let syncs = syncs_of(run, reconciler);
        let object = match reconciler.kind().1 {
            "Application" => application(run, reconciler, &syncs),
            _ => kustomization(run, reconciler, &syncs),
        };
        format!("{object}\n")
    });
    lines.collect()
}

/// The syncs in which a reconciler changed something, in order of time.
fn syncs_of<'a>(run: &'a Run, reconciler: &Reconciler) -> Vec<(i64, &'a WindowCommit)> {
    run.slots
        .iter()
        .zip(&run.repository.window)
        .filter_map(|(slot, commit)| Some((slot.in_effect_ms?, commit.as_ref()?)))
        .filter(|(_, commit)| commit.reconciler.as_ref() == Some(reconciler))
        .collect()
}

/// The last commit that was synced at all: every reconciler has seen it.
pub(super) fn last_revision(run: &Run) -> String {
    let mut synced = run.slots.iter().zip(&run.repository.window).rev();
    let last = synced.find_map(|(slot, commit)| slot.in_effect_ms.and(commit.as_ref()));
    last.map_or_else(|| run.repository.base.commit.clone(), |last| last.revision.commit.clone())
}

fn application(run: &Run, reconciler: &Reconciler, syncs: &[(i64, &WindowCommit)]) -> Value {
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
            "sync": {"status": "Synced", "revision": last_revision(run)},
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
fn seconds(at_ms: i64) -> String {
    Timestamp(at_ms.div_euclid(1_000) * 1_000).to_string()
}
