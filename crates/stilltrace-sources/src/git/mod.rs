//! The GitOps repository: revisions, files, history and the last change of a line.
//!
//! Only the object database and the references are read: no configuration, no hooks, no
//! attributes, no work tree, so nothing in a repository can make anything run. The repository of a
//! packed capture is read in memory, one on disk through the same interface.

mod ancestry;
mod blame;
mod error;
mod history;
mod locate;
mod loose;
mod pack;
mod refs;
mod renames;
mod store;
mod tree;
mod wellformed;

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;

use gix_hash::ObjectId;
use gix_object::{Find as _, Kind};
use stilltrace_model::CommitId;

pub use blame::Blamed;
pub use error::GitError;
pub use history::Commit;
pub use locate::{is_work_tree, work_tree_of};
use refs::Refs;
use renames::Renames;
use store::{Memory, Objects, Store};
pub use tree::RevisionTree;

/// A repository.
pub struct Repository {
    name: String,
    store: Store,
    refs: Refs,
    trees: RefCell<BTreeMap<ObjectId, Arc<Vec<tree::Entry>>>>,
    renames: RefCell<BTreeMap<(ObjectId, ObjectId), Rc<Renames>>>,
}

impl Repository {
    /// The repository at a path: a clone, its `.git`, or a bare repository.
    ///
    /// # Errors
    /// When there is none, or its references cannot be read.
    pub fn open(path: &Path) -> Result<Self, GitError> {
        let name = path.display().to_string();
        let found = locate::locate(&name, path)?;
        let objects = gix_odb::at(&found.objects, gix_hash::Kind::Sha1).map_err(|source| {
            GitError::Unreadable { repository: name.clone(), file: "objects".to_owned(), source }
        })?;
        let files = found.files.iter().map(|(path, bytes)| (path.as_str(), bytes.as_slice()));
        Ok(Self::new(name, Objects::Disk(Box::new(objects)), files))
    }

