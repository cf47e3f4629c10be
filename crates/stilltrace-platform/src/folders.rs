//! From a folder of the repository to the objects that applying it creates.

use std::collections::{BTreeMap, BTreeSet};

use stilltrace_manifest::tree::{join, parent};
use stilltrace_manifest::{Build, Node, Object, ParseCache, Problem, ProblemKind, Tree};

use crate::reconcilers::Depth;

/// Files that make a folder a kustomization.
const KUSTOMIZATION: [&str; 3] = ["kustomization.yaml", "kustomization.yml", "Kustomization"];

/// The files of a tree by name, each read and parsed at most once.
pub(crate) struct Folders<'a> {
    tree: &'a dyn Tree,
    cache: &'a ParseCache,
    files: Vec<String>,
    kustomizations: BTreeMap<String, String>,
    /// Folders of Helm templates, which look like manifests by name but are none.
    templates: Vec<String>,
}

impl<'a> Folders<'a> {
    /// Lists the tree; a tree that cannot be listed is empty and a problem.
    pub(crate) fn new(
        tree: &'a dyn Tree,
        cache: &'a ParseCache,
        problems: &mut Vec<Problem>,
    ) -> Self {
        let files = tree.files().unwrap_or_else(|error| {
            problems.push(Problem::of_file("", ProblemKind::Missing, error.to_string()));
            Vec::new()
        });
        let named = |path: &&String| KUSTOMIZATION.contains(&name_of(path));
        let kustomizations = files
            .iter()
            .filter(named)
            .map(|path| (parent(path).to_owned(), path.clone()))
            .collect();
        let charts = files.iter().filter(|path| name_of(path) == "Chart.yaml");
        let templates = charts.filter_map(|path| join(parent(path), "templates")).collect();
        let folders = Self { tree, cache, files, kustomizations, templates };
        let read =
            |path: &&str| KUSTOMIZATION.contains(&name_of(path)) || folders.is_manifest(path);
        cache.warm(tree, folders.files.iter().map(String::as_str).filter(read));
        folders
    }

    /// Every object of every manifest file as written, whoever applies it.
    pub(crate) fn everything(&self) -> Build {
        let mut build = Build::default();
        for path in self.files.iter().filter(|path| self.is_manifest(path)) {
            self.read_plain(path, &mut build);
        }
        build
    }

    fn is_manifest(&self, path: &str) -> bool {
        let extension = path.rsplit_once('.').map_or("", |(_, extension)| extension);
        matches!(extension, "yaml" | "yml" | "json")
            && !KUSTOMIZATION.contains(&name_of(path))
            && !self.templates.iter().any(|folder| is_below(path, folder))
    }

    /// Whether any file lies in or below the folder.
    pub(crate) fn exists(&self, folder: &str) -> bool {
        self.files.iter().any(|path| is_below(path, folder))
    }

    /// The objects of a folder: its kustomization's, or those of its plain files. Kustomizations
    /// below a plain folder are built, as Flux does when it makes up the missing kustomization.
    pub(crate) fn render(&self, folder: &str, depth: Depth) -> Build {
        if self.kustomizations.contains_key(folder) {
            return stilltrace_manifest::kustomize::build_with(self.tree, folder, self.cache);
        }
        let mut build = Build::default();
        let mut kustomized: Vec<&str> = Vec::new();
        if depth == Depth::Below {
            for nested in self.kustomizations.keys().filter(|nested| is_below(nested, folder)) {
                if !kustomized.iter().any(|outer| is_below(nested, outer)) {
                    kustomized.push(nested);
                    add(&mut build, self.render(nested, depth));
                }
            }
        }
        let plain =
            self.files.iter().filter(|path| self.is_manifest(path) && is_below(path, folder));
        for path in plain {
            let nested = kustomized.iter().any(|outer| is_below(path, outer));
            if !nested && (depth == Depth::Below || parent(path) == folder) {
                self.read_plain(path, &mut build);
            }
        }
        build
    }

    /// Folders with a kustomization that no other kustomization refers to, sorted.
    pub(crate) fn roots(&self) -> Vec<String> {
        let mut referenced = BTreeSet::new();
        let mut components = BTreeSet::new();
        for (folder, file) in &self.kustomizations {
            for document in self.parsed(file).objects() {
                if document.get("kind").and_then(Node::text) == Some("Component") {
                    components.insert(folder.clone());
                }
                for list in ["resources", "bases", "components"] {
                    let entries = document.get(list).map(Node::items).unwrap_or_default();
                    let paths = entries.iter().filter_map(Node::text);
                    referenced.extend(paths.filter_map(|path| join(folder, path)));
                }
            }
        }
        let free =
            |folder: &&String| !referenced.contains(*folder) && !components.contains(*folder);
        self.kustomizations.keys().filter(free).cloned().collect()
    }

    /// The file at `path` parsed, from the cache when its content was seen before.
    fn parsed(&self, path: &str) -> Parsed {
        let content = self.tree.content_id(path);
        if let Some(parsed) = content.and_then(|content| self.cache.get(path, content)) {
            return Parsed(Some(parsed), None);
        }
        match self.tree.read(path) {
            Ok(Some(bytes)) => Parsed(Some(self.cache.parse(path, content, &bytes)), None),
            Ok(None) => Parsed(None, None),
            Err(error) => {
                let problem = Problem::of_file(path, ProblemKind::Missing, error.to_string());
                Parsed(None, Some(problem))
            }
        }
    }

    fn read_plain(&self, path: &str, build: &mut Build) {
        let parsed = self.parsed(path);
        build.problems.extend(parsed.problems());
        for root in parsed.objects() {
            match (Object::from_node(std::sync::Arc::clone(root)), root.get("items")) {
                (Some(list), Some(items)) if list.kind().ends_with("List") => {
                    let items = items.items().iter().cloned();
                    build.objects.extend(items.filter_map(Object::from_node));
                }
                (Some(object), _) => build.objects.push(object),
                (None, _) => {}
            }
        }
    }
}

/// A parsed file, or why it could not be read.
struct Parsed(Option<std::sync::Arc<stilltrace_manifest::yaml::Parsed>>, Option<Problem>);

impl Parsed {
    fn objects(&self) -> impl Iterator<Item = &std::sync::Arc<Node>> {
        let documents = self.0.as_ref().map(|parsed| parsed.documents.as_slice());
        documents.unwrap_or_default().iter().map(|document| &document.root)
    }

    fn problems(&self) -> Vec<Problem> {
        let parsed = self.0.iter().flat_map(|parsed| parsed.problems.iter().cloned());
        parsed.chain(self.1.clone()).collect()
    }
}

fn add(build: &mut Build, more: Build) {
    build.objects.extend(more.objects);
    build.problems.extend(more.problems);
}

fn name_of(path: &str) -> &str {
    path.rsplit_once('/').map_or(path, |(_, name)| name)
}

/// Whether `path` lies in `folder`; the root holds everything.
fn is_below(path: &str, folder: &str) -> bool {
    folder.is_empty() || path.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/'))
}
