//! The clusters of a repository, and the one that a question is about.

use std::sync::Arc;
use std::thread;

use stilltrace_manifest::{Object, ParseCache, Tree};
use stilltrace_model::{Bearing, Gap, Platform};

use crate::assumed_injection;
use crate::defaults;
use crate::gitops::{self, ClusterObjects, Options, Repository};
use crate::mesh_config;
use crate::read::effective;
use crate::source::Source;

/// What is in effect in one cluster.
#[derive(Debug, Clone, PartialEq)]
pub struct Cluster {
    /// Its name as the repository tells it apart; `default` where nothing names it.
    pub name: String,
    /// Its workloads and edges.
    pub platform: Platform,
}

/// Reads what is in effect at one revision, in the cluster with most objects apart from those of
/// Argo CD and Flux.
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
    of_one(tree, gitops::read(tree, cache, options), options)
}

/// Like [`read_with`] for whoever reads a single revision: the parsed files are given back before
/// the settings are computed, so that memory never holds both.
pub fn read_once(tree: &dyn Tree, options: &Options<'_>) -> Platform {
    let repository = gitops::read(tree, &ParseCache::new(), options);
    of_one(tree, repository, options)
}

/// What is in effect in the cluster that `options` name, or the largest.
fn of_one(tree: &dyn Tree, repository: Repository, options: &Options<'_>) -> Platform {
    let names: Vec<String> = repository.clusters.iter().map(|c| c.name.clone()).collect();
    let mut clusters = repository.clusters;
    let held: Vec<String> = clusters.iter().map(held).collect();
    let position = match &options.cluster {
        Some(name) => names.iter().position(|known| known == name),
        None => largest(&clusters),
    };
    let Some(position) = position else { return unknown(options, &names) };
    let mut cluster = clusters.swap_remove(position);
    if names.len() > 1 && options.cluster.is_none() {
        let told = |at: usize| Some(format!("{} ({})", names.get(at)?, held.get(at)?));
        let others: Vec<String> =
            (0..names.len()).filter(|at| *at != position).filter_map(told).collect();
        let others: Vec<&str> = others.iter().map(String::as_str).collect();
        cluster.gaps.add_bearing(
            Bearing::Answer,
            format!(
                "only the cluster `{}` is read ({}); there are also: {}",
                cluster.name,
                held.get(position).map(String::as_str).unwrap_or_default(),
                some(&others)
            ),
            "what is in effect in the others is not part of the answer",
            "name the cluster to read with --cluster",
        );
    }
    let platform = platform(tree, &mut cluster, &repository.written, options);
    // Giving back thousands of trees takes time that nobody needs to wait for.
    // Where no thread is to be had it is given back here.
    let _ = thread::Builder::new().spawn(move || drop((cluster, clusters, repository.written)));
    platform
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
    report_nothing(&platform, cluster);
    platform.contested = std::mem::take(&mut cluster.contested);
    platform.reconcilers = std::mem::take(&mut cluster.reconcilers);
    platform.gaps = Arc::clone(&cluster.gaps).to_sorted();
    platform
}

/// Says so where there is nothing that calls or is called.
fn report_nothing(platform: &Platform, cluster: &ClusterObjects) {
    if !platform.workloads.is_empty() || !platform.services.is_empty() {
        return;
    }
    let what = match cluster.applied.len() {
        0 => "nothing is applied".to_owned(),
        _ => format!("no workload and no service ({})", held(cluster)),
    };
    cluster.gaps.add_bearing(
        Bearing::Answer,
        format!("nothing found: {what}; {} files were looked at", cluster.files),
        "there is no call whose settings could be told",
        "name the folder, repository or revision that holds the manifests",
    );
}

/// The cluster with most objects, the first by name of several. What applies objects elsewhere does
/// not count: a cluster that only holds the `Application` objects of others runs nothing.
fn largest(clusters: &[ClusterObjects]) -> Option<usize> {
    let mut best: Option<(usize, (usize, usize))> = None;
    for (position, cluster) in clusters.iter().enumerate() {
        let count = (cluster.applied.len() - appliers(cluster), cluster.applied.len());
        if best.is_none_or(|(_, most)| count > most) {
            best = Some((position, count));
        }
    }
    best.map(|(position, _)| position)
}

/// Objects of Argo CD and Flux themselves.
fn appliers(cluster: &ClusterObjects) -> usize {
    let is_applier = |source: &&Source| {
        let group = source.group();
        group == "argoproj.io"
            && matches!(source.id.kind.as_str(), "Application" | "ApplicationSet" | "AppProject")
            || group.ends_with(".toolkit.fluxcd.io")
            || group == "fluxcd.controlplane.io"
    };
    cluster.applied.iter().filter(is_applier).count()
}

/// What a cluster holds, in a few words.
fn held(cluster: &ClusterObjects) -> String {
    let (all, appliers) = (cluster.applied.len(), appliers(cluster));
    let objects =
        |count: usize| format!("{count} {}", if count == 1 { "object" } else { "objects" });
    match appliers {
        0 => objects(all),
        _ if appliers == all => format!("nothing but {} of Argo CD or Flux", objects(all)),
        _ => format!("{}, and {appliers} of Argo CD or Flux", objects(all - appliers)),
    }
}

fn unknown(options: &Options<'_>, names: &[String]) -> Platform {
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let name = options.cluster.as_deref().unwrap_or_default();
    let gap = Gap {
        what: format!("there is no cluster `{name}`; known are: {}", some(&names)),
        why: "nothing is read".to_owned(),
        remedy: "name one of these".to_owned(),
        ..Gap::default()
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
