//! What the mesh shall be like at each revision of the repository.

use std::path::Path;

use serde_json::Value;
use stilltrace_manifest::{MemoryTree, ParseCache};
use stilltrace_model::Platform;

use super::RunError;
use crate::cluster::Pushed;
use crate::gitops::{self, Repository, Revision};
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
    /// The revision as engines fetch it; only where there are engines.
    pub(crate) pushed: Option<Pushed>,
}

impl Target {
    /// The target of which only the settings are known.
    pub fn of(platform: Platform) -> Self {
        Self { platform, ..Self::default() }
    }

    /// The target as a mesh takes it.
    pub fn desired(&self) -> Desired<'_> {
        Desired { platform: &self.platform, objects: &self.objects, pushed: self.pushed.as_ref() }
    }

    /// Reads a revision whose folders `applied` are applied to the cluster.
    pub(super) fn read(
        tree: &MemoryTree,
        applied: &[String],
        profile: Profile,
        cache: &mut ParseCache,
    ) -> Result<Self, RunError> {
        let objects = match profile {
            Profile::Static | Profile::Cluster => Vec::new(),
            Profile::Istio => rendered::objects(tree, applied)?,
        };
        Ok(Self { platform: stilltrace_platform::read(tree, cache), objects, pushed: None })
    }
}

/// The base and what follows each commit of the window, of the repository in `folder`; an omitted commit
/// changes nothing.
pub(super) fn targets(
    repository: &Repository,
    folder: &Path,
    profile: Profile,
) -> Result<Vec<Target>, RunError> {
    let mut cache = ParseCache::new();
    let applied: Vec<String> =
        repository.reconcilers.iter().map(|reconciler| reconciler.path.clone()).collect();
    let mut read = |revision: &Revision| -> Result<Target, RunError> {
        let tree = gitops::tree(&revision.files);
        let mut target = Target::read(&tree, &applied, profile, &mut cache)?;
        if profile == Profile::Cluster {
            target.pushed = Some(Pushed {
                repository: folder.to_path_buf(),
                commit: revision.commit.clone(),
                roots: rendered::roots(&tree)?,
            });
        }
        Ok(target)
    };
    let mut all = vec![read(&repository.base)?];
    for commit in &repository.window {
        let next = match commit {
            Some(commit) => read(&commit.revision)?,
            None => all.last().cloned().unwrap_or_default(),
        };
        all.push(next);
    }
    Ok(all)
}
