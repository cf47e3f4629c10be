//! The files of one revision.

use std::collections::BTreeMap;
use std::sync::Arc;

use gix_hash::ObjectId;
use gix_object::{FindHeader as _, Kind, TreeRefIter};
use stilltrace_manifest::{Tree, TreeError};
use stilltrace_model::CommitId;

use super::{GitError, Repository};

/// Files of one revision, at most.
const MAX_FILES: usize = 200_000;
/// Nesting of folders.
const MAX_DEPTH: usize = 64;
/// Largest file that is handed out, in bytes: the largest that the reader of manifests takes.
const MAX_FILE: u64 = 8 << 20;

/// One name in a tree object. Links and submodules are left out: a link may lead anywhere, and
/// the files of a submodule are in another repository. So are names that are not UTF-8.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    name: String,
    id: ObjectId,
    is_folder: bool,
}

/// A file that differs between two trees.
#[derive(Debug, Clone)]
pub(super) struct Changed {
    pub(super) path: String,
    /// Content before; `None` where the file is new.
    pub(super) before: Option<ObjectId>,
    /// Content after; `None` where the file is gone.
    pub(super) after: Option<ObjectId>,
}

/// The files of one revision, as the manifest reader wants them.
pub struct RevisionTree<'a> {
    repository: &'a Repository,
    files: BTreeMap<String, ObjectId>,
}

