//! All input from the world: one module per source.
//!
//! A [`Source`] answers a [`stilltrace_model::Plan`] and never fails as a whole: what it cannot
//! tell becomes a gap. [`Recorded`] puts the sources of a capture together: [`prometheus`]
//! evaluates raw samples as Prometheus would, [`RecordedWindows`] looks at 10 ms windows,
//! [`RecordedEvents`] hands out syncs and rollouts, and [`git`] knows revisions, their differences
//! and who wrote which line. [`HelmProgram`] renders charts for the manifest reader. [`files`] opens work trees, folders and single files.

mod calls;
mod error;
mod events;
pub mod files;
pub mod git;
mod helm;
mod legibility;
mod lines;
mod patch;
mod platform;
pub mod prometheus;
mod recorded;
mod source;
mod windows;

pub use error::SourceError;
pub use events::RecordedEvents;
pub use helm::{HELM_VARIABLE, HelmProgram};
pub use lines::Lines;
pub use recorded::Recorded;
pub use source::Source;
pub use windows::RecordedWindows;
