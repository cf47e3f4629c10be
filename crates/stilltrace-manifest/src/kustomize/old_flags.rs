//! Words that are booleans to YAML 1.1 only, such as `yes`, `off` and `y`.
//!
//! Kustomize reads manifests by YAML 1.2 and prints these words as texts in quotes, so that what
//! applies them sees a text. The reader of Kubernetes, which `kubectl apply -f` and the directories
//! of Argo CD go through, takes the same words for booleans.

use std::sync::Arc;

use crate::object::Object;
use crate::yaml::{Node, Style, Value, is_old_flag};

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
            scalar.style == Style::Plain && is_old_flag(&scalar.text) && node.tag().is_none()
        }
        Value::Null => false,
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
        Value::Scalar(scalar) if scalar.style == Style::Plain && is_old_flag(&scalar.text) => {
            scalar.style = Style::DoubleQuoted;
        }
        Value::Scalar(_) | Value::Null => {}
    }
}
