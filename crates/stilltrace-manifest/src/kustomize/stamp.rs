//! `buildMetadata`: annotations and a label that say where objects come from and what changed them.
//!
//! Only the list in the directory that is built counts; those of its bases do not. The origin of an
//! object is tracked as soon as the list has an item, whatever is printed of it.

use crate::yaml::{Derivation, Mark, Node, Value};

use super::directory::Directory;
use super::output::quoted;
use super::remote::{Remote, remote};
use super::resource::{Resource, empty_mapping};
use super::shared;

/// The version whose output is printed.
const VERSION: &str = "v5.8.2";

const ORIGIN: &str = "config.kubernetes.io/origin";
const TRANSFORMATIONS: &str = "alpha.config.kubernetes.io/transformations";

/// Annotations that Kustomize keeps notes in while it builds, and takes away from every object
/// even when they were written by hand.
const NOTES: [&str; 4] = [
    "config.kubernetes.io/index",
    "config.kubernetes.io/path",
    "config.k8s.io/id",
    "internal.config.kubernetes.io/",
];

/// The notes below the last entry of [`NOTES`].
const INTERNAL: [&str; 16] = [
    "allowKindChange",
    "allowNameChange",
    "annotations-migration-resource-id",
    "generatorBehavior",
    "helm-generated",
    "id",
    "index",
    "needsHashSuffix",
    "path",
    "prefixes",
    "previousKinds",
    "previousNames",
    "previousNamespaces",
    "refBy",
    "seqindent",
    "suffixes",
];

/// Where an object or a change comes from, seen from the directory that is built.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Origin {
    /// A file, or a directory on the way to one.
    path: String,
    /// A remote repository and its revision.
    repository: Option<(String, String)>,
    /// The type, name and namespace of the configuration in that file, if it is one.
    configured_by: Option<[String; 4]>,
}

/// What is known of one object.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Stamp {
    pub(super) origin: Option<Origin>,
    pub(super) transformations: Vec<Origin>,
}

impl Origin {
    /// The place that the entry `name` of this directory leads to.
    pub(super) fn join(&self, name: &str) -> Self {
        let mut joined = self.clone();
        let mut name = name;
        if let Some(Remote::Repository { clone, directory, revision }) = remote(name) {
            joined.path.clear();
            joined.repository = Some((clone, revision.unwrap_or("").to_owned()));
            name = directory;
        }
        joined.path = cleaned(&joined.path, name);
        joined
    }

    /// The kustomization of `directory`, which stands here, as the place of a field.
    fn field_of(&self, directory: &Directory, kind: &str) -> Self {
        let texts = ["builtin", kind, "", ""].map(str::to_owned);
        Self { configured_by: Some(texts), ..self.join(file_name(directory)) }
    }

    /// A generator or transformer that is an object.
    fn of_plugin(plugin: &Resource) -> Option<Self> {
        let origin = plugin.stamp.as_ref()?.origin.clone()?;
        let object = &plugin.object;
        let namespace = object.namespace().unwrap_or("");
        let texts = [object.api_version(), object.kind(), object.name(), namespace];
        Some(Self { configured_by: Some(texts.map(str::to_owned)), ..origin })
    }

    /// The lines of an annotation.
    fn lines(&self) -> Vec<String> {
        let mut lines = Vec::new();
        let mut line = |indent: &str, key: &str, value: &str| {
            if !value.is_empty() {
                lines.push(format!("{indent}{key}: {}", quoted(value)));
            }
        };
        let empty = (String::new(), String::new());
        let (repository, revision) = self.repository.as_ref().unwrap_or(&empty);
        let Some(by) = &self.configured_by else {
            line("", "path", &self.path);
            line("", "repo", repository);
            line("", "ref", revision);
            return lines;
        };
        line("", "repo", repository);
        line("", "ref", revision);
        line("", "configuredIn", &self.path);
        lines.push("configuredBy:".to_owned());
        for (key, value) in ["apiVersion", "kind", "name", "namespace"].into_iter().zip(by) {
            if !value.is_empty() {
                lines.push(format!("  {key}: {}", quoted(value)));
            }
        }
        lines
    }
}

