//! The layers of values of a release, weakest first, and every value in them.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::call::{HelmCall, HelmSetting, SettingKind};
use super::chart::Chart;
use super::dependencies;
use super::flow;
use super::keys::{self, KeyPlace};
use super::request::{HelmRequest, Parameter, ValuesLayer};
use crate::problem::{Problem, ProblemKind};
use crate::tree::Tree;
use crate::yaml::{Mark, Node, ParseCache, Resolved, Step, Style, Value, parse, parse_literal};

/// What a layer is to Helm.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Slot {
    /// A `values.yaml` of the chart.
    Chart(String),
    /// A values file, by its number.
    Values(usize),
    /// A single setting, by its number.
    Setting(usize),
}

/// One layer.
#[derive(Debug, Clone)]
struct Layer {
    slot: Slot,
    /// Where its keys lie among the values of the whole chart: under the names of a dependency.
    prefixes: Vec<Vec<Step>>,
    root: Option<Arc<Node>>,
    /// First of the layer's values, and of its keys.
    first: usize,
    first_key: usize,
}

/// One value of one layer.
#[derive(Debug, Clone)]
pub(super) struct Candidate {
    /// Its text; empty for null.
    pub(super) text: String,
    /// Whether Helm takes it for a text, a number, a boolean or nothing.
    pub(super) kind: Kind,
    /// How it is written.
    pub(super) style: Style,
    /// Where it is written; `None` for a parameter of unknown place.
    pub(super) mark: Option<Mark>,
    /// The key it belongs to, and where that is written.
    pub(super) key: Option<(String, Mark)>,
    /// Its path in the layer.
    pub(super) path: Vec<Step>,
    layer: usize,
}

/// What Helm takes a value for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Text.
    Text,
    /// A number.
    Number,
    /// True or false.
    Boolean,
    /// Null.
    Null,
}

/// All layers and values of a release.
#[derive(Debug, Clone, Default)]
pub(super) struct Layers {
    stack: Vec<Layer>,
    /// Values of all layers; their numbers name them.
    pub(super) candidates: Vec<Candidate>,
    /// Keys of all layers.
    pub(super) keys: Vec<KeyPlace>,
    /// The texts handed to Helm when nothing is changed.
    pub(super) values: Vec<Arc<str>>,
    /// The settings handed to Helm when nothing is changed.
    pub(super) settings: Vec<HelmSetting>,
    /// Layers that could not be read.
    pub(super) problems: Vec<Problem>,
}

impl Layers {
    /// Reads the layers of `request`, those of the chart and of its dependencies first.
    pub(super) fn read(
        chart: &Chart,
        tree: &dyn Tree,
        request: &HelmRequest,
        cache: &ParseCache,
    ) -> Self {
        let mut layers = Self::default();
        for (folder, prefixes) in prefixes(chart, cache) {
            let file = format!("{folder}values.yaml");
            let root = chart.yaml(&file, cache);
            layers.add(Slot::Chart(file), prefixes, root);
        }
        for layer in &request.values {
            layers.add_values(layer, tree, cache);
        }
        for parameter in &request.parameters {
            layers.add_parameter(parameter);
        }
        layers
    }

    fn add(&mut self, slot: Slot, prefixes: Vec<Vec<Step>>, root: Option<Arc<Node>>) {
        let (layer, first, first_key) = (self.stack.len(), self.candidates.len(), self.keys.len());
        if let Some(root) = &root {
            collect(root, None, &mut Vec::new(), layer, &mut self.candidates);
            keys::collect(root, &prefixes, &mut Vec::new(), &mut self.keys);
        }
        self.stack.push(Layer { slot, prefixes, root, first, first_key });
    }

    fn add_values(&mut self, layer: &ValuesLayer, tree: &dyn Tree, cache: &ParseCache) {
        let slot = Slot::Values(self.values.len());
        let (text, root) = match layer {
            ValuesLayer::File(path) => {
                let bytes = match tree.read(path) {
                    Ok(Some(bytes)) => bytes,
                    Ok(None) => return self.missing(path, "no such values file".to_owned()),
                    Err(error) => return self.missing(path, error.to_string()),
                };
                let parsed = cache.parse(path, tree.content_id(path), &bytes);
                let root = parsed.documents.first().map(|document| Arc::clone(&document.root));
                (String::from_utf8_lossy(&bytes).into_owned(), root)
            }
            ValuesLayer::Inline(root) => (flow::write(root), Some(Arc::clone(root))),
            ValuesLayer::Text(scalar) => {
                (scalar.text().unwrap_or("").to_owned(), inner(scalar, tree, cache))
            }
        };
        self.values.push(Arc::from(text));
        self.add(slot, vec![Vec::new()], root);
    }

    fn missing(&mut self, path: &str, text: String) {
        self.problems.push(Problem::of_file(path, ProblemKind::Missing, text));
    }

