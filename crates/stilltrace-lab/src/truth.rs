//! `truth.json`: what the run was made to show. The product never reads it.

use serde_json::{Value, json};

use crate::gitops::WindowCommit;
use crate::record::{Figures, service_id, victim};
use crate::run::{Run, Slot};
use crate::scenario::{ExpectedEdge, Part};
use stilltrace_model::Timestamp;

/// The truth of a run as JSON text; `None` if a change was not written though it should be.
pub(crate) fn of(run: &Run, figures: &Figures) -> Option<Vec<u8>> {
    let scenario = &run.incident.scenario;
    let planted = scenario.causes();
    let (mut causes, mut decoys) = (Vec::new(), Vec::new());
    for (slot, commit) in run.slots.iter().zip(&run.repository.window) {
        match slot.part {
            Part::Decoy(_) => decoys.extend(commit.as_ref().map(place)),
            Part::Cause(_) if run.options.control => {}
            Part::Cause(index) => {
                let cause = planted.get(index)?;
                let commit = commit.as_ref()?;
                let mut told = if cause.change.live { live(commit, slot) } else { place(commit) };
                told["mechanism"] = cause.mechanism.into();
                told["edge"] = cause.edge.map_or(Value::Null, |found| edge(run, found));
                causes.push(told);
            }
        }
    }
    let expected = &scenario.expect;
    let verdict = if run.options.control { "no-anomaly" } else { expected.verdict.as_str() };
    match verdict {
        "no-anomaly" => causes.clear(),
        "not-the-platform" if causes.is_empty() => {
            causes.push(json!({"mechanism": expected.mechanism, "path": null}));
        }
        _ => {}
    }
    let truth = json!({
        "verdict": verdict,
        "causes": causes,
        "victim": victim(run).to_string(),
        // Without a control nobody can claim it.
        "hidden_in_15s": figures.hidden_in_15s.unwrap_or(false),
        "decoys": decoys,
    });
    let mut text = serde_json::to_vec_pretty(&truth).ok()?;
    text.push(b'\n');
    Some(text)
}

/// The line that a commit changed. One that it took away stands in the commit before it.
fn place(commit: &WindowCommit) -> Value {
    let at = &commit.revision.commit;
    let mut place = json!({
        "object": object(commit),
        "field": commit.field,
        "path": commit.path,
        "line": commit.line,
        "side": if commit.removed { "before" } else { "after" },
        "commit": if commit.removed { &commit.parent } else { at },
    });
    if commit.removed {
        place["removed_by"] = at.as_str().into();
    }
    place
}

/// The object that somebody changed by hand.
fn live(commit: &WindowCommit, slot: &Slot) -> Value {
    let time = slot.in_effect_ms.map(|at| Timestamp(at).to_string());
    json!({
        "path": null,
        "field": commit.field,
        "live": {"object": object(commit), "manager": "kubectl-edit", "time": time},
    })
}

fn object(commit: &WindowCommit) -> Value {
    json!({
        "apiVersion": commit.object.api_version,
        "kind": commit.object.kind,
        "namespace": commit.object.namespace,
        "name": commit.object.name,
    })
}

/// An edge at fault.
fn edge(run: &Run, edge: &ExpectedEdge) -> Value {
    let destination = service_id(run, &edge.destination);
    let gateway = &run.incident.topology.gateway;
    let source = if edge.source == "gateway" {
        format!("{}/{}", gateway.namespace, gateway.name)
    } else {
        service_id(run, &edge.source).to_string()
    };
    let port = run
        .incident
        .topology
        .service(&destination.namespace, &destination.name)
        .map(|service| service.port);
    json!({"source": source, "destination": destination.to_string(), "port": port})
}
