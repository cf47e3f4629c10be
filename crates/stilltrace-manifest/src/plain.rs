//! Directories of manifests without a kustomization.

use crate::kustomize::Build;
use crate::object::Object;
use crate::problem::{Problem, ProblemKind};
use crate::tree::Tree;
use crate::yaml::{Node, ParseCache, Value};

/// Reads all `*.yaml`, `*.yml` and `*.json` files in `dir`, with `recursive` also below it.
///
/// `kind: List` is flattened. Documents that are no Kubernetes object are skipped; one that has a
/// `kind` but no `apiVersion`, or the reverse, is reported because it looks like one.
pub fn read_plain(tree: &dyn Tree, dir: &str, recursive: bool) -> Build {
    read_plain_with(tree, dir, recursive, &ParseCache::new())
}

/// Like [`read_plain`], sharing parsed files with other reads.
pub fn read_plain_with(tree: &dyn Tree, dir: &str, recursive: bool, cache: &ParseCache) -> Build {
    let mut build = Build::default();
    let files = match tree.files() {
        Ok(files) => files,
        Err(error) => {
            build.problems.push(Problem::of_file(dir, ProblemKind::Missing, error.to_string()));
            return build;
        }
    };
    for path in files.iter().filter(|path| selected(path, dir, recursive)) {
        read_file(tree, path, cache, &mut build);
    }
    build
}

/// Whether `path` is a manifest in `dir`, or below it.
fn selected(path: &str, dir: &str, recursive: bool) -> bool {
    let dir = dir.trim_end_matches('/');
    let below = if dir.is_empty() || dir == "." {
        Some(path)
    } else {
        path.strip_prefix(dir).and_then(|rest| rest.strip_prefix('/'))
    };
    let Some(below) = below else { return false };
    let extension = path.rsplit_once('.').map_or("", |(_, extension)| extension);
    (recursive || !below.contains('/')) && matches!(extension, "yaml" | "yml" | "json")
}

fn read_file(tree: &dyn Tree, path: &str, cache: &ParseCache, build: &mut Build) {
    let content = tree.content_id(path);
    let parsed = match content.and_then(|content| cache.get(path, content)) {
        Some(parsed) => parsed,
        None => match tree.read(path) {
            Ok(Some(bytes)) => cache.parse(path, content, &bytes),
            Ok(None) => return,
            Err(error) => {
                let text = error.to_string();
                build.problems.push(Problem::of_file(path, ProblemKind::Missing, text));
                return;
            }
        },
    };
    build.problems.extend(parsed.problems.iter().cloned());
    for document in &parsed.documents {
        match Object::from_node(document.root.clone()) {
            Some(object) => {
                let first = build.objects.len();
                flatten(object, &mut build.objects);
                build.objects[first..].iter_mut().for_each(drop_secret_values);
            }
            None => build.problems.extend(half_an_object(&document.root)),
        }
    }
}

/// Adds `object`, or the items of a `List` one by one.
pub(crate) fn flatten(object: Object, objects: &mut Vec<Object>) {
    if !object.kind().ends_with("List") || object.root.get("items").is_none() {
        objects.push(object);
        return;
    }
    let items = object.root.get("items").map_or(&[][..], Node::items);
    objects.extend(items.iter().filter_map(|item| Object::from_node(item.clone())));
}

/// Replaces the values of a Secret by nulls: nothing behind this crate needs them.
pub(crate) fn drop_secret_values(object: &mut Object) {
    if object.kind() != "Secret" || !object.group().is_empty() {
        return;
    }
    let root = object.root_mut();
    for field in ["data", "stringData"] {
        let Some(values) = root.get_mut(field) else { continue };
        for entry in values.entries_mut().into_iter().flatten() {
            entry.value.value = Value::Null;
        }
    }
}

fn half_an_object(root: &Node) -> Option<Problem> {
    let kind = root.entry("kind");
    let api_version = root.entry("apiVersion");
    let (present, missing) = match (kind, api_version) {
        (Some(entry), None) if root.get("metadata").is_some() => (entry, "apiVersion"),
        (None, Some(entry)) if root.get("metadata").is_some() => (entry, "kind"),
        _ => return None,
    };
    let text = format!("`{}` without `{missing}`; not read as an object", present.key);
    Some(Problem::at(&present.key_mark, ProblemKind::Invalid, text))
}
