//! `HorizontalPodAutoscaler` and KEDA's `ScaledObject`, which creates one.

use std::collections::BTreeMap;

use stilltrace_model::{Autoscaler, Setting, Workload};

use super::number;
use crate::defaults;
use crate::field::Field;
use crate::inventory::Inventory;
use crate::source::Source;
use crate::workloads::Pods;

/// Objects by namespace, kind and name of what they scale; the oldest of each.
type Scalers<'a> = BTreeMap<(&'a str, &'a str, &'a str), &'a Source>;

/// Every object that decides the number of some pods.
pub(super) struct Autoscalers<'a> {
    horizontal: Scalers<'a>,
    keda: Scalers<'a>,
}

impl<'a> Autoscalers<'a> {
    /// Sorts the objects by what they scale.
    pub(super) fn new(inventory: &Inventory<'a>) -> Self {
        let all = inventory.of("autoscaling", "HorizontalPodAutoscaler");
        let mut horizontal = by_target(all);
        for disputed in report_disputes(all, &horizontal) {
            horizontal.remove(&disputed);
        }
        Self { horizontal, keda: by_target(inventory.of("keda.sh", "ScaledObject")) }
    }

    /// Who decides the number of these pods. Where several `HorizontalPodAutoscaler` objects claim
    /// to, none does.
    pub(super) fn of(&self, pods: &Pods<'_>) -> Option<Autoscaler> {
        let id = &pods.source.id;
        let key = (pods.id.namespace.as_str(), id.kind.as_str(), pods.id.name.as_str());
        match self.horizontal.get(&key) {
            Some(source) => horizontal(source),
            None => self.keda.get(&key).and_then(|source| keda(source)),
        }
    }
}

fn by_target<'a>(oldest_first: &[&'a Source]) -> Scalers<'a> {
    let mut found = Scalers::new();
    for source in oldest_first {
        if let Some(target) = target(source) {
            found.entry(target).or_insert(source);
        }
    }
    found
}

/// Namespace, kind and name of what an object scales.
fn target(source: &Source) -> Option<(&str, &str, &str)> {
    let target = source.field().at(&["spec", "scaleTargetRef"])?;
    let text = |key: &str| target.get(key).and_then(|field| field.text());
    Some((source.namespace(), text("kind").unwrap_or("Deployment"), text("name")?))
}

/// Names every second `HorizontalPodAutoscaler` of one target, and gives the targets: the controller
/// then lets none of them scale (condition `AmbiguousSelector`, Kubernetes 1.27 and later).
fn report_disputes<'a>(
    all: &[&'a Source],
    first: &Scalers<'a>,
) -> Vec<(&'a str, &'a str, &'a str)> {
    let mut disputed = Vec::new();
    for source in all {
        let Some(target) = target(source) else { continue };
        let Some(other) = first.get(&target).filter(|first| first.id != source.id) else {
            continue;
        };
        let (namespace, kind, name) = target;
        source.gaps.add(
            format!(
                "{}: {} and {} both scale {kind} {namespace}/{name}",
                source.origin(),
                source.id,
                other.id
            ),
            "Kubernetes lets neither of them scale (AmbiguousSelector): the number of pods stays as \
             it is",
            "keep one of them; one object takes several metrics",
        );
        disputed.push(target);
    }
    disputed
}

fn horizontal(source: &Source) -> Option<Autoscaler> {
    let spec = source.spec()?;
    let mut targets: Vec<(String, Setting<String>)> =
        spec.list("metrics").iter().filter_map(metric).collect();
    // The first version of the API knows CPU only.
    if let Some(field) = spec.get("targetCPUUtilizationPercentage")
        && let Some(percent) = field.count()
    {
        targets.push(("Resource cpu".to_owned(), field.setting(format!("{percent}%"))));
    }
    if targets.is_empty() {
        let target = Setting::default_of("80%".to_owned(), defaults::KUBERNETES);
        targets.push(("Resource cpu".to_owned(), target));
    }
    Some(Autoscaler {
        origin: source.origin(),
        min: number(&spec, &["minReplicas"], 1),
        max: number(&spec, &["maxReplicas"], 1),
        targets,
    })
}

/// One entry of `metrics`: its kind and name, and the target as written.
fn metric(entry: &Field<'_>) -> Option<(String, Setting<String>)> {
    let kind = entry.get("type")?.text()?;
    let mut key = kind.to_owned();
    if let Some(first) = key.get_mut(..1) {
        first.make_ascii_lowercase();
    }
    let block = entry.get(&key)?;
    let name = block.get("name").or_else(|| block.at(&["metric", "name"]));
    let mut name = name.and_then(|field| field.text()).unwrap_or_default().to_owned();
    if let Some(container) = block.get("container").and_then(|field| field.text()) {
        name = format!("{name} of {container}");
    }
    let target = block.get("target")?;
    let shown = [("averageUtilization", "%"), ("averageValue", " per pod"), ("value", "")];
    let (field, unit) = shown.iter().find_map(|(key, unit)| Some((target.get(key)?, *unit)))?;
    let text = field.text()?;
    Some((format!("{kind} {name}").trim_end().to_owned(), field.setting(format!("{text}{unit}"))))
}

fn keda(source: &Source) -> Option<Autoscaler> {
    let spec = source.spec()?;
    let bound = |key: &str, default: u32| {
        let written = spec.get(key).and_then(|field| Some(field.setting(field.count()?)));
        written.unwrap_or_else(|| Setting::default_of(default, defaults::KEDA))
    };
    let trigger = |entry: &Field<'_>| {
        let kind = entry.get("type")?;
        Some((format!("trigger {}", kind.text()?), kind.setting("as the trigger says".to_owned())))
    };
    Some(Autoscaler {
        origin: source.origin(),
        min: bound("minReplicaCount", 0),
        max: bound("maxReplicaCount", 100),
        targets: spec.list("triggers").iter().filter_map(trigger).collect(),
    })
}

/// Names the written percentages that cannot be computed: a share of all requests of a pod needs a request
/// of every container, the proxy's included (`calculatePodRequests` of the autoscaler, 1.36).
pub(super) fn report_blind(workload: &Workload, pods: &Pods<'_>) {
    let Some(scaler) = &workload.pod_rules.autoscaler else { return };
    if pods.template.at(&["spec", "resources", "requests"]).is_some() {
        return;
    }
    for (metric, target) in &scaler.targets {
        let missing = match metric.as_str() {
            "Resource cpu" => workload.without_cpu_request(),
            "Resource memory" => workload.without_memory_request(),
            _ => Vec::new(),
        };
        if missing.is_empty() || !target.is_written() || !target.value.ends_with('%') {
            continue;
        }
        let Some(place) = target.origin.location() else { continue };
        pods.source.gaps.add(
            format!(
                "{place}: {} of {metric} has no meaning for {}: {} has no request",
                target.value,
                pods.source.id,
                missing.join(", ")
            ),
            "the percentage is of the requests of all containers, the proxy's included; where one \
             has none, the metric scales nothing",
            "write a request for every container, or measure one (ContainerResource)",
        );
    }
}
