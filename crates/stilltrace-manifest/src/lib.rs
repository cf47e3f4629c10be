//! Reads YAML and Kustomize trees without losing a position, and writes edits without losing a comment.
//!
//! A *tree* of files comes in through [`Tree`]; nothing here opens a file, starts a program or
//! knows the time. [`yaml::parse`] turns bytes into documents whose every key and scalar carries a
//! [`Mark`] (file, line, column, bytes). [`kustomize::build`] turns a directory into the
//! [`Object`]s that Kustomize would print, each scalar with the mark of the line that set it and
//! the marks of the lines it replaced. [`plain::read_plain`] does the same for directories without
//! a kustomization. [`helm::render`] renders charts through the `helm` program. [`edit`] changes a value at a mark and leaves every other byte alone.
//!
//! Nothing in a tree is an error for the rest of it: a file that cannot be read, a field that is
//! not understood, a budget that was hit is a [`Problem`] with its place and a remedy.

#[cfg(test)]
pub(crate) mod corpus;
pub mod edit;
pub mod helm;
pub mod kustomize;
pub mod object;
pub mod parallel;
pub mod plain;
pub mod problem;
pub mod schema;
pub mod tree;
pub mod yaml;

pub use kustomize::{Build, build};
pub use object::{Object, ObjectKey};
pub use plain::read_plain;
pub use problem::{Problem, ProblemKind};
pub use tree::{MemoryTree, Tree, TreeError};
pub use yaml::{Budget, Derivation, Mark, Node, ParseCache, Scalar, Style, Value};
