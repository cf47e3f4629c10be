//! The last change of a line, followed through merges and renames.
//!
//! One line belongs to one commit at a time, so what `git blame` does (`blame.c`, `pass_blame`)
//! becomes a walk: a parent that has the very same file takes the line over; otherwise the first
//! parent in which the line stands unchanged does; where no parent has it, the commit wrote it.

use gix_hash::ObjectId;
use gix_imara_diff::sources::byte_lines;
use gix_imara_diff::{Algorithm, Diff, InternedInput};
use gix_object::Kind;
use stilltrace_model::CommitId;

use super::{GitError, Repository};

/// Commits that one line is followed through before giving up.
const MAX_STEPS: usize = 100_000;

/// Who gave a line its present text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Blamed {
    /// The commit.
    pub commit: CommitId,
    /// Path of the file in that commit, where it was renamed since.
    pub original_path: Option<String>,
    /// Number of the line in that commit, from 1.
    pub original_line: u32,
}

/// A line of a file in one commit.
#[derive(Debug, Clone)]
struct Suspect {
    commit: CommitId,
    tree: ObjectId,
    path: String,
    file: ObjectId,
    /// From 0.
    line: u32,
}

impl Repository {
    /// The commit that gave a line its text, as `git blame` finds it: renames of the file are
    /// followed where at least half of it stayed the same.
    ///
    /// # Errors
    /// When the file has no such line at that commit, or the history is damaged.
    pub fn blame(&self, path: &str, line: u32, at: &CommitId) -> Result<Blamed, GitError> {
        let mut suspect = self.suspect(path, line, at)?;
        for _ in 0..MAX_STEPS {
            let parents = self.commit(&suspect.commit)?.parents;
            let Some(earlier) = self.earlier(&suspect, &parents)? else {
                return Ok(Blamed {
                    original_path: (suspect.path != path).then_some(suspect.path),
                    commit: suspect.commit,
                    original_line: suspect.line + 1,
                });
            };
            suspect = earlier;
        }
        Err(GitError::OverBudget {
            repository: self.name.clone(),
            place: format!("{path}:{line}"),
            what: "commits to follow a line through",
            limit: MAX_STEPS as u64,
        })
    }

    /// The line to start with, checked to exist.
    fn suspect(&self, path: &str, line: u32, at: &CommitId) -> Result<Suspect, GitError> {
        let missing =
            || GitError::NoLine { path: path.to_owned(), line, revision: at.short().to_owned() };
        let tree = self.commit(at)?.tree;
        let file = self.lookup(tree, path)?.ok_or_else(missing)?;
        let content = self.expect(&file, Kind::Blob, path)?;
        let lines = content.split_inclusive(|byte| *byte == b'\n').count();
        let line = line.checked_sub(1).filter(|line| (*line as usize) < lines);
        let line = line.ok_or_else(missing)?;
        Ok(Suspect { commit: at.clone(), tree, path: path.to_owned(), file, line })
    }

    /// The same line in a parent; `None` where no parent has it.
    fn earlier(
        &self,
        suspect: &Suspect,
        parents: &[CommitId],
    ) -> Result<Option<Suspect>, GitError> {
        let mut trees = Vec::with_capacity(parents.len());
        for parent in parents {
            trees.push((parent, self.commit(parent)?.tree));
        }
        // Parents that have the file under this name come first, then those that have it under
        // another; within a pass an equal file settles the matter.
        let mut origins: Vec<Option<Suspect>> = vec![None; parents.len()];
        for renamed in [false, true] {
            for ((parent, tree), origin) in trees.iter().zip(&mut origins) {
                if origin.is_some() {
                    continue;
                }
                let found = if renamed {
                    self.renamed_from(*tree, suspect.tree, &suspect.path)?
                } else {
                    self.lookup(*tree, &suspect.path)?.map(|file| (suspect.path.clone(), file))
                };
                let Some((path, file)) = found else { continue };
                let earlier = Suspect {
                    commit: (*parent).clone(),
                    tree: *tree,
                    path,
                    file,
                    line: suspect.line,
                };
                if earlier.file == suspect.file {
                    return Ok(Some(earlier));
                }
                *origin = Some(earlier);
            }
        }
        for origin in origins.into_iter().flatten() {
            let before = self.expect(&origin.file, Kind::Blob, &origin.path)?;
            let after = self.expect(&suspect.file, Kind::Blob, &suspect.path)?;
            if let Some(line) = line_before(&before, &after, suspect.line) {
                return Ok(Some(Suspect { line, ..origin }));
            }
        }
        Ok(None)
    }
}

/// Where a line of `after` stood in `before`; `None` where it is new. Lines count from 0.
fn line_before(before: &[u8], after: &[u8], line: u32) -> Option<u32> {
    let input = InternedInput::new(byte_lines(before), byte_lines(after));
    let mut diff = Diff::compute(Algorithm::Myers, &input);
    diff.postprocess_lines(&input);
    // Ends of the last change above the line, on both sides.
    let (mut end_before, mut end_after) = (0, 0);
    for hunk in diff.hunks() {
        if line < hunk.after.start {
            break;
        }
        if line < hunk.after.end {
            return None;
        }
        (end_before, end_after) = (hunk.before.end, hunk.after.end);
    }
    (line - end_after).checked_add(end_before)
}
