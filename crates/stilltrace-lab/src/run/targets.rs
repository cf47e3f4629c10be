//! What the mesh shall be like at each revision of the repository.

use serde_json::Value;
use stilltrace_manifest::{MemoryTree, ParseCache};
use stilltrace_model::Platform;

use super::RunError;
use crate::gitops::{self, Repository};
use crate::mesh::Desired;
use crate::profile::Profile;
use crate::rendered;

/// One revision, read and rendered.
#[derive(Debug, Clone, Default)]
pub struct Target {
    /// Settings in effect, as our own reader sees them.
    pub platform: Platform,
    /// The objects that the cluster gets; empty where nobody configures proxies from them.
    pub objects: Vec<Value>,
}

impl Target {
    /// The target as a mesh takes it.
    pub fn desired(&self) -> Desired<'_> {
        Desired { platform: &self.platform, objects: &self.objects }
    }

    /// Reads a revision whose folders `applied` are applied to the cluster.
    pub(super) fn read(
        tree: &MemoryTree,
        applied: &[String],
        profile: Profile,
        cache: &mut ParseCache,
    ) -> Result<Self, RunError> {
        let objects = match profile {
            Profile::Static => Vec::new(),
            Profile::Istio => rendered::objects(tree, applied)?,
        };
        Ok(Self { platform: stilltrace_platform::read(tree, cache), objects })
    }
}

/// The base and what follows each commit of the window; an omitted commit changes nothing.
pub(super) fn targets(repository: &Repository, profile: Profile) -> Result<Vec<Target>, RunError> {
    let mut cache = ParseCache::new();
    let applied: Vec<String> =
        repository.reconcilers.iter().map(|reconciler| reconciler.path.clone()).collect();
    let base = gitops::tree(&repository.base.files);
    let mut all = vec![Target::read(&base, &applied, profile, &mut cache)?];
    for commit in &repository.window {
        let next = match commit {
            Some(commit) => {
                let tree = gitops::tree(&commit.revision.files);
                Target::read(&tree, &applied, profile, &mut cache)?
            }
            None => all.last().cloned().unwrap_or_default(),
        };
        all.push(next);
    }
    Ok(all)
}
