//! The order in which Kustomize keeps its lists of fields.
//!
//! The order matters: when lists are merged, a field of any kind counts as listed if a field of one
//! kind with the same path stands before it.

use super::super::fields::Gvk;
use super::super::order::{FIRST, LAST};

/// What to sort by: rank of the kind, then group, version and kind, each with `~` for "any".
pub(super) fn key(of: &Gvk) -> (usize, String) {
    let rank = |kinds: &[&str]| kinds.iter().position(|kind| *kind == of.kind);
    let rank = match (rank(&FIRST), rank(&LAST)) {
        (Some(first), _) => first,
        (None, Some(last)) => FIRST.len() + 1 + last,
        (None, None) => FIRST.len(),
    };
    let or = |text: &str, any: &str| if text.is_empty() { any.to_owned() } else { text.to_owned() };
    let parts = [or(&of.group, "~G"), or(&of.version, "~V"), or(&of.kind, "~K")];
    (rank, parts.join("_"))
}
