//! Which tree objects are read at all.
//!
//! Comparing two trees walks both in step and relies on the order in which Git writes names
//! (`git fsck`: `treeNotSorted`, `duplicateEntries`, `hasDotdot`, `hasDotgit`, `emptyName`,
//! `badFilemode`). A tree that breaks it was made by hand, and is refused.

use std::collections::BTreeSet;

use gix_object::TreeRefIter;

/// What is wrong with a tree; `None` where Git could have written it.
pub(crate) fn fault(tree: &[u8]) -> Option<&'static str> {
    let mut names = BTreeSet::new();
    let mut last: Option<Vec<u8>> = None;
    for entry in TreeRefIter::from_bytes(tree, gix_hash::Kind::Sha1) {
        let Ok(entry) = entry else { return Some("its entries cannot be read") };
        let name: &[u8] = entry.filename;
        if matches!(name, b"" | b"." | b".." | b".git") || name.contains(&b'/') {
            return Some("it holds a name that no file can have");
        }
        if !matches!(
            entry.mode.value(),
            0o40_000 | 0o100_644 | 0o100_664 | 0o100_755 | 0o120_000 | 0o160_000
        ) {
            return Some("it holds an entry of a mode that Git does not know");
        }
        // Folders are sorted as if their name ended with a slash.
        let mut key = name.to_vec();
        if entry.mode.is_tree() {
            key.push(b'/');
        }
        if last.as_ref().is_some_and(|last| *last >= key) {
            return Some("its names are out of order");
        }
        last = Some(key);
        if !names.insert(name) {
            return Some("it holds a name twice");
        }
    }
    None
}
