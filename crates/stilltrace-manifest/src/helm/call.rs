//! One run of `helm template`: what goes in, what comes out, and why it may be refused.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Files of a chart by their path below the chart's folder, `/` separated.
pub type ChartFiles = BTreeMap<String, Arc<[u8]>>;

/// Runs `helm template`. Implemented where programs may be started; this crate starts none.
///
/// An implementation gives the program no network, no plugins and none of the user's environment,
/// and bounds its time and output: the templates are untrusted.
pub trait HelmRenderer {
    /// What Helm prints for `call`.
    ///
    /// # Errors
    /// When there is no Helm, or it refuses the chart, or a bound was hit.
    fn render(&self, call: &HelmCall) -> Result<String, HelmRefusal>;

    /// The answers to several calls in their order. Overridden where calls can run side by side.
    fn render_all(&self, calls: &[HelmCall]) -> Vec<Result<String, HelmRefusal>> {
        calls.iter().map(|call| self.render(call)).collect()
    }
}

/// The arguments of one `helm template`.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct HelmCall {
    /// The chart, its unpacked dependencies below `charts/` included.
    pub files: Arc<ChartFiles>,
    /// Name of the release.
    pub release: String,
    /// Namespace of the release; `None` is Helm's own `default`.
    pub namespace: Option<String>,
    /// Texts of values files, each overriding those before it.
    pub values: Vec<Arc<str>>,
    /// Settings of single values, applied after all values files.
    pub settings: Vec<HelmSetting>,
    /// Kubernetes version that templates see.
    pub kube_version: Option<String>,
    /// Further API versions that templates see.
    pub api_versions: Vec<String>,
    /// What else to do, or not.
    pub flags: BTreeSet<HelmFlag>,
}

/// A switch of `helm template`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum HelmFlag {
    /// Print the definitions in `crds/` too.
    IncludeCrds,
    /// Leave out the chart's tests.
    SkipTests,
    /// Leave out hooks.
    SkipHooks,
    /// Do not compare the values with `values.schema.json`.
    SkipSchema,
    /// Templates see an upgrade instead of an installation.
    IsUpgrade,
    /// Print what the templates wrote, file by file, also where it is not YAML.
    Raw,
}

/// One `--set`, `--set-string`, `--set-json` or `--set-file`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HelmSetting {
    /// Path of the value in Helm's notation, such as `image.tag` or `hosts[0].name`.
    pub name: String,
    /// The value in Helm's notation; for [`SettingKind::File`] the content of the file.
    pub value: String,
    /// Which of the flags.
    pub kind: SettingKind,
}

/// Which flag a setting is passed with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SettingKind {
    /// `--set`: numbers, booleans and null are recognised, commas separate settings.
    Plain,
    /// `--set-string`: the value stays text, commas separate settings.
    Text,
    /// `--set-json`: the value is JSON.
    Json,
    /// `--set-file`: the value is the content of a file.
    File,
}

/// Why a call was not answered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HelmRefusal {
    /// There is no `helm` to run, or its use was not allowed.
    #[error("{reason}")]
    Absent {
        /// Why, and what would help.
        reason: String,
    },
    /// Helm refused the chart or its values.
    #[error("helm: {message}")]
    Failed {
        /// What Helm said, shortened.
        message: String,
    },
    /// Helm took too long and was stopped.
    #[error("helm was stopped after {seconds} s; the chart's templates loop or are too large")]
    TooSlow {
        /// The bound in seconds.
        seconds: u64,
    },
    /// Helm printed too much and was stopped.
    #[error("helm was stopped after {limit} bytes of output")]
    TooMuch {
        /// The bound in bytes.
        limit: usize,
    },
    /// The chart could not be handed to Helm.
    #[error("the chart could not be prepared for helm: {reason}")]
    Unprepared {
        /// What went wrong.
        reason: String,
    },
}

impl HelmRefusal {
    /// Whether Helm itself was not there, so that no chart can be rendered.
    pub fn is_absent(&self) -> bool {
        matches!(self, Self::Absent { .. })
    }
}

/// For runs without Helm: refuses every call with one reason.
#[derive(Debug, Clone)]
pub struct NoHelm {
    reason: String,
}

impl NoHelm {
    /// Refuses with `reason`, which says what would help.
    pub fn because(reason: impl Into<String>) -> Self {
        Self { reason: reason.into() }
    }
}

impl Default for NoHelm {
    fn default() -> Self {
        Self::because("charts are not rendered in this run; install helm and allow its use")
    }
}

impl HelmRenderer for NoHelm {
    fn render(&self, _: &HelmCall) -> Result<String, HelmRefusal> {
        Err(HelmRefusal::Absent { reason: self.reason.clone() })
    }
}
