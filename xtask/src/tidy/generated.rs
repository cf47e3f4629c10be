//! Generated files that no test of a crate guards: the picture of the README, the page of commands.
//!
//! Schema and mechanism pages are compared by the tests of the crates that they come from.

use anyhow::Result;

use super::{Findings, Repository};
use crate::generate::printed;

/// Compares the files with what the program prints now.
pub(super) fn check(repository: &Repository<'_>, findings: &mut Findings) -> Result<()> {
    for file in printed(repository.root)? {
        let committed =
            std::fs::read_to_string(repository.root.join(file.path)).unwrap_or_default();
        if committed != file.content {
            findings.problem(format!(
                "{}: not what the program prints now; run `cargo xtask gen`",
                file.path
            ));
        }
    }
    Ok(())
}
