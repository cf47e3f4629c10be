//! Strategic merge patches.
//!
//! A patch is merged the way Kustomize walks two trees side by side: the whole object is walked,
//! also where the patch says nothing. That is why keys without a value disappear from a patched
//! object, and why repeated items of a merged list become one.

mod lists;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use crate::problem::{Problem, ProblemKind};
use crate::yaml::{Node, Text, Value};

use super::openapi::{ListMerge, Place, Schemas};
use super::replacements::quote_untyped;

/// What a patch says about the node it is merged into.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Directive {
    Merge,
    Replace,
    Delete,
}

/// Merges `patch` into an object; `None` when the patch deletes it.
///
/// # Errors
/// When the patch has another shape than the object, or an unknown directive.
pub(super) fn merge(
    schemas: &Schemas,
    object: Node,
    patch: &Node,
) -> Result<Option<Node>, Problem> {
    Walker { schemas }.walk(Place::Unknown, Some(object), Some(patch))
}

struct Walker<'a> {
    schemas: &'a Schemas,
}

impl Walker<'_> {
    /// What the value `old` and what the patch says about it amount to.
    fn walk(
        &self,
        place: Place<'_>,
        old: Option<Node>,
        patch: Option<&Node>,
    ) -> Result<Option<Node>, Problem> {
        let place = self.place(place, old.as_ref(), patch);
        let known = [old.as_ref(), patch].into_iter().flatten().find(|node| !node.is_null());
        match known.map(|node| &node.value) {
            None => self.mapping(place, old, patch),
            Some(Value::Mapping(_)) => {
                check_shape(old.as_ref(), patch)?;
                self.mapping(place, old, patch)
            }
            Some(Value::Sequence(_)) => {
                check_shape(old.as_ref(), patch)?;
                match place.merge() {
                    ListMerge::Replaced => Ok(replaced(old, patch)),
                    merge => self.list(place, &merge, old, patch),
                }
            }
            Some(_) => {
                check_shape(old.as_ref(), patch)?;
                let mut merged = replaced(old, patch);
                merged.iter_mut().for_each(quote_untyped);
                Ok(merged)
            }
        }
    }

    /// The schema of the place, or of the object that stands here.
    fn place<'a>(
        &'a self,
        place: Place<'a>,
        old: Option<&Node>,
        patch: Option<&Node>,
    ) -> Place<'a> {
        if !place.is_unknown() {
            return place;
        }
        for node in [old, patch].into_iter().flatten() {
            let text = |key: &str| node.get(key).and_then(Node::text).filter(|t| !t.is_empty());
            if let (Some(api_version), Some(kind)) = (text("apiVersion"), text("kind")) {
                let found = self.schemas.of(api_version, kind);
                if !found.is_unknown() {
                    return found;
                }
            }
        }
        Place::Unknown
    }

    fn mapping(
        &self,
        place: Place<'_>,
        old: Option<Node>,
        patch: Option<&Node>,
    ) -> Result<Option<Node>, Problem> {
        let directive = patch.map_or(Ok(Directive::Merge), directive)?;
        let Some(old) = old.filter(|old| !old.is_null() || patch.is_none()) else {
            return self.added(place, directive, patch);
        };
        if old.is_null() {
            // A null that is written as one stays, a key without a value goes.
            return Ok(Some(old).filter(|old| !old.mark.range().is_empty()));
        }
        match (directive, patch) {
            (Directive::Delete, _) => Ok(None),
            (_, Some(patch)) if patch.is_null() => Ok(None),
            (Directive::Replace, Some(patch)) => {
                let new = self.added(place, Directive::Replace, Some(patch))?;
                Ok(new.map(|new| overriding(old, new)))
            }
            (_, patch) => self.fields(place, old, patch).map(Some),
        }
    }

    /// A mapping of the patch where there is none yet: merged with itself, so that what it deletes
    /// and what it repeats is settled.
    fn added(
        &self,
        place: Place<'_>,
        directive: Directive,
        patch: Option<&Node>,
    ) -> Result<Option<Node>, Problem> {
        let patch = patch.filter(|patch| !patch.is_null() && directive != Directive::Delete);
        match patch {
            Some(patch) => self.fields(place, patch.clone(), Some(patch)).map(Some),
            None => Ok(None),
        }
    }

    fn fields(
        &self,
        place: Place<'_>,
        mut old: Node,
        patch: Option<&Node>,
    ) -> Result<Node, Problem> {
        old.remove("$patch");
        let Value::Mapping(entries) = &mut old.value else { return Ok(old) };
        let mut kept = Vec::with_capacity(entries.len());
        for mut entry in std::mem::take(entries) {
            let new = patch.and_then(|patch| patch.get(&entry.key));
            let below = place.field(&entry.key);
            if let Some(value) = self.walk(below, Some(entry.value), new)?
                && stays(&value, new)
            {
                entry.value = value;
                kept.push(entry);
            }
        }
        let known: BTreeSet<Text> = kept.iter().map(|entry| entry.key.clone()).collect();
        let is_old = |key: &Text| known.contains(key);
        let mut added = Vec::new();
        for entry in patch.map_or(&[][..], Node::entries) {
            if entry.key == "$patch" || is_old(&entry.key) {
                continue;
            }
            let value = self.walk(place.field(&entry.key), None, Some(&entry.value))?;
            if let Some(value) = value.filter(|value| !value.is_null()) {
                added.push(crate::yaml::Entry { value, ..entry.clone() });
            }
        }
        added.sort_by(|a, b| a.key.cmp(&b.key));
        kept.extend(added);
        *entries = kept;
        Ok(old)
    }
}

/// A null stays only where it was and the patch does not speak of it.
fn stays(value: &Node, patch: Option<&Node>) -> bool {
    !value.is_null() || patch.is_none()
}

/// The patch's value in the place of the old one.
fn replaced(old: Option<Node>, patch: Option<&Node>) -> Option<Node> {
    match (old, patch) {
        (old, None) => old,
        (None, Some(patch)) => Some(patch.clone()),
        (Some(old), Some(patch)) => Some(overriding(old, patch.clone())),
    }
}

fn overriding(mut old: Node, new: Node) -> Node {
    old.override_with(new);
    old
}

fn directive(patch: &Node) -> Result<Directive, Problem> {
    let Some(word) = patch.get("$patch") else { return Ok(Directive::Merge) };
    match word.text() {
        Some("delete") => Ok(Directive::Delete),
        Some("replace") => Ok(Directive::Replace),
        Some("merge") => Ok(Directive::Merge),
        _ => {
            let text = "`$patch` must be `delete`, `replace` or `merge`";
            Err(Problem::at(&word.mark, ProblemKind::Invalid, text))
        }
    }
}

/// Refuses a patch of another shape than what it is merged into.
fn check_shape(old: Option<&Node>, patch: Option<&Node>) -> Result<(), Problem> {
    let (Some(old), Some(patch)) = (old, patch) else { return Ok(()) };
    if old.is_null() || patch.is_null() || kind_of(old) == kind_of(patch) {
        return Ok(());
    }
    let text = format!("is a {}, but patches a {}", kind_of(patch), kind_of(old));
    Err(Problem::at(&patch.mark, ProblemKind::Invalid, text))
}

fn kind_of(node: &Node) -> &'static str {
    match node.value {
        Value::Null | Value::Scalar(_) => "single value",
        Value::Sequence(_) => "list",
        Value::Mapping(_) => "mapping",
    }
}
