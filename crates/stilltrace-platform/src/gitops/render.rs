//! From a claim to the objects that it creates.

use std::collections::BTreeMap;
use std::sync::Arc;

use stilltrace_manifest::tree::parent;
use stilltrace_manifest::yaml::Derivation;
use stilltrace_manifest::{Build, Mark, Node, Object, Problem, ProblemKind, Value, kustomize};
use stilltrace_model::{Gap, ReconcilerKind};

use super::amend::{Change, amend, mapping};
use super::chart_rule::ChartRule;
use super::charts;
use super::claim::{Claim, Content, Filter, From, Refusal};
use super::files::{Files, is_within, name_of};
use super::flux::ignore::Ignore;
use super::flux::substitute::Variables;
use super::glob::{self, Stars};
use super::opaque;

/// What a claim amounts to.
#[derive(Default)]
pub(crate) struct Rendered {
    /// The objects.
    pub(crate) objects: Vec<Object>,
    /// What could not be read on the way.
    pub(crate) problems: Vec<Problem>,
    /// Parts that are not evaluated.
    pub(crate) refused: Vec<Refusal>,
    /// What Git leaves open about the objects.
    pub(crate) caveats: Vec<Gap>,
    /// Variables whose defaults were taken although what Git does not show may set them, where they
    /// stand first.
    pub(crate) assumed: BTreeMap<String, Mark>,
    /// Variables that nothing sets, where they stand first.
    pub(crate) unset: BTreeMap<String, Mark>,
}

impl std::convert::From<Build> for Rendered {
    fn from(build: Build) -> Self {
        Self { objects: build.objects, problems: build.problems, ..Self::default() }
    }
}

/// Builds folders and puts variables into their objects.
pub(crate) struct Renderer<'a> {
    pub(crate) files: &'a Files<'a>,
}

impl Renderer<'_> {
    /// The objects of a claim; `ignored` are the ignore rules of its source, `find` hands out
    /// objects of the cluster that values of charts are taken from.
    pub(crate) fn render(
        &self,
        claim: &Claim,
        variables: &Variables,
        ignored: Option<&str>,
        find: &dyn Fn(&From) -> Option<Object>,
    ) -> Rendered {
        let mut rendered = match &claim.content {
            Content::Kustomization { folder, changes, .. } => {
                let is_flux =
                    claim.reconciler.as_ref().is_some_and(|r| r.kind == ReconcilerKind::Flux);
                self.kustomization(claim, folder, changes, is_flux, ignored)
            }
            Content::Plain { folder, filter } => self.plain(folder, filter),
            Content::Chart(chart) => charts::render(chart, self.files, find),
        };
        for object in &mut rendered.objects {
            opaque::without_marks_of_encryption(object);
        }
        if !variables.is_empty() {
            substitute(variables, &mut rendered);
        }
        if let Some(metadata) = &claim.metadata {
            rendered.objects.iter_mut().for_each(|object| add_metadata(object, metadata));
        }
        rendered
    }

    fn kustomization(
        &self,
        claim: &Claim,
        folder: &str,
        changes: &[Change],
        is_flux: bool,
        ignored: Option<&str>,
    ) -> Rendered {
        let Content::Kustomization { named_at, charts, .. } = &claim.content else {
            return Rendered::default();
        };
        let file = self.files.kustomization(folder);
        if changes.is_empty() && (file.is_some() || !is_flux) {
            let build = self.files.build(folder);
            if build.charts.is_empty() {
                return Build::clone(&build).into();
            }
            let means = charts.restrict(self.files.means());
            let build = match means.withheld {
                None => Build::clone(&build),
                Some(_) => {
                    kustomize::build_by(self.files.tree(), folder, means, self.files.cache())
                }
            };
            return rendered(build, charts, folder);
        }
        let root = match file {
            Some(file) => self.files.document(file).map(|root| Node::clone(&root)),
            None if is_flux => Some(self.made_up(folder, named_at, ignored)),
            None => None,
        };
        // A file that is not there or cannot be read is reported by the build itself.
        let Some(mut root) = root else {
            return Build::clone(&self.files.build(folder)).into();
        };
        amend(&mut root, changes);
        let (tree, cache) = (self.files.tree(), self.files.cache());
        let means = charts.restrict(self.files.means());
        let root = Arc::new(root);
        let build = kustomize::build_from(tree, folder, root, Vec::new(), means, cache);
        rendered(build, charts, folder)
    }

    /// The kustomization that Flux writes where there is none: every manifest of the folder and
    /// below, and folders with a kustomization of their own.
    fn made_up(&self, folder: &str, at: &stilltrace_manifest::Mark, ignored: Option<&str>) -> Node {
        let text = self.files.tree().read(".sourceignore").ok().flatten();
        let text = text.map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
        let ignore = Ignore::new(ignored, text.as_deref());
        let mut resources = Vec::new();
        let mut add = |path: &str| {
            let below = path.strip_prefix(folder).unwrap_or(path).trim_start_matches('/');
            let node = Node::string(below, at.clone()).derived(Derivation::Generated);
            resources.push(node);
        };
        let mut skip: Option<&str> = None;
        for path in self.files.below(folder) {
            if skip.is_some_and(|outer| is_within(path, outer)) {
                continue;
            }
            if let Some(outer) = self.files.outermost_kustomization(folder, parent(path)) {
                add(outer);
                skip = Some(outer);
                continue;
            }
            let extension = path.rsplit_once('.').map_or("", |(_, extension)| extension);
            let is_yaml = matches!(extension, "yaml" | "yml") && self.files.is_manifest(path);
            if is_yaml && !ignore.leaves_out(path) && self.holds_objects(path) {
                add(path);
            }
        }
        let list = Node::new(Value::Sequence(resources), at.clone());
        mapping(at, [("resources", Some(list))])
    }

    /// Flux applies nothing at all when a file holds something else than objects; here such a file
    /// is left out alone.
    fn holds_objects(&self, path: &str) -> bool {
        let parsed = self.files.parsed(path).ok().flatten();
        parsed.is_none_or(|parsed| {
            let has_kind = |root: &Node| root.get("kind").is_some();
            !parsed.problems.is_empty() || parsed.documents.iter().any(|d| has_kind(&d.root))
        })
    }

    fn plain(&self, folder: &str, filter: &Filter) -> Rendered {
        const SKIP: &str = "+argocd:skip-file-rendering";
        let mut build = Build::default();
        for path in self.files.below(folder) {
            let below = path.strip_prefix(folder).unwrap_or(path).trim_start_matches('/');
            let matches = |pattern: &String| glob::matches(pattern, below, Stars::Everything);
            if (!filter.recurse && below.contains('/'))
                || filter.exclude.as_ref().is_some_and(matches)
                || !filter.include.as_ref().is_none_or(matches)
            {
                continue;
            }
            if path.ends_with(".jsonnet") {
                let text = format!("`{}` is Jsonnet, which is not evaluated", name_of(path));
                build.problems.push(Problem::of_file(path, ProblemKind::Unsupported, text));
                continue;
            }
            let parsed = self.files.parsed(path).ok().flatten();
            if self.files.is_manifest(path)
                && !parsed.is_some_and(|parsed| parsed.source.contains(SKIP))
            {
                self.files.read_objects(path, &mut build);
            }
        }
        build.into()
    }
}

