//! One release from the tree to objects with places.

use std::ops::Range;
use std::sync::Arc;

use super::align::{Document, marks, pairs};
use super::answer::{self, Printed};
use super::call::{HelmCall, HelmFlag, HelmRefusal, HelmRenderer};
use super::chart::Chart;
use super::keys::Keys;
use super::layers::Layers;
use super::markers::Alphabet;
use super::place::{Known, placed};
use super::release::Facts;
use super::request::{HelmBuild, HelmObject, HelmRequest, Located, SecretValues};
use super::search::{Search, Setter};
use super::template::Depth;
use super::words;
use super::written::{Position, Traced, Written, is_template};
use crate::object::Object;
use crate::plain::drop_secret_values;
use crate::problem::{Problem, ProblemKind};
use crate::tree::Tree;
use crate::yaml::{Mark, Node, ParseCache, parse};

/// A file that no chart has and that is not YAML: with it, Helm prints what templates wrote.
const NOT_YAML: (&str, &str) = ("templates/stilltrace-prints-raw.yaml", "[");

pub(super) fn build(
    helm: &dyn HelmRenderer,
    tree: &dyn Tree,
    request: &HelmRequest,
    cache: &ParseCache,
) -> HelmBuild {
    let chart = match Chart::read(tree, &request.chart, request.missing, cache) {
        Ok(chart) => chart,
        Err(problem) => return HelmBuild { problems: vec![*problem], ..HelmBuild::default() },
    };
    let layers = Layers::read(&chart, tree, request, cache);
    let mut build = HelmBuild { problems: chart.problems.clone(), ..HelmBuild::default() };
    build.problems.extend(layers.problems.iter().cloned());
    if !layers.problems.is_empty() {
        // Helm refuses a release whose values it cannot read.
        return build;
    }
    let release = Release { helm, tree, request, cache, chart: &chart, layers: &layers };
    release.render(&mut build);
    build
}

/// A release that is ready to be rendered.
struct Release<'a> {
    helm: &'a dyn HelmRenderer,
    tree: &'a dyn Tree,
    request: &'a HelmRequest,
    cache: &'a ParseCache,
    chart: &'a Chart,
    layers: &'a Layers,
}

/// What a search found.
#[derive(Default)]
struct Found {
    /// For each leaf of each document.
    setters: Vec<Vec<Option<Setter>>>,
    facts: Facts,
    keys: Keys,
}

/// A rendering of the chart with marked templates.
struct Trace {
    written: Written,
    answer: String,
}

