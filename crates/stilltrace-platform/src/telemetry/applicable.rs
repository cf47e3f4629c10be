//! Which `Telemetry` objects apply to a proxy, and in which order.
//!
//! Of the objects of a namespace that select nothing the oldest applies alone. Those that select the
//! pods, or name their gateway, all apply after it, the youngest last, so that its word counts.

use crate::age::{report_undecided, report_undecided_by};
use crate::field::Field;
use crate::gateway_api::GATEWAY_NAME;
use crate::inventory::Inventory;
use crate::labels::selects;
use crate::source::Source;
use crate::workloads::Pods;

/// How Istio decides between objects that select the same pods.
const YOUNGEST: &str = "Istio lets the youngest Telemetry that selects a pod have the last word";
/// The lists of a `Telemetry` that the answer shows.
const LISTS: [&str; 2] = ["tracing", "accessLogging"];

/// Specifications of the objects that apply, the broadest first.
pub(super) fn levels<'a>(
    pods: &Pods<'_>,
    inventory: &Inventory<'a>,
    root_namespace: &str,
) -> Vec<Field<'a>> {
    let objects = inventory.of("telemetry.istio.io", "Telemetry");
    let own = pods.id.namespace.as_str();
    let mut levels: Vec<Field<'a>> = broad(objects, root_namespace).into_iter().collect();
    if own != root_namespace {
        levels.extend(broad(objects, own));
    }
    levels.extend(specific(objects, pods));
    levels
}

/// The oldest object of a namespace for all its pods.
fn broad<'a>(objects: &[&'a Source], namespace: &str) -> Option<Field<'a>> {
    let here = objects.iter().filter(|source| source.namespace() == namespace);
    let mut open = here.filter_map(|source| Some((*source, source.spec()?)));
    let (first, spec) = open.find(|(_, spec)| is_open(spec))?;
    for (other, _) in open.filter(|(_, spec)| is_open(spec)) {
        report_undecided(first, other, "only one Telemetry applies to a whole namespace");
    }
    Some(spec)
}

/// The objects of the pods' namespace that are for these pods, the oldest first.
fn specific<'a>(objects: &[&'a Source], pods: &Pods<'_>) -> Vec<Field<'a>> {
    let here = objects.iter().filter(|source| source.namespace() == pods.id.namespace);
    let specs = here.filter_map(|source| Some((*source, source.spec()?)));
    let meant: Vec<(&Source, Field<'a>)> =
        specs.filter(|(_, spec)| !is_open(spec) && is_for(spec, pods)).collect();
    for (index, (older, spec)) in meant.iter().enumerate() {
        let mut later = meant.iter().skip(index + 1);
        let both_speak = |other: &Field<'_>| {
            LISTS.iter().any(|list| spec.get(list).is_some() && other.get(list).is_some())
        };
        if let Some((younger, _)) = later.find(|(_, other)| both_speak(other)) {
            let about = "both select the same pods";
            report_undecided_by(older, younger, about, YOUNGEST);
        }
    }
    meant.into_iter().map(|(_, spec)| spec).collect()
}

/// Whether an object is for the whole namespace.
fn is_open(spec: &Field<'_>) -> bool {
    let selector = spec.at(&["selector", "matchLabels"]).map(|labels| labels.labels());
    selector.is_none_or(|labels| labels.is_empty()) && targets(spec).is_empty()
}

/// What an object is attached to.
fn targets<'a>(spec: &Field<'a>) -> Vec<Field<'a>> {
    let several = spec.list("targetRefs");
    if several.is_empty() { spec.get("targetRef").into_iter().collect() } else { several }
}

/// Whether an object that is not for the whole namespace is for these pods of its namespace. Only
/// gateways of the Gateway API are attached to by name (`ShouldAttachPolicy`).
fn is_for(spec: &Field<'_>, pods: &Pods<'_>) -> bool {
    let targets = targets(spec);
    if targets.is_empty() {
        let selector = spec.at(&["selector", "matchLabels"]).map(|labels| labels.labels());
        return selector.is_none_or(|labels| selects(&labels, &pods.labels));
    }
    let Some(gateway) = pods.labels.get(GATEWAY_NAME) else { return false };
    targets.iter().any(|target| {
        let text = |key: &str| target.get(key).and_then(|field| field.text()).unwrap_or_default();
        text("group") == "gateway.networking.k8s.io"
            && text("kind") == "Gateway"
            && text("name") == gateway
            && ["", pods.id.namespace.as_str()].contains(&text("namespace"))
    })
}
