//! Finds the line that sets a field, and changes it as a person would: that value and nothing else.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Deserialize;
use stilltrace_manifest::yaml::{self, Node};
use stilltrace_manifest::{Budget, MemoryTree};

use super::emit;
use super::value::Value;

/// The files of one revision: path and content.
pub(crate) type Files = BTreeMap<String, String>;

/// The files as a tree that readers take.
pub(crate) fn tree(files: &Files) -> MemoryTree {
    files.iter().map(|(path, text)| (path.clone(), text.clone().into_bytes())).collect()
}

/// A change of one field, as a scenario asks for it.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Edit {
    /// Kind of the object, or `Image` for the image tag of a Deployment.
    pub(crate) kind: String,
    /// The service, workload or namespace that the object is about, `gateway`, or `mesh`.
    pub(crate) of: String,
    /// Name of the object, where there are several of the kind about the same thing.
    #[serde(default)]
    pub(crate) name: Option<String>,
    /// Field of the object, such as `spec.http[0].retries.attempts`; not for `Image`. Empty when
    /// the whole object comes or goes.
    #[serde(default)]
    pub(crate) field: String,
    /// The value before, which the repository is generated to hold; absent if the commit adds it.
    #[serde(default)]
    pub(crate) from: Option<Value>,
    /// The value after; absent if the commit removes it.
    #[serde(default)]
    pub(crate) to: Option<Value>,
    /// Field whose line tells of a block or object that comes or goes; its first line if absent.
    #[serde(default)]
    pub(crate) at: Option<String>,
    /// Made at the live object by hand, in no commit.
    #[serde(default)]
    pub(crate) live: bool,
}

/// What a commit does to the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Deed {
    /// One value becomes another.
    Replace,
    /// A field is added.
    Add,
    /// A field is removed.
    Remove,
    /// An object is added, in a file of its own.
    Create,
    /// An object is removed, with its file.
    Delete,
}

impl Edit {
    /// Whether this is a new release: a change of an image tag.
    pub(crate) fn is_release(&self) -> bool {
        self.kind == "Image"
    }

    /// What a commit with this edit does.
    pub(crate) fn deed(&self) -> Deed {
        match (self.field.is_empty() && !self.is_release(), &self.from, &self.to) {
            (true, _, None) => Deed::Delete,
            (true, _, Some(_)) => Deed::Create,
            (false, None, _) => Deed::Add,
            (false, Some(_), None) => Deed::Remove,
            (false, Some(_), Some(_)) => Deed::Replace,
        }
    }
}

/// A scalar in a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Spot {
    /// The file.
    pub(crate) path: String,
    /// Line, from 1.
    pub(crate) line: u32,
    /// The value as read, without quotes.
    pub(crate) text: String,
    start: usize,
    end: usize,
}

impl Spot {
    /// A line without a value to replace.
    pub(crate) fn line_of(path: &str, line: u32) -> Self {
        Self { path: path.to_owned(), line, text: String::new(), start: 0, end: 0 }
    }

    fn at(path: &str, node: &Node) -> Option<Self> {
        let text = node.text()?.to_owned();
        let mark = &node.mark;
        Some(Self {
            path: path.to_owned(),
            line: mark.line,
            text,
            start: mark.range().start,
            end: mark.range().end,
        })
    }
}

/// All scalars of a file with their field path, document by document.
pub(crate) fn scalars(path: &str, text: &str) -> Vec<(String, Spot)> {
    let parsed = yaml::parse(path, text.as_bytes(), &Budget::default());
    let mut found = Vec::new();
    for document in &parsed.documents {
        for (field, node) in document.root.leaves() {
            found.extend(Spot::at(path, node).map(|spot| (field, spot)));
        }
    }
    found
}

/// The scalar at a field of an object, in the first of some folders that sets it.
pub(crate) fn find(
    files: &Files,
    folders: &[String],
    kind: &str,
    name: &str,
    field: &str,
) -> Option<Spot> {
    written(files, folders, kind, name)
        .find_map(|(path, root)| Spot::at(&path, root.pointer(field)?))
}

/// Every file of some folders that writes something of an object, with what it writes.
pub(crate) fn written<'a>(
    files: &'a Files,
    folders: &'a [String],
    kind: &'a str,
    name: &'a str,
) -> impl Iterator<Item = (String, Arc<Node>)> + 'a {
    in_folders(files, folders).filter_map(move |(path, text)| {
        let parsed = yaml::parse(path, text.as_bytes(), &Budget::default());
        let is = |node: Option<&Node>, wanted: &str| node.and_then(Node::text) == Some(wanted);
        let root =
            parsed.documents.into_iter().map(|document| document.root).find(|root| {
                is(root.get("kind"), kind) && is(root.at(&["metadata", "name"]), name)
            })?;
        Some((path.clone(), root))
    })
}

/// The tag of an image in the `images:` of a kustomization in one of some folders.
pub(crate) fn find_image_tag(files: &Files, folders: &[String], image: &str) -> Option<Spot> {
    in_folders(files, folders).filter(|(path, _)| path.ends_with("kustomization.yaml")).find_map(
        |(path, text)| {
            let parsed = yaml::parse(path, text.as_bytes(), &Budget::default());
            let root = parsed.documents.first()?.root.clone();
            let entry = root
                .get("images")?
                .items()
                .iter()
                .find(|entry| entry.get("name").and_then(Node::text) == Some(image))?;
            Spot::at(path, entry.get("newTag")?)
        },
    )
}

