//! Parsed files shared between builds of neighbouring revisions.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::{Budget, Parsed, parse};

/// Path and content id of a file, and what it holds.
type Files = BTreeMap<(String, [u8; 20]), Arc<Parsed>>;

/// Parsed files by path and content id.
///
/// Rendering ten revisions of a repository parses each version of a file once. The path is part of
/// the key because marks name it. Budgets are fixed for the life of the cache.
#[derive(Debug, Default)]
pub struct ParseCache {
    budget: Budget,
    files: Mutex<Files>,
}

impl ParseCache {
    /// An empty cache that parses with the default budget.
    pub fn new() -> Self {
        Self::default()
    }

    /// An empty cache that parses with `budget`.
    pub fn with_budget(budget: Budget) -> Self {
        Self { budget, files: Mutex::default() }
    }

    /// The budget files are parsed with.
    pub fn budget(&self) -> &Budget {
        &self.budget
    }

    /// The parsed file if this content was seen under this path.
    pub fn get(&self, path: &str, content: [u8; 20]) -> Option<Arc<Parsed>> {
        let files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        files.get(&(path.to_owned(), content)).map(Arc::clone)
    }

    /// Parses `bytes` and remembers the result when `content` is known.
    pub fn parse(&self, path: &str, content: Option<[u8; 20]>, bytes: &[u8]) -> Arc<Parsed> {
        let parsed = Arc::new(parse(path, bytes, &self.budget));
        if let Some(content) = content {
            let mut files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
            files.insert((path.to_owned(), content), Arc::clone(&parsed));
        }
        parsed
    }
}
