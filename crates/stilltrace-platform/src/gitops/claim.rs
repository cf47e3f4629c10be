//! What a reconciler applies: one claim per folder or chart, or why it cannot be told.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use stilltrace_manifest::{Mark, Node, Object};
use stilltrace_model::{Gap, Reconciler};

use super::amend::Change;
use super::argo::permit::Permit;
use super::chart_rule::ChartRule;

/// One thing that is applied to one cluster.
#[derive(Debug, Clone)]
pub(crate) struct Claim {
    /// Who applies it, if the repository says so.
    pub(crate) reconciler: Option<Arc<Reconciler>>,
    /// Where its objects go.
    pub(crate) cluster: ClusterName,
    /// How they get their namespace.
    pub(crate) placement: Placement,
    /// What is applied.
    pub(crate) content: Content,
    /// Variables that Flux puts into the objects.
    pub(crate) substitution: Option<Substitution>,
    /// Labels and annotations that Flux adds to every object.
    pub(crate) metadata: Option<Node>,
    /// The namespace that Argo CD creates, with its labels.
    pub(crate) namespace: Option<ManagedNamespace>,
    /// What Git leaves open about it although it is part of the answer.
    pub(crate) caveats: Vec<Gap>,
    /// Which objects the project of an application permits; all where Git does not say.
    pub(crate) permit: Option<Arc<Permit>>,
}

/// A cluster as one repository tells clusters apart: where its reconcilers run, and which other
/// cluster they reach from there, if any.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(crate) struct ClusterName {
    /// The cluster whose Argo CD or Flux does the work; empty where nothing names it.
    pub(crate) home: String,
    /// The cluster it applies to, when that is another one.
    pub(crate) remote: Option<String>,
}

impl ClusterName {
    /// A cluster that nothing names is called `default`.
    pub(crate) fn as_str(&self) -> &str {
        match &self.remote {
            Some(remote) => remote,
            None if self.home.is_empty() => "default",
            None => &self.home,
        }
    }
}

impl ClusterName {
    /// The name with that of the cluster it is reached from, where another one has the same.
    pub(crate) fn long(&self) -> String {
        let home = Self { home: self.home.clone(), remote: None };
        match &self.remote {
            Some(remote) => format!("{}/{remote}", home.as_str()),
            None => home.as_str().to_owned(),
        }
    }
}

/// How objects get their namespace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Placement {
    /// Objects keep their namespace; those without one go to `default`.
    AsWritten,
    /// Objects without a namespace go here (Argo CD `destination.namespace`).
    Fallback(String),
}

/// What is applied.
#[derive(Debug, Clone)]
pub(crate) enum Content {
    /// What the kustomization of a folder amounts to, after some changes to that kustomization.
    Kustomization {
        /// The folder.
        folder: String,
        /// Changes that the reconciler makes before it builds.
        changes: Vec<Change>,
        /// Where the folder is named: the place of a kustomization made up from plain files.
        named_at: Mark,
        /// Whether its Helm charts are rendered.
        charts: ChartRule,
    },
    /// The manifests of a folder as they are.
    Plain {
        /// The folder.
        folder: String,
        /// Which of its files.
        filter: Filter,
    },
    /// A Helm chart of the repository.
    Chart(Box<Chart>),
}

/// Which files of a plain folder count.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Filter {
    /// Also files in folders below.
    pub(crate) recurse: bool,
    /// Only files that match, if there is a pattern.
    pub(crate) include: Option<String>,
    /// No files that match.
    pub(crate) exclude: Option<String>,
}

/// A chart in a folder of the repository, and what it is rendered with.
#[derive(Debug, Clone)]
pub(crate) struct Chart {
    /// The folder of the chart.
    pub(crate) folder: String,
    /// `.Release.Name`, with its place if it is written somewhere.
    pub(crate) release: Named,
    /// `.Release.Namespace`.
    pub(crate) namespace: Named,
    /// Values on top of the chart's own; later ones win.
    pub(crate) layers: Vec<Layer>,
    /// `--set` and `--set-string`, which win over all values.
    pub(crate) parameters: Vec<Parameter>,
    /// Whether the chart's custom resource definitions are left out.
    pub(crate) skip_crds: bool,
    /// Changes that run over the rendered objects.
    pub(crate) changes: Vec<Change>,
    /// Where the chart is named.
    pub(crate) named_at: Mark,
}

/// A text and the place that sets it, if there is one.
#[derive(Debug, Clone)]
pub(crate) struct Named {
    /// The text.
    pub(crate) text: String,
    /// Its place.
    pub(crate) mark: Option<Mark>,
}

