//! Controllers that shift traffic between versions: Flagger and Argo Rollouts.
//!
//! They write into the mesh's objects while a release runs, so that Git holds what is in effect only
//! between releases, or not at all. What they write is named, with the line that lets them.

use crate::field::Field;
use crate::inventory::Inventory;
use crate::pod_template::ROLLOUTS;
use crate::source::Source;

/// Names what such controllers write.
pub(super) fn report(inventory: &Inventory<'_>) {
    for canary in inventory.of("flagger.app", "Canary") {
        flagger(canary);
    }
    for rollout in inventory.of(ROLLOUTS, "Rollout") {
        rollouts(rollout);
    }
}

/// Flagger copies the target to `NAME-primary` and writes services and routes for both (its
/// documentation, "How it works"; provider Istio is the default of its mesh installation).
fn flagger(canary: &Source) {
    let Some(target) = canary.field().at(&["spec", "targetRef"]) else { return };
    let Some(name) = target.get("name").and_then(|field| field.text()) else { return };
    let kind = target.get("kind").and_then(|field| field.text()).unwrap_or("Deployment");
    let service = canary.field().at(&["spec", "service", "name"]);
    let service = service.as_ref().and_then(Field::text).unwrap_or(name);
    let namespace = canary.namespace();
    canary.gaps.add(
        format!(
            "{}: Flagger runs {kind} {namespace}/{name} as {name}-primary and writes the Services \
             {service}, {service}-primary and {service}-canary, the VirtualService {service} and \
             DestinationRules itself",
            target.node().mark
        ),
        format!(
            "what Git holds for {namespace}/{service} is not what proxies get: pods, routes, weights \
             and policies of {} are not part of the answer",
            canary.id
        ),
        "read what is in the cluster: export those objects and add them to what is read",
    );
}

/// Argo Rollouts sets weights of the virtual service, and labels of subsets and selectors.
fn rollouts(rollout: &Source) {
    let canary = rollout.field().at(&["spec", "strategy", "canary"]);
    let Some(istio) = canary.as_ref().and_then(|canary| canary.at(&["trafficRouting", "istio"]))
    else {
        return;
    };
    let mut written: Vec<String> = Vec::new();
    let several = istio.list("virtualServices");
    for entry in istio.get("virtualService").into_iter().chain(several) {
        let name = entry.get("name").and_then(|field| field.text());
        written.extend(name.map(|name| format!("the weights of VirtualService {name}")));
    }
    let rule = istio.at(&["destinationRule", "name"]);
    let rule = rule.as_ref().and_then(Field::text);
    written.extend(rule.map(|name| format!("the subset labels of DestinationRule {name}")));
    for key in ["stableService", "canaryService"] {
        let service = canary.as_ref().and_then(|canary| canary.get(key));
        let service = service.as_ref().and_then(Field::text);
        written.extend(service.map(|name| format!("the selector of Service {name}")));
    }
    if written.is_empty() {
        return;
    }
    rollout.gaps.add(
        format!("{}: Argo Rollouts writes {}", istio.node().mark, written.join(", ")),
        format!(
            "while {} releases, they are not what Git holds: Git's values are in effect before \
             and after",
            rollout.id
        ),
        "for a time during a release, read the objects of the cluster",
    );
}
