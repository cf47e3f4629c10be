//! Renders a diagnosis, and the settings in effect. Decides nothing.
//!
//! One module per output: [`terminal()`] for people, [`json()`] for programs, [`evidence()`] for the
//! measurements behind a report that was kept, [`settings`] for what is in effect, which
//! [`settings_table()`] and [`settings_list()`] lay out for people. Everything that a terminal sees
//! goes through one sanitising writer (`page`), because names, paths, authors and messages come
//! from clusters and Git histories that anyone may write to. Nothing here reads a file, a clock or
//! the environment.

mod clean;
mod document;
mod evidence;
mod json;
mod number;
mod page;
pub mod settings;
mod settings_table;
mod terminal;

pub use clean::escape;
pub use document::{
    Address, Candidate, Document, EvidenceItem, Live, MissingEvidence, ProposedFix, Provenance,
    SourceLine, StackFrame, SubSecond, Suspect, SymptomItem, TimeSpan, Value,
};
pub use evidence::{NoSuchFrame, evidence};
pub use json::{ReadError, SCHEMA_NAME, json, json_of, read, schema};
pub use page::Color;
pub use settings_table::{settings_list, settings_table};
pub use terminal::{TerminalOptions, terminal};