impl Repository {
    /// The files of a revision.
    ///
    /// # Errors
    /// When the commit or a folder is missing or damaged, or there are too many files.
    pub fn tree(&self, at: &CommitId) -> Result<RevisionTree<'_>, GitError> {
        let root = self.commit(at)?.tree;
        Ok(RevisionTree { repository: self, files: self.files_of(root)? })
    }

    /// The content of a file in a revision; `None` when there is no such file.
    ///
    /// # Errors
    /// When the commit, a folder or the file is missing or damaged.
    pub fn blob(&self, at: &CommitId, path: &str) -> Result<Option<Vec<u8>>, GitError> {
        match self.lookup(self.commit(at)?.tree, path)? {
            Some(id) => self.expect(&id, Kind::Blob, path).map(Some),
            None => Ok(None),
        }
    }

    /// Whether a revision has a file or folder at a path.
    ///
    /// # Errors
    /// When the commit or a folder is missing or damaged.
    pub fn has(&self, at: &CommitId, path: &str) -> Result<bool, GitError> {
        let (mut id, mut parts) = (self.commit(at)?.tree, path.split('/').peekable());
        while let Some(part) = parts.next() {
            let entries = self.entries(id, path)?;
            match entries.iter().find(|entry| entry.name == part) {
                Some(entry) if entry.is_folder => id = entry.id,
                found => return Ok(found.is_some() && parts.peek().is_none()),
            }
        }
        Ok(true)
    }

    /// The id of a file below a tree.
    pub(super) fn lookup(&self, root: ObjectId, path: &str) -> Result<Option<ObjectId>, GitError> {
        let (mut at, mut parts) = (root, path.split('/').peekable());
        while let Some(part) = parts.next() {
            let entries = self.entries(at, path)?;
            let wants_folder = parts.peek().is_some();
            let found = entries.iter().find(|e| e.name == part && e.is_folder == wants_folder);
            match found {
                Some(entry) => at = entry.id,
                None => return Ok(None),
            }
        }
        Ok(Some(at))
    }

    fn files_of(&self, root: ObjectId) -> Result<BTreeMap<String, ObjectId>, GitError> {
        let mut files = BTreeMap::new();
        let mut pending = vec![(String::new(), root, 0)];
        while let Some((folder, id, depth)) = pending.pop() {
            if depth > MAX_DEPTH {
                return Err(self.over(&folder, "nested folders", MAX_DEPTH));
            }
            for entry in self.entries(id, &folder)?.iter() {
                let path = joined(&folder, &entry.name);
                if entry.is_folder {
                    pending.push((path, entry.id, depth + 1));
                } else {
                    files.insert(path, entry.id);
                }
                if files.len() + pending.len() > MAX_FILES {
                    return Err(self.over(&folder, "files", MAX_FILES));
                }
            }
        }
        Ok(files)
    }

    /// Files that differ between two trees, sorted by path. Equal folders are not entered.
    pub(super) fn differing(
        &self,
        before: Option<ObjectId>,
        after: Option<ObjectId>,
    ) -> Result<Vec<Changed>, GitError> {
        let mut files = Vec::new();
        let mut pending = vec![(String::new(), before, after, 0)];
        while let Some((folder, before, after, depth)) = pending.pop() {
            if depth > MAX_DEPTH {
                return Err(self.over(&folder, "nested folders", MAX_DEPTH));
            }
            let mut names: BTreeMap<(String, bool), [Option<ObjectId>; 2]> = BTreeMap::new();
            for (side, tree) in [before, after].into_iter().enumerate() {
                let Some(tree) = tree else { continue };
                for entry in self.entries(tree, &folder)?.iter() {
                    let ids = names.entry((entry.name.clone(), entry.is_folder)).or_default();
                    if let Some(id) = ids.get_mut(side) {
                        *id = Some(entry.id);
                    }
                }
            }
            for ((name, is_folder), [before, after]) in names {
                if before == after {
                    continue;
                }
                let path = joined(&folder, &name);
                if is_folder {
                    pending.push((path, before, after, depth + 1));
                } else {
                    files.push(Changed { path, before, after });
                }
                if files.len() + pending.len() > MAX_FILES {
                    return Err(self.over(&folder, "changed files", MAX_FILES));
                }
            }
        }
        files.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(files)
    }

    /// The entries of a tree object, read once.
    fn entries(&self, id: ObjectId, place: &str) -> Result<Arc<Vec<Entry>>, GitError> {
        if let Some(entries) = self.trees.borrow().get(&id) {
            return Ok(Arc::clone(entries));
        }
        let data = self.expect(&id, Kind::Tree, &format!("folder {place:?}"))?;
        let mut entries = Vec::new();
        for entry in TreeRefIter::from_bytes(&data, gix_hash::Kind::Sha1) {
            let entry = entry.map_err(|error| self.damaged(&id, &error))?;
            let is_folder = entry.mode.is_tree();
            if !is_folder && !entry.mode.is_blob() {
                continue;
            }
            let Ok(name) = std::str::from_utf8(entry.filename) else { continue };
            entries.push(Entry { name: name.to_owned(), id: entry.oid.to_owned(), is_folder });
        }
        let entries = Arc::new(entries);
        self.trees.borrow_mut().insert(id, Arc::clone(&entries));
        Ok(entries)
    }

    fn over(&self, place: &str, what: &'static str, limit: usize) -> GitError {
        GitError::OverBudget {
            repository: self.name.clone(),
            place: if place.is_empty() { "/" } else { place }.to_owned(),
            what,
            limit: limit as u64,
        }
    }
}

fn joined(folder: &str, name: &str) -> String {
    if folder.is_empty() { name.to_owned() } else { format!("{folder}/{name}") }
}

impl Tree for RevisionTree<'_> {
    fn read(&self, path: &str) -> Result<Option<Vec<u8>>, TreeError> {
        let Some(id) = self.files.get(path) else { return Ok(None) };
        let unreadable = |reason: String| TreeError::Unreadable { path: path.to_owned(), reason };
        let store = &self.repository.store;
        match store.try_header(id) {
            Ok(Some(header)) if header.size > MAX_FILE => {
                return Err(TreeError::TooLarge { path: path.to_owned(), limit: MAX_FILE });
            }
            Ok(_) => {}
            Err(error) => return Err(unreadable(error.to_string())),
        }
        let content = self.repository.expect(id, Kind::Blob, path);
        content.map(Some).map_err(|error| unreadable(error.to_string()))
    }

    fn files(&self) -> Result<Vec<String>, TreeError> {
        Ok(self.files.keys().cloned().collect())
    }

    fn content_id(&self, path: &str) -> Option<[u8; 20]> {
        self.files.get(path)?.as_slice().try_into().ok()
    }
}

impl std::fmt::Debug for RevisionTree<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RevisionTree").field("files", &self.files.len()).finish_non_exhaustive()
    }
}
