//! Objects that the cluster would not accept.

use crate::{Location, ObjectRef};

/// One reason why admission refuses an object. An object may have several.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Refusal {
    /// The object.
    pub object: ObjectRef,
    /// The line that is refused.
    pub at: Location,
    /// Path of the field, such as `spec.http[0].retries.attempts`.
    pub field: String,
    /// What is wrong.
    pub message: String,
}
