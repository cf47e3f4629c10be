//! The last change of each line that a plan asks for, with the text around it.

use stilltrace_model::{Capture, CommitId, Gap, Line, LineRecord, Plan};

use crate::git::{GitError, Repository};
use crate::source::Source;

/// Lines before and after the line.
const AROUND: u32 = 2;
/// Longest line that is kept, in bytes; the rest of a longer one is cut.
const MAX_LINE: usize = 400;

/// Line histories from a repository.
pub struct Lines<'a> {
    repository: &'a Repository,
    revision: CommitId,
}

impl<'a> Lines<'a> {
    /// Answers from a repository; `revision` is the one in effect.
    pub fn new(repository: &'a Repository, revision: CommitId) -> Self {
        Self { repository, revision }
    }

    fn record(&self, line: &Line) -> Result<LineRecord, GitError> {
        let Some(removed_by) = &line.removed_by else {
            let blamed = self.repository.blame(&line.path, line.line, &self.revision)?;
            let (first_line, context) = self.context(&self.revision, line)?;
            return Ok(LineRecord {
                commit: self.repository.commit(&blamed.commit)?.info,
                original_path: blamed.original_path,
                first_line,
                context,
            });
        };
        let commit = self.repository.commit(removed_by)?;
        let parent = commit.parents.first().ok_or_else(|| GitError::NoLine {
            path: line.path.clone(),
            line: line.line,
            revision: format!("the parent of {}", removed_by.short()),
        })?;
        let (first_line, context) = self.context(parent, line)?;
        Ok(LineRecord { commit: commit.info, original_path: None, first_line, context })
    }

    /// The lines around a line and the number of the first.
    fn context(&self, at: &CommitId, line: &Line) -> Result<(u32, Vec<String>), GitError> {
        let missing = || GitError::NoLine {
            path: line.path.clone(),
            line: line.line,
            revision: at.short().to_owned(),
        };
        let content = self.repository.blob(at, &line.path)?.ok_or_else(missing)?;
        let text = String::from_utf8_lossy(&content);
        let first = line.line.saturating_sub(AROUND).max(1);
        let count = line.line.saturating_add(AROUND).saturating_sub(first) + 1;
        let around: Vec<String> =
            text.lines().skip(first as usize - 1).take(count as usize).map(cut).collect();
        if line.line == 0 || around.len() <= (line.line - first) as usize {
            return Err(missing());
        }
        Ok((first, around))
    }
}

fn cut(line: &str) -> String {
    let mut end = MAX_LINE.min(line.len());
    while !line.is_char_boundary(end) {
        end -= 1;
    }
    line.get(..end).unwrap_or_default().to_owned()
}

impl Source for Lines<'_> {
    fn name(&self) -> &'static str {
        "git"
    }

    fn answer(&self, plan: &Plan, capture: &mut Capture) {
        if self.repository.is_shallow() {
            capture.gaps.push(Gap {
                what: format!("the history of {} is cut short", self.repository.name()),
                why: "a line older than the cut is blamed on the oldest commit there".to_owned(),
                remedy: "fetch all of it with `git fetch --unshallow`".to_owned(),
                ..Gap::default()
            });
        }
        for line in &plan.lines {
            match self.record(line) {
                Ok(record) => {
                    capture.lines.insert(line.clone(), record);
                }
                Err(error) => capture.gaps.push(Gap {
                    what: format!("who last changed {}:{}", line.path, line.line),
                    why: "the commit behind this line cannot be named".to_owned(),
                    remedy: error.to_string(),
                    ..Gap::default()
                }),
            }
        }
    }
}
