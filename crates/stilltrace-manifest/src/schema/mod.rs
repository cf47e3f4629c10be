//! Which fields an object may have, and what is wrong with one that has others.
//!
//! A [`Table`] holds the field trees of many kinds in little memory: equal parts of the trees are
//! one [`Shape`]. Tables of well-known kinds are committed as text ([`tables`]), written by
//! `cargo xtask gen` from the projects' own definitions; a repository's own
//! `CustomResourceDefinition` becomes a table with [`Builder::add_crd`]. [`faults`] walks an object
//! along its shape and names what the API server would drop or refuse.
//!
//! Only structure is judged: names, types, listed values, required fields and fields that exclude
//! each other. Ranges, patterns and rules across fields are left to whoever knows what they mean.

mod build;
mod crd;
mod fault;
mod nearest;
mod table;
pub mod tables;
#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed test may panic")]
mod tests;
mod text;
mod walk;

pub use build::Builder;
pub use fault::{Fault, FaultKind, Faults, Meant};
pub use nearest::value as nearest_value;
pub use table::{Dialect, Field, Shape, ShapeId, Table, Type};
pub use text::TableError;
pub use walk::faults;
