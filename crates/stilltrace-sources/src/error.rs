//! Why a question cannot be asked at all.

use std::io;

use stilltrace_capture::CaptureError;

use crate::git::GitError;

/// Why a question cannot be asked at all. Evidence that is merely missing is a gap instead.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SourceError {
    /// The capture cannot be read.
    #[error(transparent)]
    Capture(#[from] CaptureError),
    /// The repository cannot be read, or does not have the revision in effect.
    #[error(transparent)]
    Git(#[from] GitError),
    /// The capture does not say what was asked.
    #[error("manifest.json: `question` or `window` cannot be read; name the service and the time")]
    NoQuestion,
    /// There is nothing at a path, or it cannot be entered.
    #[error("{path}: cannot be read")]
    Folder {
        /// The path as asked for.
        path: String,
        /// What the system said.
        source: io::Error,
    },
    /// A file is larger than anything that is read.
    #[error("{path}: larger than {limit} bytes; split it")]
    TooLarge {
        /// The file.
        path: String,
        /// The limit in bytes.
        limit: u64,
    },
    /// A revision is asked for where there is no repository.
    #[error("{path}: has no revisions; name a repository with `--repo PATH`")]
    NoRepository {
        /// What was named instead.
        path: String,
    },
}
