//! `patches`, `patchesStrategicMerge` and `patchesJson6902`.

use std::sync::Arc;

use crate::object::Object;
use crate::plain::flatten;
use crate::problem::{Problem, ProblemKind};
use crate::yaml::{Entry, Node, Value};

use super::directory::Directory;
use super::inline;
use super::json::is_json;
use super::json_patch::{Notation, Patch, annotations_as_texts};
use super::loader::Loader;
use super::merge::merge;
use super::names::unique;
use super::old_flow;
use super::openapi::Schemas;
use super::output::core_tag;
use super::resource::{
    Id, Resource, empty_mapping, is_named, write_annotations_as_texts, written_word,
};
use super::selector::Selector;
use super::shared::{separate, settle};
use super::stamp::{self, Origin};

/// What `options` of a patch allow it to change.
#[derive(Debug, Clone, Copy, Default)]
struct Allowed {
    name: bool,
    kind: bool,
}

/// Applies all entries of `patches`.
///
/// `origin` is where this directory is, if origins are asked for.
pub(super) fn apply_patches(
    loader: &mut Loader<'_>,
    dir: &Directory,
    origin: Option<&Origin>,
    all: &mut Vec<Resource>,
) {
    for entry in dir.list("patches", &mut loader.problems) {
        let result = apply_patch(loader, &dir.dir, entry, all);
        loader.problems.extend(result.err());
        if let Some(origin) = origin {
            stamp::patched(origin, dir, all);
        }
    }
}

/// Applies all entries of `patchesJson6902`.
pub(super) fn apply_json_patches(loader: &mut Loader<'_>, dir: &Directory, all: &mut [Resource]) {
    for entry in dir.list("patchesJson6902", &mut loader.problems) {
        let result = apply_json_patch(loader, &dir.dir, entry, "patch", all);
        loader.problems.extend(result.err());
    }
}

/// Applies all entries of `patchesStrategicMerge`: paths or inline patches without a target.
pub(super) fn apply_strategic(loader: &mut Loader<'_>, dir: &Directory, all: &mut Vec<Resource>) {
    for entry in dir.list("patchesStrategicMerge", &mut loader.problems) {
        let result = apply_path_or_text(loader, &dir.dir, entry, all);
        loader.problems.extend(result.err());
    }
}

/// Applies a patch that is written in `entry` or, failing that, in the file it names.
pub(super) fn apply_path_or_text(
    loader: &mut Loader<'_>,
    dir: &str,
    entry: &Node,
    all: &mut Vec<Resource>,
) -> Result<(), Problem> {
    let text = entry.text().unwrap_or("");
    let documents = if text.contains('\n') || text.contains(": ") {
        written(loader, entry)
    } else {
        from_file(loader, dir, entry)?
    };
    apply_objects(loader, entry, documents, all)
}

/// Applies the patches written in the text of `entry`.
pub(super) fn apply_text(
    loader: &mut Loader<'_>,
    entry: &Node,
    all: &mut Vec<Resource>,
) -> Result<(), Problem> {
    let documents = written(loader, entry);
    apply_objects(loader, entry, documents, all)
}

fn apply_objects(
    loader: &mut Loader<'_>,
    entry: &Node,
    documents: Vec<Arc<Node>>,
    all: &mut Vec<Resource>,
) -> Result<(), Problem> {
    if documents.is_empty() {
        return Err(Problem::at(&entry.mark, ProblemKind::Invalid, "holds no patch"));
    }
    loader.schemas.ask_lists();
    for mut patch in objects(documents)? {
        write_pairs_as_texts(&mut patch);
        merge_by_id(&patch, Allowed::default(), all, &loader.schemas)?;
    }
    Ok(())
}

