//! `labels`, `commonLabels` and `commonAnnotations`.

use crate::problem::{Problem, ProblemKind};
use crate::yaml::{Entry, Node, Shared, Value};

use super::config::{Config, Conflict, List, check_items, extend, read_specs};
use super::fields::{FieldSpec, Gvk, visit};
use super::keys::is_refused_label;
use super::resource::Resource;
use super::shared::settle;

/// The fields that one entry of `labels` reaches.
pub(super) fn label_fields(entry: &Node, config: &Config) -> Result<Vec<FieldSpec>, Problem> {
    let mut specs = match entry.get("fields") {
        Some(fields) => {
            check_items(fields)?;
            read_specs(fields)?
        }
        None => Vec::new(),
    };
    let flag = |name: &str| entry.get(name).and_then(Node::as_bool).unwrap_or(false);
    let mut lists = vec![List::Labels];
    if flag("includeSelectors") {
        lists.push(List::CommonLabels);
    } else {
        if flag("includeTemplates") {
            lists.push(List::TemplateLabels);
        }
        if flag("includeVolumeClaimTemplates") {
            lists.push(List::VolumeClaimTemplateLabels);
        }
    }
    let conflict =
        |conflict: Conflict| Problem::at(&entry.mark, ProblemKind::Invalid, conflict.to_string());
    for list in lists {
        extend(&mut specs, config.fields(list), "labels").map_err(conflict)?;
    }
    if !flag("includeSelectors") {
        let own = FieldSpec::new(Gvk::default(), "metadata/labels", true);
        extend(&mut specs, &[own], "labels").map_err(conflict)?;
    }
    Ok(specs)
}

/// Adds the pairs of a mapping to the mappings that `specs` name, as labels or annotations are.
pub(super) fn add_pairs(
    resources: &mut [Resource],
    pairs: &Node,
    specs: &[FieldSpec],
) -> Result<(), Problem> {
    check_pairs(pairs)?;
    let mut sorted: Vec<&Entry> = pairs.entries().iter().collect();
    sorted.sort_by(|a, b| a.key.cmp(&b.key));
    let Some(first) = sorted.first() else { return Ok(()) };
    for resource in resources {
        let group = resource.shared_values;
        for spec in specs {
            if !spec.matches(&resource.object) {
                continue;
            }
            // Kustomize's own notes stand there until the end of the build.
            let is_there = resource.has_notes() && spec.path == "metadata/annotations";
            let create = (spec.create || is_there).then_some(&first.key_mark);
            visit(resource.object.root_mut(), &spec.path, create, &mut |node| {
                set_pairs(node, &sorted, group)
            })?;
        }
        settle(resource);
        resource.shared_values = group.saturating_add(u32::try_from(sorted.len()).unwrap_or(0));
    }
    Ok(())
}

/// Sets the pairs; those that are new belong to the groups from `group` on.
fn set_pairs(node: &mut Node, pairs: &[&Entry], group: u32) -> Result<(), Problem> {
    if !matches!(node.value, Value::Mapping(_) | Value::Null) {
        let text = "cannot hold labels or annotations: it is no mapping";
        return Err(Problem::at(&node.mark, ProblemKind::Invalid, text));
    }
    for (entry, group) in pairs.iter().zip(group..) {
        let text = entry.value.text().unwrap_or("");
        let mut value = Node::string(text, entry.value.mark.clone());
        if node.get(&entry.key).is_none() {
            if is_refused_label(&entry.key) {
                let text = format!("the key `{}` is no text to Kustomize", entry.key);
                return Err(Problem::at(&entry.key_mark, ProblemKind::Invalid, text));
            }
            value.set_shared(Some(Shared { group, version: 0 }));
        }
        node.set(&entry.key, &entry.key_mark, value);
    }
    Ok(())
}

/// Refuses pairs whose value is a collection: labels and annotations are texts.
fn check_pairs(pairs: &Node) -> Result<(), Problem> {
    let Some(entry) = pairs.entries().iter().find(|entry| entry.value.resolved().is_none()) else {
        return Ok(());
    };
    let text = format!("the value of `{}` must be a text", entry.key);
    Err(Problem::at(&entry.value.mark, ProblemKind::Invalid, text))
}
