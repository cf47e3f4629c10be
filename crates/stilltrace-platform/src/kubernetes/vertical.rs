//! `VerticalPodAutoscaler`: whose containers do not have the amounts that Git says.
//!
//! Its admission webhook overwrites requests, and limits in proportion, of the pods of its target,
//! unless `updateMode` is `Off` or a container's policy says so (autoscaler 1.5, its API reference).

use crate::field::Field;
use crate::inventory::Inventory;
use crate::source::Source;

/// Names the workloads whose amounts are decided while they run.
pub(super) fn report(inventory: &Inventory<'_>) {
    for source in inventory.of("autoscaling.k8s.io", "VerticalPodAutoscaler") {
        overwritten(source);
    }
}

fn overwritten(source: &Source) {
    let Some(spec) = source.spec() else { return };
    let Some(target) = spec.get("targetRef") else { return };
    let text = |key: &str| target.get(key).and_then(|field| field.text());
    let Some(name) = text("name") else { return };
    let kind = text("kind").unwrap_or("Deployment");
    let mode = spec.at(&["updatePolicy", "updateMode"]);
    let mode_name = mode.as_ref().and_then(Field::text).unwrap_or("Auto");
    let policies = spec.at(&["resourcePolicy"]).map(|block| block.list("containerPolicies"));
    let policies = policies.unwrap_or_default();
    let left_alone = |policy: &&Field<'_>| says(policy, "mode", "Off");
    let spared: Vec<&str> = policies.iter().filter(left_alone).filter_map(container).collect();
    if mode_name == "Off" || spared.contains(&"*") && policies.len() == spared.len() {
        return;
    }
    let requests_only = policies
        .iter()
        .any(|own| container(own) == Some("*") && says(own, "controlledValues", "RequestsOnly"));
    let values = if requests_only { "requests" } else { "requests and limits" };
    let except = match spared.as_slice() {
        [] => String::new(),
        some => format!(", except of {}", some.join(", ")),
    };
    let line = mode.as_ref().unwrap_or(&target);
    source.gaps.add(
        format!(
            "{}: {} sets {values} of {kind} {}/{name} while it runs{except} (updateMode {mode_name})",
            line.node().mark,
            source.id,
            source.namespace()
        ),
        "its containers run with what the recommender says; shown is what Git writes",
        "read the amounts of the running pods, or set updateMode: \"Off\"",
    );
}

fn container<'a>(policy: &Field<'a>) -> Option<&'a str> {
    policy.get("containerName")?.text()
}

fn says(policy: &Field<'_>, key: &str, expected: &str) -> bool {
    policy.get(key).and_then(|field| field.text()) == Some(expected)
}
