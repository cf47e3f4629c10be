//! Generators of an ApplicationSet: list, Git folders and files, clusters, matrix and merge.

use stilltrace_manifest::yaml::parse;
use stilltrace_manifest::{Budget, Node, Value};

use super::interpolate::interpolate;
use super::params::{Params, Style, flatten, normalized};
use crate::gitops::claim::{Reason, Refusal};
use crate::gitops::context::Context;
use crate::gitops::files::name_of;
use crate::gitops::glob::{self, Stars};
use crate::gitops::merge::overlay;
use crate::gitops::selector;

/// How many sets of parameters one generator may make.
const MAX_PARAMS: usize = 5_000;
/// How deep generators may be nested; Argo CD allows two.
const MAX_DEPTH: usize = 4;

/// What a generator makes.
#[derive(Default)]
pub(super) struct Generated {
    pub(super) params: Vec<Params>,
    /// The generator's own template.
    pub(super) template: Option<Node>,
    /// What it would make beyond that is not in Git.
    pub(super) refused: Vec<Refusal>,
}

/// Runs generators over the files of the repository.
pub(super) struct Generators<'a> {
    pub(super) context: &'a Context<'a>,
    pub(super) style: Style,
}

impl Generators<'_> {
    /// All sets of parameters of one entry of `generators`.
    pub(super) fn run(&self, generator: &Node) -> Generated {
        self.run_nested(generator, None, 0)
    }

    fn run_nested(&self, generator: &Node, outer: Option<&Params>, depth: usize) -> Generated {
        let interpolated = match outer.map(|params| interpolate(generator, params, self.style)) {
            Some(Ok(node)) => Some(node),
            Some(Err(refusal)) => return refused(refusal),
            None => None,
        };
        let generator = interpolated.as_ref().unwrap_or(generator);
        let kinds = generator.entries().iter().filter(|entry| entry.key != "selector");
        let Some(entry) = kinds.into_iter().find(|entry| !entry.value.is_null()) else {
            return broken(generator, "a generator is empty");
        };
        let options = &entry.value;
        let mut generated = match entry.key.as_str() {
            _ if depth > MAX_DEPTH => broken(generator, "generators are nested too deeply"),
            "list" => self.list(options),
            "git" => self.git(options),
            "clusters" => self.clusters(options),
            "matrix" => self.matrix(options, depth),
            "merge" => self.merge(options, depth),
            other => refused(Refusal {
                reason: Reason::Generator,
                at: entry.key_mark.clone(),
                what: format!("what its generator `{other}` lists is not in Git"),
            }),
        };
        if let Some(selector) = generator.get("selector") {
            generated.params.retain(|params| {
                let flat = params.flat();
                let find = |key: &str| flat.iter().find(|(k, _)| k == key).map(|(_, v)| v.as_str());
                selector::selects(selector, find)
            });
        }
        generated.params.truncate(MAX_PARAMS);
        generated.template = options.get("template").cloned();
        generated
    }

    fn list(&self, options: &Node) -> Generated {
        let mut generated = Generated::default();
        let written = options.get("elements").map(Node::items).unwrap_or_default();
        let text = options.get("elementsYaml").filter(|node| node.text().is_some());
        let mut elements = written.to_vec();
        if let Some(node) = text {
            let text = node.text().unwrap_or_default();
            let parsed = parse(&node.mark.path, text.as_bytes(), &Budget::default());
            for document in &parsed.documents {
                let mut root = Node::clone(&document.root);
                let derivation = stilltrace_manifest::yaml::Derivation::Substituted;
                crate::gitops::flux::substitute::place_all(&mut root, &node.mark, derivation);
                elements.extend(root.items().iter().cloned());
            }
        }
        for element in elements {
            if !matches!(element.value, Value::Mapping(_)) {
                generated.refused.push(Refusal {
                    reason: Reason::Generator,
                    at: element.mark.clone(),
                    what: "an element of its list is no mapping".to_owned(),
                });
                continue;
            }
            let mut params = Params::new(&element.mark);
            match self.style {
                Style::Go => params.root = element,
                Style::Fast => flatten(&element, String::new(), &mut |key, value| {
                    params.set(&key, value.clone());
                }),
            }
            generated.params.push(params);
        }
        generated
    }

    fn git(&self, options: &Node) -> Generated {
        if let Some(url) = options.get("repoURL")
            && let Err(refusal) = self.context.accept(url, options.get("revision"))
        {
            return refused(refusal);
        }
        let patterns = |field: &str| {
            let list = options.get(field).map(Node::items).unwrap_or_default();
            list.iter().filter_map(Pattern::read).collect::<Vec<_>>()
        };
        let (folders, files) = (patterns("directories"), patterns("files"));
        if folders.is_empty() {
            self.git_files(options, &files)
        } else {
            self.folders(options, &folders)
        }
    }

    fn folders(&self, options: &Node, patterns: &[Pattern<'_>]) -> Generated {
        let mut generated = Generated::default();
        let mut last = "";
        let mut all = std::collections::BTreeSet::new();
        for path in self.context.files.paths() {
            let folder = stilltrace_manifest::tree::parent(path);
            if folder != last {
                let ends = folder.match_indices('/').map(|(at, _)| at).chain([folder.len()]);
                all.extend(ends.filter_map(|end| folder.get(..end)));
                last = folder;
            }
        }
        let hidden = |path: &str| path.split('/').any(|part| part.starts_with('.'));
        for folder in all.into_iter().filter(|path| !path.is_empty() && !hidden(path)) {
            let Some(pattern) = chosen(patterns, folder, Stars::OneName) else { continue };
            let mut params = Params::new(pattern.mark);
            self.set_path(&mut params, folder, None, options, pattern);
            self.finish(params, options, &mut generated);
        }
        generated
    }

    /// Patterns of files are those of Git's path specifications: `*` runs over `/`.
    fn git_files(&self, options: &Node, patterns: &[Pattern<'_>]) -> Generated {
        let mut generated = Generated::default();
        for path in self.context.files.paths() {
            let Some(pattern) = chosen(patterns, path, Stars::Everything) else { continue };
            let parsed = self.context.files.parsed(path).ok().flatten();
            let Some(parsed) = parsed.filter(|parsed| parsed.is_whole()) else {
                generated.refused.push(Refusal {
                    reason: Reason::Generator,
                    at: pattern.mark.clone(),
                    what: format!("its generator cannot read `{path}`"),
                });
                continue;
            };
            let root = parsed.documents.first().map(|document| &*document.root);
            let objects = match root.map(|root| &root.value) {
                Some(Value::Sequence(items)) => items.iter().collect(),
                _ => root.into_iter().collect::<Vec<_>>(),
            };
            for object in objects {
                let mut params = Params::new(&object.mark);
                match self.style {
                    Style::Go if matches!(object.value, Value::Mapping(_)) => {
                        params.root = object.clone();
                    }
                    Style::Go => {}
                    Style::Fast => flatten(object, String::new(), &mut |key, value| {
                        let text = value.text().unwrap_or("<nil>");
                        params.set(&key, Node::string(text, value.mark.clone()));
                    }),
                }
                let folder = stilltrace_manifest::tree::parent(path);
                self.set_path(&mut params, folder, Some(path), options, pattern);
                self.finish(params, options, &mut generated);
            }
        }
        generated
    }

    /// `path`, its parts and names, and those of a file.
    fn set_path(
        &self,
        params: &mut Params,
        folder: &str,
        file: Option<&str>,
        options: &Node,
        pattern: &Pattern<'_>,
    ) {
        let made = |text: &str| Params::made(text, pattern.mark);
        let folder = if folder.is_empty() { "." } else { folder };
        let base = name_of(folder);
        let mut names =
            vec![("basename", made(base)), ("basenameNormalized", made(&normalized(base)))];
        if let Some(file) = file.map(name_of) {
            names.push(("filename", made(file)));
            names.push(("filenameNormalized", made(&normalized(file))));
        }
        let prefix = options.get("pathParamPrefix").and_then(Node::text).filter(|p| !p.is_empty());
        let parts = folder.split('/');
        match self.style {
            Style::Go => {
                let mut path = Params::new(pattern.mark);
                path.set("path", made(folder));
                for (key, value) in names {
                    path.set(key, value);
                }
                let segments = Value::Sequence(parts.map(made).collect());
                path.set("segments", Node::new(segments, pattern.mark.clone()));
                match prefix {
                    Some(prefix) => {
                        let mut outer = Params::new(pattern.mark);
                        outer.set("path", path.root);
                        params.set(prefix, outer.root);
                    }
                    None => params.set("path", path.root),
                }
            }
            Style::Fast => {
                let name = prefix.map_or("path".to_owned(), |prefix| format!("{prefix}.path"));
                params.set(&name, made(folder));
                for (key, value) in names {
                    params.set(&format!("{name}.{key}"), value);
                }
                for (index, part) in parts.enumerate().filter(|(_, part)| !part.is_empty()) {
                    params.set(&format!("{name}[{index}]"), made(part));
                }
            }
        }
    }

    /// Adds the generator's own `values`, which may use its parameters.
    fn finish(&self, mut params: Params, options: &Node, generated: &mut Generated) {
        if let Some(values) = options.get("values") {
            match interpolate(values, &params, self.style) {
                Ok(values) if self.style == Style::Go => params.set("values", values),
                Ok(values) => {
                    for entry in values.entries() {
                        params.set(&format!("values.{}", entry.key), entry.value.clone());
                    }
                }
                Err(refusal) => return generated.refused.push(refusal),
            }
        }
        generated.params.push(params);
    }

    /// Clusters that Git declares; the one Argo CD runs in is always there.
    fn clusters(&self, options: &Node) -> Generated {
        let mut generated = Generated::default();
        let known = &self.context.written.clusters;
        let selector = options.get("selector").filter(|selector| !selector.entries().is_empty());
        for cluster in known {
            let label = |key: &str| cluster.labels.as_ref()?.get(key)?.text();
            if selector.is_some_and(|selector| !selector::selects(selector, label)) {
                continue;
            }
            let mut params = Params::new(&cluster.name.mark);
            let name = cluster.name.text().unwrap_or_default();
            params.set("name", cluster.name.clone());
            params.set("nameNormalized", Params::made(normalized(name), &cluster.name.mark));
            params.set("server", cluster.server.clone());
            let metadata = [("labels", &cluster.labels), ("annotations", &cluster.annotations)];
            match self.style {
                Style::Go => {
                    let mut outer = Params::new(&cluster.name.mark);
                    for (key, node) in metadata {
                        if let Some(node) = node {
                            outer.set(key, node.clone());
                        }
                    }
                    params.set("metadata", outer.root);
                }
                Style::Fast => {
                    for (kind, node) in metadata {
                        for entry in node.iter().flat_map(Node::entries) {
                            let key = format!("metadata.{kind}.{}", entry.key);
                            params.set(&key, entry.value.clone());
                        }
                    }
                }
            }
            self.finish(params, options, &mut generated);
        }
        if selector.is_none() {
            let mut params = Params::new(&options.mark);
            params.set("name", Params::made("in-cluster", &options.mark));
            params.set("nameNormalized", Params::made("in-cluster", &options.mark));
            params.set("server", Params::made("https://kubernetes.default.svc", &options.mark));
            self.finish(params, options, &mut generated);
        }
        if known.is_empty() {
            generated.refused.push(Refusal {
                reason: Reason::Generator,
                at: options.mark.clone(),
                what: "which clusters its generator finds is not in Git".to_owned(),
            });
        }
        generated
    }

    /// Every pair of two generators; the second one may use the parameters of the first.
    fn matrix(&self, options: &Node, depth: usize) -> Generated {
        let [first, second] = options.get("generators").map(Node::items).unwrap_or_default() else {
            return broken(options, "a matrix needs two generators");
        };
        let mut generated = self.run_nested(first, None, depth + 1);
        for outer in std::mem::take(&mut generated.params) {
            let inner = self.run_nested(second, Some(&outer), depth + 1);
            generated.refused.extend(inner.refused);
            for mut params in inner.params {
                // The first generator's parameters win.
                overlay(&mut params.root, &outer.root);
                generated.params.push(params);
            }
            if generated.params.len() > MAX_PARAMS {
                break;
            }
        }
        generated
    }

    /// The sets of the first generator, overridden by those of the others with the same keys.
    fn merge(&self, options: &Node, depth: usize) -> Generated {
        let keys = options.get("mergeKeys").map(Node::items).unwrap_or_default();
        let keys: Vec<&str> = keys.iter().filter_map(Node::text).collect();
        let generators = options.get("generators").map(Node::items).unwrap_or_default();
        let Some((first, others)) = generators.split_first().filter(|_| !keys.is_empty()) else {
            return broken(options, "a merge needs generators and keys");
        };
        let key_of = |params: &Params| -> Vec<Option<String>> {
            let value = |key: &&str| params.root.get(key).and_then(Node::text).map(str::to_owned);
            keys.iter().map(value).collect()
        };
        let mut generated = self.run_nested(first, None, depth + 1);
        for other in others {
            let more = self.run_nested(other, None, depth + 1);
            generated.refused.extend(more.refused);
            for params in &more.params {
                let key = key_of(params);
                let same = generated.params.iter_mut().filter(|base| key_of(base) == key);
                same.for_each(|base| overlay(&mut base.root, &params.root));
            }
        }
        generated
    }
}

/// An entry of `directories` or `files`.
struct Pattern<'n> {
    path: &'n str,
    exclude: bool,
    mark: &'n stilltrace_manifest::Mark,
}

impl<'n> Pattern<'n> {
    fn read(node: &'n Node) -> Option<Self> {
        let path = node.get("path")?;
        let exclude = node.get("exclude").and_then(Node::as_bool) == Some(true);
        Some(Self { path: path.text()?.trim_start_matches("./"), exclude, mark: &path.mark })
    }
}

/// The pattern that takes a path in, unless another one excludes it.
fn chosen<'p, 'n>(
    patterns: &'p [Pattern<'n>],
    path: &str,
    stars: Stars,
) -> Option<&'p Pattern<'n>> {
    let fits = |pattern: &&Pattern<'_>| glob::matches(pattern.path, path, stars);
    let included = patterns.iter().filter(|pattern| !pattern.exclude).find(fits)?;
    let excluded = patterns.iter().filter(|pattern| pattern.exclude).any(|p| fits(&p));
    (!excluded).then_some(included)
}

fn refused(refusal: Refusal) -> Generated {
    Generated { refused: vec![refusal], ..Generated::default() }
}

fn broken(node: &Node, what: &str) -> Generated {
    refused(Refusal { reason: Reason::Broken, at: node.mark.clone(), what: what.to_owned() })
}
