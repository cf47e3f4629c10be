//! Flux `Kustomization` objects (`kustomize.toolkit.fluxcd.io`, v1beta1 to v1) and the
//! `FluxInstance` that creates the first of them.

use std::sync::Arc;

use stilltrace_manifest::{Node, Object, Value};
use stilltrace_model::ReconcilerKind;

use super::source;
use crate::gitops::amend::{Change, VERSION_OF_IMAGE, mapping};
use crate::gitops::chart_rule::ChartRule;
use crate::gitops::claim::{Claim, ClusterName, Content, From, Placement, Refusal, Substitution};
use crate::gitops::context::{Context, reconciler};

/// Namespace of Flux objects that do not say theirs.
pub(super) const HOME: &str = "flux-system";

/// What a `Kustomization` applies.
pub(crate) fn claim(object: &Object, context: &Context<'_>) -> Result<Claim, Refusal> {
    let null = Node::new(Value::Null, object.mark().clone());
    let spec = object.root.get("spec").unwrap_or(&null);
    let path = spec.get("path");
    let at = path.map_or(object.mark(), |path| &path.mark);
    let path = path.and_then(Node::text).unwrap_or("");
    let view = source::of(spec.get("sourceRef"), object, context)?;
    let path = view.in_repository(path, at)?;
    let folder = context.folder(&path, at)?;
    let mut reconciler = reconciler(ReconcilerKind::Flux, object, HOME, &folder);
    reconciler.path.clone_from(&folder);
    Ok(Claim {
        reconciler: Some(Arc::new(reconciler)),
        cluster: cluster(spec, context),
        placement: Placement::AsWritten,
        content: Content::Kustomization {
            folder,
            changes: changes(spec, context),
            named_at: at.clone(),
            charts: ChartRule::OfFlux,
        },
        substitution: substitution(object, spec),
        metadata: spec.get("commonMetadata").cloned(),
        namespace: None,
        caveats: Vec::new(),
        permit: None,
    })
}

/// What the `Kustomization` applies that a `FluxInstance` creates (`spec.sync`).
pub(crate) fn instance(object: &Object, context: &Context<'_>) -> Option<Result<Claim, Refusal>> {
    let sync = object.root.at(&["spec", "sync"])?;
    let path = sync.get("path")?;
    let claim = || {
        if let Some(url) = sync.get("url") {
            context.accept(url, sync.get("ref"))?;
        }
        let folder = context.folder(path.text().unwrap_or_default(), &path.mark)?;
        let reconciler = reconciler(ReconcilerKind::Flux, object, HOME, &folder);
        Ok(Claim {
            reconciler: Some(Arc::new(reconciler)),
            cluster: context.home.clone(),
            placement: Placement::AsWritten,
            content: Content::Kustomization {
                folder,
                changes: Vec::new(),
                named_at: path.mark.clone(),
                charts: ChartRule::OfFlux,
            },
            substitution: None,
            metadata: None,
            namespace: None,
            caveats: Vec::new(),
            permit: None,
        })
    };
    Some(claim())
}

/// The cluster that a Flux object applies to: its own, or the one of its `kubeConfig`.
pub(crate) fn cluster(spec: &Node, context: &Context<'_>) -> ClusterName {
    let kube_config = spec.get("kubeConfig");
    let references = ["secretRef", "configMapRef"];
    let name = kube_config
        .and_then(|config| references.iter().find_map(|kind| config.at(&[*kind, "name"])?.text()));
    match name {
        Some(name) => {
            ClusterName { home: context.home.home.clone(), remote: Some(name.to_owned()) }
        }
        None => context.home.clone(),
    }
}

/// What Flux writes into the kustomization before it builds it, in its order.
fn changes(spec: &Node, context: &Context<'_>) -> Vec<Change> {
    let mut changes = Vec::new();
    let fields = [
        ("targetNamespace", "namespace"),
        ("namePrefix", "namePrefix"),
        ("nameSuffix", "nameSuffix"),
    ];
    for (from, to) in fields {
        let value = spec.get(from).filter(|node| node.text().is_some_and(|text| !text.is_empty()));
        changes.extend(value.map(|value| Change::Set(to, value.clone())));
    }
    changes.extend(items(spec, "patches").map(|patch| Change::Append("patches", patch.clone())));
    let lenient = spec.get("ignoreMissingComponents").and_then(Node::as_bool) == Some(true);
    let folder = spec.get("path").and_then(Node::text).unwrap_or("");
    for component in items(spec, "components") {
        let path = component.text().and_then(|name| {
            let base = crate::gitops::files::folder(folder)?;
            stilltrace_manifest::tree::join(&base, name)
        });
        if !lenient || path.is_some_and(|path| context.files.has_folder(&path)) {
            changes.push(Change::Append("components", component.clone()));
        }
    }
    changes.extend(old_patches(spec));
    for image in items(spec, "images") {
        changes.push(Change::Named("images", image.clone(), VERSION_OF_IMAGE));
    }
    changes
        .extend(spec.get("buildMetadata").map(|list| Change::Set("buildMetadata", list.clone())));
    changes
}

/// Patches in the fields of versions before v1, which hold them as values, not as texts.
fn old_patches(spec: &Node) -> Vec<Change> {
    let mut changes = Vec::new();
    for patch in items(spec, "patchesStrategicMerge") {
        changes.push(Change::Append("patchesStrategicMerge", patch.clone()));
    }
    for entry in items(spec, "patchesJson6902") {
        let parts =
            [("patch", entry.get("patch").cloned()), ("target", entry.get("target").cloned())];
        changes.push(Change::Append("patchesJson6902", mapping(&entry.mark, parts)));
    }
    changes
}

fn items<'n>(spec: &'n Node, field: &str) -> std::slice::Iter<'n, Node> {
    spec.get(field).map(Node::items).unwrap_or_default().iter()
}

/// `spec.postBuild`, unless there is nothing in it.
fn substitution(object: &Object, spec: &Node) -> Option<Substitution> {
    let post = spec.get("postBuild").filter(|post| !post.is_null())?;
    let namespace = object.namespace().unwrap_or(HOME);
    let list = post.get("substituteFrom").map(Node::items).unwrap_or_default();
    let from = references(list, namespace).collect();
    let inline = post.get("substitute").map(Node::entries).unwrap_or_default();
    let inline = inline.iter().map(|entry| (entry.key.to_string(), entry.value.clone())).collect();
    Some(Substitution { from, inline })
}

/// References to `ConfigMap` and `Secret` objects of one namespace.
pub(super) fn references<'n>(
    list: &'n [Node],
    namespace: &'n str,
) -> impl Iterator<Item = From> + 'n {
    list.iter().filter_map(move |node| {
        Some(From {
            kind: node.get("kind").and_then(Node::text)?.to_owned(),
            namespace: namespace.to_owned(),
            name: node.get("name").and_then(Node::text)?.to_owned(),
            optional: node.get("optional").and_then(Node::as_bool) == Some(true),
            at: node.mark.clone(),
        })
    })
}
