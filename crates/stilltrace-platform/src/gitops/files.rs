//! The files of a tree by folder: what is a manifest, a kustomization, a chart.
//!
//! Each file is parsed and each folder is built at most once per read.

use std::cell::{OnceCell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use stilltrace_manifest::kustomize::Means;
use stilltrace_manifest::tree::parent;
use stilltrace_manifest::yaml::Parsed;
use stilltrace_manifest::{
    Build, Node, Object, ParseCache, Problem, ProblemKind, Tree, TreeError, kustomize,
};

use super::ahead;
use super::links::{self, Links};

/// Files that make a folder a kustomization, in the order in which Kustomize looks for them.
const KUSTOMIZATION: [&str; 3] = ["kustomization.yaml", "kustomization.yml", "Kustomization"];

/// The files of one revision.
pub(crate) struct Files<'a> {
    tree: Identified<'a>,
    /// What kustomizations are built with, beside the files.
    means: Means<'a>,
    cache: &'a ParseCache,
    /// Takes the place of `cache` where contents have no ids that outlive this read.
    own: Option<ParseCache>,
    kustomizations: BTreeMap<String, String>,
    charts: BTreeSet<String>,
    builds: RefCell<BTreeMap<String, Arc<Build>>>,
    links: OnceCell<BTreeMap<String, Links>>,
}

/// A tree in which every file has an id of its content, if need be one for this read only.
struct Identified<'a> {
    tree: &'a dyn Tree,
    /// Sorted.
    paths: Vec<String>,
    has_ids: bool,
}

impl Tree for Identified<'_> {
    fn read(&self, path: &str) -> Result<Option<Vec<u8>>, TreeError> {
        self.tree.read(path)
    }

    fn files(&self) -> Result<Vec<String>, TreeError> {
        Ok(self.paths.clone())
    }

    fn content_id(&self, path: &str) -> Option<[u8; 20]> {
        if self.has_ids {
            return self.tree.content_id(path);
        }
        position(&self.paths, path).map(made_up)
    }

    fn shared(&self) -> Option<&(dyn Tree + Sync)> {
        self.tree.shared()
    }
}

impl<'a> Files<'a> {
    /// Lists the tree; a tree that cannot be listed is empty and a problem.
    pub(crate) fn new(
        tree: &'a dyn Tree,
        means: Means<'a>,
        cache: &'a ParseCache,
        problems: &mut Vec<Problem>,
    ) -> Self {
        let mut paths = tree.files().unwrap_or_else(|error| {
            problems.push(Problem::of_file("", ProblemKind::Missing, error.to_string()));
            Vec::new()
        });
        paths.sort_unstable();
        let has_ids = paths.first().is_some_and(|path| tree.content_id(path).is_some());
        let mut kustomizations: BTreeMap<String, String> = BTreeMap::new();
        let mut charts = BTreeSet::new();
        for path in &paths {
            let name = name_of(path);
            if let Some(rank) = KUSTOMIZATION.iter().position(|known| *known == name) {
                let rank_of = |path: &str| KUSTOMIZATION.iter().position(|n| *n == name_of(path));
                let file = kustomizations.entry(parent(path).to_owned()).or_default();
                if file.is_empty() || rank_of(file) > Some(rank) {
                    file.clone_from(path);
                }
            } else if name == "Chart.yaml" {
                charts.insert(parent(path).to_owned());
            }
        }
        let own = (!has_ids).then(|| cache.emptied());
        let (tree, builds) = (Identified { tree, paths, has_ids }, RefCell::default());
        let links = OnceCell::new();
        let files = Self { tree, means, cache, own, kustomizations, charts, builds, links };
        let read = |path: &&str| KUSTOMIZATION.contains(&name_of(path)) || files.is_manifest(path);
        let paths = files.tree.paths.iter().map(String::as_str).filter(read);
        files.cache().warm(&files.tree, paths);
        files
    }

    /// The tree itself, with an id for every content.
    pub(crate) fn tree(&self) -> &dyn Tree {
        &self.tree
    }

