//! The files of a question: a work tree, a folder, one file, standard input or a Git revision.
//!
//! Paths are relative to the root of the repository where the files belong to one, so that the same
//! line has the same address in a work tree and in a revision.

mod beside;
mod folder;
mod opened;
mod part;
mod reach;

pub use beside::Beside;
pub use folder::FolderTree;
pub use opened::{Asked, Opened, with_files};
pub use part::Part;
pub use reach::common_root;