/// Whether a path is that of a YAML file of the generated repository.
pub(crate) fn is_yaml(path: &str) -> bool {
    path.rsplit_once('.').is_some_and(|(_, extension)| extension == "yaml")
}

/// YAML files of some folders, in the order of the folders.
fn in_folders<'a>(
    files: &'a Files,
    folders: &'a [String],
) -> impl Iterator<Item = (&'a String, &'a String)> {
    folders.iter().flat_map(move |folder| {
        files.iter().filter(move |(path, _)| {
            is_yaml(path)
                && path.strip_prefix(folder.as_str()).is_some_and(|rest| rest.starts_with('/'))
        })
    })
}

/// Replaces the scalar at a spot with text, which gets quotes if it would otherwise be read as
/// something else.
pub(crate) fn replace_text(files: &mut Files, spot: &Spot, new: &str) {
    let is_plain = files
        .get(&spot.path)
        .and_then(|text| text.get(spot.start..spot.end))
        .is_some_and(|old| !old.starts_with(['"', '\'']));
    if is_plain && emit::needs_quotes(new) {
        replace(files, spot, &format!("\"{new}\""));
    } else {
        replace(files, spot, new);
    }
}

/// Replaces the scalar at a spot, in the quotes that it had.
pub(crate) fn replace(files: &mut Files, spot: &Spot, new: &str) {
    let Some(text) = files.get_mut(&spot.path) else { return };
    let quote = text.get(spot.start..spot.end).and_then(|old| old.chars().next());
    let written = match quote {
        Some(quote @ ('"' | '\'')) => format!("{quote}{new}{quote}"),
        _ => new.to_owned(),
    };
    text.replace_range(spot.start..spot.end, &written);
}

/// Takes files out, with the lines of kustomizations that name them.
pub(crate) fn remove(files: &mut Files, gone: &dyn Fn(&str) -> bool) -> Vec<String> {
    let removed: Vec<_> = files.keys().filter(|path| gone(path)).cloned().collect();
    for path in &removed {
        files.remove(path);
    }
    for path in &removed {
        let base = path.strip_suffix("/kustomization.yaml");
        let name = path.rsplit('/').next().unwrap_or(path);
        for (other, text) in
            files.iter_mut().filter(|(other, _)| other.ends_with("kustomization.yaml"))
        {
            let names = |line: &str| {
                let entry = line.trim().trim_start_matches("- ").trim_start_matches("path: ");
                let entry = entry.trim_matches(['"', '\'']);
                let beside = folder(other) == folder(path) && entry == name;
                beside || base.is_some_and(|base| entry.ends_with(&format!("/{base}")))
            };
            if text.lines().any(names) {
                *text = text.split_inclusive('\n').filter(|line| !names(line)).collect();
            }
        }
    }
    removed
}

/// Moves a file within its folder, and the entry of the kustomization beside it.
pub(crate) fn rename(files: &mut Files, path: &str, new_name: &str) -> Option<String> {
    let (folder, old_name) = path.rsplit_once('/')?;
    let new_path = format!("{folder}/{new_name}");
    if files.contains_key(&new_path) {
        return None;
    }
    let text = files.remove(path)?;
    files.insert(new_path.clone(), text);
    if let Some(kustomization) = files.get_mut(&format!("{folder}/kustomization.yaml")) {
        *kustomization = kustomization.replace(old_name, new_name);
    }
    Some(new_path)
}

/// The folder of a path; empty at the root.
fn folder(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(folder, _)| folder)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
mod tests {
    use super::*;

    fn files() -> Files {
        let text = "kind: VirtualService\nmetadata: {name: a}\nspec:\n  timeout: \"2s\" # why\n";
        Files::from([
            ("x/vs.yaml".to_owned(), text.to_owned()),
            (
                "x/kustomization.yaml".to_owned(),
                "resources:\n  - vs.yaml\n  - other.yaml\n".to_owned(),
            ),
        ])
    }

    #[test]
    fn an_edit_changes_the_value_and_nothing_else() {
        let mut files = files();
        let spot = find(&files, &["x".to_owned()], "VirtualService", "a", "spec.timeout").unwrap();
        assert_eq!((spot.line, spot.text.as_str()), (4, "2s"));
        replace(&mut files, &spot, "5s");
        assert!(files["x/vs.yaml"].ends_with("  timeout: \"5s\" # why\n"));
    }

    #[test]
    fn kustomizations_follow_what_is_moved_or_removed() {
        let mut files = files();
        assert_eq!(rename(&mut files, "x/vs.yaml", "route.yaml").as_deref(), Some("x/route.yaml"));
        assert!(files["x/kustomization.yaml"].contains("- route.yaml"));
        remove(&mut files, &|path| path == "x/route.yaml");
        assert_eq!(files["x/kustomization.yaml"], "resources:\n  - other.yaml\n");
    }
}
