//! Builds what `kustomize build` prints, with the line that set every scalar.
//!
//! The order of work is Kustomize's own: resources and bases, generators, components, then
//! patches, namespace, prefix, suffix, labels, annotations, JSON patches, replicas, images and
//! replacements of each directory, and its transformers; hash suffixes, name references and
//! variables once at the end. Where Kustomize would stop,
//! this build reports a [`Problem`] and goes on with what it has.

mod accumulate;
mod charts;
mod config;
#[cfg(test)]
mod conformance;
mod directory;
mod fields;
mod generate;
mod hash;
mod images;
mod inline;
mod json;
mod json_patch;
mod keys;
mod known_kinds;
mod labels;
mod loader;
mod merge;
mod names;
mod old_flags;
mod old_flow;
mod openapi;
mod order;
#[cfg(test)]
mod origins;
mod output;
mod patches;
mod plugins;
mod policy;
mod pool;
mod references;
mod remote;
mod render;
mod replacements;
mod replicas;
mod resource;
mod schema;
mod scope;
mod selector;
mod shared;
mod stamp;
mod variables;

use std::sync::Arc;

use crate::object::Object;
use crate::problem::Problem;
use crate::tree::Tree;
use crate::yaml::{Mark, Node, ParseCache};

pub use policy::Means;
pub use render::{
    LoadRestrictor, Refusal, RenderOptions, Rendered, Reorder, Vendored, render, render_with,
};
pub use scope::is_cluster_scoped;

/// What a directory amounts to.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Build {
    /// The objects, in the order in which they were read.
    pub objects: Vec<Object>,
    /// What could not be read or is not evaluated; the objects are right up to these.
    pub problems: Vec<Problem>,
    /// The entries that ask for a Helm chart, whether it was rendered or not.
    pub charts: Vec<Mark>,
}

/// Builds the kustomization in the directory `dir` of `tree`.
///
/// Values of Secrets are not part of the result. A directory without a kustomization is a problem
/// and yields no objects; see [`crate::read_plain`] for those.
pub fn build(tree: &dyn Tree, dir: &str) -> Build {
    build_with(tree, dir, &ParseCache::new())
}

/// Like [`build`], sharing parsed files with other builds.
pub fn build_with(tree: &dyn Tree, dir: &str, cache: &ParseCache) -> Build {
    build_by(tree, dir, Means::default(), cache)
}

/// Like [`build_with`], with a Helm for the charts of kustomizations and copies of what is remote.
pub fn build_by(tree: &dyn Tree, dir: &str, means: Means<'_>, cache: &ParseCache) -> Build {
    accumulate::build(tree, dir, cache, means)
}

/// Builds `dir` as though its kustomization file held `root`, beginning with `objects`.
///
/// For programs that change a kustomization before they build it, such as Argo CD and Flux, and
/// for changes over objects that come from elsewhere. The marks in `root` may point into any file
/// of the tree.
pub fn build_from(
    tree: &dyn Tree,
    dir: &str,
    root: Arc<Node>,
    objects: Vec<Object>,
    means: Means<'_>,
    cache: &ParseCache,
) -> Build {
    accumulate::build_from(tree, dir, (root, objects), means, cache)
}

/// The path of the kustomization file in `dir`, if it has one.
pub fn kustomization_file(tree: &dyn Tree, dir: &str) -> Option<String> {
    let names = directory::FILE_NAMES.iter();
    names
        .filter_map(|name| crate::tree::join(dir, name))
        .find(|path| tree.content_id(path).is_some() || matches!(tree.read(path), Ok(Some(_))))
}
