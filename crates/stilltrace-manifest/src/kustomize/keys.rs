//! Keys that Kustomize refuses or drops, and others do not.
//!
//! Below the root of an object a key that is a number, a boolean, a date, null or a collection
//! stops Kustomize when it prints the object (its JSON has no word for it); at the root it becomes a
//! text. A `<<` in quotes is no merge key, and yet Kustomize takes it away with its value.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::object::Object;
use crate::problem::{Problem, ProblemKind};
use crate::yaml::{
    Document, Mark, Node, Parsed, Resolved, Style, Text, Value, old_flag, resolve_plain,
};

use super::output::is_timestamp;

/// The keys of the files and texts of one build that are no texts to Kustomize.
#[derive(Debug, Default)]
pub(super) struct ForeignKeys {
    found: BTreeSet<(Text, Mark)>,
}

impl ForeignKeys {
    /// Takes in those of a file or text.
    pub(super) fn note(&mut self, parsed: &Parsed) {
        // A list is a JSON patch, whose keys become texts.
        let is_object = |document: &&Document| matches!(document.root.value, Value::Mapping(_));
        let documents = parsed.documents.iter().filter(is_object);
        let keys = documents.flat_map(|document| &document.bare_keys);
        self.found.extend(keys.filter(|(text, _)| is_foreign(text)).cloned());
    }

    /// The first of them that is left in an object.
    pub(super) fn refuse<'a>(
        &self,
        objects: impl IntoIterator<Item = &'a Object>,
    ) -> Option<Problem> {
        if self.found.is_empty() {
            return None;
        }
        objects.into_iter().find_map(|object| self.first_in(&object.root))
    }

    /// The first of them in a tree; depth is bounded by the parser's budget.
    pub(super) fn first_in(&self, node: &Node) -> Option<Problem> {
        match &node.value {
            Value::Mapping(entries) => entries.iter().find_map(|entry| {
                let place = (entry.key.clone(), entry.key_mark.clone());
                if !self.found.contains(&place) {
                    return self.first_in(&entry.value);
                }
                let text = format!("the key `{}` is no text; put it in quotes", entry.key);
                Some(Problem::at(&entry.key_mark, ProblemKind::Invalid, text))
            }),
            Value::Sequence(items) => items.iter().find_map(|item| self.first_in(item)),
            Value::Scalar(_) | Value::Null => None,
        }
    }
}

/// The first text in double quotes with `\/`, an escape of JSON that Kustomize's reader of YAML does
/// not know. A list is a JSON patch, which goes through a reader of JSON.
pub(super) fn escaped_slash(parsed: &Parsed) -> Option<Problem> {
    if !parsed.source.contains("\\/") {
        return None;
    }
    let is_object = |document: &&Document| matches!(document.root.value, Value::Mapping(_));
    let mut roots = parsed.documents.iter().filter(is_object).map(|document| &document.root);
    roots.find_map(|root| slash_in(root, &parsed.source)).map(|at| {
        Problem::at(at, ProblemKind::Invalid, "`\\/` is an escape of JSON only; write `/`")
    })
}

/// Depth is bounded by the parser's budget.
fn slash_in<'n>(node: &'n Node, source: &str) -> Option<&'n Mark> {
    match &node.value {
        Value::Mapping(entries) => entries.iter().find_map(|entry| slash_in(&entry.value, source)),
        Value::Sequence(items) => items.iter().find_map(|item| slash_in(item, source)),
        Value::Scalar(scalar) if scalar.style == Style::DoubleQuoted => {
            let written = source.get(node.mark.range())?;
            // Pairs of backslashes are backslashes.
            written.replace("\\\\", "").contains("\\/").then_some(&node.mark)
        }
        Value::Scalar(_) | Value::Null => None,
    }
}

/// Whether a key that is added to labels or annotations stops Kustomize: it is written without
/// quotes, and what reads it back takes it for a number, a boolean, a date or a merge.
pub(super) fn is_refused_label(key: &str) -> bool {
    key == "<<" || is_foreign(key)
}

/// Whether YAML 1.2 takes a key without quotes for something else than a text.
fn is_foreign(text: &str) -> bool {
    let is_text =
        old_flag(text).is_some() || (resolve_plain(text) == Resolved::Text && !is_timestamp(text));
    !is_text || text.starts_with(['[', '{'])
}

/// The root of a document without the keys `<<` that were not merged.
pub(super) fn without_merge_keys(document: &Document) -> Arc<Node> {
    let mut root = Arc::clone(&document.root);
    if document.bare_keys.iter().any(|(key, _)| key == "<<") {
        drop_below(Arc::make_mut(&mut root));
    }
    root
}

/// Depth is bounded by the parser's budget.
fn drop_below(node: &mut Node) {
    match &mut node.value {
        Value::Mapping(entries) => {
            entries.retain(|entry| entry.key != "<<");
            for entry in entries {
                drop_below(&mut entry.value);
            }
        }
        Value::Sequence(items) => items.iter_mut().for_each(drop_below),
        Value::Scalar(_) | Value::Null => {}
    }
}