/// Applies an entry of `patches`: a JSON patch with a target, or strategic merge patches.
pub(super) fn apply_patch(
    loader: &mut Loader<'_>,
    dir: &str,
    entry: &Node,
    all: &mut Vec<Resource>,
) -> Result<(), Problem> {
    let field = |key: &str| entry.get(key).filter(|node| !is_blank(node));
    let documents = match (field("path"), field("patch")) {
        (Some(path), None) => from_file(loader, dir, path)?,
        (None, Some(patch)) => written(loader, patch),
        _ => {
            let text = "a patch needs either `path` or `patch`";
            return Err(Problem::at(&entry.mark, ProblemKind::Invalid, text));
        }
    };
    let target = target(entry)?;
    if let Some(list) = documents.first().filter(|root| matches!(root.value, Value::Sequence(_))) {
        let Some(target) = &target else {
            let text = "a JSON patch needs a `target`";
            return Err(Problem::at(&entry.mark, ProblemKind::Invalid, text));
        };
        let text = field("patch").and_then(Node::text).map(str::trim);
        let notation = notation(loader, dir, field("path"), text, list)?;
        return change_selected(&Patch::read(list, notation)?, list, target, true, all);
    }
    let mut patches = objects(documents)?;
    if target.is_some() {
        for patch in &mut patches {
            write_pairs_as_texts(patch);
        }
    }
    loader.schemas.ask_lists();
    let option = |name: &str| entry.at(&["options", name]).and_then(Node::as_bool).unwrap_or(false);
    let allowed = Allowed { name: option("allowNameChange"), kind: option("allowKindChange") };
    match (&target, &patches[..]) {
        (Some(_), [_, second, ..]) => {
            let text = "an entry with a `target` can hold one patch only; split it";
            Err(Problem::at(second.mark(), ProblemKind::Invalid, text))
        }
        (Some(target), patches) => patches.iter().try_for_each(|patch| {
            merge_selected(&patch.root, allowed, target, all, &loader.schemas)
        }),
        (None, patches) => {
            patches.iter().try_for_each(|patch| merge_by_id(patch, allowed, all, &loader.schemas))
        }
    }
}

/// Applies an entry that is a JSON patch, in the file `path` or in the text under `key`.
pub(super) fn apply_json_patch(
    loader: &mut Loader<'_>,
    dir: &str,
    entry: &Node,
    key: &str,
    all: &mut [Resource],
) -> Result<(), Problem> {
    let invalid = |text: &str| Problem::at(&entry.mark, ProblemKind::Invalid, text);
    let named = entry.at(&["target", "name"]).and_then(Node::text).unwrap_or("");
    let Some(target) = target(entry)?.filter(|_| !named.is_empty()) else {
        return Err(invalid("a JSON patch needs a `target` with a `name`"));
    };
    let field = |key: &str| entry.get(key).filter(|node| !is_blank(node));
    let documents = match (field("path"), field(key)) {
        (Some(path), None) => from_file(loader, dir, path)?,
        (None, Some(patch)) => written(loader, patch),
        _ => return Err(invalid("a JSON patch is either in a file or in a text")),
    };
    let list = documents.first().filter(|root| !root.items().is_empty());
    let Some(list) = list else { return Err(invalid("a JSON patch must be a list of operations")) };
    let text = field(key).and_then(Node::text);
    let notation = notation(loader, dir, field("path"), text, list)?;
    change_selected(&Patch::read(list, notation)?, list, &target, false, all)
}

/// The notation of a JSON patch; one that begins as JSON and is none is refused, because YAML in flow
/// style is not read as YAML.
fn notation(
    loader: &mut Loader<'_>,
    dir: &str,
    path: Option<&Node>,
    text: Option<&str>,
    list: &Node,
) -> Result<Notation, Problem> {
    let mark = &list.mark;
    let of_text = |text: &str| match text.starts_with('[') {
        false => Ok(Notation::Yaml),
        true if is_json(text) => Ok(Notation::Json),
        true => {
            let text = "a JSON patch that begins with `[` must be JSON with quoted keys; write it \
                        as JSON or as a YAML list of `- op: …`";
            Err(Problem::at(mark, ProblemKind::Invalid, text))
        }
    };
    let source = loader.yaml(&mark.path).map(|parsed| Arc::clone(&parsed.source));
    if let Some(problem) = source.and_then(|source| old_flow::refuse(list, &source)) {
        return Err(problem);
    }
    match path {
        Some(path) => {
            let parsed = loader.file_path(dir, path).ok().and_then(|path| loader.yaml(&path));
            parsed.map_or(Ok(Notation::Yaml), |parsed| of_text(&parsed.source))
        }
        None => text.map_or(Ok(Notation::Yaml), of_text),
    }
}