/// What a kustomization amounts to, with what Git leaves open about its charts. Flux stops at the
/// first of them and applies nothing.
fn rendered(build: Build, charts: &ChartRule, folder: &str) -> Rendered {
    let refused = charts.stops(&build.charts, folder);
    let caveats = charts.caveat(&build.charts, folder).into_iter().collect();
    let mut rendered = Rendered { caveats, ..build.into() };
    if let Some(refusal) = refused {
        rendered.objects.clear();
        rendered.refused.push(refusal);
    }
    rendered
}

fn substitute(variables: &Variables, rendered: &mut Rendered) {
    for object in &mut rendered.objects {
        let outcome = variables.substitute(object);
        if !outcome.hidden.is_empty() {
            let names: Vec<String> = outcome.hidden.into_iter().collect();
            let text = format!(
                "{} keeps variables whose values Git does not show: {}",
                object.key(),
                names.join(", ")
            );
            let problem = Problem::at(object.mark(), ProblemKind::Unsupported, text);
            rendered.problems.push(problem);
        }
        for (name, mark) in outcome.assumed {
            rendered.assumed.entry(name).or_insert(mark);
        }
        for (name, mark) in outcome.unset {
            rendered.unset.entry(name).or_insert(mark);
        }
        for (mark, mistake) in outcome.mistakes {
            let text = format!("{mistake}; Flux applies nothing until this is corrected");
            rendered.problems.push(Problem::at(&mark, ProblemKind::Invalid, text));
        }
    }
}

/// Adds Flux's `commonMetadata` to an object.
fn add_metadata(object: &mut Object, common: &Node) {
    for field in ["labels", "annotations"] {
        let Some(pairs) = common.get(field).filter(|pairs| !pairs.entries().is_empty()) else {
            continue;
        };
        let Some(metadata) = object.root_mut().get_mut("metadata") else { continue };
        if metadata.get(field).is_none_or(Node::is_null) {
            metadata.remove(field);
            metadata.set(
                field,
                &pairs.mark,
                Node::new(Value::Mapping(Vec::new()), pairs.mark.clone()),
            );
        }
        let Some(target) = metadata.get_mut(field) else { continue };
        for entry in pairs.entries() {
            target.set(&entry.key, &entry.key_mark, entry.value.clone());
        }
    }
}
