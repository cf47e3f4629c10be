//! What a caller asks for: a chart of a tree with the values of one release.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::call::{HelmFlag, SettingKind};
use crate::object::Object;
use crate::problem::Problem;
use crate::yaml::{Mark, Node};

/// A release of a chart: what Argo CD, Flux or Kustomize hand to Helm.
///
/// Layers override each other in their order, parameters override all layers, as with Helm's own
/// flags. What the caller does to the objects afterwards (namespace, hooks, labels) is not part of
/// it.
#[derive(Debug, Clone, Default)]
pub struct HelmRequest {
    /// Folder of the chart in the tree; its `Chart.yaml` lies directly in it.
    pub chart: String,
    /// Name of the release.
    pub release: Sourced,
    /// Namespace of the release; `None` is Helm's own `default`.
    pub namespace: Option<Sourced>,
    /// Values on top of the chart's own, the strongest last.
    pub values: Vec<ValuesLayer>,
    /// Single values on top of all layers, the strongest last.
    pub parameters: Vec<Parameter>,
    /// Kubernetes version that templates see.
    pub kube_version: Option<String>,
    /// Further API versions that templates see.
    pub api_versions: Vec<String>,
    /// What else to do, or not; [`HelmFlag::Raw`] has no effect here.
    pub flags: BTreeSet<HelmFlag>,
    /// What to do about dependencies that are not vendored.
    pub missing: MissingDependencies,
    /// What becomes of the values of Secrets.
    pub secrets: SecretValues,
    /// How much work may go into positions.
    pub effort: Effort,
}

/// A text and the place that set it, where the caller knows one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sourced {
    /// The text.
    pub text: String,
    /// The place that set it.
    pub mark: Option<Mark>,
}

impl Sourced {
    /// A text that no file sets.
    pub fn unmarked(text: impl Into<String>) -> Self {
        Self { text: text.into(), mark: None }
    }

    /// A text set at `mark`.
    pub fn at(text: impl Into<String>, mark: Mark) -> Self {
        Self { text: text.into(), mark: Some(mark) }
    }
}

/// Values that override those before them.
#[derive(Debug, Clone, PartialEq)]
pub enum ValuesLayer {
    /// A file of the tree, by its path.
    File(String),
    /// A mapping that another file holds, such as `valuesObject` or `spec.values`.
    Inline(Arc<Node>),
    /// A text that another file holds, such as Argo CD's `values: |`: the scalar with its mark.
    ///
    /// In a literal block values get their own lines, in other scalars the place of the whole.
    Text(Arc<Node>),
}

/// One value set by itself, as with `--set`.
#[derive(Debug, Clone, PartialEq)]
pub struct Parameter {
    /// Path of the value in Helm's notation, such as `image.tag` or `hosts[0].name`.
    pub name: String,
    /// The value in Helm's notation; for [`SettingKind::File`] the content of the file.
    pub value: String,
    /// How the value is read.
    pub kind: SettingKind,
    /// The place of the value.
    pub mark: Option<Mark>,
}

/// What to do about dependencies of a chart that the tree does not hold.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum MissingDependencies {
    /// Refuse the chart, as Helm does.
    #[default]
    Refuse,
    /// Name each as a problem and render the chart without it.
    LeaveOut,
}

/// How much work may go into positions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Effort {
    /// Runs of Helm for one chart, the first included; with 1 every scalar gets the place of its
    /// template file only.
    pub renders: usize,
}

impl Default for Effort {
    fn default() -> Self {
        Self { renders: 24 }
    }
}

/// What becomes of the values of Secrets in the objects.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum SecretValues {
    /// Replaced by nulls.
    #[default]
    Dropped,
    /// Kept, for a caller that prints what Helm prints and stores nothing.
    Kept,
}

/// A rendered chart.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct HelmBuild {
    /// The objects in the order in which Helm prints them.
    pub objects: Vec<HelmObject>,
    /// What could not be rendered or located, and why.
    pub problems: Vec<Problem>,
    /// What Helm printed, byte for byte; empty when it printed nothing.
    pub text: String,
    /// Runs of Helm that it took.
    pub renders: usize,
}

/// An object of a chart, every scalar with the mark of the line that set it.
#[derive(Debug, Clone, PartialEq)]
pub struct HelmObject {
    /// The object.
    pub object: Object,
    /// The template as Helm names it in its `# Source:` comment.
    pub template: Arc<str>,
    /// How each scalar was located, in the order of [`Node::leaves`] of the object.
    pub located: Vec<Located>,
}

/// How a scalar of a rendered object was located.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Located {
    /// A value: when it was changed, this scalar changed with it. The mark is that value's.
    Value,
    /// The name or namespace of the release or a field of `Chart.yaml`, shown the same way. Where
    /// the caller named no place, the mark is that of the template's action.
    Release,
    /// Text of the template or of a definition file, as written at the mark.
    Literal,
    /// Written by an action of the template, `{{ … }}`, at the mark; no single value was shown to
    /// be the source.
    Template,
    /// Another text in every rendering, at random or from the clock, written by the action at the
    /// mark; Git does not say what it is.
    Changing,
    /// Only the template file is known.
    File,
}
