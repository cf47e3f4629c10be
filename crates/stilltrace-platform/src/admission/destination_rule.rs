//! DestinationRule.

use std::collections::BTreeSet;

use super::check::Check;
use super::names::{self, Exported};
use super::{patterns, traffic_policy, values};
use crate::field::Field;

/// Judges the specification of a DestinationRule.
pub(super) fn judge(spec: &Field<'_>, check: &mut Check<'_>) {
    match spec.get("host") {
        Some(host) => names::host(&host, check),
        None => check.refuse(spec, "`host` is required"),
    }
    traffic_policy::judge(spec, check);
    let mut seen = BTreeSet::new();
    for subset in spec.list("subsets") {
        let name = values::text(&subset, "name");
        if !seen.insert(name) {
            check.refuse(&subset, format!("there is a subset `{name}` already"));
        }
        if !patterns::is_label(name) {
            check.refuse(&subset, format!("`{name}` cannot be the name of a subset"));
        }
        names::labels(subset.get("labels").as_ref(), check);
        traffic_policy::judge(&subset, check);
    }
    let selector = spec.get("workloadSelector");
    let kind = if selector.is_some() { Exported::Selecting } else { Exported::Plain };
    names::export_to(spec, kind, check);
    names::selector(selector.and_then(|selector| selector.get("matchLabels")).as_ref(), check);
}
