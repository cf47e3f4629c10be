//! How lists are merged, from the OpenAPI schemas of Kubernetes or of a kustomization's own.
//!
//! A schema says of some lists that their items are merged by keys; all other lists, and all lists
//! of objects without a schema, are replaced as a whole. The first `openapi` field that a build
//! meets decides for the rest of it, the one of the directory that is built before all others.

mod builtin;

use std::sync::Arc;

use crate::problem::{Problem, ProblemKind};
use crate::yaml::Node;

use super::directory::Directory;
use super::loader::Loader;

use builtin::{Shape, shape_named, shape_of};

/// The only version of Kubernetes whose schemas Kustomize v5.8.2 contains.
const VERSION: &str = "v1.21.2";
/// References that are followed from one schema to the next.
const MAX_REFERENCES: usize = 32;

/// How a list behaves under a strategic merge patch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum ListMerge {
    /// The patch's list takes the place of the old one.
    Replaced,
    /// Items with equal values of these keys are merged; a missing later key is not compared.
    ByKeys(Vec<String>),
    /// A set of scalars: the union.
    Union,
}

/// The schemas of a build.
#[derive(Debug, Clone, Default)]
pub(super) struct Schemas {
    is_set: bool,
    custom: Option<Arc<Node>>,
    /// Whether Kubernetes' own schemas were asked before the custom ones came; they stay then.
    were_asked: bool,
}

impl Schemas {
    /// Takes the schemas that a directory asks for, unless an earlier one has.
    pub(super) fn choose(loader: &mut Loader<'_>, directory: &Directory) -> Result<(), Problem> {
        let Some(field) = directory.field("openapi") else { return Ok(()) };
        let text = |key: &str| field.get(key).filter(|node| node.text().is_some());
        let (path, version) = (text("path"), text("version"));
        let custom = path.map(|path| read(loader, directory, path)).transpose()?;
        if loader.schemas.is_set {
            return Ok(());
        }
        let version_text = version.and_then(Node::text).unwrap_or("");
        if custom.is_some() && version.is_some() {
            let text = "`path` and `version` exclude each other";
            return Err(Problem::at(&field.mark, ProblemKind::Invalid, text));
        }
        if custom.is_none() && !version_text.is_empty() && version_text != VERSION {
            let text = format!("the schemas of {version_text} are not built in; {VERSION} are");
            return Err(Problem::at(&field.mark, ProblemKind::Invalid, text));
        }
        let is_set = custom.is_some() || !version_text.is_empty();
        let were_asked = loader.schemas.were_asked;
        loader.schemas = Self { is_set, custom, were_asked };
        Ok(())
    }

    /// Notes that an object of this kind is read: Kustomize asks for the scope of a kind that it
    /// does not know by heart.
    pub(super) fn ask_scope(&mut self, api_version: &str, kind: &str) {
        if !self.were_asked && self.custom.is_none() && shape_of(api_version, kind).is_none() {
            self.were_asked = true;
        }
    }

    /// Notes that a patch is merged.
    pub(super) fn ask_lists(&mut self) {
        self.were_asked |= self.custom.is_none();
    }

    /// The schema of an object.
    pub(super) fn of(&self, api_version: &str, kind: &str) -> Place<'_> {
        let Some(root) = &self.custom else { return Place::builtin(shape_of(api_version, kind)) };
        let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
        let is_meant = |schema: &Node| {
            let text = |node: &Node, key: &str| {
                node.get(key).and_then(Node::text).unwrap_or("").to_owned()
            };
            let ids = schema.get("x-kubernetes-group-version-kind").map_or(&[][..], Node::items);
            ids.iter().any(|id| {
                text(id, "group") == group
                    && text(id, "version") == version
                    && text(id, "kind") == kind
            })
        };
        let definitions = root.get("definitions").map_or(&[][..], Node::entries);
        // Of several definitions of a kind the last one counts.
        match definitions.iter().rev().find(|definition| is_meant(&definition.value)) {
            Some(definition) => {
                let builtin = self.were_asked;
                Place::Custom { root, schema: &definition.value, builtin }
            }
            None if self.were_asked => Place::builtin(shape_of(api_version, kind)),
            None => Place::Unknown,
        }
    }
}

