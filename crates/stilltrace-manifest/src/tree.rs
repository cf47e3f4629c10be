//! Where files come from: a folder, a Git revision, a map in memory.

use std::collections::BTreeMap;

/// A read-only set of files with `/` separated paths relative to one root.
///
/// Implementations hand out the same content for the same path as long as they live. A symbolic
/// link is either resolved inside the root or absent; it never leads out of it.
pub trait Tree {
    /// The bytes of the file at `path`, or `None` when there is no such file.
    ///
    /// # Errors
    /// When the file exists but cannot be read.
    fn read(&self, path: &str) -> Result<Option<Vec<u8>>, TreeError>;

    /// Paths of all files, sorted.
    ///
    /// # Errors
    /// When the listing cannot be had.
    fn files(&self) -> Result<Vec<String>, TreeError>;

    /// A stable id of the content of `path` (for Git its blob id), without reading it.
    ///
    /// Lets a [`crate::ParseCache`] recognise a file that did not change between two revisions.
    fn content_id(&self, path: &str) -> Option<[u8; 20]> {
        let _ = path;
        None
    }

    /// The same tree, where several threads may read it at once.
    fn shared(&self) -> Option<&(dyn Tree + Sync)> {
        None
    }
}

/// Why a tree could not hand out a file or its listing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TreeError {
    /// The file is there but reading it failed.
    #[error("{path}: cannot be read: {reason}")]
    Unreadable {
        /// Path relative to the root.
        path: String,
        /// What the store said.
        reason: String,
    },
    /// The file is larger than the reader of the tree accepts.
    #[error("{path}: larger than {limit} bytes")]
    TooLarge {
        /// Path relative to the root.
        path: String,
        /// The limit in bytes.
        limit: u64,
    },
    /// The listing of files failed.
    #[error("files cannot be listed: {reason}")]
    Listing {
        /// What the store said.
        reason: String,
    },
}

/// A tree held in memory, for tests and for content that comes from elsewhere.
#[derive(Debug, Clone, Default)]
pub struct MemoryTree {
    files: BTreeMap<String, Vec<u8>>,
}

impl MemoryTree {
    /// An empty tree.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds or replaces the file at `path`.
    pub fn insert(&mut self, path: impl Into<String>, content: impl Into<Vec<u8>>) {
        self.files.insert(path.into(), content.into());
    }

    /// The same tree with one more file; for building trees in one expression.
    #[must_use]
    pub fn with(mut self, path: &str, content: &str) -> Self {
        self.insert(path, content);
        self
    }
}

impl<P: Into<String>, C: Into<Vec<u8>>> FromIterator<(P, C)> for MemoryTree {
    fn from_iter<I: IntoIterator<Item = (P, C)>>(files: I) -> Self {
        Self { files: files.into_iter().map(|(p, c)| (p.into(), c.into())).collect() }
    }
}

impl Tree for MemoryTree {
    fn read(&self, path: &str) -> Result<Option<Vec<u8>>, TreeError> {
        Ok(self.files.get(path).cloned())
    }

    fn files(&self) -> Result<Vec<String>, TreeError> {
        Ok(self.files.keys().cloned().collect())
    }

    fn shared(&self) -> Option<&(dyn Tree + Sync)> {
        Some(self)
    }
}

/// Joins `relative` to the directory `base` and removes `.` and `..`.
///
/// `None` when the result lies outside the root of the tree or `relative` is absolute: such a path
/// is refused, never followed.
pub fn join(base: &str, relative: &str) -> Option<String> {
    if relative.starts_with('/') {
        return None;
    }
    let mut parts: Vec<&str> = base.split('/').filter(|part| !part.is_empty()).collect();
    for part in relative.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            name => parts.push(name),
        }
    }
    Some(parts.join("/"))
}

/// The directory part of a file path; empty for a file at the root.
pub fn parent(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(directory, _)| directory)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_that_leave_the_root_are_refused() {
        assert_eq!(join("a/b", "../c.yaml").as_deref(), Some("a/c.yaml"));
        assert_eq!(join("a", "./x//y").as_deref(), Some("a/x/y"));
        assert_eq!(join("a", "../.."), None);
        assert_eq!(join("a", "/etc/passwd"), None);
    }
}
