//! How much of a hostile file is read before it is refused.

/// Limits of one file. Hitting one is a [`crate::Problem`] that names the limit.
///
/// The defaults lie several times above the largest manifests seen in public GitOps repositories
/// (bundles of custom resource definitions of some 2 MB and 100,000 nodes), and so that a file that
/// exhausts any of them is refused within a second and 100 MB (`bench/`, hostile files).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Budget {
    /// Largest file, in bytes; also the bytes of text that all aliases together may repeat. At most
    /// 4 GiB count, because marks count bytes in 32 bits.
    pub max_bytes: usize,
    /// Deepest nesting of collections within a document, aliases expanded.
    pub max_depth: usize,
    /// Nodes of all documents of a file, aliases expanded.
    pub max_nodes: usize,
    /// Aliases of a file that are expanded; also the anchors of a file.
    pub max_aliases: usize,
    /// Documents of a file.
    pub max_documents: usize,
    /// Time, counted in steps of the parser rather than by a clock, so that a file that is refused
    /// on one machine is refused on all. A value is one or two steps; a file that only lenient
    /// reading accepts is read twice.
    pub max_steps: usize,
    /// Problems of a file that are told one by one.
    pub max_problems: usize,
}

impl Default for Budget {
    fn default() -> Self {
        Self {
            max_bytes: 8 << 20,
            max_depth: 128,
            max_nodes: 500_000,
            max_aliases: 10_000,
            max_documents: 10_000,
            max_steps: 2_000_000,
            max_problems: 1_000,
        }
    }
}
