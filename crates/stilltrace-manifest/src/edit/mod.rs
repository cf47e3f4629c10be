//! Changes one value of a file and leaves every other byte alone.
//!
//! An edit is a splice at the bytes of a mark. The result is parsed again before it is handed out:
//! it must hold the intended value and every other value as before, otherwise the edit is refused.
//! Comments, line ends and quoting around the edit are not touched.

mod entry;
mod found;
mod insert;
mod lines;
mod new_value;
mod region;
mod remove;
mod scalar;
#[cfg(test)]
mod structure_tests;
mod style;
#[cfg(test)]
mod tests;
mod token;
mod verify;

pub use entry::{insert_entry, remove_entry};
pub use new_value::NewValue;
pub use scalar::{Edited, Editor, set_scalar};

use crate::yaml::Mark;

/// Why an edit is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EditError {
    /// The mark names no scalar or key of this text.
    #[error("{mark}: there is no such value in this text; it was read from another version")]
    NotFound {
        /// The place that was asked for.
        mark: Mark,
    },
    /// The value cannot be written at this place without changing others.
    #[error("{mark}: `{text}` cannot be written here without changing other values")]
    NotWritable {
        /// The place that was asked for.
        mark: Mark,
        /// The value that was to be written.
        text: String,
    },
    /// Aliases or merge keys repeat the value elsewhere, so the edit would change those places too.
    #[error("{mark}: an alias or merge key repeats this value elsewhere; edit by hand")]
    Shared {
        /// The place that was asked for.
        mark: Mark,
    },
}

/// `source` with the bytes from `start` to `end` replaced by `new`.
fn splice(source: &str, start: usize, end: usize, new: &str) -> Option<String> {
    let (before, after) = (source.get(..start)?, source.get(end..)?);
    Some([before, new, after].concat())
}

/// The line end that a text uses.
fn line_end(source: &str) -> &'static str {
    if source.contains("\r\n") { "\r\n" } else { "\n" }
}
