//! Walks resources, bases and components, and applies each directory's changes in turn.

use std::sync::Arc;

use crate::helm::Sourced;
use crate::object::Object;
use crate::plain::drop_secret_values;
use crate::problem::{Problem, ProblemKind};
use crate::tree::{Tree, join};
use crate::yaml::{Mark, Node, ParseCache};

use super::Build;
use super::charts;
use super::config::{self, Config, List};
use super::directory::Directory;
use super::generate;
use super::hash::add_hashes;
use super::images::replace_images;
use super::inline;
use super::labels::{add_pairs, label_fields};
use super::loader::Loader;
use super::names::{End, NamespaceChange, Subjects, extend_names};
use super::old_flags;
use super::openapi::Schemas;
use super::patches::{apply_json_patches, apply_patches, apply_strategic};
use super::plugins::{self, Context};
use super::policy::{Means, Policy};
use super::pool::{Pool, add_documents};
use super::references::follow_names;
use super::replacements;
use super::replicas::set_replicas;
use super::resource::{Behavior, Resource, is_named, write_annotations_as_texts};
use super::stamp::{self, Origin};

/// Directories that one build may visit; bases used twice count twice.
const MAX_DIRECTORIES: usize = 10_000;

/// The objects of a build and what went wrong, in the order in which it did.
#[derive(Debug, Default)]
pub(super) struct Assembled {
    pub(super) directory: Option<Directory>,
    pub(super) resources: Vec<Resource>,
    pub(super) problems: Vec<Problem>,
    /// The entries that ask for a chart.
    charts: Vec<Mark>,
}

/// Collects the objects of `dir` and changes them as its kustomizations say.
pub(super) fn assemble(
    tree: &dyn Tree,
    dir: &str,
    cache: &ParseCache,
    policy: Policy<'_>,
) -> Assembled {
    let mut loader = Loader::new(tree, cache, policy);
    let inside = join("", dir);
    let root = inside.as_deref().and_then(|dir| Directory::load(&mut loader, dir));
    if root.is_none() {
        let (kind, text) = match inside {
            None => (ProblemKind::Invalid, "the directory leads out of the repository"),
            Some(_) => (ProblemKind::Missing, "no kustomization file in this directory"),
        };
        loader.problems.push(Problem::of_file(dir, kind, text));
    }
    run(loader, root, Vec::new())
}

/// Builds `dir`; see [`super::build_by`].
pub(super) fn build(tree: &dyn Tree, dir: &str, cache: &ParseCache, means: Means<'_>) -> Build {
    assemble(tree, dir, cache, Policy::Report(means)).reported()
}

/// Builds `root` as the kustomization of `dir` over `objects`; see [`super::build_from`].
pub(super) fn build_from(
    tree: &dyn Tree,
    dir: &str,
    (root, objects): (Arc<Node>, Vec<Object>),
    means: Means<'_>,
    cache: &ParseCache,
) -> Build {
    let mut loader = Loader::new(tree, cache, Policy::Report(means));
    let directory = Directory::of(&mut loader, dir, root);
    let resources = objects.into_iter().map(Resource::new).collect();
    run(loader, Some(directory), resources).reported()
}

fn run(loader: Loader<'_>, directory: Option<Directory>, resources: Vec<Resource>) -> Assembled {
    let tracked = directory.as_ref().is_some_and(stamp::are_tracked);
    let origin = tracked.then(Origin::default);
    let mut walk =
        Walk { loader, origin, open: Vec::new(), namespace: None, visited: 0, values: 0 };
    let mut pool = Pool { resources, ..Pool::default() };
    if let Some(directory) = &directory {
        pool.index();
        pool = walk.directory(directory, pool);
    }
    let mut problems = finish(&mut pool);
    let objects = pool.resources.iter().map(|resource| &resource.object);
    problems.extend(walk.loader.foreign_keys.refuse(objects));
    walk.loader.problems.extend(problems);
    if let Some(directory) = &directory {
        stamp::write(directory, &mut pool.resources);
    }
    let Loader { problems, charts, .. } = walk.loader;
    Assembled { directory, resources: pool.resources, problems, charts }
}

