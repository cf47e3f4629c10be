//! A tree with a file beside it.

use stilltrace_manifest::{Tree, TreeError};

/// A tree and one file from elsewhere, such as a mesh configuration that is not in the repository.
///
/// The file is read by the path that it was named by and never listed: it is no manifest.
pub struct Beside<'a> {
    tree: &'a dyn Tree,
    path: &'a str,
    bytes: &'a [u8],
}

impl<'a> Beside<'a> {
    /// The files of `tree`, and at `path` these bytes.
    pub fn new(tree: &'a dyn Tree, path: &'a str, bytes: &'a [u8]) -> Self {
        Self { tree, path, bytes }
    }
}

impl Tree for Beside<'_> {
    fn read(&self, path: &str) -> Result<Option<Vec<u8>>, TreeError> {
        if path == self.path { Ok(Some(self.bytes.to_vec())) } else { self.tree.read(path) }
    }

    fn files(&self) -> Result<Vec<String>, TreeError> {
        self.tree.files()
    }

    fn content_id(&self, path: &str) -> Option<[u8; 20]> {
        if path == self.path { None } else { self.tree.content_id(path) }
    }
}
