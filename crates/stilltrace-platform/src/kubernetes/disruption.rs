//! `PodDisruptionBudget`.

use std::collections::BTreeMap;

use stilltrace_model::{DisruptionBudget, Setting};

use super::selector::is_selected;
use crate::field::Field;
use crate::inventory::Inventory;
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
        if !is_selected(&selector, pods) {
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
