//! What the kustomization of every folder names, looked at once.

use std::collections::BTreeMap;
use std::sync::Arc;

use stilltrace_manifest::tree::join;
use stilltrace_manifest::{Node, Value, parallel};

use super::files::Files;

/// Fields of a kustomization that name other folders or files of objects.
const OBJECTS: [&str; 3] = ["resources", "bases", "components"];

/// What the kustomization of one folder names.
#[derive(Debug, Default)]
pub(crate) struct Links {
    /// The paths that it takes objects from, as far as they may lie in the tree.
    pub(crate) objects: Vec<String>,
    /// Every file that any of its values names.
    pub(crate) files: Vec<String>,
    /// Whether it is a component, which is not meant to be applied on its own.
    pub(crate) is_component: bool,
}

/// The links of all kustomizations, by folder.
pub(super) fn of_all(files: &Files<'_>) -> BTreeMap<String, Links> {
    let document = |(folder, file)| (folder, files.document(file));
    let documents: Vec<(&str, Option<Arc<Node>>)> = files.kustomizations().map(document).collect();
    let paths = files.paths();
    let links = parallel::map(&documents, |(folder, root)| {
        root.as_ref().map(|root| of_one(folder, root, paths)).unwrap_or_default()
    });
    let folders = documents.iter().map(|(folder, _)| (*folder).to_owned());
    folders.zip(links).collect()
}

fn of_one(folder: &str, root: &Node, paths: &[String]) -> Links {
    let lists = OBJECTS.iter().filter_map(|field| root.get(field));
    let lists = lists.filter(|list| matches!(list.value, Value::Sequence(_)));
    let entries = lists.flat_map(Node::items).filter_map(Node::text);
    Links {
        objects: entries.filter_map(|path| join(folder, path)).collect(),
        files: named(folder, root, paths),
        is_component: root.get("kind").and_then(Node::text) == Some("Component"),
    }
}

fn named(folder: &str, root: &Node, paths: &[String]) -> Vec<String> {
    let mut found = Vec::new();
    let mut open = vec![root];
    while let Some(node) = open.pop() {
        match &node.value {
            Value::Sequence(items) => open.extend(items),
            Value::Mapping(entries) => open.extend(entries.iter().map(|entry| &entry.value)),
            Value::Scalar(scalar) => {
                // `key=file` in generators.
                let path = scalar.text.rsplit_once('=').map_or(&*scalar.text, |(_, path)| path);
                found.extend(join(folder, path).filter(|path| paths.binary_search(path).is_ok()));
            }
            Value::Null => {}
        }
    }
    found
}