fn read(loader: &mut Loader<'_>, directory: &Directory, path: &Node) -> Result<Arc<Node>, Problem> {
    let full = loader.file_path(&directory.dir, path)?;
    let parsed = loader.yaml(&full);
    let Some(root) = parsed.as_ref().and_then(|parsed| parsed.documents.first()) else {
        let text = format!("the schema `{}` does not exist", path.text().unwrap_or(""));
        return Err(Problem::at(&path.mark, ProblemKind::Missing, text));
    };
    Ok(Arc::clone(&root.root))
}

/// A place in an object, as far as a schema describes it.
#[derive(Debug, Clone, Copy)]
pub(super) enum Place<'a> {
    /// No schema describes it.
    Unknown,
    /// One of Kubernetes' own.
    Builtin { shape: &'static Shape, keys: Option<&'static [&'static str]> },
    /// One of a kustomization's file.
    Custom {
        root: &'a Node,
        schema: &'a Node,
        /// Whether it may refer to Kubernetes' own.
        builtin: bool,
    },
}

impl<'a> Place<'a> {
    fn builtin(shape: Option<&'static Shape>) -> Self {
        shape.map_or(Place::Unknown, |shape| Place::Builtin { shape, keys: None })
    }

    pub(super) fn is_unknown(self) -> bool {
        matches!(self, Place::Unknown)
    }

    /// The value of a key.
    pub(super) fn field(self, key: &str) -> Place<'a> {
        match self {
            Place::Unknown => Place::Unknown,
            Place::Builtin { shape, .. } => match shape.field(key) {
                Some(field) => Place::Builtin { shape: field.shape, keys: field.keys },
                None => Place::Unknown,
            },
            Place::Custom { root, schema, builtin } => {
                let own = schema.get("properties").and_then(|fields| fields.get(key));
                let any =
                    || schema.get("additionalProperties").filter(|any| !any.entries().is_empty());
                resolved(root, own.or_else(any), builtin)
            }
        }
    }

    /// An item of a list.
    pub(super) fn items(self) -> Place<'a> {
        match self {
            Place::Unknown => Place::Unknown,
            Place::Builtin { shape, .. } => Place::Builtin { shape, keys: None },
            Place::Custom { root, schema, builtin } => {
                let is_list = schema.get("type").and_then(Node::text) == Some("array");
                resolved(root, schema.get("items").filter(|_| is_list), builtin)
            }
        }
    }

    /// How the list here is merged.
    pub(super) fn merge(self) -> ListMerge {
        match self {
            Place::Unknown | Place::Builtin { keys: None, .. } => ListMerge::Replaced,
            Place::Builtin { keys: Some([]), .. } => ListMerge::Union,
            Place::Builtin { keys: Some(keys), .. } => {
                ListMerge::ByKeys(keys.iter().map(|key| (*key).to_owned()).collect())
            }
            Place::Custom { schema, .. } => custom_merge(schema),
        }
    }
}

fn custom_merge(schema: &Node) -> ListMerge {
    let text = |key: &str| schema.get(key).and_then(Node::text).unwrap_or("");
    if !text("x-kubernetes-patch-strategy").split(',').any(|strategy| strategy == "merge") {
        return ListMerge::Replaced;
    }
    let keys = schema.get("x-kubernetes-list-map-keys").map_or(&[][..], Node::items);
    let keys: Vec<String> = keys.iter().filter_map(|key| Some(key.text()?.to_owned())).collect();
    match (keys.is_empty(), text("x-kubernetes-patch-merge-key")) {
        (false, _) => ListMerge::ByKeys(keys),
        (true, "") => ListMerge::Union,
        (true, key) => ListMerge::ByKeys(vec![key.to_owned()]),
    }
}

/// A schema with its references followed, to definitions of the same file or Kubernetes' own.
fn resolved<'a>(root: &'a Node, schema: Option<&'a Node>, builtin: bool) -> Place<'a> {
    let Some(mut schema) = schema else { return Place::Unknown };
    for _ in 0..MAX_REFERENCES {
        let Some(reference) = schema.get("$ref").and_then(Node::text) else {
            return Place::Custom { root, schema, builtin };
        };
        let name = reference.strip_prefix("#/definitions/").unwrap_or(reference);
        match root.get("definitions").and_then(|definitions| definitions.get(name)) {
            Some(found) => schema = found,
            None if builtin => return Place::builtin(shape_named(name)),
            None => return Place::Unknown,
        }
    }
    Place::Unknown
}
