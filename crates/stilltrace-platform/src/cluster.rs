//! The clusters of a repository, and the one that a question is about.

use std::rc::Rc;

use stilltrace_manifest::{Object, ParseCache, Tree};
use stilltrace_model::{Gap, Platform};

use crate::assumed_injection;
use crate::defaults;
use crate::gitops::{self, ClusterObjects, Options};
use crate::mesh_config;
use crate::read::effective;

/// What is in effect in one cluster.
#[derive(Debug, Clone, PartialEq)]
pub struct Cluster {
    /// Its name as the repository tells it apart; `default` where nothing names it.
    pub name: String,
    /// Its workloads and edges.
    pub platform: Platform,
}

/// Reads what is in effect at one revision, in the cluster with most objects.
///
/// `cache` keeps parsed files between revisions. `changes` and `calls` of the result are empty and
/// its `revision` is unknown; whoever has the history fills them in.
pub fn read(tree: &dyn Tree, cache: &mut ParseCache) -> Platform {
    read_with(tree, cache, &Options::default())
}

/// Like [`read`], in the cluster that `options` name.
///
/// The other clusters are a gap. A name that no cluster has gives an empty platform with the gap
/// that says so.
pub fn read_with(tree: &dyn Tree, cache: &mut ParseCache, options: &Options<'_>) -> Platform {
    let repository = gitops::read(tree, cache, options);
    let names: Vec<String> = repository.clusters.iter().map(|c| c.name.clone()).collect();
    let mut clusters = repository.clusters;
    let position = match &options.cluster {
        Some(name) => names.iter().position(|known| known == name),
        None => largest(&clusters),
    };
    let Some(position) = position else { return unknown(options, &names) };
    let mut cluster = clusters.swap_remove(position);
    if names.len() > 1 && options.cluster.is_none() {
        let others: Vec<&str> =
            names.iter().filter(|name| **name != cluster.name).map(String::as_str).collect();
        cluster.gaps.add(
            format!(
                "only the cluster `{}` is read; there are also: {}",
                cluster.name,
                some(&others)
            ),
            "what is in effect in the others is not part of the answer",
            "name the cluster to read",
        );
    }
    platform(tree, &mut cluster, &repository.written, options)
}

/// Reads what is in effect in every cluster, sorted by name.
pub fn read_all(tree: &dyn Tree, cache: &mut ParseCache, options: &Options<'_>) -> Vec<Cluster> {
    let repository = gitops::read(tree, cache, options);
    let mut clusters = Vec::new();
    for mut cluster in repository.clusters {
        if options.cluster.as_ref().is_none_or(|name| *name == cluster.name) {
            let platform = platform(tree, &mut cluster, &repository.written, options);
            clusters.push(Cluster { name: cluster.name, platform });
        }
    }
    clusters
}

fn platform(
    tree: &dyn Tree,
    cluster: &mut ClusterObjects,
    written: &[Object],
    options: &Options<'_>,
) -> Platform {
    let root = options.root_namespace.as_deref().unwrap_or(defaults::ROOT_NAMESPACE);
    if let Some(file) = &options.mesh_config {
        mesh_config::install(file, root, cluster);
    }
    assumed_injection::install(&options.injected, cluster);
    let mut platform = effective(tree, cluster, written, root);
    assumed_injection::report_none(&platform, cluster);
    platform.contested = std::mem::take(&mut cluster.contested);
    platform.reconcilers = std::mem::take(&mut cluster.reconcilers);
    platform.gaps = Rc::clone(&cluster.gaps).to_sorted();
    platform
}

/// The cluster with most objects, the first by name of several.
fn largest(clusters: &[ClusterObjects]) -> Option<usize> {
    let mut best: Option<(usize, usize)> = None;
    for (position, cluster) in clusters.iter().enumerate() {
        if best.is_none_or(|(_, most)| cluster.applied.len() > most) {
            best = Some((position, cluster.applied.len()));
        }
    }
    best.map(|(position, _)| position)
}

fn unknown(options: &Options<'_>, names: &[String]) -> Platform {
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let name = options.cluster.as_deref().unwrap_or_default();
    let gap = Gap {
        what: format!("there is no cluster `{name}`; known are: {}", some(&names)),
        why: "nothing is read".to_owned(),
        remedy: "name one of these".to_owned(),
    };
    Platform { gaps: vec![gap], ..Platform::default() }
}

/// The first names, and how many more there are.
fn some(names: &[&str]) -> String {
    const SHOWN: usize = 8;
    let shown: Vec<&str> = names.iter().take(SHOWN).copied().collect();
    match names.len().saturating_sub(SHOWN) {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}
