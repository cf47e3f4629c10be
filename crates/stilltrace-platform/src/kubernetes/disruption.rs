//! `PodDisruptionBudget`.

use stilltrace_model::{DisruptionBudget, Setting};

use crate::field::Field;
use crate::inventory::Inventory;
use crate::labels::selects;
use crate::workloads::Pods;

/// Budgets of the namespace whose selector matches the pods. Without a selector a budget matches
/// nothing; an empty one matches every pod (`policy/v1`).
pub(super) fn of(pods: &Pods<'_>, inventory: &Inventory<'_>) -> Vec<DisruptionBudget> {
    let mut found = Vec::new();
    for source in inventory.of("policy", "PodDisruptionBudget") {
        let Some(spec) = source.spec() else { continue };
        let Some(selector) = spec.get("selector") else { continue };
        let labels = selector.get("matchLabels").map(|field| field.labels()).unwrap_or_default();
        if source.namespace() != pods.id.namespace
            || !selects(&labels, &pods.labels)
            || !expressions_hold(&selector, pods)
        {
            continue;
        }
        found.push(DisruptionBudget {
            origin: source.origin(),
            min_available: amount(&spec, "minAvailable"),
            max_unavailable: amount(&spec, "maxUnavailable"),
        });
    }
    found
}

fn amount(spec: &Field<'_>, key: &str) -> Option<Setting<String>> {
    let field = spec.get(key)?;
    Some(field.setting(field.text()?.to_owned()))
}

/// Whether every entry of `matchExpressions` holds for the pods.
fn expressions_hold(selector: &Field<'_>, pods: &Pods<'_>) -> bool {
    selector.list("matchExpressions").iter().all(|entry| {
        let text = |key: &str| entry.get(key).and_then(|field| field.text()).unwrap_or_default();
        let values = entry.get("values").map(|list| list.texts()).unwrap_or_default();
        let own = pods.labels.get(text("key")).map(String::as_str);
        match text("operator") {
            "In" => own.is_some_and(|own| values.contains(&own)),
            "NotIn" => own.is_none_or(|own| !values.contains(&own)),
            "Exists" => own.is_some(),
            "DoesNotExist" => own.is_none(),
            _ => false,
        }
    })
}
