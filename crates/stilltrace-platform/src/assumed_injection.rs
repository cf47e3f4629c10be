//! Namespaces that get proxies although no manifest says so.
//!
//! The label that asks for proxies is often put on a namespace by hand or by what makes the
//! cluster, so that Git does not have it. Whoever asks can say it.

use std::collections::BTreeSet;

use stilltrace_manifest::yaml::Entry;
use stilltrace_manifest::{Mark, Node, Object, Value};
use stilltrace_model::{Bearing, Platform};

use crate::ambient;
use crate::gitops::ClusterObjects;
use crate::labels::Labels;
use crate::source::Source;

/// Stands for all namespaces.
const EVERY: &str = "*";

/// Namespaces that Istio's injector leaves alone (`IgnoredNamespaces` of its webhook, release 1.31).
const IGNORED: [&str; 4] = ["kube-system", "kube-public", "kube-node-lease", "local-path-storage"];

/// Labels that decide about proxies; a namespace that has one of them stays as it is.
const DECIDING: [&str; 3] = ["istio-injection", "istio.io/rev", "istio.io/dataplane-mode"];

/// Labels the namespaces for injection; those that decide for themselves stay as they are, and one
/// that holds nothing is named.
pub(crate) fn install(namespaces: &[String], cluster: &mut ClusterObjects) {
    let mut named: BTreeSet<String> = namespaces.iter().cloned().collect();
    if named.remove(EVERY) {
        let all = cluster.applied.iter().map(|source| source.namespace().to_owned());
        named.extend(all.filter(|name| !name.is_empty() && !IGNORED.contains(&name.as_str())));
    }
    for name in named {
        let holds = |source: &Source| source.namespace() == name || is_namespace(source, &name);
        if !cluster.applied.iter().any(holds) {
            let all = cluster.applied.iter().map(Source::namespace).filter(|name| !name.is_empty());
            let all: BTreeSet<&str> = all.collect();
            cluster.gaps.add_bearing(
                Bearing::Answer,
                format!("--inject {name}: nothing that was read is in a namespace of this name"),
                "it changes nothing in the answer",
                format!("name one of {}", some(&all)),
            );
            continue;
        }
        let known = cluster.applied.iter().position(|source| is_namespace(source, &name));
        let mut labels = known.map_or_else(Labels::new, |known| cluster.applied[known].labels());
        if DECIDING.iter().any(|label| labels.contains_key(*label)) {
            continue;
        }
        labels.insert("istio-injection".to_owned(), "enabled".to_owned());
        let Some(object) = namespace(&name, &labels) else { continue };
        if let Some(known) = known {
            cluster.applied.remove(known);
        }
        cluster.applied.push(Source::new(&object, String::new(), None, &cluster.gaps));
    }
}

fn is_namespace(source: &Source, name: &str) -> bool {
    source.group().is_empty() && source.id.kind == "Namespace" && source.name() == name
}

/// A namespace that nobody wrote.
fn namespace(name: &str, labels: &Labels) -> Option<Object> {
    let mark = Mark::of_file("--inject", 0);
    let text = |text: &str| Node::string(text, mark.clone());
    let mapping = |entries: Vec<(&str, Node)>| {
        let entry =
            |(key, value): (&str, Node)| Entry { key: key.into(), key_mark: mark.clone(), value };
        Node::new(Value::Mapping(entries.into_iter().map(entry).collect()), mark.clone())
    };
    let labels = labels.iter().map(|(key, value)| (key.as_str(), text(value))).collect();
    Object::from_node(mapping(vec![
        ("apiVersion", text("v1")),
        ("kind", text("Namespace")),
        ("metadata", mapping(vec![("name", text(name)), ("labels", mapping(labels))])),
    ]))
}

/// Says so where there are workloads and none of them has a proxy.
pub(crate) fn report_none(platform: &Platform, cluster: &ClusterObjects) {
    let all = platform.workloads.len();
    if all == 0 || platform.workloads.values().any(|workload| workload.sidecar.is_some()) {
        return;
    }
    if let Some(ambient) = cluster.applied.iter().find(|source| is_ambient(source)) {
        return cluster.gaps.add_bearing(
            Bearing::Answer,
            format!("no workload has a sidecar ({all} without); {} is in ambient mode", ambient.id),
            "calls pass proxies of nodes, which know connections only, and waypoints, whose routes \
             are not computed; rules that no waypoint serves are told as hazards",
            "read the configuration of a waypoint in the cluster",
        );
    }
    let namespaces: BTreeSet<&str> =
        platform.workloads.keys().map(|id| id.namespace.as_str()).collect();
    let first = namespaces.first().copied().unwrap_or_default();
    cluster.gaps.add_bearing(
        Bearing::Answer,
        format!(
            "no workload has a proxy ({all} without, in {}): Git labels no namespace or pod for injection",
            some(&namespaces),
        ),
        "what the mesh sets applies to calls through a proxy only",
        format!(
            "where the cluster adds the label, say so: settings --inject {first}, or --inject '*'"
        ),
    );
}

/// Whether the object puts pods into ambient mode: its own label, or that of its pods.
fn is_ambient(source: &Source) -> bool {
    let pods = source.root.at(&["spec", "template", "metadata", "labels"]);
    let own = source.labels();
    let mode = own.get(ambient::MODE).map(String::as_str);
    let of_pods = pods.and_then(|labels| labels.get(ambient::MODE)).and_then(Node::text);
    let counts = source.id.kind == "Namespace" && mode == Some("ambient");
    counts || of_pods == Some("ambient")
}

/// The first names.
fn some(names: &BTreeSet<&str>) -> String {
    const SHOWN: usize = 4;
    let shown: Vec<&str> = names.iter().take(SHOWN).copied().collect();
    let more = if names.len() > SHOWN { ", …" } else { "" };
    format!("{}{more}", shown.join(", "))
}
