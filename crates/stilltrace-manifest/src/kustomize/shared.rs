//! Labels that Kustomize sets in several places of an object as one value.
//!
//! `commonLabels` and `labels` put one YAML node into every place where a label is new: the
//! object's own labels, its selector, its pod template. When a later change sets the label in one
//! of these places, the others change too, even the selector of an overlay that asks for labels in
//! `metadata` only. Kustomize prints it so, and clusters get it so.

use std::collections::BTreeMap;

use crate::yaml::{Node, Shared, Value};

use super::resource::Resource;

/// Brings all places of each shared value to its newest setting.
pub(super) fn settle(resource: &mut Resource) {
    if resource.shared_values == 0 {
        return;
    }
    let mut newest: BTreeMap<u32, (u32, Node)> = BTreeMap::new();
    let mut outdated = false;
    each(
        resource.object.root_mut(),
        &mut |node, Shared { group, version }| match newest.get(&group) {
            Some((known, _)) if *known == version => {}
            Some((known, _)) if *known > version => outdated = true,
            known => {
                outdated |= known.is_some();
                newest.insert(group, (version, node.clone()));
            }
        },
    );
    if !outdated {
        return;
    }
    each(resource.object.root_mut(), &mut |node, Shared { group, version }| {
        if let Some((_, newer)) = newest.get(&group).filter(|(known, _)| *known > version) {
            node.override_with(newer.clone());
            node.set_shared(newer.shared());
        }
    });
}

/// Makes every value stand for itself, as when an object is written and read again.
pub(super) fn separate(resource: &mut Resource) {
    if resource.shared_values > 0 {
        forget(resource);
    }
}

/// Makes the values of one field of the metadata stand for themselves.
pub(super) fn part(resource: &mut Resource, field: &str) {
    if resource.shared_values == 0 {
        return;
    }
    let metadata = resource.object.root_mut().get_mut("metadata");
    let pairs = metadata.and_then(|metadata| metadata.get_mut(field)).and_then(Node::entries_mut);
    for entry in pairs.into_iter().flatten().filter(|entry| entry.value.shared().is_some()) {
        entry.value.set_shared(None);
    }
}

/// Makes every value stand for itself, also those of another object that were taken over.
pub(super) fn forget(resource: &mut Resource) {
    each(resource.object.root_mut(), &mut |node, _| node.set_shared(None));
    resource.shared_values = 0;
}

/// Calls `visit` on each scalar that is shared.
fn each(node: &mut Node, visit: &mut dyn FnMut(&mut Node, Shared)) {
    if let Some(shared) = node.shared() {
        visit(node, shared);
    }
    match &mut node.value {
        Value::Mapping(entries) => {
            for entry in entries {
                each(&mut entry.value, visit);
            }
        }
        Value::Sequence(items) => items.iter_mut().for_each(|item| each(item, visit)),
        Value::Null | Value::Scalar(_) => {}
    }
}
