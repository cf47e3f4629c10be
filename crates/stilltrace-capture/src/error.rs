//! Why a capture could not be read or written.

use std::io;

/// Why a capture could not be read or written. `capture` is the path given by the user, or
/// `capture` for one held in memory; `file` is a path inside it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CaptureError {
    /// There is nothing at the path.
    #[error("{capture}: no such file or folder; give the path of a .stilltrace file or folder")]
    Missing {
        /// The capture.
        capture: String,
    },
    /// The operating system refused to hand it out.
    #[error("{capture}: {file} cannot be read")]
    Unreadable {
        /// The capture.
        capture: String,
        /// The file inside it, or `it` for the capture itself.
        file: String,
        /// What the system said.
        source: io::Error,
    },
    /// It is something else than a capture.
    #[error("{capture}: not a capture: {reason}")]
    Foreign {
        /// The capture.
        capture: String,
        /// What gives it away.
        reason: String,
    },
    /// It ends too early.
    #[error("{capture}: ends too early, in {place}; copy or download it again")]
    Truncated {
        /// The capture.
        capture: String,
        /// The last file that was reached.
        place: String,
    },
    /// The compressed data or the archive is damaged.
    #[error("{capture}: damaged at {place}: {reason}; copy or download it again")]
    Corrupt {
        /// The capture.
        capture: String,
        /// The last file that was reached.
        place: String,
        /// What is wrong.
        reason: String,
    },
    /// The archive holds an entry that no capture holds: a link, a device, a path that leads out.
    #[error("{capture}: refused because of the entry {entry:?}: {reason}")]
    Unsafe {
        /// The capture.
        capture: String,
        /// The entry as named in the archive.
        entry: String,
        /// Why it is refused.
        reason: &'static str,
    },
    /// A budget was hit.
    #[error("{capture}: {file}: more than {limit} {what}; a capture of this size is not read")]
    OverBudget {
        /// The capture.
        capture: String,
        /// Where the budget was hit.
        file: String,
        /// What there is too much of, such as `bytes`.
        what: &'static str,
        /// The budget.
        limit: u64,
    },
    /// It was written by a newer program.
    #[error(
        "{capture}: manifest.json: schema {found:?} is newer than this program reads ({known}); update stilltrace"
    )]
    Newer {
        /// The capture.
        capture: String,
        /// The schema it names.
        found: String,
        /// The schema that is read here.
        known: &'static str,
    },
    /// A file in it cannot be understood.
    #[error("{capture}: {file}:{line}: {reason}")]
    Malformed {
        /// The capture.
        capture: String,
        /// The file inside it.
        file: String,
        /// Line, from 1.
        line: usize,
        /// What is wrong and what is expected.
        reason: String,
    },
    /// A file is not the one that was recorded.
    #[error(
        "{capture}: {file} {what}; copy it again, or unpack it into a folder to look at what is there"
    )]
    Digest {
        /// The capture.
        capture: String,
        /// The file inside it.
        file: String,
        /// What differs.
        what: &'static str,
    },
    /// Writing failed.
    #[error("{path}: cannot be written")]
    Unwritable {
        /// The path on disk.
        path: String,
        /// What the system said.
        source: io::Error,
    },
    /// Something handed to the writer cannot be part of a capture.
    #[error("{file}: cannot be part of a capture: {reason}")]
    Unfit {
        /// The file inside the capture.
        file: String,
        /// Why.
        reason: String,
    },
}

/// A place and a reason inside one file; the reader of the capture adds which capture it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fault {
    /// Line, from 1.
    pub(crate) line: usize,
    /// What is wrong.
    pub(crate) reason: FaultReason,
}

/// What is wrong at the place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum FaultReason {
    /// The text cannot be understood.
    Text(String),
    /// A budget was hit.
    Budget {
        /// What there is too much of.
        what: &'static str,
        /// The budget.
        limit: usize,
    },
}

impl Fault {
    /// Text that cannot be understood.
    pub(crate) fn new(line: usize, reason: impl Into<String>) -> Self {
        Self { line, reason: FaultReason::Text(reason.into()) }
    }

    /// A budget that was hit.
    pub(crate) fn budget(line: usize, what: &'static str, limit: usize) -> Self {
        Self { line, reason: FaultReason::Budget { what, limit } }
    }

    /// The same with the capture and file it happened in.
    pub(crate) fn in_file(self, capture: &str, file: &str) -> CaptureError {
        let (capture, file) = (capture.to_owned(), file.to_owned());
        match self.reason {
            FaultReason::Text(reason) => {
                CaptureError::Malformed { capture, file, line: self.line, reason }
            }
            FaultReason::Budget { what, limit } => CaptureError::OverBudget {
                capture,
                file: format!("{file}:{}", self.line),
                what,
                limit: limit as u64,
            },
        }
    }
}