impl Assembled {
    /// The objects without values of Secrets, and the problems by place.
    fn reported(self) -> Build {
        let mut objects: Vec<Object> = self.resources.into_iter().map(|r| r.object).collect();
        objects.iter_mut().for_each(drop_secret_values);
        objects.iter_mut().for_each(old_flags::settle);
        let mut problems = self.problems;
        problems.sort();
        problems.dedup();
        Build { objects, problems, charts: self.charts }
    }
}

/// What happens once, after all directories: hash suffixes, references, local objects.
fn finish(pool: &mut Pool) -> Vec<Problem> {
    let resources = &mut pool.resources;
    add_hashes(resources);
    let mut problems = follow_names(resources, &pool.config);
    problems.extend(pool.variables.replace(resources, &pool.config).err());
    for resource in resources.iter_mut() {
        write_annotations_as_texts(&mut resource.object);
    }
    resources.retain(|resource| {
        let local = resource.object.annotation("config.kubernetes.io/local-config");
        local.is_none_or(|value| value == "false")
    });
    problems
}

/// Values of all files that one build may take in; a file used twice counts twice.
const MAX_VALUES: usize = 5_000_000;

/// The walk over the directories of one build.
struct Walk<'a> {
    loader: Loader<'a>,
    /// The directory being built as seen from the first one, if origins are asked for.
    origin: Option<Origin>,
    /// Directories being built, outermost first.
    open: Vec<String>,
    /// The namespace of the directories above, for charts that name none.
    namespace: Option<Sourced>,
    visited: usize,
    values: usize,
}

