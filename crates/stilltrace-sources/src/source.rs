//! What every source has in common.

use stilltrace_model::{Capture, Plan};

/// Someone who can be asked for evidence.
pub trait Source {
    /// What reports call it, such as `prometheus`.
    fn name(&self) -> &'static str;

    /// Adds what it knows of the plan to the capture. What it should know and does not becomes a
    /// gap; asking never fails as a whole.
    fn answer(&self, plan: &Plan, capture: &mut Capture);
}
