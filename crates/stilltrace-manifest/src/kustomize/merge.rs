//! Strategic merge patches.

use crate::problem::{Problem, ProblemKind};
use crate::yaml::{Entry, Node, Value};

use super::merge_keys::{ListMerge, list_merge};

/// What is left of a node after a patch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    /// It stays, changed or not.
    Kept,
    /// The patch deletes it.
    Deleted,
}

/// What a patch says about the node it is merged into.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Directive {
    Merge,
    Replace,
    Delete,
}

/// Merges patches into one object.
pub(super) struct Merge {
    /// Whether lists of this object have merge keys.
    builtin: bool,
    problems: Vec<Problem>,
}

impl Merge {
    /// A merge into an object of Kubernetes' own groups, or of a custom resource.
    pub(super) fn new(builtin: bool) -> Self {
        Self { builtin, problems: Vec::new() }
    }

    /// Merges `patch` into the object at `root`.
    pub(super) fn object(mut self, root: &mut Node, patch: &Node) -> (Outcome, Vec<Problem>) {
        let outcome = self.node(root, patch, "", "");
        (outcome, self.problems)
    }

    /// `parent` and `field` name the place, as far as merge keys depend on it.
    fn node(&mut self, old: &mut Node, patch: &Node, parent: &str, field: &str) -> Outcome {
        match (&patch.value, &old.value) {
            (Value::Null, _) => Outcome::Deleted,
            (Value::Mapping(_), Value::Mapping(_)) => self.mapping(old, patch, field),
            (Value::Sequence(_), Value::Sequence(_)) => self.sequence(old, patch, parent, field),
            (Value::Mapping(_), _) if directive(patch) == Directive::Delete => Outcome::Deleted,
            _ => {
                let old_is_null = old.is_null();
                if !old_is_null && kind_of(old) != kind_of(patch) {
                    let text = format!("patches `{field}`, which is no {}", kind_of(patch));
                    self.problems.push(Problem::at(&patch.mark, ProblemKind::Invalid, text));
                    return Outcome::Kept;
                }
                old.override_with(added(patch));
                Outcome::Kept
            }
        }
    }

    fn mapping(&mut self, old: &mut Node, patch: &Node, field: &str) -> Outcome {
        match directive(patch) {
            Directive::Delete => return Outcome::Deleted,
            Directive::Replace => {
                old.override_with(added(patch));
                return Outcome::Kept;
            }
            Directive::Merge => {}
        }
        // New keys are appended in alphabetical order, as Kustomize does.
        let mut entries: Vec<&Entry> = patch.entries().iter().collect();
        entries.sort_by(|a, b| a.key.cmp(&b.key));
        for entry in entries {
            if self.is_foreign_directive(entry) {
                continue;
            }
            match old.get_mut(&entry.key) {
                Some(child) => {
                    if self.node(child, &entry.value, field, &entry.key) == Outcome::Deleted {
                        old.remove(&entry.key);
                    }
                }
                None => {
                    if let Some(value) = added_value(&entry.value) {
                        old.set(&entry.key, &entry.key_mark, value);
                    }
                }
            }
        }
        Outcome::Kept
    }

    fn sequence(&mut self, old: &mut Node, patch: &Node, parent: &str, field: &str) -> Outcome {
        let place = if self.builtin { list_merge(parent, field) } else { ListMerge::Replaced };
        match (place, list_directive(patch)) {
            (ListMerge::Replaced, _) | (_, Directive::Replace) => {
                old.override_with(added(patch));
                Outcome::Kept
            }
            (_, Directive::Delete) => Outcome::Deleted,
            (ListMerge::Union, Directive::Merge) => {
                unite(old, patch);
                Outcome::Kept
            }
            (ListMerge::ByKeys(keys), Directive::Merge) => {
                self.items(old, patch, field, keys);
                Outcome::Kept
            }
        }
    }

