//! Why the repository could not be read.

use std::io;

/// Why the repository could not be read. `repository` is its path, or `repo.git of CAPTURE`.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum GitError {
    /// There is no repository at the path.
    #[error(
        "{repository}: not a Git repository: {reason}; give the path of a clone or of a bare repository"
    )]
    NotARepository {
        /// The repository.
        repository: String,
        /// What is missing.
        reason: String,
    },
    /// The operating system refused to hand a file out.
    #[error("{repository}: {file} cannot be read")]
    Unreadable {
        /// The repository.
        repository: String,
        /// The file inside it.
        file: String,
        /// What the system said.
        source: io::Error,
    },
    /// The revision does not exist here.
    #[error(
        "{repository}: there is no revision {revision}; name a repository that has it with `--repo PATH`, or fetch it there"
    )]
    NoRevision {
        /// The repository.
        repository: String,
        /// The revision as asked for.
        revision: String,
    },
    /// The revision is not in a clone that holds a part of the history only.
    #[error(
        "{repository}: there is no revision {revision} in this shallow clone; get all of the history with `git fetch --unshallow`, or name a complete clone with `--repo PATH`"
    )]
    CutOff {
        /// The repository.
        repository: String,
        /// The revision as asked for.
        revision: String,
    },
    /// The revision can be read in several ways.
    #[error("{repository}: {revision} fits several commits; give more of its digits")]
    Ambiguous {
        /// The repository.
        repository: String,
        /// The revision as asked for.
        revision: String,
    },
    /// An object that others refer to is not there.
    #[error(
        "{repository}: object {id} is missing ({wanted}); the history is cut short or damaged: fetch all of it, or name a complete clone with `--repo PATH`"
    )]
    MissingObject {
        /// The repository.
        repository: String,
        /// The object.
        id: String,
        /// What it was needed for.
        wanted: String,
    },
    /// An object is not what its id promises, or is larger than anything that is read.
    #[error("{repository}: object {id} cannot be read: {reason}")]
    Damaged {
        /// The repository.
        repository: String,
        /// The object or file.
        id: String,
        /// What is wrong.
        reason: String,
    },
    /// A file does not exist in a revision, or has no such line.
    #[error("{path}:{line} does not exist in {revision}")]
    NoLine {
        /// Path from the root of the repository.
        path: String,
        /// Line, from 1.
        line: u32,
        /// The revision.
        revision: String,
    },
    /// A budget was hit.
    #[error(
        "{repository}: {place}: more than {limit} {what}; a repository of this size is not read"
    )]
    OverBudget {
        /// The repository.
        repository: String,
        /// Where.
        place: String,
        /// What there is too much of.
        what: &'static str,
        /// The budget.
        limit: u64,
    },
}
