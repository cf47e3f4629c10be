//! `topologySpreadConstraints` of a pod template.

use stilltrace_model::{Setting, TopologySpread};

use super::number;
use super::selector::is_selected;
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

/// Names the rules that count none of the pods that they are written for: without a selector a rule
/// counts nothing (`topologySpreadConstraints.labelSelector`).
pub(super) fn report_useless(pods: &Pods<'_>) {
    let Some(spec) = pods.template.get("spec") else { return };
    for rule in spec.list("topologySpreadConstraints") {
        let selector = rule.get("labelSelector");
        if selector.as_ref().is_some_and(|selector| is_selected(selector, pods)) {
            continue;
        }
        let why = if selector.is_some() { "matches other labels" } else { "is absent" };
        pods.source.gaps.add(
            format!(
                "{}: the rule counts none of the pods of {}: its labelSelector {why}",
                rule.node().mark,
                pods.source.id
            ),
            "a topology spread that counts no pods spreads nothing",
            "select the labels of the pod template",
        );
    }
}
