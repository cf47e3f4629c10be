//! Whether whoever applies a kustomization renders the Helm charts that it lists.
//!
//! `kustomize build` renders them only with `--enable-helm`. Flux builds without it, and nothing
//! can switch it on. Argo CD passes what the `ConfigMap` `argocd-cm` holds under
//! `kustomize.buildOptions`, or under `kustomize.buildOptions.VERSION` for an application that
//! names a version of Kustomize; its operator and its chart write them from settings of their own
//! ([`build_options`](super::argo::build_options)). By hand, nobody knows, and the charts are taken
//! for rendered.

use stilltrace_manifest::Mark;
use stilltrace_manifest::kustomize::Means;
use stilltrace_model::{Bearing, Gap};

use super::argo::build_options::{BuildOptions, KEY};
use super::claim::{Reason, Refusal};

/// The option that renders charts.
const ENABLE: &str = "--enable-helm";

/// Why Flux renders no chart.
const FLUX: &str = "Flux builds kustomizations without `--enable-helm`, stops at this entry and \
    applies nothing of the folder until it is gone; make it a `HelmRelease`, or commit the \
    rendered chart";
/// Why Argo CD renders no chart.
const ARGO: &str = "what this repository says of `argocd-cm` does not set `kustomize.buildOptions: \
    --enable-helm`, and without it Argo CD stops at this entry; set it, or make the chart a source \
    of the Application";

/// Whether the charts of a kustomization are rendered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ChartRule {
    /// Somebody applies the folder who is not in Git; the charts are rendered.
    ByHand,
    /// Flux applies it; they are not.
    OfFlux,
    /// Argo CD applies it and is told to render them.
    ArgoRenders,
    /// Argo CD applies it and is not told to.
    ArgoRefuses,
    /// Argo CD applies it, and its settings are not in Git; they are rendered, and that is said.
    ArgoUnknown,
}

impl ChartRule {
    /// What Argo CD does, by what the repository says of its settings, for an application that may
    /// name a version of Kustomize.
    pub(crate) fn of_argo(options: &BuildOptions, version: Option<&str>) -> Self {
        let version = version.filter(|version| !version.is_empty());
        let key = version.map_or(KEY.to_owned(), |version| format!("{KEY}.{version}"));
        if options.of(&key).any(|options| options.contains(ENABLE)) {
            Self::ArgoRenders
        } else if options.is_known() {
            Self::ArgoRefuses
        } else {
            Self::ArgoUnknown
        }
    }

    /// What a build may use.
    pub(crate) fn restrict(self, means: Means<'_>) -> Means<'_> {
        let withheld = match self {
            Self::OfFlux => Some(FLUX),
            Self::ArgoRefuses => Some(ARGO),
            Self::ByHand | Self::ArgoRenders | Self::ArgoUnknown => None,
        };
        Means { withheld, ..means }
    }

    /// Why nothing of a folder is applied whose kustomization asks for `charts`.
    pub(crate) fn stops(self, charts: &[Mark], folder: &str) -> Option<Refusal> {
        let first = charts.first().filter(|_| self == Self::OfFlux)?;
        Some(Refusal {
            reason: Reason::FluxCharts,
            at: first.clone(),
            what: format!("nothing of `{folder}` is applied: Flux cannot build its charts"),
        })
    }

    /// What is left open about the `charts` that the kustomization of `folder` asks for.
    pub(crate) fn caveat(self, charts: &[Mark], folder: &str) -> Option<Gap> {
        let first = charts.first().filter(|_| self == Self::ArgoUnknown)?;
        Some(Gap {
            bearing: Bearing::Objects,
            what: format!(
                "{first}: whether Argo CD renders the charts of `{folder}` is not known: \
                 `argocd-cm` is not in this repository"
            ),
            why: "their objects are part of the answer, and are not in effect where \
                  `kustomize.buildOptions` lacks `--enable-helm`"
                .to_owned(),
            remedy: format!("commit `argocd-cm`, or look there: {KEY} must hold {ENABLE}"),
        })
    }
}
