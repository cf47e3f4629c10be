//! The Argo CD and Flux objects that apply folders of the repository.

use std::sync::Arc;

use stilltrace_manifest::{Node, Object};
use stilltrace_model::{ObjectRef, Reconciler, ReconcilerKind};

use crate::field::location;
use crate::gaps::Gaps;

/// How a destination places objects into a namespace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Placement {
    /// Objects keep their namespace; those without one go to `default`.
    AsWritten,
    /// Objects without a namespace go here (Argo CD `destination.namespace`).
    Fallback(String),
    /// All namespaced objects go here (Flux `targetNamespace`).
    Override(String),
}

/// How the folder of a destination is read when it has no kustomization.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Depth {
    /// Only files directly in the folder (Argo CD without `directory.recurse`).
    Folder,
    /// Also files below it (Flux).
    Below,
}

/// One folder that something applies to the cluster.
#[derive(Debug, Clone)]
pub(crate) struct Destination {
    /// Folder, without a leading or trailing `/`; empty for the root.
    pub(crate) path: String,
    /// Where its objects go.
    pub(crate) placement: Placement,
    /// How a plain folder is read.
    pub(crate) depth: Depth,
    /// Who applies it, if the repository says so.
    pub(crate) reconciler: Option<Reconciler>,
}

/// The folders that `object` applies, when it is a Flux `Kustomization` or an Argo CD `Application`.
pub(crate) fn destinations_of(object: &Object, gaps: &Gaps) -> Vec<Destination> {
    match (object.group(), object.kind()) {
        ("kustomize.toolkit.fluxcd.io", "Kustomization") => {
            flux(object, gaps).into_iter().collect()
        }
        ("argoproj.io", "Application") => argo(object, gaps),
        _ => Vec::new(),
    }
}

fn flux(object: &Object, gaps: &Gaps) -> Option<Destination> {
    let spec = object.root.get("spec")?;
    let path = folder(spec.get("path").and_then(Node::text).unwrap_or(""));
    if let Some(substitution) = spec.get("postBuild") {
        gaps.add(
            format!(
                "{}: `postBuild` substitutions of {} are not applied",
                substitution.mark,
                object.key()
            ),
            "values with ${…} are shown as written",
            "write the values into the overlay",
        );
    }
    let target = spec.get("targetNamespace").and_then(Node::text).filter(|ns| !ns.is_empty());
    let placement = target.map_or(Placement::AsWritten, |ns| Placement::Override(ns.to_owned()));
    let reconciler = reconciler(ReconcilerKind::Flux, object, "flux-system", &path);
    Some(Destination { path, placement, depth: Depth::Below, reconciler: Some(reconciler) })
}

fn argo(object: &Object, gaps: &Gaps) -> Vec<Destination> {
    let Some(spec) = object.root.get("spec") else { return Vec::new() };
    let single = spec.get("source").into_iter();
    let several = spec.get("sources").map(Node::items).unwrap_or_default().iter();
    let namespace = spec.at(&["destination", "namespace"]).and_then(Node::text);
    let placement = namespace
        .filter(|ns| !ns.is_empty())
        .map_or(Placement::AsWritten, |ns| Placement::Fallback(ns.to_owned()));
    let mut found = Vec::new();
    for source in single.chain(several) {
        if let Some(chart) = source.get("chart") {
            gaps.add(
                format!("{}: chart of {} is not rendered", chart.mark, object.key()),
                "the objects of the chart are not part of the answer",
                "commit the rendered manifests",
            );
            continue;
        }
        let Some(path) = source.get("path").and_then(Node::text) else { continue };
        let recurse = source.at(&["directory", "recurse"]).and_then(Node::as_bool);
        let depth = if recurse == Some(true) { Depth::Below } else { Depth::Folder };
        let path = folder(path);
        let reconciler = reconciler(ReconcilerKind::ArgoCd, object, "argocd", &path);
        let placement = placement.clone();
        found.push(Destination { path, placement, depth, reconciler: Some(reconciler) });
    }
    found
}

fn reconciler(kind: ReconcilerKind, object: &Object, home: &str, path: &str) -> Reconciler {
    Reconciler {
        kind,
        object: ObjectRef {
            api_version: object.api_version().to_owned(),
            kind: object.kind().to_owned(),
            namespace: object.namespace().unwrap_or(home).to_owned(),
            name: object.name().to_owned(),
        },
        path: path.to_owned(),
        at: location(object.mark()),
    }
}

/// A folder path without `./` and slashes at its ends.
fn folder(path: &str) -> String {
    let parts: Vec<&str> = path.split('/').filter(|part| !matches!(*part, "" | ".")).collect();
    parts.join("/")
}

/// The file in which a reconciler is written.
pub(crate) fn file_of(destination: &Destination) -> Option<Arc<str>> {
    destination.reconciler.as_ref().map(|reconciler| Arc::clone(&reconciler.at.path))
}
