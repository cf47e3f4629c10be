//! How much of a hostile file is read before it is refused.

/// Limits of one file. Hitting one is a [`crate::Problem`] that names the limit.
///
/// The defaults lie an order of magnitude above the largest manifests seen in public GitOps
/// repositories (bundles of custom resource definitions of some 2 MB and 100,000 nodes).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Budget {
    /// Largest file, in bytes.
    pub max_bytes: usize,
    /// Deepest nesting of collections within a document, aliases expanded.
    pub max_depth: usize,
    /// Nodes of all documents of a file, aliases expanded.
    pub max_nodes: usize,
    /// Aliases of a file that are expanded.
    pub max_aliases: usize,
    /// Documents of a file.
    pub max_documents: usize,
}

impl Default for Budget {
    fn default() -> Self {
        Self {
            max_bytes: 8 << 20,
            max_depth: 128,
            max_nodes: 1_000_000,
            max_aliases: 10_000,
            max_documents: 10_000,
        }
    }
}