impl Release<'_> {
    fn render(&self, build: &mut HelmBuild) {
        let call = self.call();
        let alphabet = Self::alphabet(&call);
        let marked = alphabet.map(|alphabet| self.marked(&call, alphabet, Depth::Named));
        let marked = marked.filter(|_| self.request.effort.renders > 1);
        let (answer, trace) = if let Some((written, marked)) = marked {
            build.renders += 2;
            let mut answers = self.helm.render_all(&[call.clone(), marked]).into_iter();
            let answer = answers.next().unwrap_or_else(no_answer);
            let marked = answers.next().and_then(Result::ok);
            (answer, marked.map(|answer| Trace { written, answer }))
        } else {
            build.renders += 1;
            (self.helm.render(&call), None)
        };
        match answer {
            Ok(answer) => build.text = answer,
            Err(refusal) => {
                let kind = match refusal {
                    HelmRefusal::Absent { .. } => ProblemKind::Unsupported,
                    HelmRefusal::TooSlow { .. } | HelmRefusal::TooMuch { .. } => {
                        ProblemKind::Budget
                    }
                    _ => ProblemKind::Invalid,
                };
                let text = refusal.to_string();
                build.problems.push(Problem::of_file(&self.request.chart, kind, text));
                return;
            }
        }
        let documents = self.documents(build);
        self.locate(build, &call, alphabet.zip(trace), &documents);
    }

    /// The call that Helm's own command line would make.
    fn call(&self) -> HelmCall {
        let mut chart = self.chart.clone();
        let mut flags = self.request.flags.clone();
        flags.remove(&HelmFlag::Raw);
        // Not passed on: Helm before 3.16 does not know the flag.
        if flags.remove(&HelmFlag::SkipSchema) {
            chart.leave_out_schemas();
        }
        HelmCall {
            files: Arc::new(chart.files),
            release: self.request.release.text.clone(),
            namespace: self.request.namespace.as_ref().map(|namespace| namespace.text.clone()),
            values: self.layers.values.clone(),
            settings: self.layers.settings.clone(),
            kube_version: self.request.kube_version.clone(),
            api_versions: self.request.api_versions.clone(),
            flags,
        }
    }

    /// Letters that neither the chart nor its values use.
    fn alphabet(call: &HelmCall) -> Option<Alphabet> {
        let files = call.files.values().map(|content| &**content);
        let values = call.values.iter().map(|text| text.as_bytes());
        let settings = call.settings.iter().map(|setting| setting.value.as_bytes());
        Alphabet::unused_in(files.chain(values).chain(settings))
    }

    /// The call that prints what the templates wrote; changed values are tried with it.
    fn raw(&self, call: &HelmCall) -> HelmCall {
        let mut chart = self.chart.clone();
        chart.leave_out_schemas();
        chart.files.retain(|file, _| !file.starts_with("crds/") && !file.contains("/crds/"));
        let (name, text) = NOT_YAML;
        chart.files.insert(name.to_owned(), Arc::from(text.as_bytes()));
        let mut flags = call.flags.clone();
        flags.remove(&HelmFlag::IncludeCrds);
        flags.insert(HelmFlag::Raw);
        HelmCall { files: Arc::new(chart.files), flags, ..call.clone() }
    }

    /// The raw call with marked templates.
    fn marked(&self, call: &HelmCall, alphabet: Alphabet, depth: Depth) -> (Written, HelmCall) {
        let mut raw = self.raw(call);
        let files = Arc::make_mut(&mut raw.files);
        let written = Written::mark(self.chart, alphabet, depth, files);
        (written, raw)
    }

    /// The documents that Helm printed; what is no YAML is a problem.
    fn documents(&self, build: &mut HelmBuild) -> Vec<Document> {
        let budget = self.cache.budget();
        let mut documents = Vec::new();
        for printed in answer::documents(&build.text, None) {
            if let Some(document) = Document::read(printed.source, &printed.text, budget) {
                documents.push(document);
            } else {
                let parsed = parse(printed.source, printed.text.as_bytes(), budget);
                build.problems.extend(parsed.problems);
            }
        }
        documents
    }

    /// Adds the objects of the answer with their places.
    fn locate(
        &self,
        build: &mut HelmBuild,
        call: &HelmCall,
        trace: Option<(Alphabet, Trace)>,
        documents: &[Document],
    ) {
        let Some((alphabet, trace)) = trace else {
            for document in documents {
                self.add(build, document, &Traces::default(), &[], &Found::default());
            }
            return;
        };
        let deep = answer::documents(&trace.answer, Some(alphabet));
        let deep_pairs = pairs(documents, &deep, alphabet, self.cache.budget());
        let is_same = |(document, pair): (&Document, &Option<usize>)| {
            pair.and_then(|pair| deep.get(pair)).is_some_and(|other| other.text == document.text)
        };
        // Marks in named templates may have changed the answer; marks outside cannot.
        let all_same = documents.iter().zip(&deep_pairs).all(is_same);
        let direct = if all_same || build.renders >= self.request.effort.renders {
            None
        } else {
            build.renders += 1;
            let (written, marked) = self.marked(call, alphabet, Depth::Direct);
            self.helm.render(&marked).ok().map(|answer| Trace { written, answer })
        };
        let flat = direct.as_ref().map(|direct| answer::documents(&direct.answer, Some(alphabet)));
        let flat = flat.unwrap_or_default();
        let flat_pairs = pairs(documents, &flat, alphabet, self.cache.budget());
        let traced: Vec<Traces<'_>> = documents
            .iter()
            .zip(deep_pairs.iter().zip(&flat_pairs))
            .map(|(document, (deep_pair, flat_pair))| {
                let deep = deep_pair.and_then(|pair| deep.get(pair));
                let flat = flat_pair.and_then(|pair| flat.get(pair));
                let direct = direct.as_ref().map(|direct| (&direct.written, flat));
                Traces::new(document, (&trace.written, deep), direct)
            })
            .collect();
        let found = self.search(build, call, alphabet, documents, &traced);
        for ((document, traced), setters) in documents.iter().zip(&traced).zip(&found.setters) {
            self.add(build, document, traced, setters, &found);
        }
    }

    /// Finds the values that set what the templates did not write themselves.
    fn search(
        &self,
        build: &mut HelmBuild,
        call: &HelmCall,
        alphabet: Alphabet,
        documents: &[Document],
        traced: &[Traces<'_>],
    ) -> Found {
        let open = documents.iter().zip(traced).map(|(document, traced)| {
            let leaves = document.leaves.iter().map(|leaf| {
                let written = traced.locate(&leaf.bytes);
                let is_literal = written.is_some_and(|found| found.located == Located::Literal);
                leaf.text.is_some() && !is_literal
            });
            leaves.collect()
        });
        let mut open: Vec<Vec<bool>> = open.collect();
        let mut found: Vec<Vec<Option<Setter>>> =
            open.iter().map(|leaves| vec![None; leaves.len()]).collect();
        let raw = self.raw(call);
        if !traced.iter().all(Traces::is_exact) && build.renders < self.request.effort.renders {
            self.take_out_chance(build, &raw, alphabet, documents, &mut open, &mut found);
        }
        if !open.iter().flatten().any(|open| *open) {
            return Found { setters: found, ..Found::default() };
        }
        let templates = self.chart.files.keys().filter(|name| is_template(name));
        let names = words::names(templates.filter_map(|name| self.chart.text(name)));
        let keys = Keys::of(self.layers, self.chart, self.cache);
        let mut other = raw.clone();
        let facts = Facts::change(&mut other, self.chart, self.request, self.cache);
        let runs_left = self.request.effort.renders.saturating_sub(build.renders);
        let mut search = Search {
            helm: self.helm,
            call: raw,
            layers: self.layers,
            keys: &keys,
            facts: (&facts, other),
            names: &names,
            alphabet,
            documents,
            budget: *self.cache.budget(),
            runs_left,
            open,
            found,
        };
        search.run();
        build.renders += runs_left - search.runs_left;
        Found { setters: search.found, facts, keys }
    }

    /// Renders again without a change: leaves that differ are settled by chance.
    fn take_out_chance(
        &self,
        build: &mut HelmBuild,
        raw: &HelmCall,
        alphabet: Alphabet,
        documents: &[Document],
        open: &mut [Vec<bool>],
        found: &mut [Vec<Option<Setter>>],
    ) {
        build.renders += 1;
        let Ok(again) = self.helm.render(raw) else { return };
        let printed = answer::documents(&again, None);
        let budget = self.cache.budget();
        let pairs = pairs(documents, &printed, alphabet, budget);
        let leaves = documents.iter().zip(pairs).zip(open.iter_mut().zip(found));
        for ((document, pair), (open, found)) in leaves {
            let Some(other) = pair.and_then(|pair| printed.get(pair)) else { continue };
            let marks = marks(document, other, alphabet, budget);
            for ((open, found), marks) in open.iter_mut().zip(found).zip(marks) {
                if marks.is_none() {
                    (*open, *found) = (false, Some(Setter::Chance));
                }
            }
        }
    }

    /// Adds the object of a document, if it holds one.
    fn add(
        &self,
        build: &mut HelmBuild,
        document: &Document,
        traced: &Traces<'_>,
        setters: &[Option<Setter>],
        found: &Found,
    ) {
        let definition = if traced.is_empty() { self.definition(document) } else { None };
        let (root, located) = definition.unwrap_or_else(|| {
            placed(&Known {
                tree: self.tree,
                document,
                layers: self.layers,
                facts: &found.facts,
                keys: &found.keys.keys,
                traced,
                setters,
                fallback: Mark::new(self.file_of(&document.source), 1, 1, 0..0),
            })
        });
        let Some(mut object) = Object::from_node(root) else { return };
        let changing = object.root.leaves().into_iter().zip(&located);
        for ((path, node), _) in changing.filter(|(_, located)| **located == Located::Changing) {
            let text = format!(
                "`{path}` of {} is another one in every rendering (a random text or the clock), so \
                 Git does not tell it; set it by a value or keep it in a Secret made elsewhere",
                object.key()
            );
            build.problems.push(Problem::at(&node.mark, ProblemKind::Unsupported, text));
        }
        if self.request.secrets == SecretValues::Dropped {
            drop_secret_values(&mut object);
        }
        let template = Arc::from(document.source.as_str());
        build.objects.push(HelmObject { object, template, located });
    }

    /// The document of a file in `crds/`, which Helm prints as it is.
    fn definition(&self, document: &Document) -> Option<(Arc<Node>, Vec<Located>)> {
        let is_definition = |name: &&String| name.starts_with("crds/") || name.contains("/crds/");
        let files = self.chart.files.iter().filter(|(name, _)| is_definition(name));
        let roots = files.flat_map(|(name, content)| {
            self.cache.parse(&self.chart.path_of(name), None, content).documents.clone()
        });
        let root = roots.map(|found| found.root).find(|root| root.same_value(&document.root))?;
        let located = vec![Located::Literal; root.leaves().len()];
        Some((root, located))
    }

    /// The path in the tree of a file as Helm names it: by the names of charts instead of folders.
    fn file_of(&self, source: &str) -> Arc<str> {
        let below = source.split_once('/').map_or(source, |(_, below)| below);
        let ends = |name: &&String| {
            let tail = below.rsplit_once("/charts/").map_or(below, |(_, tail)| tail);
            let tail = tail.split_once('/').map_or(tail, |(_, tail)| tail);
            name.ends_with(tail)
        };
        let file = self.chart.files.get_key_value(below).map(|(name, _)| name);
        let file = file.or_else(|| self.chart.files.keys().find(ends));
        file.map_or_else(|| self.chart.path_of("Chart.yaml"), |file| self.chart.path_of(file))
    }
}

