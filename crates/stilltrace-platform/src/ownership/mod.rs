//! Who answers for a file or a workload: `CODEOWNERS` and the Backstage catalog.

mod backstage;
mod codeowners;

use stilltrace_manifest::{Object, Tree};
use stilltrace_model::{Owner, Workload};

pub use codeowners::matches;

/// Owners of files by pattern, and components of the catalog.
pub(crate) struct Owners {
    patterns: Vec<(String, Vec<Owner>)>,
    components: Vec<backstage::Component>,
}

/// Reads the owners that the repository names.
pub(crate) fn read(tree: &dyn Tree, written: &[Object]) -> Owners {
    Owners { patterns: codeowners::read(tree), components: backstage::read(written) }
}

impl Owners {
    /// The owner of a workload: its component's in the catalog, else its file's.
    pub(crate) fn of_workload(&self, workload: &Workload) -> Option<Owner> {
        let mut fitting: Vec<(u8, &backstage::Component)> = Vec::new();
        for component in &self.components {
            fitting.extend(component.fits(workload).map(|rank| (rank, component)));
        }
        if let Some((_, component)) = fitting.iter().min_by_key(|(rank, _)| *rank) {
            return Some(component.owner_of(workload));
        }
        let path = &workload.origin.location()?.path;
        codeowners::owners_of(&self.patterns, path).first().cloned()
    }

    /// The patterns in the order of the file.
    pub(crate) fn into_patterns(self) -> Vec<(String, Vec<Owner>)> {
        self.patterns
    }
}