    /// The repository made of files in memory, by path inside a bare repository. `name` is for
    /// messages.
    ///
    /// # Errors
    /// When a pack among them is damaged.
    pub fn from_files<'a>(
        name: &str,
        files: impl Iterator<Item = (&'a str, &'a [u8])> + Clone,
    ) -> Result<Self, GitError> {
        let memory = Memory::new(files.clone()).map_err(|error| GitError::Damaged {
            repository: name.to_owned(),
            id: error.path.clone(),
            reason: format!("at byte {}: {}", error.at, error.reason),
        })?;
        Ok(Self::new(name.to_owned(), Objects::Memory(memory), files))
    }

    fn new<'a>(
        name: String,
        objects: Objects,
        files: impl Iterator<Item = (&'a str, &'a [u8])> + Clone,
    ) -> Self {
        let shallow: BTreeSet<ObjectId> = files
            .clone()
            .filter(|(path, _)| *path == "shallow")
            .flat_map(|(_, bytes)| bytes.split(|byte| *byte == b'\n'))
            .filter_map(|line| ObjectId::from_hex(line).ok())
            .collect();
        Self {
            name,
            store: Store::new(objects, shallow),
            refs: Refs::read(files),
            trees: RefCell::default(),
            renames: RefCell::default(),
        }
    }

    /// What messages call it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether the history is cut short.
    pub fn is_shallow(&self) -> bool {
        !self.store.shallow.is_empty()
    }

    /// Whether a shallow clone is cut off behind this commit, so that its parents are not here.
    pub fn is_border(&self, id: &CommitId) -> bool {
        ObjectId::from_hex(id.0.as_bytes()).is_ok_and(|id| self.store.shallow.contains(&id))
    }

    /// The commit that a revision stands for: a full or shortened id, a branch, a tag, `HEAD`,
    /// `@`, and any of these followed by steps to ancestors, such as `main~2` or `HEAD^2~1`
    /// (`gitrevisions(7)`).
    ///
    /// # Errors
    /// When there is no such commit, or a shortened id fits several.
    pub fn resolve(&self, revision: &str) -> Result<CommitId, GitError> {
        // Neither sign may be part of a name (`git-check-ref-format(1)`).
        let end = revision.find(['~', '^']).unwrap_or(revision.len());
        let (name, steps) = revision.split_at(end);
        let mut id = self.resolve_name(if name == "@" { "HEAD" } else { name })?;
        for parent in ancestry::parents(steps).ok_or_else(|| self.no_revision(revision))? {
            let parents = self.commit(&id)?.parents;
            id = parents.get(parent).cloned().ok_or_else(|| self.no_revision(revision))?;
        }
        Ok(id)
    }

    fn no_revision(&self, revision: &str) -> GitError {
        let (repository, revision) = (self.name.clone(), revision.to_owned());
        if self.is_shallow() {
            return GitError::CutOff { repository, revision };
        }
        GitError::NoRevision { repository, revision }
    }

    fn resolve_name(&self, revision: &str) -> Result<CommitId, GitError> {
        let none = || self.no_revision(revision);
        let named = self.refs.find(revision);
        let id = match named.or_else(|| ObjectId::from_hex(revision.as_bytes()).ok()) {
            Some(id) => id,
            None => self.expand(revision)?.ok_or_else(none)?,
        };
        let id = self.peel(id, &none)?;
        Ok(CommitId(id.to_string()))
    }

    /// The commit behind an annotated tag.
    fn peel(&self, mut id: ObjectId, none: &impl Fn() -> GitError) -> Result<ObjectId, GitError> {
        // A tag of a tag of a tag is possible; more are not made by people.
        for _ in 0..5 {
            let Some((kind, data)) = self.find(&id)? else { return Err(none()) };
            match kind {
                Kind::Commit => return Ok(id),
                Kind::Tag => {
                    let tag = gix_object::TagRefIter::from_bytes(&data, gix_hash::Kind::Sha1);
                    id = tag.target_id().map_err(|error| self.damaged(&id, &error))?;
                }
                Kind::Tree | Kind::Blob => return Err(none()),
            }
        }
        Err(none())
    }

    /// The object whose id starts with the digits.
    fn expand(&self, digits: &str) -> Result<Option<ObjectId>, GitError> {
        let is_prefix = (4..40).contains(&digits.len())
            && digits.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte));
        if !is_prefix {
            return Ok(None);
        }
        let ambiguous =
            || GitError::Ambiguous { repository: self.name.clone(), revision: digits.to_owned() };
        match &self.store.objects {
            Objects::Memory(memory) => match memory.with_prefix(digits).as_slice() {
                [] => Ok(None),
                [id] => Ok(Some(*id)),
                _ => Err(ambiguous()),
            },
            Objects::Disk(handle) => {
                let Ok(prefix) = gix_hash::Prefix::from_hex(digits) else { return Ok(None) };
                match handle.lookup_prefix(prefix, None) {
                    Ok(None) => Ok(None),
                    Ok(Some(Ok(id))) => Ok(Some(id)),
                    Ok(Some(Err(()))) => Err(ambiguous()),
                    Err(error) => Err(GitError::Damaged {
                        repository: self.name.clone(),
                        id: digits.to_owned(),
                        reason: error.to_string(),
                    }),
                }
            }
        }
    }

    /// An object with its kind; `None` when it is not there.
    fn find(&self, id: &ObjectId) -> Result<Option<(Kind, Vec<u8>)>, GitError> {
        let mut buffer = Vec::new();
        let kind = match self.store.try_find(id, &mut buffer) {
            Ok(data) => data.map(|data| data.kind),
            Err(_) if self.store.is_exhausted() => {
                return Err(GitError::OverBudget {
                    repository: self.name.clone(),
                    place: format!("object {id}"),
                    what: "bytes read in all",
                    limit: store::MAX_WORK,
                });
            }
            Err(error) => return Err(self.damaged(id, &error)),
        };
        Ok(kind.map(|kind| (kind, buffer)))
    }

    /// An object that must be there and of a kind.
    fn expect(&self, id: &ObjectId, kind: Kind, wanted: &str) -> Result<Vec<u8>, GitError> {
        match self.find(id)? {
            Some((found, data)) if found == kind => Ok(data),
            Some((found, _)) => Err(GitError::Damaged {
                repository: self.name.clone(),
                id: id.to_string(),
                reason: format!("it is a {found}, expected a {kind}"),
            }),
            None => Err(GitError::MissingObject {
                repository: self.name.clone(),
                id: id.to_string(),
                wanted: wanted.to_owned(),
            }),
        }
    }

    fn damaged(&self, id: &ObjectId, error: &dyn std::error::Error) -> GitError {
        GitError::Damaged {
            repository: self.name.clone(),
            id: id.to_string(),
            reason: error.to_string(),
        }
    }

    fn object_id(&self, id: &CommitId) -> Result<ObjectId, GitError> {
        ObjectId::from_hex(id.0.as_bytes()).map_err(|_| GitError::NoRevision {
            repository: self.name.clone(),
            revision: id.to_string(),
        })
    }
}

impl std::fmt::Debug for Repository {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Repository").field("name", &self.name).finish_non_exhaustive()
    }
}
