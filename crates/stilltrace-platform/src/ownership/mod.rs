//! Who answers for a file or a workload: `CODEOWNERS` and the Backstage catalog.

mod backstage;
mod codeowners;
mod selector;

use stilltrace_manifest::{Object, Tree};
use stilltrace_model::{Owner, Platform, Workload};

use crate::gaps::Gaps;
use crate::labels::Labels;

/// Owners of files by pattern, and entities of the catalog.
pub(crate) struct Owners {
    /// The patterns in the order of the file.
    pub(crate) patterns: codeowners::Patterns,
    entities: Vec<backstage::Entity>,
}

/// Reads the owners that the repository names.
pub(crate) fn read(tree: &dyn Tree, written: &[Object], gaps: &Gaps) -> Owners {
    Owners { patterns: codeowners::read(tree, gaps), entities: backstage::read(written) }
}

impl Owners {
    /// The owners of a workload: its component's in the catalog, else its file's by the patterns
    /// that `platform` holds. `labels` are those of the workload's own object.
    pub(crate) fn of_workload(
        &self,
        workload: &Workload,
        labels: &Labels,
        platform: &Platform,
    ) -> Vec<Owner> {
        if let Some(owner) = backstage::owner_of(&self.entities, workload, labels) {
            return vec![owner];
        }
        let path = workload.origin.location().map(|at| &at.path);
        path.map(|path| platform.owners_of(path).to_vec()).unwrap_or_default()
    }
}
