//! What a build does where Kustomize would stop.

use super::render::{LoadRestrictor, RenderOptions, Vendored};

/// What becomes of something at which Kustomize stops.
#[derive(Debug, Clone, Copy)]
pub(super) enum Policy<'a> {
    /// It is reported and the rest is built.
    Report,
    /// It is the reason to refuse the build; restrictions of the options hold.
    Refuse(&'a RenderOptions),
}

impl Policy<'_> {
    /// Which files a kustomization may name; all that are in the tree for a report, as controllers
    /// lift the restriction.
    pub(super) fn load_restrictor(&self) -> LoadRestrictor {
        match self {
            Self::Report => LoadRestrictor::None,
            Self::Refuse(options) => options.load_restrictor,
        }
    }

    /// Whether a chart is a reason to refuse because rendering charts is not allowed.
    pub(super) fn refuses_charts(&self) -> bool {
        matches!(self, Self::Refuse(options) if !options.enable_helm)
    }

    /// Copies of what is remote.
    pub(super) fn vendored(&self) -> &[Vendored] {
        match self {
            Self::Report => &[],
            Self::Refuse(options) => &options.vendored,
        }
    }
}