    /// Items of the patch come first, in its order; the untouched ones follow.
    fn items(&mut self, old: &mut Node, patch: &Node, field: &str, keys: &[&'static str]) {
        let Some(items) = old.items_mut() else { return };
        let mut rest: Vec<Option<Node>> = std::mem::take(items).into_iter().map(Some).collect();
        let mut merged: Vec<Node> = Vec::with_capacity(rest.len());
        for item in patch.items() {
            let wanted = key_values(item, keys);
            let same = |old: &Node| {
                !wanted.is_empty()
                    && wanted
                        .iter()
                        .all(|(key, value)| old.get(key).and_then(Node::text) == Some(value))
            };
            let found = rest.iter_mut().find(|slot| slot.as_ref().is_some_and(same));
            if let Some(mut old) = found.and_then(Option::take) {
                // The patch only names the item by its keys; it does not set them.
                let named: Vec<_> = wanted
                    .iter()
                    .filter_map(|(key, _)| Some((key, old.get(key)?.clone())))
                    .collect();
                if self.node(&mut old, item, "", field) == Outcome::Kept {
                    for (key, value) in named {
                        old.get_mut(key).into_iter().for_each(|node| *node = value.clone());
                    }
                    merged.push(old);
                }
            } else if let Some(earlier) = merged.iter_mut().find(|node| same(node)) {
                // The patch names the item twice; its later words are merged into the same item.
                let _ = self.node(earlier, item, "", field);
            } else if let Some(value) = added_value(item) {
                merged.push(value);
            }
        }
        merged.extend(rest.into_iter().flatten());
        *items = merged;
    }

    /// Directives other than `$patch` are kubectl's own; Kustomize does not know them.
    fn is_foreign_directive(&mut self, entry: &Entry) -> bool {
        let foreign = ["$setElementOrder/", "$deleteFromPrimitiveList/", "$retainKeys"];
        if foreign.iter().any(|name| entry.key.starts_with(name)) {
            let text = format!("the directive `{}` is not evaluated", entry.key);
            self.problems.push(Problem::at(&entry.key_mark, ProblemKind::Unsupported, text));
            return true;
        }
        false
    }
}

/// Values of those merge keys that the item has.
fn key_values<'a>(item: &'a Node, keys: &[&'static str]) -> Vec<(&'static str, &'a str)> {
    keys.iter().filter_map(|key| Some((*key, item.get(key)?.text()?))).collect()
}

fn unite(old: &mut Node, patch: &Node) {
    let Some(items) = old.items_mut() else { return };
    let earlier = std::mem::take(items);
    let added: Vec<Node> = patch.items().iter().filter(|i| i.text().is_some()).cloned().collect();
    items.extend(added);
    let others = earlier.into_iter().filter(|old| !patch.items().iter().any(|i| i.same_value(old)));
    items.extend(others.collect::<Vec<_>>());
}

fn directive(patch: &Node) -> Directive {
    match patch.get("$patch").and_then(Node::text) {
        Some("delete") => Directive::Delete,
        Some("replace") => Directive::Replace,
        _ => Directive::Merge,
    }
}

/// A list is replaced or deleted as a whole by an item that holds nothing but the directive.
fn list_directive(patch: &Node) -> Directive {
    let alone = patch.items().iter().filter(|item| item.entries().len() == 1);
    alone.map(directive).find(|found| *found != Directive::Merge).unwrap_or(Directive::Merge)
}

/// The patch's value where there was none, or `None` if it is a deletion.
fn added_value(patch: &Node) -> Option<Node> {
    let deleted = patch.is_null() || directive(patch) == Directive::Delete;
    (!deleted).then(|| added(patch))
}

/// A copy of the patch without directives and without the nulls that only delete.
fn added(patch: &Node) -> Node {
    let value = match &patch.value {
        Value::Mapping(entries) => Value::Mapping(
            entries
                .iter()
                .filter(|entry| entry.key != "$patch")
                .filter_map(|entry| {
                    let value = added_value(&entry.value)?;
                    let (key, key_mark) = (entry.key.clone(), entry.key_mark.clone());
                    Some(Entry { key, key_mark, value })
                })
                .collect(),
        ),
        Value::Sequence(items) => Value::Sequence(
            items
                .iter()
                .filter(|item| !(item.entries().len() == 1 && directive(item) != Directive::Merge))
                .map(|item| if item.is_null() { item.clone() } else { added(item) })
                .collect(),
        ),
        other => other.clone(),
    };
    patch.with_value(value)
}

fn kind_of(node: &Node) -> &'static str {
    match node.value {
        Value::Null | Value::Scalar(_) => "scalar",
        Value::Sequence(_) => "list",
        Value::Mapping(_) => "mapping",
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed lookup is the test's failure")]

    use super::*;
    use crate::yaml::{Budget, parse};

    fn node(path: &str, text: &str) -> Node {
        let parsed = parse(path, text.as_bytes(), &Budget::default());
        (*parsed.documents[0].root).clone()
    }

    fn merged(builtin: bool, old: &str, patch: &str) -> Node {
        let mut root = node("base", old);
        let (outcome, problems) = Merge::new(builtin).object(&mut root, &node("patch", patch));
        assert_eq!((outcome, problems), (Outcome::Kept, Vec::new()));
        root
    }

    fn assert_merged(builtin: bool, old: &str, patch: &str, wanted: &str) {
        let found = merged(builtin, old, patch);
        assert!(found.same_value(&node("wanted", wanted)), "{found:#?}");
    }

    #[test]
    fn containers_are_merged_by_name_and_patched_ones_come_first() {
        assert_merged(
            true,
            "spec: {containers: [{name: a, image: x}, {name: b, env: [{name: E, value: '1'}]}]}",
            "spec: {containers: [{name: b, env: [{name: F}, {name: E, value: '2'}]}, {name: c}]}",
            "spec: {containers: [{name: b, env: [{name: F}, {name: E, value: '2'}]}, {name: c}, \
             {name: a, image: x}]}",
        );
    }

    #[test]
    fn ports_are_told_apart_by_number_and_protocol() {
        assert_merged(
            true,
            "spec: {ports: [{port: 53, protocol: UDP}, {port: 53, protocol: TCP}]}",
            "spec: {ports: [{port: 53, protocol: TCP, name: t}]}",
            "spec: {ports: [{port: 53, protocol: TCP, name: t}, {port: 53, protocol: UDP}]}",
        );
    }

    #[test]
    fn lists_of_custom_resources_are_replaced() {
        let old = "spec: {http: [{name: a, timeout: 1s, retries: {attempts: 2}}, {name: b}]}";
        let patch = "spec:\n  http: [{name: a, retries: {attempts: 9}}]";
        assert_merged(false, old, patch, "spec: {http: [{name: a, retries: {attempts: 9}}]}");
        let attempts = merged(false, old, patch);
        let attempts = attempts.pointer("spec.http[0].retries.attempts").unwrap();
        assert_eq!(attempts.mark.to_string(), "patch:2:40");
        assert_eq!(attempts.overrode()[0].to_string(), "base:1:58");
    }

    #[test]
    fn nulls_and_directives_delete_and_replace() {
        assert_merged(
            true,
            "{a: {b: 1, c: 2}}",
            "{a: {b: null, d: {e: null}}}",
            "{a: {c: 2, d: {}}}",
        );
        assert_merged(true, "{a: {b: 1}}", "{a: {$patch: replace, c: 2}}", "{a: {c: 2}}");
        assert_merged(true, "{a: {b: 1}, d: 1}", "{a: {$patch: delete}}", "{d: 1}");
        assert_merged(
            true,
            "spec: {containers: [{name: a}, {name: b}]}",
            "spec: {containers: [{name: b, $patch: delete}]}",
            "spec: {containers: [{name: a}]}",
        );
        assert_merged(
            true,
            "spec: {containers: [{name: a}, {name: b}]}",
            "spec: {containers: [{$patch: replace}, {name: c}]}",
            "spec: {containers: [{name: c}]}",
        );
    }

    #[test]
    fn a_patch_of_another_shape_is_reported_and_left_out() {
        let mut root = node("base", "{a: [1]}");
        let (_, problems) = Merge::new(true).object(&mut root, &node("patch", "{a: {b: 1}}"));
        assert_eq!(problems.len(), 1);
        assert!(root.same_value(&node("base", "{a: [1]}")));
    }
}
