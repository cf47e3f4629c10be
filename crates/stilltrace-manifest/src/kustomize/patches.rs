//! `patches`, `patchesStrategicMerge` and `patchesJson6902`.

use std::sync::Arc;

use crate::object::Object;
use crate::problem::{Problem, ProblemKind};
use crate::yaml::{Mark, Node, Style, Value, parse, parse_literal};

use super::directory::Directory;
use super::json_patch;
use super::loader::Loader;
use super::merge::{Merge, Outcome};
use super::resource::{Id, Resource};
use super::scope::is_builtin;
use super::selector::Selector;

/// What `options` of a patch allow it to change.
#[derive(Debug, Clone, Copy, Default)]
struct Allowed {
    name: bool,
    kind: bool,
}

/// Applies all entries of `patches`.
pub(super) fn apply_patches(loader: &mut Loader<'_>, dir: &Directory, all: &mut Vec<Resource>) {
    for entry in dir.list("patches", &mut loader.problems) {
        apply_entry(loader, dir, entry, all);
    }
}

/// Applies all entries of `patchesJson6902`; they differ from `patches` in nothing but their turn.
pub(super) fn apply_json_patches(
    loader: &mut Loader<'_>,
    dir: &Directory,
    all: &mut Vec<Resource>,
) {
    for entry in dir.list("patchesJson6902", &mut loader.problems) {
        apply_entry(loader, dir, entry, all);
    }
}

/// Applies all entries of `patchesStrategicMerge`: paths or inline patches without a target.
pub(super) fn apply_strategic(loader: &mut Loader<'_>, dir: &Directory, all: &mut Vec<Resource>) {
    for entry in dir.list("patchesStrategicMerge", &mut loader.problems) {
        let text = entry.text().unwrap_or("");
        let documents = if text.contains('\n') || text.contains(": ") {
            inline(loader, dir, entry)
        } else {
            from_file(loader, dir, entry)
        };
        if documents.is_empty() {
            let text = "holds no patch";
            loader.problems.push(Problem::at(&entry.mark, ProblemKind::Invalid, text));
        }
        for patch in &documents {
            merge_by_id(patch, Allowed::default(), all, &mut loader.problems);
        }
    }
}

fn apply_entry(loader: &mut Loader<'_>, dir: &Directory, entry: &Node, all: &mut Vec<Resource>) {
    let documents = match (entry.get("path"), entry.get("patch")) {
        (Some(path), None) => from_file(loader, dir, path),
        (None, Some(patch)) => inline(loader, dir, patch),
        _ => {
            let text = "a patch needs either `path` or `patch`";
            return loader.problems.push(Problem::at(&entry.mark, ProblemKind::Invalid, text));
        }
    };
    let target = match entry.get("target").filter(|target| !target.is_null()).map(Selector::read) {
        None => None,
        Some(Ok(selector)) => Some(selector),
        Some(Err(problem)) => return loader.problems.push(problem),
    };
    let option = |name: &str| entry.at(&["options", name]).and_then(Node::as_bool).unwrap_or(false);
    let allowed = Allowed { name: option("allowNameChange"), kind: option("allowKindChange") };
    for patch in &documents {
        let is_json = matches!(patch.value, Value::Sequence(_));
        match (&target, is_json) {
            (Some(target), true) => change_selected(patch, target, all, &mut loader.problems),
            (Some(target), false) => {
                merge_selected(patch, allowed, target, all, &mut loader.problems);
            }
            (None, false) => merge_by_id(patch, allowed, all, &mut loader.problems),
            (None, true) => {
                let text = "a JSON patch needs a `target`";
                loader.problems.push(Problem::at(&entry.mark, ProblemKind::Invalid, text));
            }
        }
    }
}

fn from_file(loader: &mut Loader<'_>, dir: &Directory, path: &Node) -> Vec<Arc<Node>> {
    let name = path.text().unwrap_or("");
    let full = match loader.file_path(&dir.dir, path) {
        Ok(full) => full,
        Err(problem) => {
            loader.problems.push(problem);
            return Vec::new();
        }
    };
    let Some(parsed) = loader.yaml(&full) else {
        let text = format!("the patch `{name}` does not exist");
        loader.problems.push(Problem::at(&path.mark, ProblemKind::Missing, text));
        return Vec::new();
    };
    let roots = parsed.documents.iter().map(|document| Arc::clone(&document.root));
    roots.filter(|root| !root.is_null()).collect()
}

