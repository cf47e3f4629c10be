//! Commits and the way from one to the next.

use std::collections::{BTreeMap, BTreeSet};

use gix_hash::ObjectId;
use gix_object::Kind;
use stilltrace_model::{CommitId, CommitInfo, Timestamp};

use super::{GitError, Repository};

/// Commits looked at in one walk before giving up.
const MAX_WALK: usize = 50_000;
/// Commit times come from many machines; a parent may look this much younger than its child.
const CLOCK_SKEW_SECONDS: f64 = 86_400.0;

/// A commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Commit {
    /// Who changed what, and when.
    pub info: CommitInfo,
    /// Parents in their order; none for the first commit and at the border of a shallow clone.
    pub parents: Vec<CommitId>,
    /// The tree of files, as its id.
    pub(super) tree: ObjectId,
}

impl Repository {
    /// A commit by id.
    ///
    /// # Errors
    /// When it is missing or damaged.
    pub fn commit(&self, id: &CommitId) -> Result<Commit, GitError> {
        let object = self.object_id(id)?;
        let data = self.expect(&object, Kind::Commit, "a commit")?;
        let broken = |error: &dyn std::error::Error| self.damaged(&object, error);
        let commit = gix_object::CommitRef::from_bytes(&data, gix_hash::Kind::Sha1)
            .map_err(|error| broken(&error))?;
        let author = commit.author().map_err(|error| broken(&error))?;
        let committer = commit.committer().map_err(|error| broken(&error))?;
        let summary = commit.message.split(|byte| *byte == b'\n').find(|line| !line.is_empty());
        Ok(Commit {
            info: CommitInfo {
                id: id.clone(),
                author: String::from_utf8_lossy(author.trim().name).into_owned(),
                time: Timestamp(committer.seconds().saturating_mul(1_000)),
                summary: String::from_utf8_lossy(summary.unwrap_or_default()).trim().to_owned(),
            },
            parents: commit.parents().map(|parent| CommitId(parent.to_string())).collect(),
            tree: commit.tree(),
        })
    }

    /// Commits reachable from `head` whose time is not before `since`, newest first; at most
    /// `limit`, and whether there were more.
    ///
    /// # Errors
    /// When a commit is missing or damaged.
    pub fn log_since(
        &self,
        head: &CommitId,
        since: Timestamp,
        limit: usize,
    ) -> Result<(Vec<Commit>, bool), GitError> {
        let oldest = since.plus_seconds(-CLOCK_SKEW_SECONDS);
        let mut found = Vec::new();
        self.walk(head, |commit| {
            if commit.info.time >= since {
                found.push(commit.clone());
            }
            commit.info.time >= oldest
        })?;
        let more = found.len() > limit;
        found.truncate(limit);
        Ok((found, more))
    }

    /// A commit and its history back to `since`; `None` where the commit is not here.
    ///
    /// # Errors
    /// When a commit of the history is missing or damaged.
    pub fn history_since(
        &self,
        head: &CommitId,
        since: Timestamp,
    ) -> Result<Option<BTreeSet<CommitId>>, GitError> {
        let Ok(id) = self.object_id(head) else { return Ok(None) };
        if self.find(&id)?.is_none_or(|(kind, _)| kind != Kind::Commit) {
            return Ok(None);
        }
        let oldest = since.plus_seconds(-CLOCK_SKEW_SECONDS);
        let mut commits = BTreeSet::new();
        self.walk(head, |commit| {
            commits.insert(commit.info.id.clone());
            commit.info.time >= oldest
        })?;
        Ok(Some(commits))
    }

    /// Visits the history from a commit on, newest first, ties by id. `visit` tells whether to go
    /// on to the parents.
    fn walk(
        &self,
        head: &CommitId,
        mut visit: impl FnMut(&Commit) -> bool,
    ) -> Result<(), GitError> {
        let mut pending: BTreeMap<(Timestamp, CommitId), Commit> = BTreeMap::new();
        let mut seen = BTreeSet::new();
        let first = self.commit(head)?;
        seen.insert(head.clone());
        pending.insert((first.info.time, head.clone()), first);
        while let Some((_, commit)) = pending.pop_last() {
            if !visit(&commit) {
                continue;
            }
            for parent in commit.parents {
                if seen.len() >= MAX_WALK {
                    return Err(GitError::OverBudget {
                        repository: self.name.clone(),
                        place: "history".to_owned(),
                        what: "commits to look at",
                        limit: MAX_WALK as u64,
                    });
                }
                if seen.insert(parent.clone()) {
                    let commit = self.commit(&parent)?;
                    pending.insert((commit.info.time, parent), commit);
                }
            }
        }
        Ok(())
    }

    /// Paths of files that differ between a commit and its first parent, sorted.
    ///
    /// # Errors
    /// When a tree is missing or damaged.
    pub fn changed_paths(&self, id: &CommitId) -> Result<Vec<String>, GitError> {
        let commit = self.commit(id)?;
        let before = match commit.parents.first() {
            Some(parent) => Some(self.commit(parent)?.tree),
            None => None,
        };
        let files = self.differing(before, Some(commit.tree))?;
        Ok(files.into_iter().map(|file| file.path).collect())
    }
}
