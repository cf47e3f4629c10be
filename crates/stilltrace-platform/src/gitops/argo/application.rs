//! Argo CD `Application` objects: one claim for every source.

use std::sync::Arc;

use stilltrace_manifest::{Mark, Node, Object, Value};
use stilltrace_model::ReconcilerKind;

use super::environment::Environment;
use super::project::{self, Destination};
use super::{helm, hydrator, kustomize};
use crate::gitops::claim::{
    Claim, ClusterName, Content, Filter, ManagedNamespace, Placement, Reason, Refusal,
};
use crate::gitops::context::{Context, reconciler, without_user};
use crate::gitops::merge::overlay;
use crate::gitops::own::argo_sources;

/// Namespace of applications that do not say theirs.
pub(super) const HOME: &str = "argocd";
/// The cluster in which Argo CD runs, by name and by address.
const IN_CLUSTER: (&str, &str) = ("in-cluster", "https://kubernetes.default.svc");

/// What an application applies, or why it cannot be told, source by source.
pub(crate) fn claims(object: &Object, context: &Context<'_>) -> Vec<Result<Claim, Refusal>> {
    let null = Node::new(Value::Null, object.mark().clone());
    let spec = object.root.get("spec").unwrap_or(&null);
    let application = Application { object, spec, context };
    if let Some(hydrator) = spec.get("sourceHydrator").filter(|hydrator| !hydrator.is_null()) {
        return hydrator::claim(&application, hydrator).into_iter().collect();
    }
    argo_sources(spec).filter_map(|source| application.source(source).transpose()).collect()
}

/// The cluster that an application applies to.
pub(crate) fn destination(object: &Object, context: &Context<'_>) -> ClusterName {
    let null = Node::new(Value::Null, object.mark().clone());
    let spec = object.root.get("spec").unwrap_or(&null);
    Application { object, spec, context }.cluster()
}

/// An application while its sources are read.
pub(super) struct Application<'a> {
    /// The object.
    pub(super) object: &'a Object,
    /// Its `spec`.
    pub(super) spec: &'a Node,
    /// The repository.
    pub(super) context: &'a Context<'a>,
}

