//! A revision of the repository as the cluster gets it: the applied folders, built, as objects.

use serde_json::{Map, Number, Value};
use stilltrace_manifest::yaml::{Node, Resolved};
use stilltrace_manifest::{MemoryTree, kustomize, read_plain};

/// Why a revision cannot be applied.
#[derive(Debug, thiserror::Error)]
#[error("{folder}: {reason}")]
pub struct RenderError {
    /// The folder that was being built.
    folder: String,
    /// What is wrong.
    reason: String,
}

/// Builds each of the folders in `applied` and gives its objects, with the defaults of an API
/// server that Istio counts on.
///
/// # Errors
/// When a folder cannot be built without problems, or holds nothing.
pub fn objects(tree: &MemoryTree, applied: &[String]) -> Result<Vec<Value>, RenderError> {
    let mut all = Vec::new();
    for folder in applied {
        let fail = |reason: String| RenderError { folder: folder.clone(), reason };
        let build = kustomize::build(tree, folder);
        if let Some(problem) = build.problems.first() {
            return Err(fail(problem.to_string()));
        }
        if build.objects.is_empty() {
            return Err(fail("nothing to apply".to_owned()));
        }
        all.extend(build.objects.iter().map(|object| admitted(json(&object.root))));
    }
    Ok(all)
}

/// Folder of the objects that apply the other folders.
const ROOTS: &str = "clusters";

/// The objects by which engines apply a revision, but for those that apply these objects themselves.
///
/// # Errors
/// When a file of the folder is no YAML.
pub(crate) fn roots(tree: &MemoryTree) -> Result<Vec<Value>, RenderError> {
    let build = read_plain(tree, ROOTS, true);
    if let Some(problem) = build.problems.first() {
        return Err(RenderError { folder: ROOTS.to_owned(), reason: problem.to_string() });
    }
    let all = build.objects.iter().map(|object| json(&object.root));
    Ok(all.filter(is_root).collect())
}

/// Whether an engine applies a folder by an object, or finds the repository by it.
fn is_root(object: &Value) -> bool {
    let of = |group: &str| object["apiVersion"].as_str().is_some_and(|it| it.starts_with(group));
    let path =
        ["/spec/path", "/spec/source/path"].iter().find_map(|at| object.pointer(at)?.as_str());
    let is_own = path.is_some_and(|path| path.trim_start_matches("./").starts_with(ROOTS));
    (of("argoproj.io/") || of("kustomize.toolkit.fluxcd.io/") || of("source.toolkit.fluxcd.io/"))
        && !is_own
}

/// The object with a port's protocol, without which no named target port is found.
fn admitted(mut object: Value) -> Value {
    let containers = object.pointer_mut("/spec/template/spec/containers");
    for container in containers.and_then(Value::as_array_mut).into_iter().flatten() {
        let ports = container.get_mut("ports").and_then(Value::as_array_mut);
        for port in ports.into_iter().flatten().filter_map(Value::as_object_mut) {
            port.entry("protocol").or_insert_with(|| "TCP".into());
        }
    }
    object
}

/// A tree without its positions.
fn json(node: &Node) -> Value {
    match &node.value {
        stilltrace_manifest::Value::Sequence(items) => items.iter().map(json).collect(),
        stilltrace_manifest::Value::Mapping(entries) => {
            let entries = entries.iter().map(|entry| (entry.key.to_string(), json(&entry.value)));
            Value::Object(entries.collect::<Map<String, Value>>())
        }
        stilltrace_manifest::Value::Null | stilltrace_manifest::Value::Scalar(_) => scalar(node),
    }
}

/// What a scalar means in YAML 1.2's core schema.
fn scalar(node: &Node) -> Value {
    match node.resolved() {
        Some(Resolved::Bool(value)) => value.into(),
        Some(Resolved::Int(value)) => value.into(),
        Some(Resolved::Float(value)) => Number::from_f64(value).map_or(Value::Null, Value::from),
        Some(Resolved::Text) => node.text().into(),
        Some(Resolved::Null) | None => Value::Null,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roots_are_what_applies_other_folders_and_where_it_finds_them() -> Result<(), RenderError> {
        let flux = |name: &str, path: &str| {
            format!(
                "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\n\
                 metadata: {{name: {name}}}\nspec: {{path: {path}}}\n"
            )
        };
        let tree = MemoryTree::new()
            .with("clusters/one/flux-system/kustomization.yaml", "resources: [sync.yaml]\n")
            .with("clusters/one/flux-system/sync.yaml", &flux("flux-system", "./clusters/one"))
            .with("clusters/one/mesh.yaml", &flux("mesh", "./platform"))
            .with(
                "clusters/one/source.yaml",
                "apiVersion: source.toolkit.fluxcd.io/v1\nkind: GitRepository\nmetadata: {name: a}\n",
            )
            .with("apps/a.yaml", &flux("elsewhere", "./x"));
        let roots = roots(&tree)?;
        let names: Vec<_> =
            roots.iter().filter_map(|one| one["metadata"]["name"].as_str()).collect();
        assert_eq!(names, ["mesh", "a"]);
        Ok(())
    }
}
