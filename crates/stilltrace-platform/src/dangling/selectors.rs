//! Selectors that select no pod.

use std::collections::{BTreeMap, BTreeSet};

use stilltrace_manifest::schema::nearest_value;
use stilltrace_manifest::yaml::Text;

use crate::field::Field;
use crate::gaps::Gaps;
use crate::inventory::Inventory;
use crate::labels::{Labels, selects};
use crate::source::Source;
use crate::workloads;

/// Kinds of the mesh by group, with the path of their selector and whether an object of the root
/// namespace selects in all namespaces.
const KINDS: [(&str, &str, &[&str], bool); 11] = [
    ("networking.istio.io", "Gateway", &["spec", "selector"], true),
    ("networking.istio.io", "Sidecar", &["spec", "workloadSelector", "labels"], false),
    ("networking.istio.io", "EnvoyFilter", &["spec", "workloadSelector", "labels"], true),
    ("networking.istio.io", "DestinationRule", &["spec", "workloadSelector", "matchLabels"], false),
    ("networking.istio.io", "ProxyConfig", &["spec", "selector", "matchLabels"], false),
    ("networking.istio.io", "ServiceEntry", &["spec", "workloadSelector", "labels"], false),
    ("security.istio.io", "PeerAuthentication", &["spec", "selector", "matchLabels"], false),
    ("security.istio.io", "RequestAuthentication", &["spec", "selector", "matchLabels"], true),
    ("security.istio.io", "AuthorizationPolicy", &["spec", "selector", "matchLabels"], true),
    ("telemetry.istio.io", "Telemetry", &["spec", "selector", "matchLabels"], true),
    ("extensions.istio.io", "WasmPlugin", &["spec", "selector", "matchLabels"], true),
];

/// What pods and machines are labelled with, by namespace.
type Candidates = BTreeMap<String, Vec<Labels>>;

/// Names selectors of the mesh's objects and of services. Where no pod at all was read, none can
/// select anything, which is said elsewhere.
pub(super) fn report(inventory: &Inventory<'_>, root: &str, gaps: &Gaps) {
    let candidates = candidates(inventory);
    if candidates.is_empty() {
        return;
    }
    for (group, kind, path, root_reaches_all) in KINDS {
        let mut idle = Vec::new();
        for source in inventory.of(group, kind) {
            let Some(field) = source.field().at(path) else { continue };
            let everywhere = kind == "Gateway" || root_reaches_all && source.namespace() == root;
            if !any(&field.labels(), source, everywhere, &candidates) {
                idle.push(Idle { field, everywhere });
            }
        }
        let why = match kind {
            "Gateway" => "what the gateway does with requests is not part of the answer",
            "ServiceEntry" => "its hosts have no endpoints that are known",
            _ => "its settings are in effect nowhere in the answer",
        };
        tell(kind, why, &idle, &candidates, gaps);
    }
    let mut idle = Vec::new();
    for source in inventory.of("", "Service") {
        let Some(field) = source.field().at(&["spec", "selector"]) else { continue };
        if !any(&field.labels(), source, false, &candidates) {
            idle.push(Idle { field, everywhere: false });
        }
    }
    let why = "it has no endpoint in the answer, and none in the cluster unless something else runs the pods";
    tell("Service", why, &idle, &candidates, gaps);
}

/// A selector that selects nothing.
struct Idle<'a> {
    field: Field<'a>,
    /// Whether pods of all namespaces could be selected.
    everywhere: bool,
}

/// More objects of one kind than this share a line.
const ALONE: usize = 3;

fn candidates(inventory: &Inventory<'_>) -> Candidates {
    let pods = workloads::read(inventory);
    let mut found = Candidates::new();
    for pods in pods {
        found.entry(pods.id.namespace).or_default().push(pods.labels);
    }
    let at = |source: &Source, path: &[&str]| {
        source.field().at(path).map(|field| field.labels()).unwrap_or_default()
    };
    let others: [(&str, &str, &[&str], &[&str]); 3] = [
        ("", "Pod", &["metadata", "labels"], &[]),
        ("networking.istio.io", "WorkloadEntry", &["spec", "labels"], &["metadata", "labels"]),
        ("networking.istio.io", "WorkloadGroup", &["spec", "metadata", "labels"], &[]),
    ];
    for (group, kind, own, more) in others {
        for source in inventory.of(group, kind) {
            let mut labels = at(source, own);
            if !more.is_empty() {
                labels.extend(at(source, more));
            }
            found.entry(source.namespace().to_owned()).or_default().push(labels);
        }
    }
    found
}

fn any(labels: &Labels, source: &Source, everywhere: bool, candidates: &Candidates) -> bool {
    // A variable is replaced later by something that was not read.
    labels.is_empty()
        || labels.values().any(|value| value.contains("${"))
        || reached(candidates, source.namespace(), everywhere).any(|own| selects(labels, own))
}

/// What an object of a namespace can select.
fn reached<'c>(
    candidates: &'c Candidates,
    namespace: &str,
    everywhere: bool,
) -> impl Iterator<Item = &'c Labels> {
    let own = candidates.get(namespace).filter(|_| !everywhere);
    let all = everywhere.then(|| candidates.values().flatten());
    own.into_iter().flatten().chain(all.into_iter().flatten())
}

/// Names them one by one, or the first of many.
fn tell(kind: &str, why: &str, idle: &[Idle<'_>], candidates: &Candidates, gaps: &Gaps) {
    let remedy = "correct the labels, or read what runs the pods";
    if idle.len() > ALONE {
        let object = |one: &Idle<'_>| {
            let source = one.field.source();
            let labels = written(&one.field.labels());
            format!("{}: {}/{} ({labels})", one.field.origin(), source.namespace(), source.name())
        };
        let all: Vec<String> = idle.iter().map(object).collect();
        let count = idle.len();
        return gaps.add(
            format!("{count} objects {kind} select no pod that was read: {}", super::some(&all)),
            why,
            remedy,
        );
    }
    for one in idle {
        let (labels, source) = (one.field.labels(), one.field.source());
        gaps.add(
            format!(
                "{}: {} selects no pod that was read ({}){}",
                one.field.origin(),
                source.id,
                written(&labels),
                instead(&labels, one, candidates)
            ),
            why,
            remedy,
        );
    }
}

fn written(labels: &Labels) -> String {
    let all: Vec<String> = labels.iter().map(|(key, value)| format!("{key}={value}")).collect();
    all.join(",")
}

/// What may be meant: the same pods in another namespace, or a value that is close.
fn instead(labels: &Labels, idle: &Idle<'_>, candidates: &Candidates) -> String {
    let own = idle.field.source().namespace();
    let elsewhere = candidates.iter().find(|(_, all)| all.iter().any(|pods| selects(labels, pods)));
    if let Some((namespace, _)) = elsewhere {
        return format!("; pods with these labels are in the namespace {namespace}");
    }
    let near = || reached(candidates, own, idle.everywhere);
    let missing =
        labels.iter().find(|(key, value)| near().all(|pods| pods.get(*key) != Some(value)));
    let Some((key, value)) = missing else { return String::new() };
    let values: BTreeSet<&String> = near().filter_map(|pods| pods.get(key)).collect();
    let values: Vec<Text> = values.into_iter().map(|value| Text::from(value.as_str())).collect();
    match nearest_value(value, &values) {
        Some(close) => format!("; did you mean {key}={close}?"),
        None => String::new(),
    }
}
