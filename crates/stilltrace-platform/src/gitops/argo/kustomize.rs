//! What `source.kustomize` of an application changes before the build.
//!
//! Argo CD runs `kustomize edit` in the folder: set name prefix and suffix, images, replicas, add
//! labels and annotations, set the namespace, then patches and components.

use stilltrace_manifest::{Mark, Node, Value};

use super::application::Application;
use super::environment::Environment;
use crate::gitops::amend::{Change, Force, VERSION_OF_IMAGE, mapping};
use crate::gitops::chart_rule::ChartRule;
use crate::gitops::claim::Content;

/// The folder as a kustomization with the application's changes.
pub(super) fn content(
    application: &Application<'_>,
    source: &Node,
    folder: String,
    at: &Mark,
    environment: &Environment,
) -> Content {
    let mut changes = Vec::new();
    if let Some(options) = source.get("kustomize") {
        edits(options, environment, &mut changes);
        let lenient = options.get("ignoreMissingComponents").and_then(Node::as_bool) == Some(true);
        for component in items(options, "components") {
            let path = component.text().and_then(|p| stilltrace_manifest::tree::join(&folder, p));
            let files = application.context.files;
            if !lenient || path.is_some_and(|path| files.kustomization(&path).is_some()) {
                changes.push(Change::Append("components", component.clone()));
            }
        }
    }
    let version = source.at(&["kustomize", "version"]).and_then(Node::text);
    let charts = ChartRule::of_argo(application.context.build_options(), version);
    Content::Kustomization { folder, changes, named_at: at.clone(), charts }
}

fn edits(options: &Node, environment: &Environment, changes: &mut Vec<Change>) {
    let written = |key: &str| options.get(key).filter(|node| node.text() != Some(""));
    for field in ["namePrefix", "nameSuffix"] {
        let value = written(field).filter(|node| node.text().is_some());
        changes.extend(value.map(|value| Change::Set(field, value.clone())));
    }
    for image in items(options, "images").filter_map(|node| image(&environment.expand(node))) {
        changes.push(Change::Named("images", image, VERSION_OF_IMAGE));
    }
    for replicas in items(options, "replicas") {
        changes.push(Change::Named("replicas", replicas.clone(), &[]));
    }
    let flag = |key: &str| options.get(key).and_then(Node::as_bool) == Some(true);
    let force = |key: &str| if flag(key) { Force::Yes } else { Force::No };
    if let Some(labels) = options.get("commonLabels").filter(|labels| !labels.is_null()) {
        let labels = expanded(labels, environment);
        if flag("labelWithoutSelector") {
            let templates = options.get("labelIncludeTemplates").cloned();
            let parts = [("pairs", Some(labels.clone())), ("includeTemplates", templates)];
            changes.push(Change::Append("labels", mapping(&labels.mark, parts)));
        } else {
            changes.push(Change::Merge("commonLabels", labels, force("forceCommonLabels")));
        }
    }
    if let Some(pairs) = options.get("commonAnnotations").filter(|pairs| !pairs.is_null()) {
        let pairs = if flag("commonAnnotationsEnvsubst") {
            expanded(pairs, environment)
        } else {
            pairs.clone()
        };
        changes.push(Change::Merge("commonAnnotations", pairs, force("forceCommonAnnotations")));
    }
    let namespace = written("namespace").filter(|node| node.text().is_some());
    changes.extend(namespace.map(|node| Change::Set("namespace", environment.expand(node))));
    changes.extend(items(options, "patches").map(|p| Change::Append("patches", p.clone())));
}

fn items<'n>(options: &'n Node, field: &str) -> std::slice::Iter<'n, Node> {
    options.get(field).map(Node::items).unwrap_or_default().iter()
}

fn expanded(pairs: &Node, environment: &Environment) -> Node {
    let mut pairs = pairs.clone();
    for entry in pairs.entries_mut().into_iter().flatten() {
        entry.value = environment.expand(&entry.value);
    }
    pairs
}

/// `[old=]name[:tag][@digest]` as an entry of `images`.
fn image(node: &Node) -> Option<Node> {
    let text = node.text()?;
    let (name, rest) = match text.split_once('=') {
        Some((name, rest)) => (Some(name), rest),
        None => (None, text),
    };
    let (rest, digest) = match rest.split_once('@') {
        Some((rest, digest)) => (rest, Some(digest)),
        None => (rest, None),
    };
    // A colon before the last slash belongs to the port of the registry.
    let (reference, tag) = match rest.rsplit_once(':') {
        Some((reference, tag)) if !tag.contains('/') => (reference, Some(tag)),
        _ => (rest, None),
    };
    let new_name = name.and(Some(reference)).filter(|new| !new.is_empty());
    let name = name.unwrap_or(reference);
    let mut entry = Node::new(Value::Mapping(Vec::new()), node.mark.clone());
    let parts = [("name", Some(name)), ("newName", new_name), ("newTag", tag), ("digest", digest)];
    for (key, text) in parts {
        if let Some(text) = text {
            entry.set(key, &node.mark, Node::string(text, node.mark.clone()));
        }
    }
    Some(entry)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed test may panic")]
mod tests {
    use stilltrace_manifest::Budget;
    use stilltrace_manifest::yaml::parse;

    use super::*;

    #[test]
    fn images_are_taken_apart() {
        for (text, expected) in [
            ("nginx:1.2", "name=nginx newTag=1.2"),
            (
                "nginx=example.com:5000/nginx:1.2",
                "name=nginx newName=example.com:5000/nginx newTag=1.2",
            ),
            ("nginx=mirror/nginx", "name=nginx newName=mirror/nginx"),
            ("example.com:5000/nginx@sha256:0a", "name=example.com:5000/nginx digest=sha256:0a"),
        ] {
            let parsed = parse("a.yaml", format!("'{text}'").as_bytes(), &Budget::default());
            let image = image(&parsed.documents[0].root).unwrap();
            let entries = image.entries().iter();
            let parts: Vec<String> =
                entries.map(|e| format!("{}={}", e.key, e.value.text().unwrap())).collect();
            assert_eq!(parts.join(" "), expected);
        }
    }
}