    fn add_parameter(&mut self, parameter: &Parameter) {
        let Parameter { name, value, kind, mark } = parameter;
        let layer = self.stack.len();
        self.add(Slot::Setting(self.settings.len()), vec![Vec::new()], None);
        let (name, value, kind) = (name.clone(), value.clone(), *kind);
        self.settings.push(HelmSetting { name: name.clone(), value: value.clone(), kind });
        // Lists, maps and escapes have a notation of their own; those stay as they are.
        let is_simple = !value.contains(['{', '}', '[', ']', ',', '\\', '"']);
        if kind == SettingKind::Json || (kind != SettingKind::File && !is_simple) {
            return;
        }
        let kind = if kind == SettingKind::Plain { kind_of_set(&value) } else { Kind::Text };
        let path = crate::yaml::steps(&name).unwrap_or_default();
        let (mark, style) = (mark.clone(), Style::Plain);
        self.candidates.push(Candidate { text: value, kind, style, mark, key: None, path, layer });
    }

    /// The call with some values and keys replaced: `values` gives new texts, YAML for a value of a
    /// file, Helm's notation for a setting; `keys` new keys.
    pub(super) fn changed(
        &self,
        base: &HelmCall,
        values: &BTreeMap<usize, String>,
        keys: &BTreeMap<usize, String>,
    ) -> HelmCall {
        let mut call = base.clone();
        for (index, layer) in self.stack.iter().enumerate() {
            let next = self.stack.get(index + 1);
            let end = next.map_or(self.candidates.len(), |next| next.first);
            let end_key = next.map_or(self.keys.len(), |next| next.first_key);
            let has_values = values.range(layer.first..end).next().is_some();
            let has_keys = keys.range(layer.first_key..end_key).next().is_some();
            if has_values || has_keys {
                layer.change(&mut call, values, keys);
            }
        }
        call
    }

    /// Whether the value is a single setting, written in Helm's notation.
    pub(super) fn is_setting(&self, candidate: &Candidate) -> bool {
        self.stack.get(candidate.layer).is_some_and(|layer| matches!(layer.slot, Slot::Setting(_)))
    }

    /// The places of weaker layers that set the same value, weakest first.
    pub(super) fn overridden_by(&self, candidate: &Candidate) -> Vec<Mark> {
        let Some(layer) = self.stack.get(candidate.layer) else { return Vec::new() };
        let Some(prefix) = layer.prefixes.first() else { return Vec::new() };
        let whole: Vec<Step> = prefix.iter().chain(&candidate.path).cloned().collect();
        let weaker = self.stack.iter().take(candidate.layer);
        let mut marks: Vec<Mark> = weaker.filter_map(|weaker| weaker.place_of(&whole)).collect();
        let settings = self.candidates.iter().filter(|other| {
            other.layer < candidate.layer && self.is_setting(other) && other.path == whole
        });
        marks.extend(settings.filter_map(|other| other.mark.clone()));
        marks
    }
}

impl Layer {
    /// Writes the layer's values with changes into `call`.
    fn change(
        &self,
        call: &mut HelmCall,
        values: &BTreeMap<usize, String>,
        keys: &BTreeMap<usize, String>,
    ) {
        if let Slot::Setting(number) = self.slot {
            let new = values.get(&self.first).cloned().unwrap_or_default();
            if let Some(setting) = call.settings.get_mut(number) {
                setting.value = new;
            }
        }
        let Some(root) = &self.root else { return };
        let (mut id, mut key_id) = (self.first, self.first_key);
        let text = flow::write_changed(
            root,
            &mut |_| {
                id += 1;
                values.get(&(id - 1)).cloned()
            },
            &mut |_| {
                key_id += 1;
                keys.get(&(key_id - 1)).cloned()
            },
        );
        match &self.slot {
            Slot::Chart(file) => {
                let files = Arc::make_mut(&mut call.files);
                files.insert(file.clone(), Arc::from(text.into_bytes()));
            }
            Slot::Values(number) => {
                if let Some(values) = call.values.get_mut(*number) {
                    *values = Arc::from(text);
                }
            }
            Slot::Setting(_) => {}
        }
    }

    /// Where the layer sets the value at a path of the whole chart.
    fn place_of(&self, path: &[Step]) -> Option<Mark> {
        let rest = self.prefixes.iter().find_map(|prefix| path.strip_prefix(prefix.as_slice()))?;
        let node = rest.iter().try_fold(self.root.as_deref()?, |node, step| match step {
            Step::Key(key) => node.get(key),
            Step::Index(index) => node.items().get(*index),
        })?;
        matches!(node.value, Value::Scalar(_) | Value::Null).then(|| node.mark.clone())
    }
}

/// What `--set` takes a text for.
fn kind_of_set(value: &str) -> Kind {
    match value {
        "true" | "false" => Kind::Boolean,
        "null" => Kind::Null,
        _ if value.parse::<i64>().is_ok() => Kind::Number,
        _ => Kind::Text,
    }
}

