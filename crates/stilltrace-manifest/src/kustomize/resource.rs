//! An object on its way through a build, with the identities it had before.

use crate::object::Object;
use crate::problem::{Problem, ProblemKind};
use crate::yaml::{Derivation, Entry, Mark, Node, Resolved, Scalar, Style, Text, Value};

use super::known_kinds::is_certainly_cluster_scoped;
use super::stamp::Stamp;

/// What a generator does when an object of the same name exists.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Behavior {
    Create,
    Replace,
    Merge,
}

/// An object's identity within a build.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Id {
    pub(super) group: String,
    pub(super) version: String,
    pub(super) kind: String,
    pub(super) name: String,
    /// `None` for cluster-scoped kinds, `default` where the manifest does not say.
    pub(super) namespace: Option<String>,
}

impl Id {
    pub(super) fn of(object: &Object) -> Self {
        let (group, kind) = (object.group().to_owned(), object.kind().to_owned());
        let namespace = if is_certainly_cluster_scoped(object.api_version(), &kind) {
            None
        } else {
            Some(object.namespace().unwrap_or("default").to_owned())
        };
        let (version, name) = (object.version().to_owned(), object.name().to_owned());
        Self { group, version, kind, name, namespace }
    }
}

/// An object with what the build needs to remember about it.
#[derive(Debug, Clone)]
pub(super) struct Resource {
    pub(super) object: Object,
    /// Identities before each change of name, namespace or kind; the original one first.
    pub(super) previous: Vec<Id>,
    pub(super) prefixes: Vec<String>,
    pub(super) suffixes: Vec<String>,
    pub(super) needs_hash: bool,
    /// Whether a generator made it.
    pub(super) generated: bool,
    /// Whether a Helm chart made it: charts place their objects in namespaces themselves.
    pub(super) from_helm: bool,
    /// Names of the variables whose value is a field of this object.
    pub(super) variables: Vec<String>,
    /// Where it comes from and what changed it, if that is asked for.
    pub(super) stamp: Option<Box<Stamp>>,
    /// Values that are set in several places at once; see [`super::shared`].
    pub(super) shared_values: u32,
}

impl Resource {
    pub(super) fn new(mut object: Object) -> Self {
        drop_empty_annotations(&mut object);
        Self {
            object,
            previous: Vec::new(),
            prefixes: Vec::new(),
            suffixes: Vec::new(),
            needs_hash: false,
            generated: false,
            from_helm: false,
            variables: Vec::new(),
            stamp: None,
            shared_values: 0,
        }
    }

    pub(super) fn is_cluster_scoped(&self) -> bool {
        is_certainly_cluster_scoped(self.object.api_version(), self.object.kind())
    }

    /// The present and all earlier identities; group and version are always the present ones.
    pub(super) fn ids(&self) -> impl Iterator<Item = Id> + '_ {
        let current = self.id();
        let (group, version) = (current.group.clone(), current.version.clone());
        let earlier = self.previous.iter().map(move |id| Id {
            group: group.clone(),
            version: version.clone(),
            ..id.clone()
        });
        earlier.chain(std::iter::once(current))
    }

    pub(super) fn id(&self) -> Id {
        Id::of(&self.object)
    }

    pub(super) fn original_id(&self) -> Id {
        self.previous.first().cloned().unwrap_or_else(|| self.id())
    }

    /// Whether the object has or had this identity.
    pub(super) fn ever_was(&self, id: &Id) -> bool {
        self.ids().any(|own| own == *id)
    }

    /// Remembers the identity of this moment.
    pub(super) fn remember_id(&mut self) {
        let id = self.id();
        self.previous.push(id);
    }

    /// Whether Kustomize keeps notes on the object, in annotations of its own.
    pub(super) fn has_notes(&self) -> bool {
        let affixes = self.prefixes.len() + self.suffixes.len();
        !self.previous.is_empty()
            || affixes > 0
            || self.needs_hash
            || self.generated
            || self.from_helm
            || self.stamp.is_some()
    }

    /// Forgets what Kustomize notes in annotations, after these were taken away.
    pub(super) fn forget_notes(&mut self) {
        self.previous.clear();
        self.prefixes.clear();
        self.suffixes.clear();
        self.needs_hash = false;
        self.from_helm = false;
        self.stamp = None;
    }

    /// Sets `metadata.KEY`, creating `metadata` if need be.
    pub(super) fn set_metadata(&mut self, key: &str, value: Node) {
        let mark = value.mark.clone();
        let root = self.object.root_mut();
        if root.get("metadata").is_none() {
            root.set("metadata", &mark, empty_mapping(&mark));
        }
        if let Some(metadata) = root.get_mut("metadata") {
            metadata.set(key, &mark, value);
        }
    }
}

/// Refuses a document that is no object: Kustomize asks for a kind and, except of lists, a name.
pub(super) fn is_named(root: &Node) -> Result<(), Problem> {
    let text = |path: &[&str]| root.at(path).and_then(Node::text).unwrap_or("");
    let kind = text(&["kind"]);
    let missing = match kind {
        "" => "kind",
        _ if kind.ends_with("List") || !text(&["metadata", "name"]).is_empty() => return Ok(()),
        _ => "metadata.name",
    };
    let text = format!("no Kubernetes object: `{missing}` is missing");
    Err(Problem::at(&root.mark, ProblemKind::Invalid, text))
}

/// A mapping without entries, set at `mark`.
pub(super) fn empty_mapping(mark: &Mark) -> Node {
    Node::new(Value::Mapping(Vec::new()), mark.clone())
}

/// Kustomize leaves out an empty mapping of annotations when it reads an object.
fn drop_empty_annotations(object: &mut Object) {
    let Some(annotations) = object.root.at(&["metadata", "annotations"]) else { return };
    let is_empty = annotations.is_null() || annotations.entries().is_empty();
    if is_empty && let Some(metadata) = object.root_mut().get_mut("metadata") {
        metadata.remove("annotations");
    }
}

/// Annotations are texts, so Kustomize prints `port: 8080` as `port: "8080"`, a null as the word
/// that it is written with, a collection as nothing, and leaves out an empty mapping.
///
/// It does so at the end of a build, when it takes its own notes away.
pub(super) fn write_annotations_as_texts(object: &mut Object) {
    drop_empty_annotations(object);
    let Some(pairs) = object.root.at(&["metadata", "annotations"]) else { return };
    let is_text = |entry: &Entry| matches!(entry.value.resolved(), Some(Resolved::Text));
    if pairs.entries().iter().all(is_text) {
        return;
    }
    let Some(metadata) = object.root_mut().get_mut("metadata") else { return };
    let Some(pairs) = metadata.get_mut("annotations") else { return };
    for entry in pairs.entries_mut().into_iter().flatten().filter(|entry| !is_text(entry)) {
        let value = &mut entry.value;
        let text = if value.resolved().is_none() {
            value.set_derivation(Derivation::Generated);
            Text::default()
        } else {
            Text::new(written_word(value))
        };
        value.value = Value::Scalar(Scalar { text, style: Style::DoubleQuoted });
        value.set_tag(None);
    }
}

/// The text of a single value as it is written, that of a null too.
pub(super) fn written_word(node: &Node) -> &str {
    match (node.text(), node.mark.range().len()) {
        (Some(text), _) => text,
        (None, 0) => "",
        (None, 1) => "~",
        (None, _) => "null",
    }
}
