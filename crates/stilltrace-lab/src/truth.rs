//! `truth.json`: what the run was made to show. The product never reads it.

use serde_json::{Value, json};

use crate::gitops::WindowCommit;
use crate::record::{Figures, service_id, victim};
use crate::run::Run;

/// The truth of a run as JSON text; `None` if the change was not written though it should be.
pub(crate) fn of(run: &Run, figures: &Figures) -> Option<Vec<u8>> {
    let mut change = None;
    let mut decoys = Vec::new();
    for (slot, commit) in run.slots.iter().zip(&run.repository.window) {
        match (slot.decoy, commit) {
            (None, commit) => change = commit.as_ref(),
            (Some(_), Some(commit)) => decoys.push(place(commit)),
            (Some(_), None) => {}
        }
    }
    let expected = &run.incident.scenario.expect;
    let (verdict, causes) = if run.options.control {
        ("no-anomaly", Vec::new())
    } else {
        let mut cause = place(change?);
        cause["mechanism"] = expected.mechanism.clone().into();
        cause["edge"] = edge(run);
        (expected.verdict.as_str(), vec![cause])
    };
    let truth = json!({
        "verdict": verdict,
        "causes": causes,
        "victim": victim(run).to_string(),
        "hidden_in_15s": figures.hidden_in_15s,
        "decoys": decoys,
    });
    let mut text = serde_json::to_vec_pretty(&truth).ok()?;
    text.push(b'\n');
    Some(text)
}

/// The line that a commit changed.
fn place(commit: &WindowCommit) -> Value {
    json!({
        "object": {
            "apiVersion": commit.object.api_version,
            "kind": commit.object.kind,
            "namespace": commit.object.namespace,
            "name": commit.object.name,
        },
        "field": commit.field,
        "path": commit.path,
        "line": commit.line,
        "side": "after",
        "commit": commit.revision.commit,
    })
}

/// The edge at fault, if the scenario names one.
fn edge(run: &Run) -> Value {
    let Some(edge) = &run.incident.scenario.expect.edge else { return Value::Null };
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
