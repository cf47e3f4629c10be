//! Parsed files shared between builds of neighbouring revisions, and parsed on all cores.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::thread;

use super::{Budget, Parsed, parse};
use crate::tree::Tree;

/// Files that are handed over at once: waking a thread costs as much as parsing a small file.
const BATCH: usize = 16;
/// Batches that wait to be parsed, at most; their bytes are in memory.
const WAITING: usize = 4;
/// Parts of the cache, each with a lock of its own.
const SHARDS: usize = 61;
/// Threads that parse, at most: reading the files is one thread's work and becomes the limit.
const MAX_THREADS: usize = 8;

/// What a path holds, by content id. Only looked up, never walked through: a tree may give one id to
/// all of its files, so whatever is walked here is walked once per file.
type Files = HashMap<Box<str>, BTreeMap<[u8; 20], Arc<Parsed>>>;

/// Parsed files by path and content id.
///
/// Rendering ten revisions of a repository parses each version of a file once. The path is part of
/// the key because marks name it. Budgets are fixed for the life of the cache.
#[derive(Debug)]
pub struct ParseCache {
    budget: Budget,
    threads: usize,
    /// By a number made of the path, so that threads seldom wait for each other.
    files: [Mutex<Files>; SHARDS],
}

impl Default for ParseCache {
    fn default() -> Self {
        Self::with_budget(Budget::default())
    }
}

/// A file that waits to be parsed.
struct Waiting<'a> {
    path: &'a str,
    content: [u8; 20],
    bytes: Vec<u8>,
}

impl ParseCache {
    /// An empty cache that parses with the default budget.
    pub fn new() -> Self {
        Self::default()
    }

    /// An empty cache that parses with `budget`.
    pub fn with_budget(budget: Budget) -> Self {
        let threads = thread::available_parallelism().map_or(1, usize::from);
        Self {
            budget,
            threads: threads.min(MAX_THREADS),
            files: std::array::from_fn(|_| Mutex::default()),
        }
    }

    /// Parses on this many threads instead of one for each core. What is answered is the same.
    #[must_use]
    pub fn on_threads(self, threads: usize) -> Self {
        Self { threads: threads.clamp(1, MAX_THREADS), ..self }
    }

    /// An empty cache with the same budget and threads.
    #[must_use]
    pub fn emptied(&self) -> Self {
        Self::with_budget(self.budget).on_threads(self.threads)
    }

    /// The budget files are parsed with.
    pub fn budget(&self) -> &Budget {
        &self.budget
    }

    /// The parsed file if this content was seen under this path.
    pub fn get(&self, path: &str, content: [u8; 20]) -> Option<Arc<Parsed>> {
        let files = self.shard(path)?.lock().unwrap_or_else(PoisonError::into_inner);
        files.get(path)?.get(&content).map(Arc::clone)
    }

    /// Parses `bytes` and remembers the result when `content` is known.
    pub fn parse(&self, path: &str, content: Option<[u8; 20]>, bytes: &[u8]) -> Arc<Parsed> {
        let parsed = Arc::new(parse(path, bytes, &self.budget));
        if let Some(content) = content {
            self.remember(path, content, &parsed);
        }
        parsed
    }

    fn remember(&self, path: &str, content: [u8; 20], parsed: &Arc<Parsed>) {
        let Some(shard) = self.shard(path) else { return };
        let mut files = shard.lock().unwrap_or_else(PoisonError::into_inner);
        files.entry(path.into()).or_default().entry(content).or_insert_with(|| Arc::clone(parsed));
    }

    /// Where a path is kept: names of neighbours differ most in their last characters.
    fn shard(&self, path: &str) -> Option<&Mutex<Files>> {
        let sum = path
            .bytes()
            .rev()
            .take(48)
            .fold(0_usize, |sum, byte| sum.wrapping_mul(31).wrapping_add(usize::from(byte)));
        self.files.get(sum % SHARDS)
    }

    /// Parses files of a tree on all cores, so that reading them later costs nothing.
    ///
    /// Files whose content has no id, that are known already or that cannot be read are left to
    /// whoever asks for them. What the cache answers is the same with and without this call.
    pub fn warm<'a>(&self, tree: &dyn Tree, paths: impl IntoIterator<Item = &'a str>) {
        let (sender, receiver) = mpsc::sync_channel::<Vec<Waiting<'_>>>(WAITING);
        let receiver = Mutex::new(receiver);
        thread::scope(|scope| {
            for _ in 0..self.threads {
                scope.spawn(|| self.parse_waiting(&receiver));
            }
            let mut batch = Vec::with_capacity(BATCH);
            for path in paths {
                let Some(content) = tree.content_id(path) else { continue };
                if self.get(path, content).is_some() {
                    continue;
                }
                let Ok(Some(bytes)) = tree.read(path) else { continue };
                batch.push(Waiting { path, content, bytes });
                if batch.len() == BATCH {
                    let full = std::mem::replace(&mut batch, Vec::with_capacity(BATCH));
                    if sender.send(full).is_err() {
                        return;
                    }
                }
            }
            // Nobody listens if no thread is left; then the files are parsed when asked for.
            let _ = sender.send(batch);
            drop(sender);
        });
    }

    /// Parses what arrives until nothing more will.
    fn parse_waiting(&self, receiver: &Mutex<mpsc::Receiver<Vec<Waiting<'_>>>>) {
        loop {
            let next = receiver.lock().unwrap_or_else(PoisonError::into_inner).recv();
            let Ok(batch) = next else { return };
            for waiting in batch {
                self.parse(waiting.path, Some(waiting.content), &waiting.bytes);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree::TreeError;

    /// Files whose content id is their number.
    struct Numbered(Vec<String>);

    impl Numbered {
        fn at(&self, path: &str) -> Option<(usize, &String)> {
            let number = path.parse().ok()?;
            Some((number, self.0.get(number)?))
        }
    }

    impl Tree for Numbered {
        fn read(&self, path: &str) -> Result<Option<Vec<u8>>, TreeError> {
            Ok(self.at(path).map(|(_, text)| text.clone().into_bytes()))
        }

        fn files(&self) -> Result<Vec<String>, TreeError> {
            Ok((0..self.0.len()).map(|number| number.to_string()).collect())
        }

        fn content_id(&self, path: &str) -> Option<[u8; 20]> {
            let (number, _) = self.at(path)?;
            let mut id = [0; 20];
            id[..8].copy_from_slice(&number.to_le_bytes());
            Some(id)
        }
    }

    #[test]
    fn files_parsed_on_all_cores_are_the_same_files() {
        let text = |number| format!("a: {number}\nb: [x, {{c: \"{number}\"}}]\n---\n- [\n");
        let tree = Numbered((0..500).map(text).collect());
        let paths = tree.files().unwrap_or_default();
        let cache = ParseCache::new();
        cache.warm(&tree, paths.iter().map(String::as_str));
        for (number, path) in paths.iter().enumerate() {
            let known = tree.content_id(path).and_then(|content| cache.get(path, content));
            let alone = parse(path, text(number).as_bytes(), cache.budget());
            assert_eq!(known.as_deref(), Some(&alone));
        }
        assert!(cache.get("1", [0; 20]).is_none(), "the same content under another path");
    }
}
