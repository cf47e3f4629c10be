//! Flux `HelmRelease` objects (`helm.toolkit.fluxcd.io`, v2beta1 to v2).

use std::sync::Arc;

use stilltrace_manifest::{Mark, Node, Object, Value};
use stilltrace_model::ReconcilerKind;

use super::kustomization::{HOME, cluster, references};
use super::source;
use crate::gitops::amend::{Change, VERSION_OF_IMAGE};
use crate::gitops::claim::{Chart, Claim, Content, Layer, Named, Placement, Reason, Refusal};
use crate::gitops::context::{Context, reconciler};

/// What a `HelmRelease` applies.
pub(crate) fn claim(object: &Object, context: &Context<'_>) -> Result<Claim, Refusal> {
    let null = Node::new(Value::Null, object.mark().clone());
    let spec = object.root.get("spec").unwrap_or(&null);
    let chart = spec.at(&["chart", "spec"]);
    let Some((name, chart)) = chart.and_then(|chart| Some((chart.get("chart")?, chart))) else {
        return Err(by_reference(object, spec, context));
    };
    let reference = chart.get("sourceRef");
    if let Some(kind) = reference.and_then(|r| r.get("kind")).and_then(Node::text)
        && kind == "HelmRepository"
    {
        return Err(remote(name));
    }
    let view = source::of(reference, object, context)?;
    let path = view.in_repository(name.text().unwrap_or_default(), &name.mark)?;
    let folder = context.folder(&path, &name.mark)?;
    let mut layers = Vec::new();
    let files = chart.get("valuesFiles").map(Node::items).unwrap_or_default();
    for file in files.iter().filter_map(Node::text) {
        layers.extend(stilltrace_manifest::tree::join("", file).map(Layer::File));
    }
    let chart = release(object, spec, folder.clone(), &name.mark, layers);
    Ok(Claim {
        reconciler: Some(Arc::new(reconciler(ReconcilerKind::FluxHelm, object, HOME, &folder))),
        cluster: cluster(spec, context),
        placement: Placement::Fallback(chart.namespace.text.clone()),
        content: Content::Chart(Box::new(chart)),
        substitution: None,
        metadata: None,
        namespace: None,
        caveats: Vec::new(),
        permit: None,
    })
}

/// Why a release that names a source object for its chart is not rendered.
fn by_reference(object: &Object, spec: &Node, context: &Context<'_>) -> Refusal {
    let at = spec.get("chartRef").map_or(object.mark(), |reference| &reference.mark);
    let text = |key: &str| spec.at(&["chartRef", key]).and_then(Node::text).unwrap_or_default();
    let (kind, name) = (text("kind"), text("name"));
    let known = context.written.sources.iter().find(|s| s.kind() == kind && s.name() == name);
    let from = known.and_then(|source| source.root.at(&["spec", "url"])).and_then(Node::text);
    let what = match from {
        Some(url) => {
            let url = crate::gitops::context::without_user(url);
            format!("its chart comes from {kind} `{name}` (`{url}`)")
        }
        None if kind.is_empty() => "it names no chart".to_owned(),
        None => format!("its chart comes from {kind} `{name}`"),
    };
    Refusal { reason: Reason::RemoteChart, at: at.clone(), what }
}

fn remote(name: &Node) -> Refusal {
    let what =
        format!("its chart `{}` lies in a chart repository", name.text().unwrap_or_default());
    Refusal { reason: Reason::RemoteChart, at: name.mark.clone(), what }
}

/// Name, namespace and values of the release.
fn release(
    object: &Object,
    spec: &Node,
    folder: String,
    named_at: &Mark,
    mut layers: Vec<Layer>,
) -> Chart {
    let named = |key: &str| {
        let node = spec.get(key)?;
        let text = node.text().filter(|text| !text.is_empty())?;
        Some(Named { text: text.to_owned(), mark: Some(node.mark.clone()) })
    };
    let plain = |text: String| Named { text, mark: None };
    let own = object.namespace().unwrap_or(HOME);
    let target = named("targetNamespace");
    let name = match &target {
        Some(target) => format!("{}-{}", target.text, object.name()),
        None => object.name().to_owned(),
    };
    for reference in spec.get("valuesFrom").map(Node::items).unwrap_or_default() {
        let text = |key: &str| reference.get(key).and_then(Node::text).map(str::to_owned);
        let key = text("valuesKey").unwrap_or_else(|| "values.yaml".to_owned());
        let referred = references(std::slice::from_ref(reference), own);
        layers.extend(referred.map(|from| Layer::Referred(from, key.clone(), text("targetPath"))));
    }
    layers.extend(spec.get("values").cloned().map(Layer::Inline));
    Chart {
        folder,
        release: named("releaseName").unwrap_or_else(|| plain(name)),
        namespace: target.unwrap_or_else(|| plain(own.to_owned())),
        layers,
        parameters: Vec::new(),
        skip_crds: spec.at(&["install", "crds"]).and_then(Node::text) == Some("Skip"),
        changes: post_renderers(spec),
        named_at: named_at.clone(),
    }
}

/// Changes that run over the rendered objects.
fn post_renderers(spec: &Node) -> Vec<Change> {
    const LISTS: [&str; 3] = ["patches", "patchesStrategicMerge", "patchesJson6902"];
    let mut changes = Vec::new();
    for renderer in spec.get("postRenderers").map(Node::items).unwrap_or_default() {
        let items = |key: &str| {
            let list = renderer.at(&["kustomize", key]).map(Node::items);
            list.unwrap_or_default().iter().cloned()
        };
        for list in LISTS {
            changes.extend(items(list).map(|item| Change::Append(list, item)));
        }
        changes
            .extend(items("images").map(|image| Change::Named("images", image, VERSION_OF_IMAGE)));
    }
    changes
}