/// Adds the scalars and nulls below `node`. Depth is bounded by the parser's budget.
fn collect(
    node: &Node,
    key: Option<(&str, &Mark)>,
    path: &mut Vec<Step>,
    layer: usize,
    found: &mut Vec<Candidate>,
) {
    match &node.value {
        Value::Mapping(entries) => {
            for entry in entries {
                path.push(Step::Key(entry.key.to_string()));
                collect(&entry.value, Some((&entry.key, &entry.key_mark)), path, layer, found);
                path.pop();
            }
        }
        Value::Sequence(items) => {
            for (index, item) in items.iter().enumerate() {
                path.push(Step::Index(index));
                collect(item, None, path, layer, found);
                path.pop();
            }
        }
        Value::Null | Value::Scalar(_) => {
            let style = match &node.value {
                Value::Scalar(scalar) => scalar.style,
                _ => Style::Plain,
            };
            found.push(Candidate {
                text: node.text().unwrap_or("").to_owned(),
                kind: kind(node),
                style,
                mark: Some(node.mark.clone()),
                key: key.map(|(key, mark)| (key.to_owned(), mark.clone())),
                path: path.clone(),
                layer,
            });
        }
    }
}

fn kind(node: &Node) -> Kind {
    match node.resolved() {
        Some(Resolved::Text) => Kind::Text,
        Some(Resolved::Bool(_)) => Kind::Boolean,
        Some(Resolved::Int(_) | Resolved::Float(_)) => Kind::Number,
        Some(Resolved::Null) | None => Kind::Null,
    }
}

/// The values inside a text that another file holds.
fn inner(scalar: &Node, tree: &dyn Tree, cache: &ParseCache) -> Option<Arc<Node>> {
    let parsed = parse(&scalar.mark.path, scalar.text()?.as_bytes(), cache.budget());
    let root = &parsed.documents.first()?.root;
    let is_block = matches!(&scalar.value, Value::Scalar(text) if text.style == Style::Literal);
    if is_block
        && let Ok(Some(source)) = tree.read(&scalar.mark.path)
        && let Ok(source) = std::str::from_utf8(&source)
    {
        let in_place = parse_literal(source, &scalar.mark, cache.budget());
        let in_place = in_place.documents.first().filter(|found| found.root.same_value(root));
        if let Some(document) = in_place {
            return Some(Arc::clone(&document.root));
        }
    }
    let mut root = Node::clone(root);
    move_to(&mut root, &scalar.mark);
    Some(Arc::new(root))
}

/// Gives all of a tree one place.
fn move_to(node: &mut Node, mark: &Mark) {
    node.mark = mark.clone();
    match &mut node.value {
        Value::Mapping(entries) => {
            for entry in entries {
                entry.key_mark = mark.clone();
                move_to(&mut entry.value, mark);
            }
        }
        Value::Sequence(items) => items.iter_mut().for_each(|item| move_to(item, mark)),
        Value::Null | Value::Scalar(_) => {}
    }
}

/// The folders of a chart and its dependencies with the paths of their values, deepest first:
/// a chart's values override those of its dependencies.
fn prefixes(chart: &Chart, cache: &ParseCache) -> Vec<(String, Vec<Vec<Step>>)> {
    let mut folders: Vec<String> = chart.folders().map(str::to_owned).collect();
    folders.sort_by_key(|folder| folder.matches('/').count());
    let mut known: BTreeMap<String, Vec<Vec<Step>>> = BTreeMap::new();
    for folder in &folders {
        let Some((parent, name)) = parent_and_name(chart, folder, cache) else {
            known.insert(folder.clone(), vec![Vec::new()]);
            continue;
        };
        let listed = dependencies::list(chart, &parent, cache).map_or(Vec::new(), |list| list.2);
        let used = listed.into_iter().filter(|dependency| dependency.name == name);
        let mut names: Vec<String> = used.map(|used| used.alias.unwrap_or(used.name)).collect();
        if names.is_empty() {
            names.push(name);
        }
        let above = known.get(&parent).cloned().unwrap_or_default();
        let below = above.iter().flat_map(|prefix| {
            names.iter().map(|name| [prefix.as_slice(), &[Step::Key(name.clone())]].concat())
        });
        let below = below.collect();
        known.insert(folder.clone(), below);
    }
    folders.reverse();
    folders.into_iter().filter_map(|folder| known.remove_entry(&folder)).collect()
}

/// The folder of the chart that `folder` is a dependency of, and the dependency's name.
fn parent_and_name(chart: &Chart, folder: &str, cache: &ParseCache) -> Option<(String, String)> {
    let (parent, directory) = folder.trim_end_matches('/').rsplit_once('/')?;
    let parent = parent.strip_suffix("charts").unwrap_or(parent).to_owned();
    let root = chart.yaml(&format!("{folder}Chart.yaml"), cache);
    let name = root.as_ref().and_then(|root| root.get("name")).and_then(Node::text);
    Some((parent, name.unwrap_or(directory).to_owned()))
}
