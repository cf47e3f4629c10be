//! Renders Helm charts through the `helm` program, with the line that set every scalar.
//!
//! Helm itself keeps no positions, and its template language is too large to be evaluated twice.
//! So the program is asked several times ([`HelmRenderer`]): once for the answer, once with marked
//! templates, and some times with changed values. Which scalars of the answer move with a value
//! shows what that value sets.

mod align;
mod answer;
mod archive;
mod build;
mod call;
mod chart;
mod dependencies;
mod flow;
mod keys;
mod layers;
mod lines;
mod markers;
mod place;
mod release;
mod relevance;
mod request;
mod search;
mod stand_ins;
mod template;
mod words;
mod written;

pub use call::{
    ChartFiles, HelmCall, HelmFlag, HelmRefusal, HelmRenderer, HelmSetting, NoHelm, SettingKind,
};
pub use request::{
    Effort, HelmBuild, HelmObject, HelmRequest, Located, MissingDependencies, Parameter,
    SecretValues, Sourced, ValuesLayer,
};

use crate::tree::Tree;
use crate::yaml::ParseCache;

/// Renders a chart of `tree`.
///
/// Never fails as a whole: a chart that cannot be rendered yields no objects and a [`crate::Problem`].
/// Values of Secrets are not part of the objects; [`HelmBuild::text`] holds them.
pub fn render(
    helm: &dyn HelmRenderer,
    tree: &dyn Tree,
    request: &HelmRequest,
    cache: &ParseCache,
) -> HelmBuild {
    build::build(helm, tree, request, cache)
}