/// Values that override those before them.
#[derive(Debug, Clone)]
pub(crate) enum Layer {
    /// A file, by its path in the repository.
    File(String),
    /// A mapping.
    Inline(Node),
    /// A text that holds a mapping.
    Text(Node),
    /// A key of a `ConfigMap` or `Secret`; with a path below which its text is one value.
    Referred(From, String, Option<String>),
}

/// One value of a chart, set by its path.
#[derive(Debug, Clone)]
pub(crate) struct Parameter {
    /// Path such as `image.tag`.
    pub(crate) name: String,
    /// The value, with its place.
    pub(crate) value: Node,
    /// Whether it stays a text whatever it looks like.
    pub(crate) force_string: bool,
    /// Whether the value is the path of a file whose content is meant.
    pub(crate) is_file: bool,
}

/// Variables of a Flux Kustomization, in the order in which later ones win.
#[derive(Debug, Clone, Default)]
pub(crate) struct Substitution {
    /// `ConfigMap` and `Secret` objects to take variables from.
    pub(crate) from: Vec<From>,
    /// Variables written into the Kustomization.
    pub(crate) inline: BTreeMap<String, Node>,
}

/// A reference to an object that holds variables or values.
#[derive(Debug, Clone)]
pub(crate) struct From {
    /// `ConfigMap` or `Secret`.
    pub(crate) kind: String,
    /// Its namespace.
    pub(crate) namespace: String,
    /// Its name.
    pub(crate) name: String,
    /// Whether it may be missing.
    pub(crate) optional: bool,
    /// The reference.
    pub(crate) at: Mark,
}

/// A namespace that Argo CD creates when it syncs.
#[derive(Debug, Clone)]
pub(crate) struct ManagedNamespace {
    /// Its name, with its place.
    pub(crate) name: Node,
    /// `metadata` for it.
    pub(crate) metadata: Node,
}

/// Why a reconciler's objects are not part of the answer.
#[derive(Debug, Clone)]
pub(crate) struct Refusal {
    /// The kind of reason.
    pub(crate) reason: Reason,
    /// The line that says so.
    pub(crate) at: Mark,
    /// What is not read; a full clause.
    pub(crate) what: String,
}

impl Refusal {
    /// A reconciler that is written and that nothing applies.
    pub(crate) fn not_applied(object: &Object) -> Self {
        Self {
            reason: Reason::NotApplied,
            at: object.mark().clone(),
            what: "nothing in this repository applies it".to_owned(),
        }
    }
}

/// Kinds of reasons, each with what would help.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Reason {
    /// The files lie in another repository.
    ForeignRepository,
    /// The files of another revision are applied.
    OtherRevision,
    /// The chart comes from a chart repository.
    RemoteChart,
    /// A plugin makes the manifests.
    Plugin,
    /// The files come from an OCI artifact or a bucket.
    Artifact,
    /// The folder does not exist.
    NoFolder,
    /// What the generator lists is not in Git.
    Generator,
    /// The template does more than is evaluated.
    Template,
    /// Helm is needed and not there.
    NoHelm,
    /// The object contradicts itself.
    Broken,
    /// The Argo CD project does not permit it.
    NotPermitted,
    /// Flux builds no charts of kustomizations.
    FluxCharts,
    /// Nobody applies the object itself.
    NotApplied,
}

impl Reason {
    /// The smallest change that would close the gap.
    pub(crate) fn remedy(self) -> &'static str {
        match self {
            Self::ForeignRepository => "read the repository that it names, or copy the folder here",
            Self::OtherRevision => "read that revision",
            Self::RemoteChart => "copy the chart into the repository, or commit the rendered chart",
            Self::Plugin => "commit the rendered manifests",
            Self::Artifact => "read the repository that the artifact is made from",
            Self::NoFolder => {
                "correct the path, or point Stilltrace at the repository that holds the folder"
            }
            Self::Generator => "list the elements in Git",
            Self::Template => "write the value without functions",
            Self::NoHelm => "install `helm` so that charts can be rendered",
            Self::Broken => "correct the object",
            Self::NotPermitted => "permit it in the project, or name another project",
            Self::FluxCharts => "make the chart a `HelmRelease`, or commit the rendered chart",
            Self::NotApplied => "remove it, or add it to what is applied",
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ForeignRepository => "another repository",
            Self::OtherRevision => "another revision",
            Self::RemoteChart => "remote chart",
            Self::Plugin => "plugin",
            Self::Artifact => "artifact",
            Self::NoFolder => "no such folder",
            Self::Generator => "generator",
            Self::Template => "template",
            Self::NoHelm => "no helm",
            Self::Broken => "broken",
            Self::NotPermitted => "not permitted",
            Self::FluxCharts => "charts of a kustomization",
            Self::NotApplied => "not applied",
        })
    }
}