/// The documents of a patch written into the kustomization file.
///
/// In a literal block every value keeps its own line; in other styles all of them carry the place
/// of the text as a whole.
fn inline(loader: &mut Loader<'_>, dir: &Directory, node: &Node) -> Vec<Arc<Node>> {
    let Value::Scalar(scalar) = &node.value else {
        let text = "`patch` must be a text; write `patch: |-`";
        loader.problems.push(Problem::at(&node.mark, ProblemKind::Invalid, text));
        return Vec::new();
    };
    let budget = loader.budget();
    let source = match scalar.style {
        Style::Literal if node.mark.path == dir.root.mark.path => Some(Arc::clone(&dir.source)),
        Style::Literal => loader.yaml(&node.mark.path).map(|parsed| Arc::clone(&parsed.source)),
        _ => None,
    };
    // A text that was changed on its way here is not the block that its mark points at.
    let block = source.filter(|source| is_block(source, node, &scalar.text));
    let literal = block.is_some();
    let mut parsed = match block {
        Some(source) => parse_literal(&source, &node.mark, budget),
        None => parse(&node.mark.path, scalar.text.as_bytes(), budget),
    };
    if !literal {
        for document in &mut parsed.documents {
            place_all(Arc::make_mut(&mut document.root), &node.mark);
        }
        for problem in &mut parsed.problems {
            (problem.line, problem.column) = (node.mark.line, node.mark.column);
        }
    }
    loader.problems.append(&mut parsed.problems);
    let roots = parsed.documents.into_iter().map(|document| document.root);
    roots.filter(|root| !root.is_null()).collect()
}

/// Whether the block at the node's mark has the lines of `text`, apart from their indentation.
fn is_block(source: &str, node: &Node, text: &str) -> bool {
    let Some(block) = source.get(node.mark.range()) else { return false };
    let written = block.lines().skip(1).map(str::trim).filter(|line| !line.is_empty());
    written.eq(text.lines().map(str::trim).filter(|line| !line.is_empty()))
}

fn place_all(node: &mut Node, mark: &Mark) {
    node.mark = mark.clone();
    match &mut node.value {
        Value::Mapping(entries) => {
            for entry in entries {
                entry.key_mark = mark.clone();
                place_all(&mut entry.value, mark);
            }
        }
        Value::Sequence(items) => items.iter_mut().for_each(|item| place_all(item, mark)),
        _ => {}
    }
}

/// Merges a patch into the one object that has or had its identity.
fn merge_by_id(
    patch: &Arc<Node>,
    allowed: Allowed,
    all: &mut Vec<Resource>,
    problems: &mut Vec<Problem>,
) {
    let Some(object) = Object::from_node(Arc::clone(patch)) else {
        let text = "a patch without a `target` needs `apiVersion` and `kind`";
        return problems.push(Problem::at(&patch.mark, ProblemKind::Invalid, text));
    };
    let id = Id::of(&object);
    let matching: Vec<usize> = (0..all.len()).filter(|index| all[*index].ever_was(&id)).collect();
    let [index] = matching[..] else {
        let what = if matching.is_empty() { "no object" } else { "more than one object" };
        let text = format!("{what} matches the patch for {}", object.key());
        return problems.push(Problem::at(&patch.mark, ProblemKind::Invalid, text));
    };
    if merge_into(&mut all[index], patch, allowed, problems) == Outcome::Deleted {
        all.remove(index);
    }
}

fn merge_selected(
    patch: &Node,
    allowed: Allowed,
    target: &Selector,
    all: &mut Vec<Resource>,
    problems: &mut Vec<Problem>,
) {
    all.retain_mut(|resource| {
        !target.selects(resource) || merge_into(resource, patch, allowed, problems) == Outcome::Kept
    });
}

/// Merges a patch; name, namespace and kind stay unless the options allow a change.
fn merge_into(
    resource: &mut Resource,
    patch: &Node,
    allowed: Allowed,
    problems: &mut Vec<Problem>,
) -> Outcome {
    if allowed.name || allowed.kind {
        resource.remember_id();
    }
    let keep = |path: &[&str]| resource.object.root.at(path).cloned();
    let (kind, name) = (keep(&["kind"]), keep(&["metadata", "name"]));
    let (api_version, namespace) = (keep(&["apiVersion"]), keep(&["metadata", "namespace"]));
    let merge = Merge::new(is_builtin(resource.object.group()));
    let (outcome, mut found) = merge.object(resource.object.root_mut(), patch);
    problems.append(&mut found);
    let root = resource.object.root_mut();
    let mut restore = |key: &str, old: Option<Node>| {
        if let (Some(old), Some(new)) = (old, root.get_mut(key)) {
            *new = old;
        }
    };
    if !allowed.kind {
        restore("kind", kind);
        restore("apiVersion", api_version);
    }
    if let Some(metadata) = root.get_mut("metadata") {
        if !allowed.name {
            restore_in(metadata, "name", name);
        }
        restore_in(metadata, "namespace", namespace);
    }
    outcome
}

/// Puts an identity field back, or removes it where there was none.
fn restore_in(metadata: &mut Node, key: &str, old: Option<Node>) {
    match (old, metadata.get_mut(key)) {
        (Some(old), Some(new)) => *new = old,
        (Some(old), None) => {
            let mark = old.mark.clone();
            metadata.set(key, &mark, old);
        }
        (None, _) => {
            metadata.remove(key);
        }
    }
}

fn change_selected(
    patch: &Node,
    target: &Selector,
    all: &mut [Resource],
    problems: &mut Vec<Problem>,
) {
    for resource in all.iter_mut().filter(|resource| target.selects(resource)) {
        resource.remember_id();
        if let Err(problem) = json_patch::apply(resource.object.root_mut(), patch) {
            problems.push(problem);
        }
    }
}
