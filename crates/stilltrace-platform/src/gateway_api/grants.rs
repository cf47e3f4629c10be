//! `ReferenceGrant` objects: which routes may send requests to services of another namespace.

use std::collections::BTreeSet;

use stilltrace_manifest::Node;

use super::GROUP;
use crate::inventory::Inventory;

/// Everything that is granted.
pub(crate) struct Grants(BTreeSet<Grant>);

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Grant {
    from_kind: String,
    from_namespace: String,
    to_group: String,
    to_kind: String,
    to_namespace: String,
    /// The only object; empty for all.
    to_name: String,
}

impl Grants {
    /// Reads all grants.
    pub(super) fn read(inventory: &Inventory<'_>) -> Self {
        let mut all = BTreeSet::new();
        for source in inventory.of(GROUP, "ReferenceGrant") {
            let list = |key: &str| source.root.at(&["spec", key]).map(Node::items);
            let (from, to) = (list("from").unwrap_or_default(), list("to").unwrap_or_default());
            let pairs = from.iter().flat_map(|from| to.iter().map(move |to| (from, to)));
            for (from, to) in pairs.filter(|(from, _)| text(from, "group") == GROUP) {
                all.insert(Grant {
                    from_kind: text(from, "kind"),
                    from_namespace: text(from, "namespace"),
                    to_group: text(to, "group"),
                    to_kind: text(to, "kind"),
                    to_namespace: source.namespace().to_owned(),
                    to_name: text(to, "name"),
                });
            }
        }
        Self(all)
    }

    /// Whether a route of a kind and namespace may refer to an object elsewhere.
    pub(super) fn allow(
        &self,
        route: (&str, &str),
        group: &str,
        kind: &str,
        to: (&str, &str),
    ) -> bool {
        let granted = |name: &str| {
            self.0.contains(&Grant {
                from_kind: route.0.to_owned(),
                from_namespace: route.1.to_owned(),
                to_group: group.to_owned(),
                to_kind: kind.to_owned(),
                to_namespace: to.0.to_owned(),
                to_name: name.to_owned(),
            })
        };
        granted("") || granted(to.1)
    }
}

fn text(node: &Node, key: &str) -> String {
    node.get(key).and_then(Node::text).unwrap_or_default().to_owned()
}
