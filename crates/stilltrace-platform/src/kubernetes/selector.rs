//! Label selectors of Kubernetes, with exact values and expressions.

use crate::field::Field;
use crate::labels::selects;
use crate::workloads::Pods;

/// Whether the selector matches the pods; an empty one matches all.
pub(super) fn is_selected(selector: &Field<'_>, pods: &Pods<'_>) -> bool {
    let labels = selector.get("matchLabels").map(|field| field.labels()).unwrap_or_default();
    selects(&labels, &pods.labels) && expressions_hold(selector, pods)
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