fn is_blank(node: &Node) -> bool {
    node.is_null() || node.text().is_some_and(|text| text.trim().is_empty())
}

fn target(entry: &Node) -> Result<Option<Selector>, Problem> {
    entry.get("target").filter(|target| !target.is_null()).map(Selector::read).transpose()
}

fn from_file(loader: &mut Loader<'_>, dir: &str, path: &Node) -> Result<Vec<Arc<Node>>, Problem> {
    let full = loader.file_path(dir, path)?;
    let Some(parsed) = loader.yaml(&full) else {
        let text = format!("the patch `{}` does not exist", path.text().unwrap_or(""));
        return Err(Problem::at(&path.mark, ProblemKind::Missing, text));
    };
    Ok(inline::roots(&parsed))
}

fn written(loader: &mut Loader<'_>, text: &Node) -> Vec<Arc<Node>> {
    let mut parsed = inline::documents(loader, text);
    loader.problems.append(&mut parsed.problems);
    inline::roots(&parsed)
}

/// The objects that strategic merge patches are written as, items of lists one by one.
fn objects(documents: Vec<Arc<Node>>) -> Result<Vec<Object>, Problem> {
    let mut found = Vec::new();
    for root in documents {
        is_named(&root)?;
        flatten(Object { root }, &mut found);
    }
    Ok(found)
}

/// Kustomize copies the labels and annotations of a patch as texts before it merges it, unless the
/// patch names its object without a `target`: a null is the text `null` then and deletes nothing.
fn write_pairs_as_texts(patch: &mut Object) {
    let is_text = |entry: &Entry| core_tag(&entry.value).is_none_or(|tag| tag == "!!str");
    for field in ["labels", "annotations"] {
        let Some(pairs) = patch.root.at(&["metadata", field]) else { continue };
        if pairs.entries().iter().all(is_text) {
            continue;
        }
        let Some(metadata) = patch.root_mut().get_mut("metadata") else { continue };
        let pairs = metadata.get_mut(field).and_then(Node::entries_mut);
        for entry in pairs.into_iter().flatten().filter(|entry| !is_text(entry)) {
            let text = written_word(&entry.value).to_owned();
            entry.value = Node::string(text, entry.value.mark.clone());
        }
    }
}

/// Merges a patch into the one object that has or had its identity.
fn merge_by_id(
    patch: &Object,
    allowed: Allowed,
    all: &mut Vec<Resource>,
    schemas: &Schemas,
) -> Result<(), Problem> {
    let id = Id::of(patch);
    let matching = all.iter().enumerate().filter(|(_, resource)| resource.ever_was(&id));
    let matching: Vec<usize> = matching.map(|(index, _)| index).collect();
    let [index] = matching[..] else {
        let what = if matching.is_empty() { "no object" } else { "more than one object" };
        let text = format!("{what} matches the patch for {}", patch.key());
        return Err(Problem::at(patch.mark(), ProblemKind::Invalid, text));
    };
    let Some(resource) = all.get_mut(index) else { return Ok(()) };
    if !merge_into(resource, &patch.root, allowed, allowed.kind, schemas)? {
        all.remove(index);
    }
    Ok(())
}

fn merge_selected(
    patch: &Node,
    allowed: Allowed,
    target: &Selector,
    all: &mut Vec<Resource>,
    schemas: &Schemas,
) -> Result<(), Problem> {
    let mut result = Ok(());
    all.retain_mut(|resource| {
        if result.is_err() || !target.selects(resource) {
            return true;
        }
        merge_into(resource, patch, allowed, false, schemas).unwrap_or_else(|problem| {
            result = Err(problem);
            true
        })
    });
    result?;
    if allowed.name || allowed.kind { unique(all) } else { Ok(()) }
}

