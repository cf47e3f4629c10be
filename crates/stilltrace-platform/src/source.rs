//! A Kubernetes object as it ends up in the cluster: placed in a namespace by what applies it.

use std::sync::Arc;

use stilltrace_manifest::{Node, Object};
use stilltrace_model::{ObjectRef, Origin, Reconciler, Timestamp};

use crate::field::{Field, location};
use crate::gaps::Gaps;
use crate::labels::Labels;
use crate::made::Maker;

/// One object of the cluster.
#[derive(Debug, Clone)]
pub(crate) struct Source {
    /// Its identity in the cluster.
    pub(crate) id: Arc<ObjectRef>,
    /// The objects of Git that Istio makes this one of; empty for one that Git holds.
    pub(crate) made_of: Arc<[Maker]>,
    /// Its tree, shared with the build.
    pub(crate) root: Arc<Node>,
    /// When it was created, if the manifest says; Git normally does not.
    pub(crate) created: Option<Timestamp>,
    /// Who applies it.
    pub(crate) reconciler: Option<Arc<Reconciler>>,
    /// Where readers report what they cannot read.
    pub(crate) gaps: Arc<Gaps>,
}

impl Source {
    /// The object placed into `namespace`, which is empty for cluster-scoped kinds.
    pub(crate) fn new(
        object: &Object,
        namespace: String,
        reconciler: Option<Arc<Reconciler>>,
        gaps: &Arc<Gaps>,
    ) -> Self {
        let created = object.root.at(&["metadata", "creationTimestamp"]).and_then(Node::text);
        Self {
            id: Arc::new(ObjectRef {
                api_version: object.api_version().to_owned(),
                kind: object.kind().to_owned(),
                namespace,
                name: object.name().to_owned(),
            }),
            made_of: Arc::default(),
            root: Arc::clone(&object.root),
            created: created.and_then(Timestamp::parse),
            reconciler,
            gaps: Arc::clone(gaps),
        }
    }

    /// The object that Git holds: the first, where Istio makes this one of several.
    pub(crate) fn written_as(&self) -> &Arc<ObjectRef> {
        self.made_of.first().map_or(&self.id, |maker| &maker.id)
    }

    /// The API group; empty for the core group.
    pub(crate) fn group(&self) -> &str {
        self.id.api_version.split_once('/').map_or("", |(group, _)| group)
    }

    /// The object's namespace.
    pub(crate) fn namespace(&self) -> &str {
        &self.id.namespace
    }

    /// The object's name.
    pub(crate) fn name(&self) -> &str {
        &self.id.name
    }

    /// The root as a field.
    pub(crate) fn field(&self) -> Field<'_> {
        Field::root(self, &self.root)
    }

    /// `spec`, when there is one.
    pub(crate) fn spec(&self) -> Option<Field<'_>> {
        self.field().get("spec")
    }

    /// Where the object starts.
    pub(crate) fn origin(&self) -> Origin {
        Origin::Git {
            at: location(&self.root.mark),
            object: Arc::clone(self.written_as()),
            field: Arc::from(""),
        }
    }

    /// `metadata.labels`.
    pub(crate) fn labels(&self) -> Labels {
        self.field().at(&["metadata", "labels"]).map(|field| field.labels()).unwrap_or_default()
    }

    /// The text of an annotation, as a field.
    pub(crate) fn annotation(&self, key: &str) -> Option<Field<'_>> {
        self.field().at(&["metadata", "annotations", key])
    }
}
