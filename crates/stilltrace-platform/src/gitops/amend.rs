//! Changes that Argo CD and Flux make to a kustomization before they build it.
//!
//! Both edit the file of the folder they apply (`kustomize edit`, Flux's generator) instead of
//! putting an overlay on top, so their fields take the place of the written ones. Every value
//! keeps the line of the reconciler that it is written in.

use stilltrace_manifest::{Mark, Node, Value};

/// One change to a kustomization.
#[derive(Debug, Clone)]
pub(crate) enum Change {
    /// Sets a field.
    Set(&'static str, Node),
    /// Adds an item to a list.
    Append(&'static str, Node),
    /// Sets fields of the item of a list that has the same `name`, or adds the item. The second
    /// list names fields that are dropped where the item sets any of them.
    Named(&'static str, Node, &'static [&'static str]),
    /// Adds keys to a mapping; present ones stay unless forced.
    Merge(&'static str, Node, Force),
}

/// Whether keys that are there are replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Force {
    /// They are.
    Yes,
    /// They stay.
    No,
}

/// The fields of an image that choose its version: setting one drops the other.
pub(crate) const VERSION_OF_IMAGE: &[&str] = &["newTag", "digest"];

/// Applies all changes to the root of a kustomization.
pub(crate) fn amend(root: &mut Node, changes: &[Change]) {
    if root.is_null() {
        root.value = Value::Mapping(Vec::new());
    }
    for change in changes {
        match change {
            Change::Set(field, value) => root.set(field, &value.mark.clone(), value.clone()),
            Change::Append(field, item) => list_of(root, field, &item.mark, |items| {
                items.push(item.clone());
            }),
            Change::Named(field, item, together) => {
                list_of(root, field, &item.mark, |items| set_named(items, item, together));
            }
            Change::Merge(field, pairs, force) => merge(root, field, pairs, *force),
        }
    }
}

/// Calls `change` on the items of a list, which is made where there is none.
fn list_of(root: &mut Node, field: &str, mark: &Mark, change: impl FnOnce(&mut Vec<Node>)) {
    if root.get(field).is_none_or(Node::is_null) {
        root.remove(field);
        root.set(field, mark, Node::new(Value::Sequence(Vec::new()), mark.clone()));
    }
    if let Some(items) = root.get_mut(field).and_then(Node::items_mut) {
        change(items);
    }
}

fn set_named(items: &mut Vec<Node>, item: &Node, together: &[&str]) {
    let name = item.get("name").and_then(Node::text);
    let Some(old) = items.iter_mut().find(|old| old.get("name").and_then(Node::text) == name)
    else {
        return items.push(item.clone());
    };
    if together.iter().any(|field| item.get(field).is_some()) {
        for field in together.iter().filter(|field| item.get(field).is_none()) {
            old.remove(field);
        }
    }
    for entry in item.entries() {
        old.set(&entry.key, &entry.key_mark, entry.value.clone());
    }
}

fn merge(root: &mut Node, field: &str, pairs: &Node, force: Force) {
    if root.get(field).is_none_or(Node::is_null) {
        root.remove(field);
        return root.set(field, &pairs.mark, pairs.clone());
    }
    let Some(old) = root.get_mut(field) else { return };
    for entry in pairs.entries() {
        if force == Force::Yes || old.get(&entry.key).is_none() {
            old.set(&entry.key, &entry.key_mark, entry.value.clone());
        }
    }
}

/// A mapping of the entries that have a value.
pub(crate) fn mapping<'n>(
    mark: &Mark,
    entries: impl IntoIterator<Item = (&'n str, Option<Node>)>,
) -> Node {
    let mut node = Node::new(Value::Mapping(Vec::new()), mark.clone());
    for (key, value) in entries {
        if let Some(value) = value {
            node.set(key, &value.mark.clone(), value);
        }
    }
    node
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed test may panic")]
mod tests {
    use stilltrace_manifest::Budget;
    use stilltrace_manifest::yaml::parse;

    use super::*;

    fn node(text: &str) -> Node {
        let parsed = parse("k.yaml", text.as_bytes(), &Budget::default());
        Node::clone(&parsed.documents[0].root)
    }

    #[test]
    fn a_tag_of_the_reconciler_drops_the_digest_of_the_folder() {
        let mut root = node("images:\n- {name: a, newName: b, digest: 'sha256:1'}\n");
        let image = node("{name: a, newTag: v2}");
        amend(&mut root, &[Change::Named("images", image, VERSION_OF_IMAGE)]);
        let item = root.at(&["images", "0"]).unwrap();
        assert_eq!(item.get("newName").and_then(Node::text), Some("b"));
        assert_eq!(item.get("newTag").and_then(Node::text), Some("v2"));
        assert!(item.get("digest").is_none());
    }

    #[test]
    fn labels_that_are_there_stay_unless_forced() {
        let mut root = node("commonLabels: {a: old}\n");
        let pairs = node("{a: new, b: new}");
        amend(&mut root, &[Change::Merge("commonLabels", pairs.clone(), Force::No)]);
        assert_eq!(root.at(&["commonLabels", "a"]).and_then(Node::text), Some("old"));
        assert_eq!(root.at(&["commonLabels", "b"]).and_then(Node::text), Some("new"));
        amend(&mut root, &[Change::Merge("commonLabels", pairs, Force::Yes)]);
        assert_eq!(root.at(&["commonLabels", "a"]).and_then(Node::text), Some("new"));
    }
}
