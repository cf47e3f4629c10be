//! Labels and selectors.

use std::collections::BTreeMap;

/// Labels of an object or a selector of exact values.
pub(crate) type Labels = BTreeMap<String, String>;

/// Whether every label of `selector` is among `labels`; an empty selector selects everything.
pub(crate) fn selects(selector: &Labels, labels: &Labels) -> bool {
    selector.iter().all(|(key, value)| labels.get(key) == Some(value))
}
