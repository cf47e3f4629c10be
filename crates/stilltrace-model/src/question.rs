//! What is asked.

use crate::{ServiceId, Window};

/// "Why is this service slow?"
#[derive(Debug, Clone, PartialEq)]
pub struct Question {
    /// The service whose callers suffer.
    pub service: ServiceId,
    /// The time to look at: quiet before, trouble after.
    pub window: Window,
    /// The latency objective in seconds, if one is known.
    pub target_seconds: Option<f64>,
}
