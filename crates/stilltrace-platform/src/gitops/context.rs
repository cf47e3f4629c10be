//! What is needed to understand a reconciler.

use stilltrace_manifest::{Mark, Node, Object};
use stilltrace_model::{ObjectRef, Reconciler, ReconcilerKind};

use super::argo::build_options::BuildOptions;
use super::claim::{Reason, Refusal};
use super::files::Files;
use super::own::{Own, Place};
use super::written::Written;
use crate::field::location;

/// The repository, and the cluster in which the reconciler runs.
pub(crate) struct Context<'a> {
    /// Its files.
    pub(crate) files: &'a Files<'a>,
    /// Its objects as written.
    pub(crate) written: &'a Written,
    /// Its address and revision.
    pub(crate) own: &'a Own,
    /// The cluster in which the reconciler object lives.
    pub(crate) home: &'a super::claim::ClusterName,
}

impl Context<'_> {
    /// Refuses sources that are not in this repository at this revision.
    pub(crate) fn accept(&self, url: &Node, revision: Option<&Node>) -> Result<(), Refusal> {
        let address = url.text().unwrap_or_default();
        let wanted = revision.and_then(Node::text).unwrap_or_default();
        match self.own.place(address, wanted) {
            Place::Here => Ok(()),
            Place::Elsewhere => Err(Refusal {
                reason: Reason::ForeignRepository,
                at: url.mark.clone(),
                what: format!("its files lie in `{}`", without_user(address)),
            }),
            Place::OtherRevision => Err(Refusal {
                reason: Reason::OtherRevision,
                at: revision.unwrap_or(url).mark.clone(),
                what: format!("it applies revision `{wanted}`, which is not the one that is read"),
            }),
        }
    }

    /// What the repository says of the options of Argo CD's builds.
    pub(crate) fn build_options(&self) -> &BuildOptions {
        let (files, settings) = (self.files, &self.written.argo_settings);
        self.written.build_options.get_or_init(|| BuildOptions::read(files, settings))
    }

    /// Refuses folders that do not exist.
    pub(crate) fn folder(&self, path: &str, at: &Mark) -> Result<String, Refusal> {
        let folder = super::files::folder(path);
        let found = folder.filter(|folder| folder.is_empty() || self.files.has_folder(folder));
        found.ok_or_else(|| Refusal {
            reason: Reason::NoFolder,
            at: at.clone(),
            what: format!("the folder `{path}` is not in this repository"),
        })
    }
}

/// An address without user and password.
pub(crate) fn without_user(url: &str) -> String {
    match url.split_once("://") {
        Some((scheme, rest)) => {
            let end = rest.find('/').unwrap_or(rest.len());
            let (host, path) = rest.split_at(end);
            let host = host.rsplit_once('@').map_or(host, |(_, host)| host);
            format!("{scheme}://{host}{path}")
        }
        None => url.to_owned(),
    }
}

/// The reconciler as the model knows it.
pub(crate) fn reconciler(
    kind: ReconcilerKind,
    object: &Object,
    home: &str,
    path: &str,
) -> Reconciler {
    let suspended = object.root.at(&["spec", "suspend"]);
    let suspended = suspended.filter(|node| node.as_bool() == Some(true));
    let namespace = object.namespace().unwrap_or(home);
    Reconciler {
        kind,
        object: ObjectRef {
            api_version: object.api_version().to_owned(),
            kind: object.kind().to_owned(),
            namespace: namespace.to_owned(),
            name: object.name().to_owned(),
        },
        path: path.to_owned(),
        at: location(object.mark()),
        suspended: suspended.map(|node| location(&node.mark)),
        depends_on: depends_on(object, namespace),
    }
}

/// `spec.dependsOn` of Flux objects: objects of the same kind.
fn depends_on(object: &Object, namespace: &str) -> Vec<ObjectRef> {
    let list = object.root.at(&["spec", "dependsOn"]).map(Node::items).unwrap_or_default();
    let reference = |node: &Node| {
        let namespace = node.get("namespace").and_then(Node::text).unwrap_or(namespace);
        Some(ObjectRef {
            api_version: object.api_version().to_owned(),
            kind: object.kind().to_owned(),
            namespace: namespace.to_owned(),
            name: node.get("name")?.text()?.to_owned(),
        })
    };
    list.iter().filter_map(reference).collect()
}
