//! `topologySpreadConstraints` of a pod template.

use stilltrace_model::{Setting, TopologySpread};

use super::number;
use crate::defaults;
use crate::workloads::Pods;

/// The rules that the pod template writes, in its order.
pub(super) fn of(pods: &Pods<'_>) -> Vec<TopologySpread> {
    let Some(spec) = pods.template.get("spec") else { return Vec::new() };
    let rules = spec.list("topologySpreadConstraints");
    rules
        .iter()
        .filter_map(|rule| {
            let key = rule.get("topologyKey")?;
            let strict = rule
                .get("whenUnsatisfiable")
                .and_then(|field| Some(field.setting(field.text()? != "ScheduleAnyway")));
            Some(TopologySpread {
                key: key.setting(key.text()?.to_owned()),
                max_skew: number(rule, &["maxSkew"], 1),
                strict: strict.unwrap_or_else(|| Setting::default_of(true, defaults::KUBERNETES)),
            })
        })
        .collect()
}
