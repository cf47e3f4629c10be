//! Prints what `kustomize build` prints, or refuses as it does.

#[cfg(test)]
mod tests;

use std::fmt;

use crate::helm::{Effort, HelmRenderer, NoHelm};
use crate::object::Object;
use crate::problem::{Problem, ProblemKind};
use crate::tree::Tree;
use crate::yaml::ParseCache;

use super::accumulate;
use super::policy::Policy;
use super::{order, output};

/// How a directory is rendered; the defaults are those of `kustomize build`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RenderOptions {
    /// `--reorder`; `sortOptions` of the kustomization goes before it.
    pub reorder: Reorder,
    /// `--load-restrictor`.
    pub load_restrictor: LoadRestrictor,
    /// `--enable-helm`: whether charts are rendered.
    pub enable_helm: bool,
    /// `--helm-kube-version`: the Kubernetes version that charts see; an entry's own goes before.
    pub helm_kube_version: Option<String>,
    /// `--helm-api-versions`: further API versions that charts see; an entry's own go before.
    pub helm_api_versions: Vec<String>,
    /// How much work may go into the positions of what charts make.
    pub chart_effort: Effort,
    /// Remote addresses that may be used because the tree holds a copy.
    pub vendored: Vec<Vendored>,
}

/// A remote address with its copy in the tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Vendored {
    /// The repository as `git clone` takes it, with `?ref=` for a copy of one revision only; or
    /// the folder that the addresses of files begin with.
    pub remote: String,
    /// The directory that holds the copy, relative to the root of the tree.
    pub dir: String,
}

/// The order of objects where the kustomization does not say.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Reorder {
    /// Namespaces and other foundations first, webhooks last.
    #[default]
    Legacy,
    /// As they were read.
    None,
}

/// Which files a kustomization may name. Directories are not restricted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum LoadRestrictor {
    /// Those in or below its own directory.
    #[default]
    RootOnly,
    /// Any in the tree.
    None,
}

/// What a directory renders to.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Rendered {
    /// The text, the same bytes as `kustomize build` prints; empty without objects.
    pub text: String,
    /// The objects in the order of the text, each value with the place that set it.
    pub objects: Vec<Object>,
}

/// Why a directory is not rendered: the first thing at which `kustomize build` stops.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// What is wrong and where.
    pub problem: Problem,
}

impl Refusal {
    /// Whether Kustomize would render the directory and only this program does not.
    pub fn is_gap(&self) -> bool {
        self.problem.kind == ProblemKind::Unsupported
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.problem.fmt(f)
    }
}

impl std::error::Error for Refusal {}

impl From<Problem> for Refusal {
    fn from(problem: Problem) -> Self {
        Self { problem }
    }
}

/// Renders the kustomization in the directory `dir` of `tree`, values of Secrets included.
///
/// # Errors
/// Where `kustomize build` would print nothing but an error, and where something is asked for that
/// is not supported; [`Refusal::is_gap`] tells them apart.
pub fn render(
    tree: &dyn Tree,
    dir: &str,
    options: &RenderOptions,
    cache: &ParseCache,
) -> Result<Rendered, Refusal> {
    render_with(tree, dir, options, &NoHelm::default(), cache)
}

/// Like [`render`], with a Helm for the charts of kustomizations.
///
/// # Errors
/// As [`render`].
pub fn render_with(
    tree: &dyn Tree,
    dir: &str,
    options: &RenderOptions,
    helm: &dyn HelmRenderer,
    cache: &ParseCache,
) -> Result<Rendered, Refusal> {
    let assembled = accumulate::assemble(tree, dir, cache, Policy::Refuse(options, helm));
    if let Some(problem) = assembled.problems.into_iter().next() {
        return Err(problem.into());
    }
    let mut resources = assembled.resources;
    if let Some(directory) = &assembled.directory {
        order::sort(directory, options.reorder, &mut resources)?;
    }
    let objects: Vec<Object> = resources.into_iter().map(|resource| resource.object).collect();
    let mut text = String::new();
    for (position, object) in objects.iter().enumerate() {
        if position > 0 {
            text.push_str("---\n");
        }
        output::print(object, &mut text)?;
    }
    Ok(Rendered { text, objects })
}
