//! `PodDisruptionBudget`.

use std::collections::BTreeMap;

use stilltrace_model::{DisruptionBudget, Setting};

use crate::field::Field;
use crate::inventory::Inventory;
use crate::labels::selects;
use crate::source::Source;
use crate::workloads::Pods;

/// Budgets by namespace, oldest first.
pub(super) type Budgets<'a> = BTreeMap<&'a str, Vec<&'a Source>>;

/// All budgets.
pub(super) fn budgets<'a>(inventory: &Inventory<'a>) -> Budgets<'a> {
    let mut found = Budgets::new();
    for source in inventory.of("policy", "PodDisruptionBudget") {
        found.entry(source.namespace()).or_default().push(source);
    }
    found
}

/// Budgets of the namespace whose selector matches the pods. Without a selector a budget matches
/// nothing; an empty one matches every pod (`policy/v1`).
pub(super) fn of(pods: &Pods<'_>, budgets: &Budgets<'_>) -> Vec<DisruptionBudget> {
    let mut found = Vec::new();
    for source in budgets.get(pods.id.namespace.as_str()).into_iter().flatten() {
        let Some(spec) = source.spec() else { continue };
        let Some(selector) = spec.get("selector") else { continue };
        let labels = selector.get("matchLabels").map(|field| field.labels()).unwrap_or_default();
        if !selects(&labels, &pods.labels) || !expressions_hold(&selector, pods) {
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