/// Merges a patch and says whether anything is left of the object; name, namespace, kind and
/// version stay unless a change is allowed.
fn merge_into(
    resource: &mut Resource,
    patch: &Node,
    allowed: Allowed,
    version_changes: bool,
    schemas: &Schemas,
) -> Result<bool, Problem> {
    if allowed.name || allowed.kind {
        resource.remember_id();
    }
    let keep = |path: &[&str]| resource.object.root.at(path).cloned();
    let (kind, name) = (keep(&["kind"]), keep(&["metadata", "name"]));
    let (api_version, namespace) = (keep(&["apiVersion"]), keep(&["metadata", "namespace"]));
    // Lists are merged as in an object of the patch's kind in the object's version.
    let versioned = (!version_changes && differs(patch, api_version.as_ref())).then(|| {
        let mut patch = patch.clone();
        restore(&mut patch, "apiVersion", api_version.clone());
        patch
    });
    let patch_here = versioned.as_ref().unwrap_or(patch);
    let Some(mut root) = merge(schemas, Node::clone(&resource.object.root), patch_here)? else {
        return Ok(false);
    };
    if !allowed.kind {
        restore(&mut root, "kind", kind);
    }
    if !version_changes {
        restore(&mut root, "apiVersion", api_version);
    }
    if let Some(metadata) = root.get_mut("metadata") {
        if !allowed.name {
            restore(metadata, "name", name);
        }
        restore(metadata, "namespace", namespace);
    }
    let is_left = !root.entries().is_empty();
    resource.object.root = Arc::new(root);
    settle(resource);
    if replaces_annotations(patch) {
        resource.forget_notes();
    }
    Ok(is_left)
}

/// Whether a patch takes the annotations away as a whole, and Kustomize's notes with them.
fn replaces_annotations(patch: &Node) -> bool {
    let annotations = patch.at(&["metadata", "annotations"]);
    annotations.is_some_and(|node| node.is_null() || node.get("$patch").is_some())
}

/// Puts an identity field back, or removes it where there was none.
/// Whether a patch names another version than the object has.
fn differs(patch: &Node, api_version: Option<&Node>) -> bool {
    patch.get("apiVersion").and_then(Node::text) != api_version.and_then(Node::text)
}

fn restore(parent: &mut Node, key: &str, old: Option<Node>) {
    match (old, parent.get_mut(key)) {
        (Some(old), Some(new)) => *new = old,
        (Some(old), None) => {
            let mark = old.mark.clone();
            parent.set(key, &mark, old);
        }
        (None, _) => {
            parent.remove(key);
        }
    }
}

fn change_selected(
    patch: &Patch,
    list: &Node,
    target: &Selector,
    remembers: bool,
    all: &mut [Resource],
) -> Result<(), Problem> {
    for resource in all.iter_mut().filter(|resource| target.selects(resource)) {
        if remembers {
            resource.remember_id();
        }
        if resource.stamp.is_some() {
            // Origins are noted among the annotations when an object is read, as texts all of them.
            write_annotations_as_texts(&mut resource.object);
        }
        if resource.has_notes() {
            hold_annotations(resource);
        }
        separate(resource);
        let root = resource.object.root_mut();
        patch.apply(root)?;
        annotations_as_texts(root);
        if replaces_all_annotations(list) {
            // Kustomize saves its own notes over the patch, but not those on origins.
            resource.stamp = None;
        }
    }
    Ok(())
}

/// Whether an operation of a JSON patch sets or removes the annotations as a whole.
fn replaces_all_annotations(patch: &Node) -> bool {
    let paths = patch.items().iter().filter_map(|operation| operation.get("path")?.text());
    let mut whole = paths.filter(|path| matches!(*path, "/metadata/annotations" | "/metadata"));
    whole.next().is_some()
}

/// Gives an object annotations if it has none.
///
/// Kustomize keeps its notes on an object in annotations, so that a patch finds something to add
/// to where the file has nothing.
fn hold_annotations(resource: &mut Resource) {
    if resource.object.root.at(&["metadata", "annotations"]).is_none() {
        let mark = resource.object.mark().clone();
        resource.set_metadata("annotations", empty_mapping(&mark));
    }
}
