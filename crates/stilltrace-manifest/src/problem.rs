//! What could not be read or understood, with its place and a remedy.

use std::fmt;
use std::sync::Arc;

use crate::yaml::Mark;

/// What kind of thing went wrong, so that a caller can choose between "broken" and "not supported".
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum ProblemKind {
    /// The bytes are not well-formed YAML, JSON or UTF-8.
    Syntax,
    /// Not well-formed by the letter of YAML 1.2, and read all the same: the readers of Kubernetes
    /// and Kustomize mind it as little, and nothing is lost.
    Tolerated,
    /// A key is set twice in one mapping and the last one counts, as for kubectl; Kustomize refuses
    /// the file.
    Repeated,
    /// A budget on bytes, depth, nodes, aliases or documents was hit; the message names it.
    Budget,
    /// A file or directory that something refers to does not exist or cannot be read.
    Missing,
    /// A field has a value that contradicts its meaning, such as a patch without a target.
    Invalid,
    /// The input is legitimate but this reader does not evaluate it, such as a remote base.
    Unsupported,
}

impl ProblemKind {
    /// Whether what it is about was read all the same, whole.
    pub fn is_read(self) -> bool {
        matches!(self, Self::Tolerated | Self::Repeated)
    }
}

/// One thing that could not be read or understood. The rest of the input is still used.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    /// File the problem is in, relative to the root of the tree.
    pub path: Arc<str>,
    /// Line from 1; 0 when the whole file or directory is meant.
    pub line: u32,
    /// Column in characters from 1; 0 when the whole line or file is meant.
    pub column: u32,
    /// What kind of problem it is.
    pub kind: ProblemKind,
    /// What is wrong and what would help; lower case, no full stop.
    pub message: String,
}

impl Problem {
    /// A problem at the start of `mark`.
    pub fn at(mark: &Mark, kind: ProblemKind, message: impl Into<String>) -> Self {
        Self {
            path: mark.path.shared(),
            line: mark.line,
            column: mark.column,
            kind,
            message: message.into(),
        }
    }

    /// A problem of a whole file or directory. A message that starts with the path loses it: the
    /// problem says it already.
    pub fn of_file(path: &str, kind: ProblemKind, message: impl Into<String>) -> Self {
        let message: String = message.into();
        let rest = message.strip_prefix(path).and_then(|rest| rest.strip_prefix(": "));
        let message = rest.map(ToOwned::to_owned).unwrap_or(message);
        Self { path: Arc::from(path), line: 0, column: 0, kind, message }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = if self.path.is_empty() { "." } else { &self.path };
        match (self.line, self.column) {
            (0, _) => write!(f, "{path}: {}", self.message),
            (line, 0) => write!(f, "{path}:{line}: {}", self.message),
            (line, column) => write!(f, "{path}:{line}:{column}: {}", self.message),
        }
    }
}