impl Walk<'_> {
    fn report(&mut self, problem: Problem) {
        self.loader.problems.push(problem);
    }

    /// Builds a directory into `pool`: the parent's for a component, an empty one otherwise.
    fn directory(&mut self, directory: &Directory, mut pool: Pool) -> Pool {
        self.open.push(directory.dir.clone());
        let result = Schemas::choose(&mut self.loader, directory);
        self.loader.problems.extend(result.err());
        for field in ["resources", "bases"] {
            for entry in directory.list(field, &mut self.loader.problems).to_vec() {
                self.resource(directory, &entry, &mut pool);
            }
        }
        self.configure(directory, &mut pool);
        self.generate(directory, &mut pool);
        for entry in directory.list("components", &mut self.loader.problems).to_vec() {
            pool.index();
            pool = self.component(directory, &entry, pool);
        }
        self.transform(directory, &mut pool);
        if let Some(origin) = &self.origin {
            stamp::transformed(origin, directory, &mut pool.resources);
        }
        self.run_plugins(directory, &mut pool);
        let entries = directory.list("vars", &mut self.loader.problems);
        let result = pool.variables.declare(entries, &mut pool.resources);
        self.loader.problems.extend(result.err());
        self.open.pop();
        pool
    }

    /// Reads the files of `configurations` and `crds`.
    fn configure(&mut self, directory: &Directory, pool: &mut Pool) {
        let mut own = Config::standard();
        for (entry, root) in self.files(directory, "configurations") {
            let result = config::read(&root).and_then(|config| {
                let result = Arc::make_mut(&mut own).merge(&config);
                result.map_err(|conflict| conflict.at(&entry.mark))
            });
            self.loader.problems.extend(result.err());
        }
        let result = pool.configure(&own).map_err(|conflict| conflict.at(&directory.root.mark));
        self.loader.problems.extend(result.err());
        for (entry, root) in self.files(directory, "crds") {
            let result = config::read_crds(&root).and_then(|config| {
                let result = pool.configure(&Arc::new(config));
                result.map_err(|conflict| conflict.at(&entry.mark))
            });
            self.loader.problems.extend(result.err());
        }
    }

    /// The first documents of the files that a field lists, with the entries that name them.
    fn files(&mut self, directory: &Directory, field: &str) -> Vec<(Node, Arc<Node>)> {
        let mut found = Vec::new();
        for entry in directory.list(field, &mut self.loader.problems) {
            let path = match self.loader.file_path(&directory.dir, entry) {
                Ok(path) => path,
                Err(problem) => {
                    self.report(problem);
                    continue;
                }
            };
            let Some(parsed) = self.loader.yaml(&path) else {
                let text = format!("the file `{path}` does not exist");
                self.report(Problem::at(&entry.mark, ProblemKind::Missing, text));
                continue;
            };
            let document = parsed.documents.first();
            found.extend(document.map(|document| (entry.clone(), Arc::clone(&document.root))));
        }
        found
    }

    fn generate(&mut self, directory: &Directory, pool: &mut Pool) {
        // All generators are looked at before the first one runs.
        let namespace = self.namespace_below(directory);
        let charts = charts::listed(directory, namespace.as_ref());
        let allowed = charts.first().map_or(Ok(()), |chart| charts::check(&self.loader, chart));
        self.loader.problems.extend(allowed.err());
        generate::run(&mut self.loader, directory, &mut pool.resources);
        self.inflate(directory, &charts, pool);
        if let Some(origin) = &self.origin {
            stamp::generated(origin, directory, &mut pool.resources);
        }
        for plugin in self.plugins(directory, "generators") {
            let mut context = Context { loader: &mut self.loader, dir: &directory.dir };
            let result = plugins::generate(&mut context, &plugin).and_then(|made| {
                made.into_iter().try_for_each(|(resource, behavior)| {
                    generate::absorb(resource, behavior, &mut pool.resources)
                })
            });
            self.loader.problems.extend(result.err());
            stamp::generated_by(&plugin, &mut pool.resources);
        }
    }

    /// Adds the objects of the charts that fields of the kustomization list.
    fn inflate(&mut self, directory: &Directory, charts: &[charts::Chart], pool: &mut Pool) {
        for chart in charts {
            let mut context = Context { loader: &mut self.loader, dir: &directory.dir };
            let result = charts::inflate(&mut context, chart).and_then(|made| {
                made.into_iter().try_for_each(|resource| {
                    generate::absorb(resource, Behavior::Create, &mut pool.resources)
                })
            });
            self.loader.problems.extend(result.err());
        }
    }

    /// The namespace that charts of `directory` and of what lies below it get.
    fn namespace_below(&self, directory: &Directory) -> Option<Sourced> {
        let own = directory.text("namespace");
        own.map(|(text, mark)| Sourced::at(text, mark.clone())).or_else(|| self.namespace.clone())
    }

    /// Runs the transformers that are objects, and the validators, which may change nothing.
    fn run_plugins(&mut self, directory: &Directory, pool: &mut Pool) {
        for field in ["transformers", "validators"] {
            for plugin in self.plugins(directory, field) {
                let before = (field == "validators").then(|| pool.resources.clone());
                let mut context = Context { loader: &mut self.loader, dir: &directory.dir };
                let result = plugins::transform(&mut context, &plugin, &mut pool.resources);
                self.loader.problems.extend(result.err());
                let Some(before) = before else {
                    stamp::transformed_by(&plugin, &mut pool.resources);
                    continue;
                };
                let same =
                    |(a, b): (&Resource, &Resource)| a.object.root.same_value(&b.object.root);
                let unchanged = before.len() == pool.resources.len()
                    && before.iter().zip(&pool.resources).all(same);
                if !unchanged {
                    let text = "a validator may not change objects";
                    self.report(Problem::at(plugin.object.mark(), ProblemKind::Invalid, text));
                }
                pool.resources = before;
            }
        }
    }

    /// The objects that a field lists as texts, and behind them those of files and directories.
    fn plugins(&mut self, directory: &Directory, field: &str) -> Vec<Resource> {
        let entries = directory.list(field, &mut self.loader.problems).to_vec();
        let mut pool = Pool::default();
        let mut paths = Vec::new();
        for entry in &entries {
            let parsed = inline::documents(&mut self.loader, entry);
            let written = inline::roots(&parsed).iter().all(|root| is_named(root).is_ok());
            if !written || !parsed.problems.is_empty() {
                paths.push(entry);
                continue;
            }
            for problem in add_documents(&parsed, &mut pool) {
                self.report(problem);
            }
        }
        if let Some(origin) = &self.origin {
            stamp::read_from(&origin.join(stamp::file_name(directory)), &mut pool.resources);
        }
        for entry in paths {
            self.resource(directory, entry, &mut pool);
        }
        pool.resources
    }

    fn resource(&mut self, directory: &Directory, entry: &Node, pool: &mut Pool) {
        let Some(path) = self.local_path(directory, entry) else { return };
        if let Some(parsed) = self.loader.yaml(&path) {
            if let Err(problem) = self.loader.file_path(&directory.dir, entry) {
                return self.report(problem);
            }
            self.values += parsed.documents.iter().map(|document| document.nodes).sum::<usize>();
            if self.values > MAX_VALUES {
                let text = format!("more than {MAX_VALUES} values in one build; left out");
                return self.report(Problem::at(&entry.mark, ProblemKind::Budget, text));
            }
            let first = pool.resources.len();
            for problem in add_documents(&parsed, pool) {
                self.report(problem);
            }
            for resource in pool.resources.get(first..).unwrap_or_default() {
                let object = &resource.object;
                self.loader.schemas.ask_scope(object.api_version(), object.kind());
            }
            if let (Some(origin), Some(name)) = (&self.origin, entry.text()) {
                let added = pool.resources.get_mut(first..).unwrap_or_default();
                stamp::read_from(&origin.join(name), added);
            }
            return;
        }
        let Some(base) = self.enter(entry, &path) else { return };
        if base.component {
            let text = format!("`{path}` is a component; list it under `components`");
            return self.report(Problem::at(&entry.mark, ProblemKind::Invalid, text));
        }
        let below = self.below(directory, entry, &base, Pool::default());
        for resource in below.resources {
            if let Err(problem) = pool.add(resource) {
                self.report(problem);
            }
        }
        if let Err(conflict) = pool.configure(&below.config) {
            self.report(conflict.at(&entry.mark));
        }
        if let Err(problem) = pool.variables.merge(below.variables) {
            self.report(problem);
        }
    }

    fn component(&mut self, directory: &Directory, entry: &Node, pool: Pool) -> Pool {
        let Some(path) = self.local_path(directory, entry) else { return pool };
        let Some(component) = self.enter(entry, &path) else { return pool };
        if !component.component {
            let text = format!("`{path}` is no component; list it under `resources`");
            self.report(Problem::at(&entry.mark, ProblemKind::Invalid, text));
            return pool;
        }
        let pool = self.below(directory, entry, &component, pool);
        if let Some(problem) = pool.twice() {
            self.report(problem);
        }
        pool
    }

    /// Builds the directory `base` that `entry` of `directory` leads to.
    fn below(&mut self, directory: &Directory, entry: &Node, base: &Directory, pool: Pool) -> Pool {
        let namespace = self.namespace_below(directory);
        let outer = (self.origin.clone(), std::mem::replace(&mut self.namespace, namespace));
        self.origin = self.origin.as_ref().map(|origin| origin.join(entry.text().unwrap_or("")));
        let pool = self.directory(base, pool);
        (self.origin, self.namespace) = outer;
        pool
    }

    /// The path an entry names within the tree; remote and escaping ones are reported.
    fn local_path(&mut self, directory: &Directory, entry: &Node) -> Option<String> {
        let path = self.loader.resource_path(&directory.dir, entry);
        path.map_err(|problem| self.report(problem)).ok()
    }

    /// Reads the kustomization of a directory that `entry` names, unless it is being built.
    fn enter(&mut self, entry: &Node, path: &str) -> Option<Directory> {
        let refuse = |kind, text: String| Problem::at(&entry.mark, kind, text);
        let joined = |part: &str| part != ".." && part.contains("..");
        if entry.text().is_some_and(|name| name.split('/').any(joined)) {
            let text = format!("`{path}` is two paths in one; check the indentation of the list");
            self.report(refuse(ProblemKind::Invalid, text));
            return None;
        }
        let holds = |open: &&String| {
            path.is_empty()
                || open.strip_prefix(path).is_some_and(|r| r.is_empty() || r.starts_with('/'))
        };
        if let Some(open) = self.open.iter().rev().find(holds) {
            let text = if open == path {
                format!("`{path}` includes itself; remove it from the cycle")
            } else {
                format!("cycle: `{path}` is above `{open}`, which is built on it; move the base")
            };
            self.report(refuse(ProblemKind::Invalid, text));
            return None;
        }
        self.visited += 1;
        if self.visited > MAX_DIRECTORIES {
            let text = format!("more than {MAX_DIRECTORIES} directories in one build");
            self.report(refuse(ProblemKind::Budget, text));
            return None;
        }
        let directory = Directory::load(&mut self.loader, path);
        // A file that is there and cannot be read has been reported as that.
        let unread = |problem: &Problem| &*problem.path == path;
        if directory.is_none() && !self.loader.problems.iter().any(unread) {
            let text = format!("`{path}` is neither a file nor a directory with a kustomization");
            self.report(refuse(ProblemKind::Missing, text));
        }
        directory
    }

    fn transform(&mut self, directory: &Directory, pool: &mut Pool) {
        let (resources, config) = (&mut pool.resources, &pool.config);
        apply_strategic(&mut self.loader, directory, resources);
        if let Some(origin) = &self.origin {
            stamp::merged(origin, directory, resources);
        }
        apply_patches(&mut self.loader, directory, self.origin.as_ref(), resources);
        let mut results = Vec::new();
        if let Some((namespace, mark)) = directory.text("namespace") {
            let specs = config.fields(List::Namespace);
            let (unset_only, subjects) = (false, Subjects::Default);
            let change = NamespaceChange { namespace, mark, specs, unset_only, subjects };
            results.push(change.apply(resources));
        }
        if let Some(prefix) = directory.text("namePrefix") {
            let specs = config.fields(List::NamePrefix);
            results.push(extend_names(resources, End::Prefix, prefix, specs));
        }
        if let Some(suffix) = directory.text("nameSuffix") {
            let specs = config.fields(List::NameSuffix);
            results.push(extend_names(resources, End::Suffix, suffix, specs));
        }
        self.loader.problems.extend(results.into_iter().filter_map(Result::err));
        self.transform_labels(directory, resources, config);
        apply_json_patches(&mut self.loader, directory, resources);
        for entry in directory.list("replicas", &mut self.loader.problems) {
            let result = set_replicas(resources, entry, config.fields(List::Replicas));
            self.loader.problems.extend(result.err());
        }
        for field in ["images", "imageTags"] {
            for entry in directory.list(field, &mut self.loader.problems) {
                let result = replace_images(resources, entry, config.fields(List::Images));
                self.loader.problems.extend(result.err());
            }
        }
        let entries = directory.list("replacements", &mut self.loader.problems);
        let mut context = Context { loader: &mut self.loader, dir: &directory.dir };
        let result = replacements::apply(&mut context, entries, resources);
        self.loader.problems.extend(result.err());
    }

    fn transform_labels(
        &mut self,
        directory: &Directory,
        resources: &mut [Resource],
        config: &Config,
    ) {
        for entry in directory.list("labels", &mut self.loader.problems) {
            let Some(pairs) = entry.get("pairs") else { continue };
            let result =
                label_fields(entry, config).and_then(|specs| add_pairs(resources, pairs, &specs));
            self.loader.problems.extend(result.err());
        }
        let common =
            [("commonLabels", List::CommonLabels), ("commonAnnotations", List::CommonAnnotations)];
        for (field, list) in common {
            let Some(pairs) = directory.field(field) else { continue };
            self.loader.problems.extend(add_pairs(resources, pairs, config.fields(list)).err());
        }
    }
}
