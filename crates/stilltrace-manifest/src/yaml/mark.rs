//! A place in a file.

use std::fmt;
use std::ops::{Deref, Range};
use std::sync::Arc;

/// The path of a file relative to the root of its tree, shared by all marks of the file.
///
/// One pointer wide, because every key and every value of a manifest holds one.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FilePath(Arc<Arc<str>>);

impl FilePath {
    /// The path in the form that is shared with other crates.
    pub fn shared(&self) -> Arc<str> {
        Arc::clone(&self.0)
    }
}

impl Deref for FilePath {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl From<&str> for FilePath {
    fn from(path: &str) -> Self {
        Self::from(Arc::from(path))
    }
}

impl From<Arc<str>> for FilePath {
    fn from(path: Arc<str>) -> Self {
        Self(Arc::new(path))
    }
}

impl fmt::Display for FilePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self)
    }
}

impl fmt::Debug for FilePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&**self, f)
    }
}

/// A place in a file.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Mark {
    /// File, relative to the root of the tree.
    pub path: FilePath,
    /// Line, from 1.
    pub line: u32,
    /// Column in characters, from 1.
    pub column: u32,
    /// First byte of the key, scalar (quotes included) or collection in the file.
    pub start: u32,
    /// First byte behind it; equal to `start` for an empty value.
    pub end: u32,
}

impl Mark {
    /// A place by line, column and bytes; positions beyond 4 GiB do not occur under any budget.
    pub fn new(path: impl Into<FilePath>, line: u32, column: u32, bytes: Range<usize>) -> Self {
        let byte = |offset| u32::try_from(offset).unwrap_or(u32::MAX);
        Self { path: path.into(), line, column, start: byte(bytes.start), end: byte(bytes.end) }
    }

    /// The whole of a file of `bytes` bytes, such as one that a generator takes in.
    pub fn of_file(path: &str, bytes: usize) -> Self {
        Self::new(path, 1, 1, 0..bytes)
    }

    /// The bytes of the place, to slice the file's text with.
    pub fn range(&self) -> Range<usize> {
        self.start as usize..self.end as usize
    }
}

impl fmt::Display for Mark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.path, self.line, self.column)
    }
}
