//! Who applies what where: from the files of a repository to the objects of every cluster.
//!
//! [`read`] finds the Argo CD and Flux objects that are applied by hand ([`roots`]), follows them
//! to everything they apply ([`walk`]) and sorts the objects by cluster ([`assembly`]). Without any
//! reconciler the kustomizations that no other kustomization refers to are taken, each variant of
//! an app for a cluster of its own ([`unreconciled`]), and without those every manifest.
//!
//! [`argo`] and [`flux`] turn one object into claims (what is applied where, with which changes),
//! [`render`] turns a claim into objects. Whatever is not in this repository at this revision, or
//! made by a program that is not run, is refused with its line and reason.

mod ahead;
mod amend;
mod argo;
mod assembly;
mod chart_rule;
mod charts;
mod claim;
mod context;
#[cfg(test)]
mod corpus;
mod files;
mod flux;
mod glob;
mod leftover;
mod links;
mod marks;
mod merge;
mod opaque;
mod own;
mod reach;
mod render;
mod roots;
pub(crate) mod selector;
mod unbuilt;
mod unreconciled;
mod variants;
mod walk;
mod written;

use std::collections::BTreeMap;
use std::sync::Arc;

use stilltrace_manifest::helm::HelmRenderer;
use stilltrace_manifest::kustomize::{Means, Vendored};
use stilltrace_manifest::{Object, ParseCache, Tree};
use stilltrace_model::{Contested, Reconciler};

use crate::gaps::Gaps;
use crate::source::Source;
use claim::ClusterName;
use files::Files;
use own::Own;
use reach::Reach;
use walk::Walk;
use written::Written;

/// What is known about a repository besides its files.
#[derive(Clone, Default)]
pub struct Options<'a> {
    /// The repository's own address, such as the URL of its remote. Without it, it is derived from
    /// the objects that name folders of it.
    pub url: Option<String>,
    /// The cluster to read; without it, the one with most objects.
    pub cluster: Option<String>,
    /// What renders Helm charts, those of kustomizations too; without it they are gaps.
    pub helm: Option<&'a dyn HelmRenderer>,
    /// Copies of what kustomizations name by an address.
    pub vendored: Vec<Vendored>,
    /// The namespace whose objects apply to the whole mesh, where the mesh configuration does not
    /// say; without it, `istio-system`.
    pub root_namespace: Option<String>,
    /// The mesh configuration, instead of the one in the repository.
    pub mesh_config: Option<MeshFile<'a>>,
    /// Namespaces whose pods get a proxy although no manifest says so; `*` for all.
    pub injected: Vec<String>,
}

/// A mesh configuration from outside of the repository.
#[derive(Debug, Clone, Copy)]
pub struct MeshFile<'a> {
    /// By what the tree hands it out.
    pub path: &'a str,
    /// Its content.
    pub text: &'a str,
}

/// The objects of one cluster.
pub(crate) struct ClusterObjects {
    /// Its name.
    pub(crate) name: String,
    /// Its objects, each once, sorted by kind, namespace and name.
    pub(crate) applied: Vec<Source>,
    /// Objects that several reconcilers apply.
    pub(crate) contested: Vec<Contested>,
    /// Who applies something to it.
    pub(crate) reconcilers: Vec<Reconciler>,
    /// What could not be read for it.
    pub(crate) gaps: Arc<Gaps>,
    /// How many files the repository has.
    pub(crate) files: usize,
}

/// What a repository holds, before anything is computed from it.
pub(crate) struct Repository {
    /// Its clusters, sorted by name; at least one.
    pub(crate) clusters: Vec<ClusterObjects>,
    /// Entities of a catalog, reconcilers and what installs a mesh, as written, whoever applies
    /// them.
    pub(crate) written: Vec<Object>,
    /// What became of each reconciler.
    #[cfg(test)]
    pub(crate) outcomes: BTreeMap<(String, String), walk::Outcome>,
    /// Every reconciler as written.
    #[cfg(test)]
    pub(crate) reconcilers: Vec<Object>,
}

/// Finds and renders what is applied to every cluster.
pub(crate) fn read(tree: &dyn Tree, cache: &ParseCache, options: &Options<'_>) -> Repository {
    let mut problems = Vec::new();
    let means = Means { helm: options.helm, vendored: &options.vendored, withheld: None };
    let files = Files::new(tree, means, cache, &mut problems);
    let mut written = Written::read(&files);
    problems.append(&mut written.problems);
    let own = Own::derive(&files, &written, options.url.as_deref());
    let reach = Reach::new(&files);
    let mut walk = Walk::new(&files, &written, &own);
    let roots = roots::find(&files, &written, &own, &reach);
    files.build_ahead(&roots.folders);
    for cluster in &roots.clusters {
        walk.cluster(cluster);
    }
    let nothing = walk.clusters.values().all(|cluster| cluster.len() == 0);
    let everything = nothing && unreconciled::apply(&files, &mut walk);
    let shared = Gaps::default();
    walk.name_the_rest(&roots.dead, &shared);
    for problem in &problems {
        shared.add_problem(problem);
    }
    leftover::report(&files, &written, &walk, &reach, everything, &shared);
    let shared = shared.to_sorted();
    #[cfg(test)]
    let outcomes = std::mem::take(&mut walk.outcomes);
    let clusters = clusters(walk.clusters, files.paths().len());
    for cluster in &clusters {
        for gap in &shared {
            cluster.gaps.add_gap(gap);
        }
    }
    Repository {
        clusters,
        #[cfg(test)]
        outcomes,
        #[cfg(test)]
        reconcilers: written.reconcilers.clone(),
        written: [written.catalog, written.installers, written.reconcilers].concat(),
    }
}

/// The clusters that hold something, by name; at least one.
fn clusters(found: BTreeMap<ClusterName, assembly::Assembly>, files: usize) -> Vec<ClusterObjects> {
    let mut names: BTreeMap<String, usize> = BTreeMap::new();
    for name in found.keys() {
        *names.entry(name.as_str().to_owned()).or_default() += 1;
    }
    let mut clusters = Vec::new();
    for (name, assembly) in found {
        let short = name.as_str().to_owned();
        let is_unique = names.get(&short).is_none_or(|count| *count == 1);
        let name = if is_unique { short } else { name.long() };
        let (applied, contested, reconcilers, gaps) = assembly.finish();
        clusters.push(ClusterObjects { name, applied, contested, reconcilers, gaps, files });
    }
    if clusters.iter().any(|cluster| !cluster.applied.is_empty()) {
        // The gaps of a cluster without objects are about what does not get there.
        let (kept, empty): (Vec<_>, Vec<_>) =
            clusters.into_iter().partition(|cluster| !cluster.applied.is_empty());
        for cluster in &kept {
            for other in &empty {
                other.gaps.for_each(|gap| cluster.gaps.add_gap(gap));
            }
        }
        clusters = kept;
    } else {
        clusters.truncate(1);
    }
    clusters.sort_by(|a, b| a.name.cmp(&b.name));
    clusters
}
