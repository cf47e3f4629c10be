//! What a real control plane wrote down: its events in the form of a capture, its objects as they are.

use serde_json::Value;
use stilltrace_model::{CommitId, Event, EventKind, ObjectRef, Timestamp};

use crate::cluster::{Evidence, time_of};

/// The annotation by which Flux says which revision an event is about.
const FLUX_REVISION: &str = "kustomize.toolkit.fluxcd.io/revision";
/// Reasons of Flux for a revision that could not be applied (`meta/v1` of Flux's API).
const FAILED: [&str; 4] =
    ["ReconciliationFailed", "BuildFailed", "HealthCheckFailed", "PruneFailed"];

/// The syncs and rollouts among the events of the API server.
pub(super) fn events(evidence: &Evidence) -> Vec<Event> {
    evidence.events.iter().filter_map(event).collect()
}

/// The objects, one a line.
pub(super) fn objects(evidence: &Evidence) -> String {
    let lines = evidence.objects.iter().flat_map(|object| [object.to_string(), "\n".to_owned()]);
    lines.collect()
}

/// The changes of objects, one a line.
pub(super) fn audit(evidence: &Evidence) -> String {
    evidence.audit.iter().flat_map(|line| [line, "\n"]).collect()
}

fn event(event: &Value) -> Option<Event> {
    let about = &event["involvedObject"];
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let (reason, message) = (text(&event["reason"]), text(&event["message"]));
    let (kind, revision) = match about["kind"].as_str()? {
        "Kustomization" => {
            let revision = text(&event["metadata"]["annotations"][FLUX_REVISION]);
            (flux(&reason)?, revision.rsplit_once(':').map(|(_, id)| id.to_owned()))
        }
        "Application" => argo(&reason, &message)?,
        "Deployment" if reason == "ScalingReplicaSet" => (scaled(&message), None),
        _ => return None,
    };
    Some(Event {
        time: Timestamp::parse(&time_of(event))?,
        kind,
        object: ObjectRef {
            api_version: text(&about["apiVersion"]),
            kind: text(&about["kind"]),
            namespace: text(&about["namespace"]),
            name: text(&about["name"]),
        },
        revision: revision.filter(|id| !id.is_empty()).map(CommitId),
        message,
        synthetic: false,
    })
}

/// What an event of a `Kustomization` says about a sync.
fn flux(reason: &str) -> Option<EventKind> {
    match reason {
        "ReconciliationSucceeded" => Some(EventKind::Synced),
        reason if FAILED.contains(&reason) => Some(EventKind::SyncFailed),
        _ => None,
    }
}

/// What an event of an `Application` says about a sync, and of which commit: `Sync operation to ID
/// succeeded`, or `failed: WHY`.
fn argo(reason: &str, message: &str) -> Option<(EventKind, Option<String>)> {
    if reason != "OperationCompleted" {
        return None;
    }
    let mut words = message.strip_prefix("Sync operation to ")?.split_whitespace();
    let commit = words.next().map(str::to_owned);
    let kind = match words.next() {
        Some("succeeded") => EventKind::Synced,
        _ => EventKind::SyncFailed,
    };
    Some((kind, commit))
}

/// What the Deployment controller did: `Scaled up replica set NAME from 0 to 2` brings the pods of a
/// new template.
fn scaled(message: &str) -> EventKind {
    let is_new = message.starts_with("Scaled up") && message.contains(" from 0 to ");
    if is_new { EventKind::RolledOut } else { EventKind::Scaled }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed step is a failed test")]
mod tests {
    use serde_json::json;

    use super::*;

    fn of(kind: &str, reason: &str, message: &str, revision: &str) -> Option<Event> {
        event(&json!({
            "metadata": {"annotations": {FLUX_REVISION: revision}},
            "involvedObject": {"apiVersion": "x/v1", "kind": kind, "namespace": "n", "name": "a"},
            "reason": reason,
            "message": message,
            "lastTimestamp": "2026-03-04T05:06:07Z",
        }))
    }

    #[test]
    fn flux_says_which_revision_it_applied() {
        let done = of("Kustomization", "ReconciliationSucceeded", "done", "main@sha1:abc").unwrap();
        assert_eq!((done.kind, done.revision), (EventKind::Synced, Some(CommitId("abc".into()))));
        assert!(!done.synthetic);
        let failed = of("Kustomization", "ReconciliationFailed", "no", "main@sha1:abd").unwrap();
        assert_eq!(failed.kind, EventKind::SyncFailed);
        assert!(of("Kustomization", "Progressing", "x configured", "main@sha1:abc").is_none());
    }

    #[test]
    fn argo_says_it_in_words() {
        let reason = "OperationCompleted";
        let done = of("Application", reason, "Sync operation to abc succeeded", "").unwrap();
        assert_eq!((done.kind, done.revision), (EventKind::Synced, Some(CommitId("abc".into()))));
        let failed = of("Application", reason, "Sync operation to abc failed: x", "").unwrap();
        assert_eq!(failed.kind, EventKind::SyncFailed);
        assert!(of("Application", "ResourceUpdated", "Updated sync status", "").is_none());
    }

    #[test]
    fn new_pods_are_a_rollout_and_more_of_them_are_not() {
        let kind = |message| of("Deployment", "ScalingReplicaSet", message, "").unwrap().kind;
        assert_eq!(kind("Scaled up replica set a-1 from 0 to 2"), EventKind::RolledOut);
        assert_eq!(kind("Scaled up replica set a-1 from 2 to 3"), EventKind::Scaled);
        assert_eq!(kind("Scaled down replica set a-0 from 2 to 0"), EventKind::Scaled);
    }
}
