//! YAML and JSON with the position of every key and scalar.
//!
//! The event parser comes from a library; the tree is ours, built without recursion and under a
//! [`Budget`]. One broken document costs that document only.

mod budget;
mod builder;
mod cache;
mod derivation;
mod keys;
mod mark;
mod node;
mod parse;
mod path;
mod piece;
mod scalar;
#[cfg(test)]
mod suite;

pub use budget::Budget;
pub use cache::ParseCache;
pub use derivation::Derivation;
pub use mark::{FilePath, Mark};
pub(crate) use node::Shared;
pub use node::{Entry, Node, Scalar, Style, Text, Value};
pub(crate) use parse::parse_lines;
pub use parse::{Document, Parsed, parse, parse_literal};
pub(crate) use path::push_key;
pub use path::{Step, steps};
pub use piece::Piece;
pub(crate) use scalar::old_flag;
pub use scalar::{Resolved, resolve_plain};
