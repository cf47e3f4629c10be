//! How much of a hostile capture is read before it is refused.

/// Limits on one capture. Hitting one is a [`crate::CaptureError::OverBudget`] that names it.
///
/// A recording of 140 s of twenty containers unpacks to some 20 MiB and 1,000 files; the defaults
/// lie an order of magnitude above.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Budget {
    /// Size of the packed file, in bytes.
    pub packed_bytes: u64,
    /// Size of all files together once unpacked, in bytes.
    pub unpacked_bytes: u64,
    /// Number of files and folders.
    pub entries: usize,
    /// Unpacked size per packed byte. Only looked at above [`Budget::RATIO_FROM`] bytes: small
    /// repetitive files compress beyond any ratio.
    pub ratio: u64,
    /// Nesting of folders.
    pub depth: usize,
    /// Windows of all containers together in `bursts.csv`, runs of zeros expanded.
    pub windows: usize,
    /// Samples of all series together.
    pub samples: usize,
}

impl Budget {
    /// Unpacked size from which on the ratio counts, in bytes.
    pub const RATIO_FROM: u64 = 64 << 20;
}

impl Default for Budget {
    fn default() -> Self {
        Self {
            packed_bytes: 128 << 20,
            unpacked_bytes: 256 << 20,
            entries: 20_000,
            ratio: 500,
            depth: 16,
            windows: 20_000_000,
            samples: 5_000_000,
        }
    }
}
