//! Words that are booleans to YAML 1.1 only, such as `yes`, `off` and `y`.
//!
//! Kustomize reads manifests by YAML 1.2 and prints these words as texts in quotes, so that what
//! applies them sees a text. The reader of Kubernetes, which `kubectl apply -f` and the directories
//! of Argo CD go through, takes the same words for booleans.

use std::sync::Arc;

use crate::object::Object;
use crate::yaml::{Document, Mark, Node, Style, Text, Value, old_flag};

/// Writes the words in an object as the texts that Kustomize takes them for.
pub(super) fn settle(object: &mut Object) {
    if holds_old_flag(&object.root) {
        quote_old_flags(Arc::make_mut(&mut object.root));
    }
}

/// Depth is bounded by the parser's budget, here and below.
fn holds_old_flag(node: &Node) -> bool {
    match &node.value {
        Value::Mapping(entries) => entries.iter().any(|entry| holds_old_flag(&entry.value)),
        Value::Sequence(items) => items.iter().any(holds_old_flag),
        Value::Scalar(scalar) => {
            scalar.style == Style::Plain && old_flag(&scalar.text).is_some() && node.tag().is_none()
        }
        Value::Null => false,
    }
}

/// A document that is a list, so a JSON patch: Kustomize turns it into JSON by YAML 1.1, in which
/// the words are booleans, also as keys. `None` for any other document.
pub(super) fn read_as_json(document: &Document) -> Option<Arc<Node>> {
    if !matches!(document.root.value, Value::Sequence(_)) {
        return None;
    }
    let mut root = Arc::clone(&document.root);
    let is_old_key = |(key, _): &(Text, Mark)| old_flag(key).is_some();
    if holds_old_flag(&root) || document.bare_keys.iter().any(is_old_key) {
        write_flags(Arc::make_mut(&mut root), &document.bare_keys);
    }
    Some(root)
}

/// The root of a kustomization with such words as keys, which are booleans there: Kustomize reads
/// its own file by way of JSON.
pub(super) fn keys_as_json(document: &Document) -> Arc<Node> {
    let mut root = Arc::clone(&document.root);
    if document.bare_keys.iter().any(|(key, _)| old_flag(key).is_some()) {
        write_keys(Arc::make_mut(&mut root), &document.bare_keys);
    }
    root
}

/// Depth is bounded by the parser's budget.
fn write_keys(node: &mut Node, bare_keys: &[(Text, Mark)]) {
    match &mut node.value {
        Value::Mapping(entries) => {
            for entry in entries {
                let is_bare = bare_keys.iter().any(|(_, mark)| *mark == entry.key_mark);
                if let Some(flag) = old_flag(&entry.key).filter(|_| is_bare) {
                    entry.key = Text::new(if flag { "true" } else { "false" });
                }
                write_keys(&mut entry.value, bare_keys);
            }
        }
        Value::Sequence(items) => items.iter_mut().for_each(|item| write_keys(item, bare_keys)),
        Value::Scalar(_) | Value::Null => {}
    }
}

/// Depth is bounded by the parser's budget.
fn write_flags(node: &mut Node, bare_keys: &[(Text, Mark)]) {
    let is_tagged = node.tag().is_some();
    let word = |flag: bool| Text::new(if flag { "true" } else { "false" });
    match &mut node.value {
        Value::Mapping(entries) => {
            for entry in entries {
                let is_bare = bare_keys.iter().any(|(_, mark)| *mark == entry.key_mark);
                if let Some(flag) = old_flag(&entry.key).filter(|_| is_bare) {
                    entry.key = word(flag);
                }
                write_flags(&mut entry.value, bare_keys);
            }
        }
        Value::Sequence(items) => {
            for item in items {
                write_flags(item, bare_keys);
            }
        }
        Value::Scalar(scalar) if scalar.style == Style::Plain && !is_tagged => {
            if let Some(flag) = old_flag(&scalar.text) {
                scalar.text = word(flag);
            }
        }
        Value::Scalar(_) | Value::Null => {}
    }
}

/// Puts the words below `node` in quotes.
pub(super) fn quote_old_flags(node: &mut Node) {
    if node.tag().is_some() {
        return;
    }
    match &mut node.value {
        Value::Mapping(entries) => {
            for entry in entries {
                quote_old_flags(&mut entry.value);
            }
        }
        Value::Sequence(items) => items.iter_mut().for_each(quote_old_flags),
        Value::Scalar(scalar)
            if scalar.style == Style::Plain && old_flag(&scalar.text).is_some() =>
        {
            scalar.style = Style::DoubleQuoted;
        }
        Value::Scalar(_) | Value::Null => {}
    }
}
