//! Which namespaces istiod reads (`discoverySelectors` of the mesh configuration).
//!
//! Rules of Istio's `discoveryNamespacesFilter`, release 1.31: an object counts if any selector
//! selects the labels of its namespace; without selectors every one does. Proxies in other
//! namespaces are served all the same, so workloads stay.

use std::collections::BTreeMap;

use stilltrace_manifest::Node;

use crate::field::Field;
use crate::gitops::selector::selects;
use crate::inventory::Inventory;
use crate::labels::Labels;
use crate::revision;
use crate::source::Source;

/// The label that every namespace has without anybody writing it.
const NAME: &str = "kubernetes.io/metadata.name";

/// The namespaces that istiod reads.
pub(crate) struct Discovery<'a> {
    selectors: Vec<Field<'a>>,
    /// Labels of the namespaces that Git holds.
    namespaces: BTreeMap<&'a str, Labels>,
}

impl<'a> Discovery<'a> {
    /// Reads the selectors; without any, everything is read.
    pub(crate) fn read(document: Option<&Field<'a>>, inventory: &Inventory<'a>) -> Self {
        let selectors = document.map(|document| document.list("discoverySelectors"));
        let listed = inventory.of("", "Namespace").iter();
        Self {
            selectors: selectors.unwrap_or_default(),
            namespaces: listed.map(|source| (source.name(), source.labels())).collect(),
        }
    }

    /// Whether istiod reads this object. One in a namespace whose labels Git does not hold counts,
    /// with a gap.
    pub(crate) fn reads(&self, source: &Source) -> bool {
        let by_istiod = revision::is_configuration(source)
            || source.group().is_empty() && source.id.kind == "Service";
        if !by_istiod || self.selectors.is_empty() {
            return true;
        }
        let namespace = source.namespace();
        let known = self.namespaces.get(namespace);
        let selected = self.selectors.iter().any(|selector| {
            selects(selector.node(), |key| match known.and_then(|labels| labels.get(key)) {
                None if key == NAME => Some(namespace),
                own => own.map(String::as_str),
            })
        });
        let decided = known.is_some() || self.selectors.iter().all(|one| is_by_name(one.node()));
        if !selected && !decided {
            source.gaps.add(
                format!("whether istiod reads the namespace {namespace}"),
                "discoverySelectors look at its labels, which Git does not hold; the answer takes \
                 it as read",
                "write the Namespace into Git",
            );
        }
        selected || !decided
    }
}

/// Whether a selector looks at nothing but names.
fn is_by_name(selector: &Node) -> bool {
    let exact = selector.get("matchLabels").map(Node::entries).unwrap_or_default();
    let expressions = selector.get("matchExpressions").map(Node::items).unwrap_or_default();
    exact.iter().all(|entry| entry.key == NAME)
        && expressions.iter().all(|one| one.get("key").and_then(Node::text) == Some(NAME))
}
