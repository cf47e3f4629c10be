//! Where a value comes from: a line in Git, a live object, or a default nobody wrote.

use std::{fmt, sync::Arc};

use crate::{NamedDefault, Timestamp, WorkloadId};

/// A Git commit, 40 hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CommitId(pub String);

impl CommitId {
    /// The first seven digits, as people write them.
    pub fn short(&self) -> &str {
        self.0.get(..7).unwrap_or(&self.0)
    }
}

impl fmt::Display for CommitId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Who changed what, and when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommitInfo {
    /// The commit.
    pub id: CommitId,
    /// Author's name as recorded, hostile text.
    pub author: String,
    /// Commit time (the committer's date: when the history gained it).
    pub time: Timestamp,
    /// First line of the message, hostile text.
    pub summary: String,
}

/// The identity of a Kubernetes object.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectRef {
    /// Such as `networking.istio.io/v1`.
    pub api_version: String,
    /// Such as `VirtualService`.
    pub kind: String,
    /// Empty for cluster-scoped kinds.
    pub namespace: String,
    /// Object name.
    pub name: String,
}

impl fmt::Display for ObjectRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.namespace.is_empty() {
            write!(f, "{} {}", self.kind, self.name)
        } else {
            write!(f, "{} {}/{}", self.kind, self.namespace, self.name)
        }
    }
}

/// A place in a file of the repository.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Location {
    /// Path from the repository root, with `/`.
    pub path: Arc<str>,
    /// Line, from 1.
    pub line: u32,
    /// Column in characters, from 1.
    pub column: u32,
    /// Byte offset of the value in the file, for edits.
    pub start: usize,
    /// Byte offset after the value.
    pub end: usize,
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.path, self.line, self.column)
    }
}

/// On which side of a change a location is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Side {
    /// In the revision in effect.
    After,
    /// In the parent of the commit: the line was removed.
    Before,
}

/// What set a value.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Origin {
    /// A line in the repository.
    Git {
        /// The line.
        at: Location,
        /// The object that the line ends up in.
        object: Arc<ObjectRef>,
        /// Path of the field in that object, such as `spec.http[0].retries.attempts`.
        field: Arc<str>,
    },
    /// A default that nobody wrote.
    Default {
        /// The default in words, such as `Istio 1.31 default`, and whose it is.
        of: NamedDefault,
    },
}

impl Origin {
    /// The line in Git, where there is one.
    pub fn location(&self) -> Option<&Location> {
        match self {
            Self::Git { at, .. } => Some(at),
            Self::Default { .. } => None,
        }
    }

    /// The object that the line ends up in.
    pub fn object(&self) -> Option<&ObjectRef> {
        match self {
            Self::Git { object, .. } => Some(object),
            Self::Default { .. } => None,
        }
    }

    /// Path of the field in the object.
    pub fn field(&self) -> Option<&str> {
        match self {
            Self::Git { field, .. } => Some(field),
            Self::Default { .. } => None,
        }
    }
}

impl From<NamedDefault> for Origin {
    fn from(of: NamedDefault) -> Self {
        Self::Default { of }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Git { at, .. } => at.fmt(f),
            Self::Default { of } => of.fmt(f),
        }
    }
}

/// Who answers for a file or a workload.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Owner {
    /// Team or person as written, such as `@shop/payments` or `group:default/team-mesh`.
    pub name: String,
    /// Where it is written: the `CODEOWNERS` line or the catalog file.
    pub source: Location,
    /// The Backstage component, such as `component:default/checkout`, if the owner came from one.
    pub component: Option<String>,
    /// The workload it was found for, if the owner came from the catalog.
    pub workload: Option<WorkloadId>,
}
