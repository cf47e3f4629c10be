//! Revisions of istiod that a cluster is known to have, and labels that name another one.

use std::collections::BTreeSet;

use stilltrace_manifest::Tree;

use crate::gaps::Gaps;
use crate::injection::Injected;
use crate::installation::{self, Values};
use crate::inventory::Inventory;
use crate::revision::{self, DEFAULT, LABEL, Revisions};
use crate::source::Source;
use crate::workloads::Pods;

/// Name of the mesh configuration.
const MESH: &str = "istio";
/// Names of what a revision is installed with; `-REVISION` behind them for all but the default one.
const NAMES: [(&str, &str, &str); 4] = [
    ("", "ConfigMap", MESH),
    ("", "ConfigMap", "istio-sidecar-injector"),
    ("apps", "Deployment", "istiod"),
    ("admissionregistration.k8s.io", "MutatingWebhookConfiguration", "istio-sidecar-injector"),
];

/// Objects of the Sail operator, which names revisions after releases as it installs them.
const SAIL: [&str; 3] = ["Istio", "IstioRevision", "IstioRevisionTag"];

/// Names every revision that pods ask for and that nothing which was read installs; without any
/// installation in the repository nobody knows.
pub(crate) fn report(
    revisions: &Revisions,
    pods: &[Pods<'_>],
    inventory: &Inventory<'_>,
    tree: &dyn Tree,
    gaps: &Gaps,
) {
    let known = known(inventory, tree);
    if known.is_empty() || SAIL.iter().any(|kind| !inventory.of("sailoperator.io", kind).is_empty())
    {
        return;
    }
    let mut told = BTreeSet::new();
    for pods in pods {
        let asked = revisions.of(pods, inventory);
        if !asked.is_written() || known.contains(&asked.value) || !told.insert(asked.value.clone())
        {
            continue;
        }
        let names: Vec<&str> = known.iter().map(String::as_str).collect();
        gaps.add(
            format!(
                "{}: {} asks for the istiod revision {}, which nothing that was read installs, only \
                 {}",
                asked.origin,
                pods.source.id,
                asked.value,
                names.join(", ")
            ),
            "where it is not there, nothing injects these pods; the answer takes it as there, with \
             the mesh configuration of another one",
            "correct the label, or read what installs the revision",
        );
    }
}

/// Names every rule that only a revision without any pods would read: no proxy hears of it. The
/// label of an object holds the revision's own name; istiod takes no tag there
/// (`config.LabelsInRevision`). Where no pod has a proxy, waypoints may be what reads the rules.
pub(crate) fn report_unread(used: &[String], pods: &[Pods<'_>], applied: &[Source], gaps: &Gaps) {
    if pods.iter().all(|pods| pods.injected == Injected::Nothing) {
        return;
    }
    for source in applied.iter().filter(|source| revision::is_configuration(source)) {
        let object = source.field();
        let Some(label) = object.at(&["metadata", "labels", LABEL]) else { continue };
        let Some(wanted) = label.node().text().filter(|label| !label.is_empty()) else { continue };
        if used.iter().any(|revision| revision == wanted) || wanted.contains("${") {
            continue;
        }
        gaps.add(
            format!(
                "{}: {} is for the istiod revision {wanted} alone, and the pods that were read have \
                 {}",
                label.origin(),
                source.id,
                used.join(", ")
            ),
            "the istiod of these pods passes the object over: it has no effect on them",
            "remove the label `istio.io/rev`, or write the name of a revision (no tag) that has pods",
        );
    }
}

/// The revisions that something installs.
fn known(inventory: &Inventory<'_>, tree: &dyn Tree) -> BTreeSet<String> {
    let documents = installation::documents(inventory, tree, DEFAULT);
    let mut known: BTreeSet<String> = documents.iter().map(Values::revision).collect();
    for (group, kind, name) in NAMES {
        for source in inventory.of(group, kind) {
            let Some(rest) = source.name().strip_prefix(name) else { continue };
            let is_mesh = || source.field().at(&["data", "mesh"]).is_some();
            if name == MESH && !is_mesh() {
                continue;
            }
            match (source.labels().remove(LABEL), rest.strip_prefix('-')) {
                (Some(revision), _) if !revision.is_empty() => known.insert(revision),
                (_, None) if rest.is_empty() => known.insert(DEFAULT.to_owned()),
                (_, Some(revision)) if !revision.is_empty() => known.insert(revision.to_owned()),
                _ => false,
            };
        }
    }
    known
}
