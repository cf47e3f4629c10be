//! Why a question cannot be asked of a recording at all.

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
}
