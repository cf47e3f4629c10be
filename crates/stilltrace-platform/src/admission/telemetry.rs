//! Telemetry.

use super::check::Check;
use super::{names, values};
use crate::field::Field;

/// Judges the specification of a Telemetry.
pub(super) fn judge(spec: &Field<'_>, check: &mut Check<'_>) {
    let attached = ["selector", "targetRef"].iter().filter(|key| spec.get(key).is_some()).count();
    if attached + usize::from(values::has_items(spec, "targetRefs")) > 1 {
        check.refuse(spec, "only one of selector, targetRef and targetRefs can be given");
    }
    names::selector(spec.at(&["selector", "matchLabels"]).as_ref(), check);
    for list in ["metrics", "tracing", "accessLogging"] {
        for entry in spec.list(list) {
            for provider in entry.list("providers") {
                if !values::is_set(&provider, "name") {
                    check.refuse(&provider, "a provider needs a name");
                }
            }
        }
    }
    for entry in spec.list("tracing") {
        values::percentage(entry.get("randomSamplingPercentage"), f64::MIN_POSITIVE, check);
    }
    for entry in spec.list("metrics") {
        overrides(&entry, check);
    }
}

fn overrides(metrics: &Field<'_>, check: &mut Check<'_>) {
    for entry in metrics.list("overrides") {
        for (_, tag) in entry.get("tagOverrides").map(|map| map.entries()).unwrap_or_default() {
            let removes = values::text(&tag, "operation") == "REMOVE";
            let valued = values::is_set(&tag, "value");
            if removes == valued {
                check.refuse(&tag, "a tag needs a value, unless its operation is REMOVE");
            }
        }
    }
}