/// The name of a directory's kustomization file.
pub(super) fn file_name(directory: &Directory) -> &str {
    let path: &str = &directory.root.mark.path;
    path.rsplit('/').next().unwrap_or(path)
}

/// Joins two relative paths; `..` may lead above the first directory.
fn cleaned(base: &str, name: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in base.split('/').chain(name.split('/')) {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|last| *last != "..") => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    parts.join("/")
}

/// Notes that the objects were read from `origin`.
pub(super) fn read_from(origin: &Origin, resources: &mut [Resource]) {
    for resource in resources {
        resource.stamp.get_or_insert_default().origin = Some(origin.clone());
    }
}

/// Notes that the objects of unknown origin were made by the generators of `directory`.
pub(super) fn generated(origin: &Origin, directory: &Directory, resources: &mut [Resource]) {
    for resource in resources {
        let stamp = resource.stamp.get_or_insert_default();
        if stamp.origin.is_none() {
            let secret = resource.object.kind() == "Secret";
            let kind = match (resource.from_helm, secret) {
                (true, _) => "HelmChartInflationGenerator",
                (false, true) => "SecretGenerator",
                (false, false) => "ConfigMapGenerator",
            };
            stamp.origin = Some(origin.field_of(directory, kind));
        }
    }
}

/// Notes that the objects of unknown origin were made by a generator that is an object.
pub(super) fn generated_by(plugin: &Resource, resources: &mut [Resource]) {
    let Some(origin) = Origin::of_plugin(plugin) else { return };
    for resource in resources {
        resource.stamp.get_or_insert_default().origin.get_or_insert_with(|| origin.clone());
    }
}

/// Notes that the objects passed one entry of `patches`.
pub(super) fn patched(origin: &Origin, directory: &Directory, resources: &mut [Resource]) {
    passed(&origin.field_of(directory, "PatchTransformer"), resources);
}

/// Notes that the objects passed `patchesStrategicMerge`, if there are any.
pub(super) fn merged(origin: &Origin, directory: &Directory, resources: &mut [Resource]) {
    if directory.field("patchesStrategicMerge").is_some_and(|list| !list.items().is_empty()) {
        passed(&origin.field_of(directory, "PatchStrategicMergeTransformer"), resources);
    }
}

/// Notes that the objects passed the transformers that the fields of `directory` ask for behind
/// patches, whether they changed or not.
pub(super) fn transformed(origin: &Origin, directory: &Directory, resources: &mut [Resource]) {
    let count = |field: &str| match directory.field(field).map(|node| &node.value) {
        Some(Value::Sequence(items)) => items.len(),
        Some(Value::Mapping(entries)) => entries.len(),
        Some(Value::Scalar(scalar)) => scalar.text.len(),
        _ => 0,
    };
    let once = |field: &str| count(field).min(1);
    let labels = match count("labels") + count("commonLabels") {
        0 => 0,
        _ => count("labels") + 1,
    };
    let passes = [
        ("NamespaceTransformer", once("namespace")),
        ("PrefixTransformer", once("namePrefix")),
        ("SuffixTransformer", once("nameSuffix")),
        ("LabelTransformer", labels),
        ("AnnotationsTransformer", once("commonAnnotations")),
        ("PatchJson6902Transformer", count("patchesJson6902")),
        ("ReplicaCountTransformer", count("replicas")),
        ("ImageTagTransformer", count("images") + count("imageTags")),
        ("ReplacementTransformer", once("replacements")),
    ];
    for (kind, times) in passes {
        let origin = origin.field_of(directory, kind);
        (0..times).for_each(|_| passed(&origin, resources));
    }
}

/// Notes that the objects passed a transformer that is an object.
pub(super) fn transformed_by(plugin: &Resource, resources: &mut [Resource]) {
    if let Some(origin) = Origin::of_plugin(plugin) {
        passed(&origin, resources);
    }
}

