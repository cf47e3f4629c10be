//! Which gaps touch what was asked: people see the first few only.

use std::collections::BTreeSet;

use serde_json::Value;
use stilltrace_model::{Bearing, Platform};

use super::Arguments;

/// Puts the gaps first that the whole answer is about, then those that name a file behind it, or
/// what was typed; apart from that the order stays.
pub(super) fn first(document: &mut Value, platform: &Platform, arguments: &Arguments) {
    let whole = platform.gaps.iter().take_while(|gap| gap.bearing == Bearing::Answer).count();
    let mut names = BTreeSet::new();
    files(document.get("workloads").unwrap_or(&Value::Null), &mut names);
    for typed in [&arguments.source, &arguments.destination].into_iter().flatten() {
        names.insert(typed.split(':').next().unwrap_or(typed).to_owned());
    }
    names.retain(|name| !name.is_empty() && name != "*");
    let Some(gaps) = document.get_mut("gaps").and_then(Value::as_array_mut) else { return };
    let touches = |gap: &Value| {
        let what = gap.get("what").and_then(Value::as_str).unwrap_or_default();
        names.iter().any(|name| what.contains(name.as_str()))
    };
    if let Some(rest) = gaps.get_mut(whole..) {
        rest.sort_by_cached_key(|gap| !touches(gap));
    }
}

/// The files that origins name.
fn files(value: &Value, found: &mut BTreeSet<String>) {
    let mut pending = vec![value];
    while let Some(value) = pending.pop() {
        match value {
            Value::Object(fields) => {
                if let (Some(Value::String(path)), true) =
                    (fields.get("path"), fields.contains_key("line"))
                {
                    found.insert(path.clone());
                }
                pending.extend(fields.values());
            }
            Value::Array(items) => pending.extend(items),
            _ => {}
        }
    }
}
