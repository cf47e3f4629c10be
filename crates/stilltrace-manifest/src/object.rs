//! A Kubernetes object with positions.

use std::fmt;
use std::sync::Arc;

use crate::yaml::{Mark, Node};

/// One Kubernetes object. Cloning is cheap: the tree is shared until it is changed.
#[derive(Debug, Clone, PartialEq)]
pub struct Object {
    /// The document's root, a mapping.
    pub root: Arc<Node>,
}

/// What identifies an object within a cluster.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectKey {
    /// `apiVersion`, such as `apps/v1`.
    pub api_version: String,
    /// `kind`.
    pub kind: String,
    /// `metadata.namespace`; `None` when the manifest does not say.
    pub namespace: Option<String>,
    /// `metadata.name`.
    pub name: String,
}

impl ObjectKey {
    /// The API group; empty for the core group.
    pub fn group(&self) -> &str {
        self.api_version.split_once('/').map_or("", |(group, _)| group)
    }
}

impl fmt::Display for ObjectKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ", self.kind)?;
        if let Some(namespace) = &self.namespace {
            write!(f, "{namespace}/")?;
        }
        write!(f, "{}", self.name)
    }
}

impl Object {
    /// The object in `root`; `None` unless it is a mapping with `kind` and `apiVersion` texts.
    pub fn from_node(root: impl Into<Arc<Node>>) -> Option<Self> {
        let root = root.into();
        root.get("apiVersion")?.text()?;
        root.get("kind")?.text()?;
        Some(Self { root })
    }

    /// `apiVersion`, such as `networking.istio.io/v1`.
    pub fn api_version(&self) -> &str {
        self.text("apiVersion").unwrap_or("")
    }

    /// The API group; empty for the core group.
    pub fn group(&self) -> &str {
        self.api_version().split_once('/').map_or("", |(group, _)| group)
    }

    /// The version without the group.
    pub fn version(&self) -> &str {
        let api_version = self.api_version();
        api_version.split_once('/').map_or(api_version, |(_, version)| version)
    }

    /// `kind`.
    pub fn kind(&self) -> &str {
        self.text("kind").unwrap_or("")
    }

    /// `metadata.name`; empty when absent.
    pub fn name(&self) -> &str {
        self.metadata("name").unwrap_or("")
    }

    /// `metadata.namespace` as written; `None` when absent or empty.
    pub fn namespace(&self) -> Option<&str> {
        self.metadata("namespace").filter(|namespace| !namespace.is_empty())
    }

    /// Value of a label.
    pub fn label(&self, key: &str) -> Option<&str> {
        self.root.at(&["metadata", "labels", key])?.text()
    }

    /// Value of an annotation.
    pub fn annotation(&self, key: &str) -> Option<&str> {
        self.root.at(&["metadata", "annotations", key])?.text()
    }

    /// What identifies the object.
    pub fn key(&self) -> ObjectKey {
        ObjectKey {
            api_version: self.api_version().to_owned(),
            kind: self.kind().to_owned(),
            namespace: self.namespace().map(str::to_owned),
            name: self.name().to_owned(),
        }
    }

    /// Where the object begins.
    pub fn mark(&self) -> &Mark {
        &self.root.mark
    }

    /// The tree, to change it; copies it first if it is shared.
    pub fn root_mut(&mut self) -> &mut Node {
        Arc::make_mut(&mut self.root)
    }

    fn text(&self, key: &str) -> Option<&str> {
        self.root.get(key)?.text()
    }

    fn metadata(&self, key: &str) -> Option<&str> {
        self.root.get("metadata")?.get(key)?.text()
    }
}
