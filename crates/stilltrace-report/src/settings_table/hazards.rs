//! Hazards beside the edges and workloads on which they sit.

use serde_json::Value;

use super::{items, value};
use crate::page::{Page, Span, Tone};

/// Those on the calls of a workload to one `host|port`.
pub(super) fn of_edge<'d>(
    document: &'d Value,
    workload: &'d str,
    target: &'d str,
) -> impl Iterator<Item = &'d Value> {
    let host = target.split('|').next().unwrap_or_default();
    all(document).filter(move |hazard| {
        let text = |name: &str| hazard.get(name).and_then(Value::as_str);
        let on_edge = text("edge") == Some(target) && text("workload") == Some(workload);
        let concerned = items(hazard.get("workloads")).iter().any(|one| one == workload);
        on_edge || concerned && text("host") == Some(host)
    })
}

/// Those on a workload as a whole.
pub(super) fn of_workload<'d>(
    document: &'d Value,
    workload: &'d str,
) -> impl Iterator<Item = &'d Value> {
    all(document).filter(move |hazard| {
        hazard.get("service").is_none()
            && hazard.get("workload").and_then(Value::as_str).is_none_or(|own| own == workload)
    })
}

/// Those that concern only workloads that the document has no settings of, such as ambient ones.
pub(super) fn of_others(document: &Value) -> impl Iterator<Item = &Value> {
    let is_shown = |name: &Value| {
        let shown = document.get("workloads").and_then(Value::as_object);
        name.as_str().is_some_and(|name| shown.is_some_and(|shown| shown.contains_key(name)))
    };
    all(document).filter(move |hazard| {
        let clients = items(hazard.get("workloads"));
        // That of a call stands at the call, whoever else it concerns.
        let caller_is_shown = hazard.get("workload").is_some_and(is_shown);
        !clients.is_empty() && !clients.iter().any(is_shown) && !caller_is_shown
    })
}

fn all(document: &Value) -> impl Iterator<Item = &Value> {
    items(document.get("hazards")).iter()
}

/// What can happen, where, what to do about it, and the name under which more is told.
pub(super) fn write<'d>(page: &mut Page, hazards: impl Iterator<Item = &'d Value>) {
    for hazard in hazards {
        let text = |name: &str| hazard.get(name).and_then(Value::as_str);
        let mut said = text("message").unwrap_or_default().to_owned();
        if let Some(place) = value::place(hazard) {
            said.extend([format!(" ({place})")]);
        }
        if let Some(remedy) = text("remedy") {
            said.extend([format!("; {remedy}")]);
        }
        said.extend([format!(" [{}]", text("mechanism").unwrap_or_default())]);
        page.paragraph(&[Span::new(Tone::Bad, "hazard  ")], 8, &[Span::plain(said)]);
    }
}