/// Two traces of a document: the deep one tells more, the direct one is never disturbed.
#[derive(Default)]
pub(super) struct Traces<'t> {
    deep: Option<Traced<'t>>,
    direct: Option<Traced<'t>>,
}

impl<'t> Traces<'t> {
    fn new(
        document: &Document,
        deep: (&'t Written, Option<&'t Printed<'t>>),
        direct: Option<(&'t Written, Option<&'t Printed<'t>>)>,
    ) -> Self {
        let traced = |(written, printed): (&'t Written, Option<&'t Printed<'t>>)| {
            printed.map(|printed| Traced::new(written, &document.text, printed))
        };
        Self { deep: traced(deep), direct: direct.and_then(traced) }
    }

    /// Where `bytes` of the document were written: as the deep trace says where its lines are
    /// those of the document, else as the direct one says.
    pub(super) fn locate(&self, bytes: &Range<usize>) -> Option<Position> {
        let deep = self.deep.as_ref();
        let same = deep.and_then(|deep| deep.locate_same(bytes));
        let direct = || self.direct.as_ref().and_then(|direct| direct.locate(bytes));
        same.or_else(direct).or_else(|| deep.and_then(|deep| deep.locate(bytes)))
    }

    /// Whether the marks of one of them changed nothing.
    fn is_exact(&self) -> bool {
        [&self.deep, &self.direct].into_iter().flatten().any(Traced::is_exact)
    }

    fn is_empty(&self) -> bool {
        self.deep.is_none() && self.direct.is_none()
    }
}

fn no_answer() -> Result<String, HelmRefusal> {
    Err(HelmRefusal::Unprepared { reason: "there was no answer".to_owned() })
}
