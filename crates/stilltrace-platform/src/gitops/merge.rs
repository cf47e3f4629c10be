//! Merging of values that keeps every line (RFC 7386).

use stilltrace_manifest::{Node, Value};

/// Puts `patch` over `base`: mappings are merged, nulls remove, everything else replaces.
///
/// The depth is bounded by the budget of the parser.
pub(crate) fn overlay(base: &mut Node, patch: &Node) {
    let both = matches!((&base.value, &patch.value), (Value::Mapping(_), Value::Mapping(_)));
    if !both {
        let mut patch = patch.clone();
        drop_nulls(&mut patch);
        return base.override_with(patch);
    }
    for entry in patch.entries() {
        if entry.value.is_null() {
            base.remove(&entry.key);
        } else if let Some(old) = base.get_mut(&entry.key) {
            overlay(old, &entry.value);
        } else {
            let mut value = entry.value.clone();
            drop_nulls(&mut value);
            base.set(&entry.key, &entry.key_mark, value);
        }
    }
}

fn drop_nulls(node: &mut Node) {
    if let Some(entries) = node.entries_mut() {
        entries.retain(|entry| !entry.value.is_null());
        for entry in entries {
            drop_nulls(&mut entry.value);
        }
    }
}