fn passed(transformer: &Origin, resources: &mut [Resource]) {
    for resource in resources {
        let stamp = resource.stamp.get_or_insert_default();
        if stamp.origin.is_none() {
            stamp.origin = Some(transformer.clone());
        } else {
            stamp.transformations.push(transformer.clone());
        }
        // Kustomize notes it in the object, which makes its annotations anew.
        shared::part(resource, "annotations");
    }
}

/// The item of `buildMetadata` that asks for `option`.
fn asked(directory: &Directory, option: &str) -> Option<Mark> {
    let items = directory.field("buildMetadata")?.items().iter();
    let mut found = items.filter(|item| item.text() == Some(option));
    found.next().map(|item| item.mark.clone())
}

/// Whether origins are tracked in a build of `directory`.
pub(super) fn are_tracked(directory: &Directory) -> bool {
    directory.field("buildMetadata").is_some_and(|list| !list.items().is_empty())
}

/// Writes what `buildMetadata` asks for into the objects and takes away what Kustomize does.
pub(super) fn write(directory: &Directory, resources: &mut [Resource]) {
    let managed = asked(directory, "managedByLabel");
    let (origins, changes) =
        (asked(directory, "originAnnotations"), asked(directory, "transformerAnnotations"));
    for resource in resources {
        remove_notes(resource);
        if let Some(mark) = &managed {
            let text = format!("kustomize-{VERSION}");
            set(resource, "labels", "app.kubernetes.io/managed-by", text, mark);
        }
        let Some(stamp) = resource.stamp.take() else { continue };
        if let (Some(mark), Some(origin)) = (&origins, &stamp.origin) {
            let text = origin.lines().join("\n") + "\n";
            set(resource, "annotations", ORIGIN, text, mark);
        }
        if let (Some(mark), false) = (&changes, stamp.transformations.is_empty()) {
            set(resource, "annotations", TRANSFORMATIONS, listed(&stamp.transformations), mark);
        }
    }
}

fn listed(origins: &[Origin]) -> String {
    let mut text = String::new();
    for origin in origins {
        for (position, line) in origin.lines().into_iter().enumerate() {
            text.push_str(if position == 0 { "- " } else { "  " });
            text.push_str(&line);
            text.push('\n');
        }
    }
    text
}

fn set(resource: &mut Resource, field: &str, key: &str, text: String, mark: &Mark) {
    if resource.object.root.at(&["metadata", field]).is_none_or(Node::is_null) {
        resource.set_metadata(field, empty_mapping(mark));
    }
    let value = Node::string(text, mark.clone()).derived(Derivation::Stamped);
    let pairs = resource.object.root_mut().get_mut("metadata").and_then(|m| m.get_mut(field));
    if let Some(pairs) = pairs {
        pairs.set(key, mark, value);
    }
}

fn remove_notes(resource: &mut Resource) {
    let is_note = |key: &str| {
        key == ORIGIN
            || key == TRANSFORMATIONS
            || NOTES.iter().any(|note| match key.strip_prefix(note) {
                Some(rest) if note.ends_with('/') => INTERNAL.contains(&rest),
                rest => rest == Some(""),
            })
    };
    let pairs = resource.object.root.at(&["metadata", "annotations"]);
    if !pairs.is_some_and(|pairs| pairs.entries().iter().any(|entry| is_note(&entry.key))) {
        return;
    }
    let Some(metadata) = resource.object.root_mut().get_mut("metadata") else { return };
    let Some(entries) = metadata.get_mut("annotations").and_then(Node::entries_mut) else { return };
    entries.retain(|entry| !is_note(&entry.key));
    if entries.is_empty() {
        metadata.remove("annotations");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_may_lead_above_the_directory_that_is_built() {
        assert_eq!(cleaned("", "../base"), "../base");
        assert_eq!(cleaned("../base", "./x/../o.yaml"), "../base/o.yaml");
        assert_eq!(cleaned("../a/b", "../../../c"), "../../c");
    }

    #[test]
    fn a_remote_base_is_named_with_its_repository() {
        let origin = Origin::default().join("../a").join("github.com/o/r/d?ref=v1").join("x.yaml");
        let lines = ["path: d/x.yaml", "repo: https://github.com/o/r", "ref: v1"];
        assert_eq!(origin.lines(), lines);
    }
}
