//! What a build does where Kustomize would stop.

use super::render::{LoadRestrictor, RenderOptions, Vendored};
use crate::helm::{Effort, HelmRenderer};

/// What a build may use beside the files of its tree.
#[derive(Clone, Copy, Default)]
pub struct Means<'a> {
    /// What renders charts of kustomizations; without it each of them is a problem.
    pub helm: Option<&'a dyn HelmRenderer>,
    /// Copies of what is remote.
    pub vendored: &'a [Vendored],
    /// Why whoever applies the objects renders no charts of kustomizations, a full clause; each
    /// chart is a problem then.
    pub withheld: Option<&'a str>,
}

/// What becomes of something at which Kustomize stops.
#[derive(Clone, Copy)]
pub(super) enum Policy<'a> {
    /// It is reported and the rest is built; charts too, where there is a Helm.
    Report(Means<'a>),
    /// It is the reason to refuse the build; restrictions of the options hold.
    Refuse(&'a RenderOptions, &'a dyn HelmRenderer),
}

impl<'a> Policy<'a> {
    /// Which files a kustomization may name; all that are in the tree for a report, as controllers
    /// lift the restriction.
    pub(super) fn load_restrictor(&self) -> LoadRestrictor {
        match self {
            Self::Report(_) => LoadRestrictor::None,
            Self::Refuse(options, _) => options.load_restrictor,
        }
    }

    /// Whether a chart is a reason to refuse because rendering charts is not allowed.
    pub(super) fn refuses_charts(&self) -> bool {
        matches!(self, Self::Refuse(options, _) if !options.enable_helm)
    }

    /// What renders charts; `None` where they are reported instead.
    pub(super) fn helm(&self) -> Option<&'a dyn HelmRenderer> {
        match self {
            Self::Report(means) => means.helm,
            Self::Refuse(_, helm) => Some(*helm),
        }
    }

    /// Why no chart is rendered although the build goes on.
    pub(super) fn withheld(&self) -> Option<&'a str> {
        match self {
            Self::Report(means) => means.withheld,
            Self::Refuse(..) => None,
        }
    }

    /// How much work may go into the positions of what a chart made.
    pub(super) fn chart_effort(&self) -> Effort {
        match self {
            Self::Report(_) => Effort::default(),
            Self::Refuse(options, _) => options.chart_effort,
        }
    }

    /// What charts see of the cluster where their entry does not say: its version and API versions.
    pub(super) fn capabilities(&self) -> (Option<&'a str>, &'a [String]) {
        match self {
            Self::Report(_) => (None, &[]),
            Self::Refuse(options, _) => {
                (options.helm_kube_version.as_deref(), &options.helm_api_versions)
            }
        }
    }

    /// Copies of what is remote.
    pub(super) fn vendored(&self) -> &'a [Vendored] {
        match self {
            Self::Report(means) => means.vendored,
            Self::Refuse(options, _) => &options.vendored,
        }
    }
}