impl Application<'_> {
    /// `None` for a source that only other sources refer to.
    pub(super) fn source(&self, source: &Node) -> Result<Option<Claim>, Refusal> {
        let path = source.get("path").filter(|path| path.text().is_some());
        if path.is_none() && source.get("chart").is_none() && source.get("ref").is_some() {
            return Ok(None);
        }
        let permit = project::permit(self, source)?;
        self.accept(source)?;
        let at = path.map_or(&source.mark, |path| &path.mark);
        let text = path.and_then(Node::text).unwrap_or("");
        let folder = self.context.folder(text, at)?;
        let source = self.with_overrides(source, &folder);
        let content = self.content(&source, folder.clone(), at)?;
        let reconciler = reconciler(ReconcilerKind::ArgoCd, self.object, HOME, &folder);
        let namespace = self.namespace().and_then(Node::text);
        Ok(Some(Claim {
            reconciler: Some(Arc::new(reconciler)),
            cluster: self.cluster(),
            placement: match namespace {
                None => Placement::AsWritten,
                Some(text) => Placement::Fallback(text.to_owned()),
            },
            content,
            substitution: None,
            metadata: None,
            namespace: self.managed_namespace(),
            caveats: Vec::new(),
            permit: permit.map(Arc::new),
        }))
    }

    /// Refuses what is not a folder of this repository.
    fn accept(&self, source: &Node) -> Result<(), Refusal> {
        let refuse = |reason, node: &Node, what: String| {
            Err(Refusal { reason, at: node.mark.clone(), what })
        };
        let url = source.get("repoURL");
        let address = url.and_then(Node::text).unwrap_or_default();
        if let Some(chart) = source.get("chart") {
            let name = chart.text().unwrap_or_default();
            let what = format!("its chart `{name}` lies in `{}`", without_user(address));
            return refuse(Reason::RemoteChart, chart, what);
        }
        if let Some(plugin) = source.get("plugin").filter(|plugin| !plugin.is_null()) {
            let name = plugin.get("name").and_then(Node::text).unwrap_or("found by its files");
            let what = format!("the plugin `{name}` makes its manifests");
            return refuse(Reason::Plugin, plugin, what);
        }
        let Some(url) = url else { return Ok(()) };
        if address.starts_with("oci://") {
            let what = format!("its files come from the artifact `{}`", without_user(address));
            return refuse(Reason::Artifact, url, what);
        }
        self.context.accept(url, source.get("targetRevision"))
    }

    /// The source with what `.argocd-source.yaml` and `.argocd-source-NAME.yaml` in its folder say.
    fn with_overrides(&self, source: &Node, folder: &str) -> Node {
        let mut merged = source.clone();
        let own = format!(".argocd-source-{}.yaml", self.object.name());
        for name in [".argocd-source.yaml", own.as_str()] {
            let path = if folder.is_empty() { name.to_owned() } else { format!("{folder}/{name}") };
            if !self.context.files.has_file(&path) {
                continue;
            }
            let Some(document) = self.context.files.document(&path) else { continue };
            let mut overrides = Node::clone(&document);
            for fixed in ["chart", "path", "repoURL", "targetRevision"] {
                overrides.remove(fixed);
            }
            overlay(&mut merged, &overrides);
        }
        merged
    }

    fn content(&self, source: &Node, folder: String, at: &Mark) -> Result<Content, Refusal> {
        let has = |key: &str| source.get(key).is_some_and(|node| !node.is_null());
        let explicit: Vec<&str> =
            ["helm", "kustomize", "directory"].into_iter().filter(|key| has(key)).collect();
        if explicit.len() > 1 {
            let what = format!("its source has several types: {}", explicit.join(", "));
            return Err(Refusal { reason: Reason::Broken, at: source.mark.clone(), what });
        }
        let files = self.context.files;
        let is_kustomization = files.kustomization(&folder).is_some();
        let environment = Environment::new(self, source);
        match explicit.first() {
            Some(&"helm") => helm::content(self, source, folder, at, &environment),
            Some(&"directory") => Ok(plain(source, folder)),
            Some(_) => Ok(kustomize::content(self, source, folder, at, &environment)),
            // A folder with both is a kustomization: that is what Argo CD finds last.
            None if is_kustomization => {
                Ok(kustomize::content(self, source, folder, at, &environment))
            }
            None if files.is_chart(&folder) => {
                helm::content(self, source, folder, at, &environment)
            }
            None => Ok(plain(source, folder)),
        }
    }

    /// `destination.namespace`.
    pub(super) fn namespace(&self) -> Option<&Node> {
        let namespace = self.spec.at(&["destination", "namespace"])?;
        namespace.text().is_some_and(|text| !text.is_empty()).then_some(namespace)
    }

    /// `destination`, with the name or address that a cluster's Secret adds.
    pub(super) fn destination(&self) -> Destination<'_> {
        let text = |key: &str| {
            let node = self.spec.at(&["destination", key])?;
            node.text().filter(|text| !text.is_empty())
        };
        let address = |node: &'_ Node| node.text().map(|url| url.trim_end_matches('/').to_owned());
        let (name, server) = (text("name"), text("server").map(|url| url.trim_end_matches('/')));
        if name == Some(IN_CLUSTER.0) || server == Some(IN_CLUSTER.1) {
            let namespace = self.namespace().and_then(Node::text).unwrap_or_default();
            return Destination { name: Some(IN_CLUSTER.0), server: Some(IN_CLUSTER.1), namespace };
        }
        let known = self.context.written.clusters.iter().find(|cluster| {
            let named = name.is_some() && cluster.name.text() == name;
            named || server.is_some() && address(&cluster.server).as_deref() == server
        });
        let known_server = known.and_then(|cluster| cluster.server.text());
        Destination {
            name: name.or_else(|| known.and_then(|cluster| cluster.name.text())),
            server: server.or_else(|| known_server.map(|url| url.trim_end_matches('/'))),
            namespace: self.namespace().and_then(Node::text).unwrap_or_default(),
        }
    }

    fn cluster(&self) -> ClusterName {
        let home = self.context.home;
        let to = self.destination();
        if to.server == Some(IN_CLUSTER.1) {
            return home.clone();
        }
        match to.name.or(to.server) {
            Some(remote) => {
                ClusterName { home: home.home.clone(), remote: Some(remote.to_owned()) }
            }
            None => home.clone(),
        }
    }

    /// The destination's namespace, when Argo CD creates it and gives it labels or annotations.
    fn managed_namespace(&self) -> Option<ManagedNamespace> {
        let metadata = self.spec.at(&["syncPolicy", "managedNamespaceMetadata"])?;
        let options = self.spec.at(&["syncPolicy", "syncOptions"]).map(Node::items)?;
        let creates = options.iter().any(|option| option.text() == Some("CreateNamespace=true"));
        let name = self.namespace().filter(|_| creates)?;
        Some(ManagedNamespace { name: name.clone(), metadata: metadata.clone() })
    }
}

/// A folder of plain manifests.
fn plain(source: &Node, folder: String) -> Content {
    let directory = |key: &str| source.at(&["directory", key]);
    let text = |key: &str| {
        let text = directory(key).and_then(Node::text).filter(|text| !text.is_empty());
        text.map(str::to_owned)
    };
    let filter = Filter {
        recurse: directory("recurse").and_then(Node::as_bool) == Some(true),
        include: text("include"),
        exclude: text("exclude"),
    };
    Content::Plain { folder, filter }
}
