//! Where the tests find the corpora they compare with.

#![allow(
    clippy::unwrap_used,
    clippy::print_stderr,
    clippy::disallowed_methods,
    reason = "tests read corpora from the disk and say why they skip"
)]

use std::path::{Path, PathBuf};

use crate::tree::MemoryTree;

/// The folder of a corpus below `STILLTRACE_CORPORA`, or `None` with a printed reason.
pub(crate) fn corpus(name: &str) -> Option<PathBuf> {
    let root = std::env::var_os("STILLTRACE_CORPORA").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data"),
        PathBuf::from,
    );
    let folder = root.join(name);
    if folder.is_dir() {
        return Some(folder);
    }
    eprintln!("skipped: no folder {name} in STILLTRACE_CORPORA");
    None
}

/// The entries of a folder, sorted.
pub(crate) fn entries(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap();
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths
}

/// The bytes of a file.
pub(crate) fn bytes(path: &Path) -> Vec<u8> {
    std::fs::read(path).unwrap()
}

/// A folder as a tree; symbolic links are left out.
pub(crate) fn tree(folder: &Path) -> MemoryTree {
    let mut tree = MemoryTree::new();
    let mut open = vec![folder.to_path_buf()];
    while let Some(next) = open.pop() {
        for path in entries(&next) {
            if path.is_dir() {
                if !path.is_symlink() {
                    open.push(path);
                }
            } else if !path.exists() {
            } else if let Some(name) = path.strip_prefix(folder).unwrap().to_str() {
                tree.insert(name, bytes(&path));
            }
        }
    }
    tree
}
