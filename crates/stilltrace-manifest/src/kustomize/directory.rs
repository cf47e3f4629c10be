//! A kustomization file and its fields.

use std::sync::Arc;

use crate::problem::{Problem, ProblemKind};
use crate::tree::join;
use crate::yaml::{Mark, Node, Value};

use super::loader::Loader;
use super::old_flags::keys_as_json;
use super::old_flow;
use super::schema;

/// Names a kustomization file may have, in the order they are looked for.
pub(super) const FILE_NAMES: [&str; 3] =
    ["kustomization.yaml", "kustomization.yml", "Kustomization"];

/// A directory with a kustomization.
#[derive(Debug, Clone)]
pub(super) struct Directory {
    /// The directory, relative to the root of the tree.
    pub(super) dir: String,
    pub(super) root: Arc<Node>,
    /// Whether it is a `Component`.
    pub(super) component: bool,
}

impl Directory {
    /// Reads the kustomization of `dir`; `None`, and no problem, when there is no file.
    pub(super) fn load(loader: &mut Loader<'_>, dir: &str) -> Option<Self> {
        let paths: Vec<String> = FILE_NAMES.iter().filter_map(|name| join(dir, name)).collect();
        let mut found = paths
            .iter()
            .filter_map(|path| Some((path, loader.kustomization(path)?)))
            .collect::<Vec<_>>();
        let (path, parsed) = if found.is_empty() { return None } else { found.remove(0) };
        if let Some((other, _)) = found.first() {
            let text = format!(
                "`{path}` is there too, and a directory has one kustomization; remove one of them"
            );
            loader.problems.push(Problem::of_file(other, ProblemKind::Invalid, text));
        }
        let root = match parsed.documents.first() {
            Some(document) => schema::respelled(&keys_as_json(document)),
            None => Arc::new(Node::new(Value::Null, file_mark(path))),
        };
        if schema::is_empty(&root)
            && !matches!(root.value, Value::Scalar(_) | Value::Sequence(_))
            && parsed.problems.is_empty()
        {
            let text = "the kustomization is empty";
            loader.problems.push(Problem::of_file(path, ProblemKind::Invalid, text));
        }
        loader.problems.extend(old_flow::refuse(&root, &parsed.source));
        let component = root.get("kind").and_then(Node::text) == Some("Component");
        let directory = Self { dir: dir.to_owned(), root, component };
        directory.report_type(&mut loader.problems);
        loader.problems.extend(schema::misfits(&directory.root));
        Some(directory)
    }

    /// The directory `dir` with the kustomization `root`, wherever that comes from.
    pub(super) fn of(loader: &mut Loader<'_>, dir: &str, root: Arc<Node>) -> Self {
        let directory = Self { dir: dir.to_owned(), root, component: false };
        directory.report_type(&mut loader.problems);
        loader.problems.extend(schema::misfits(&directory.root));
        directory
    }

    /// The value of a field; upper and lower case are not told apart, as in Kustomize.
    pub(super) fn field(&self, name: &str) -> Option<&Node> {
        let entries = self.root.entries().iter();
        let found = entries.filter(|entry| entry.key.eq_ignore_ascii_case(name));
        found.map(|entry| &entry.value).find(|value| !value.is_null())
    }

    /// The items of a field that must be a list; anything else is reported and empty.
    pub(super) fn list(&self, name: &str, problems: &mut Vec<Problem>) -> &[Node] {
        let Some(node) = self.field(name) else { return &[] };
        if !matches!(node.value, Value::Sequence(_)) {
            let text = format!("`{name}` must be a list");
            problems.push(Problem::at(&node.mark, ProblemKind::Invalid, text));
        }
        node.items()
    }

    /// The text of a field, with its place; an empty one counts as absent.
    pub(super) fn text(&self, name: &str) -> Option<(&str, &Mark)> {
        let node = self.field(name)?;
        node.text().filter(|text| !text.is_empty()).map(|text| (text, &node.mark))
    }

    /// Reports an `apiVersion` or `kind` that is not Kustomize's.
    fn report_type(&self, problems: &mut Vec<Problem>) {
        let kind = if self.component { "Component" } else { "Kustomization" };
        let version = if self.component { "v1alpha1" } else { "v1beta1" };
        let api_version = format!("kustomize.config.k8s.io/{version}");
        for (field, wanted) in [("kind", kind), ("apiVersion", &api_version)] {
            let Some(node) = self.field(field).filter(|node| node.text() != Some(wanted)) else {
                continue;
            };
            let text = format!("`{field}` must be `{wanted}`");
            problems.push(Problem::at(&node.mark, ProblemKind::Invalid, text));
        }
    }
}

/// The beginning of a file.
pub(super) fn file_mark(path: &str) -> Mark {
    Mark::of_file(path, 0)
}