    /// What kustomizations are built with, beside the files.
    pub(crate) fn means(&self) -> Means<'a> {
        self.means
    }

    /// Where parsed files of this read are kept.
    pub(crate) fn cache(&self) -> &ParseCache {
        self.own.as_ref().unwrap_or(self.cache)
    }

    /// All files, sorted.
    pub(crate) fn paths(&self) -> &[String] {
        &self.tree.paths
    }

    /// All files in a folder and below it, sorted.
    pub(crate) fn below(&self, folder: &str) -> &[String] {
        if folder.is_empty() {
            return &self.tree.paths;
        }
        let prefix = format!("{folder}/");
        let first = self.tree.paths.partition_point(|path| *path < prefix);
        let rest = self.tree.paths.get(first..).unwrap_or_default();
        let count = rest.partition_point(|path| path.starts_with(&prefix));
        rest.get(..count).unwrap_or_default()
    }

    /// Whether any file lies in the folder or below it.
    pub(crate) fn has_folder(&self, folder: &str) -> bool {
        !self.below(folder).is_empty()
    }

    /// Whether there is such a file.
    pub(crate) fn has_file(&self, path: &str) -> bool {
        position(&self.tree.paths, path).is_some()
    }

    /// The kustomization file of a folder.
    pub(crate) fn kustomization(&self, folder: &str) -> Option<&str> {
        self.kustomizations.get(folder).map(String::as_str)
    }

    /// A folder that has a kustomization, and its file.
    pub(crate) fn kustomization_of(&self, folder: &str) -> Option<(&str, &str)> {
        let (folder, file) = self.kustomizations.get_key_value(folder)?;
        Some((folder, file))
    }

    /// Folders with a kustomization and its file, sorted.
    pub(crate) fn kustomizations(&self) -> impl Iterator<Item = (&str, &str)> {
        self.kustomizations.iter().map(|(folder, file)| (folder.as_str(), file.as_str()))
    }

    /// What the kustomization of a folder names.
    pub(crate) fn links(&self, folder: &str) -> Option<&Links> {
        self.links.get_or_init(|| links::of_all(self)).get(folder)
    }

    /// What every kustomization names, by folder, sorted.
    pub(crate) fn all_links(&self) -> impl Iterator<Item = (&str, &Links)> {
        let all = self.links.get_or_init(|| links::of_all(self));
        all.iter().map(|(folder, links)| (folder.as_str(), links))
    }

    /// Whether the folder is a Helm chart.
    pub(crate) fn is_chart(&self, folder: &str) -> bool {
        self.charts.contains(folder)
    }

    /// Folders that are Helm charts, sorted.
    pub(crate) fn charts(&self) -> impl Iterator<Item = &str> {
        self.charts.iter().map(String::as_str)
    }

    /// The chart whose template a file is.
    pub(crate) fn chart_of(&self, path: &str) -> Option<&str> {
        path.match_indices("templates/").find_map(|(at, _)| {
            let chart = path.get(..at)?;
            let chart = if chart.is_empty() { chart } else { chart.strip_suffix('/')? };
            self.charts.get(chart).map(String::as_str)
        })
    }

    /// Whether a file may hold objects: by its name, outside of charts' templates, and no
    /// kustomization.
    pub(crate) fn is_manifest(&self, path: &str) -> bool {
        let extension = path.rsplit_once('.').map_or("", |(_, extension)| extension);
        matches!(extension, "yaml" | "yml" | "json")
            && !KUSTOMIZATION.contains(&name_of(path))
            && self.chart_of(path).is_none()
    }

    /// The file at `path` parsed; `None` when there is no such file.
    pub(crate) fn parsed(&self, path: &str) -> Result<Option<Arc<Parsed>>, Problem> {
        let content = self.tree.content_id(path);
        if let Some(parsed) = content.and_then(|content| self.cache().get(path, content)) {
            return Ok(Some(parsed));
        }
        match self.tree.read(path) {
            Ok(Some(bytes)) => Ok(Some(self.cache().parse(path, content, &bytes))),
            Ok(None) => Ok(None),
            Err(error) => Err(Problem::of_file(path, ProblemKind::Missing, error.to_string())),
        }
    }

    /// The root of the first document of a file.
    pub(crate) fn document(&self, path: &str) -> Option<Arc<Node>> {
        let parsed = self.parsed(path).ok().flatten()?;
        parsed.documents.first().map(|document| Arc::clone(&document.root))
    }

    /// Adds the objects of one manifest file to `build`; lists are taken apart.
    pub(crate) fn read_objects(&self, path: &str, build: &mut Build) {
        let parsed = match self.parsed(path) {
            Ok(Some(parsed)) => parsed,
            Ok(None) => return,
            Err(problem) => return build.problems.push(problem),
        };
        build.problems.extend(parsed.problems.iter().cloned());
        for document in &parsed.documents {
            let root = &document.root;
            match (Object::from_node(Arc::clone(root)), root.get("items")) {
                (Some(list), Some(items)) if list.kind().ends_with("List") => {
                    let items = items.items().iter().cloned();
                    build.objects.extend(items.filter_map(Object::from_node));
                }
                (Some(object), _) => build.objects.push(object),
                (None, _) => {}
            }
        }
    }

    /// Builds the kustomizations among these folders on all cores, so that [`Files::build`] has
    /// them. What it answers is the same with and without this call.
    pub(crate) fn build_ahead(&self, folders: &[String]) {
        let folders: BTreeSet<&str> = folders.iter().map(String::as_str).collect();
        let wanted = |folder: &&str| {
            self.kustomization(folder).is_some() && !self.builds.borrow().contains_key(*folder)
        };
        let folders: Vec<&str> = folders.into_iter().filter(wanted).collect();
        let paths = &self.tree.paths;
        // Trees are read by one thread, so ids that outlive this read are taken down for the others.
        let ids: Vec<Option<[u8; 20]>> = if self.tree.has_ids {
            paths.iter().map(|path| self.tree.content_id(path)).collect()
        } else {
            Vec::new()
        };
        let id = |path: &str| {
            let position = position(paths, path)?;
            if ids.is_empty() { Some(made_up(position)) } else { *ids.get(position)? }
        };
        let repository = ahead::Repository { tree: self.tree(), paths, id: &id, means: self.means };
        for (folder, build) in ahead::build_all(&repository, &folders, self.cache()) {
            self.builds.borrow_mut().insert(folder.to_owned(), build);
        }
    }

    /// What the kustomization of a folder amounts to, built once.
    pub(crate) fn build(&self, folder: &str) -> Arc<Build> {
        if let Some(build) = self.builds.borrow().get(folder) {
            return Arc::clone(build);
        }
        let build = Arc::new(kustomize::build_by(self.tree(), folder, self.means, self.cache()));
        self.builds.borrow_mut().insert(folder.to_owned(), Arc::clone(&build));
        build
    }
}

/// Where a path is among sorted ones.
fn position(paths: &[String], path: &str) -> Option<usize> {
    paths.binary_search_by(|known| known.as_str().cmp(path)).ok()
}

/// An id that is good for one read.
fn made_up(position: usize) -> [u8; 20] {
    let mut id = [0; 20];
    id.iter_mut().zip(position.to_le_bytes()).for_each(|(to, from)| *to = from);
    id
}

/// The last part of a path.
pub(crate) fn name_of(path: &str) -> &str {
    path.rsplit_once('/').map_or(path, |(_, name)| name)
}

/// A folder as objects name it, without `./` and slashes at its ends; `None` if it leads out of
/// the repository.
pub(crate) fn folder(path: &str) -> Option<String> {
    stilltrace_manifest::tree::join("", path.trim_start_matches('/'))
}

/// Whether `path` is `folder` or lies below it; the root holds everything.
pub(crate) fn is_within(path: &str, folder: &str) -> bool {
    let rest = path.strip_prefix(folder);
    folder.is_empty() || rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}
