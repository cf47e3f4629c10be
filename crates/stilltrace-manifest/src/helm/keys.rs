//! Keys of values that templates print: names under `range`, and names of dependencies.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::call::HelmCall;
use super::chart::Chart;
use super::dependencies;
use super::flow;
use super::layers::Layers;
use super::stand_ins::suffix;
use crate::yaml::{Entry, Mark, Node, ParseCache, Step, Value};

/// One key of the values, wherever layers write it.
///
/// A dependency that is used under several names shares its own values: its keys are one group.
#[derive(Debug, Clone)]
pub(super) struct Key {
    /// The key.
    pub(super) text: String,
    /// Where it is written: in the strongest layer, or where the dependencies share it.
    pub(super) mark: Mark,
    /// Whether it is the name of a dependency.
    pub(super) is_dependency: bool,
    places: Vec<usize>,
}

/// All keys of a release, and the list of dependencies whose names are among them.
#[derive(Debug, Clone, Default)]
pub(super) struct Keys {
    pub(super) keys: Vec<Key>,
    dependencies: Option<(String, Arc<Node>)>,
}

impl Keys {
    /// Groups the keys of `layers`.
    pub(super) fn of(layers: &Layers, chart: &Chart, cache: &ParseCache) -> Self {
        let listed = dependencies::list(chart, "", cache);
        let mut names: BTreeMap<String, Mark> = BTreeMap::new();
        for dependency in listed.iter().flat_map(|(_, root, _)| named(root)) {
            names.insert(dependency.0, dependency.1);
        }
        let mut keys = Vec::new();
        for places in groups(layers) {
            let all: Vec<_> = places.iter().filter_map(|place| layers.keys.get(*place)).collect();
            let (Some(first), Some(last)) = (all.first(), all.last()) else { continue };
            let is_shared = all.iter().any(|place| place.paths.len() > 1);
            let mark = if is_shared { first.mark.clone() } else { last.mark.clone() };
            let is_top = last.paths.iter().any(|path| path.len() == 1);
            let dependency = if is_top { names.remove(&last.text) } else { None };
            keys.push(Key {
                text: last.text.clone(),
                is_dependency: dependency.is_some(),
                mark: dependency.unwrap_or(mark),
                places,
            });
        }
        // Dependencies without values.
        let unset = names.into_iter().map(|(text, mark)| Key {
            text,
            mark,
            is_dependency: true,
            places: Vec::new(),
        });
        keys.extend(unset);
        Self { keys, dependencies: listed.map(|(file, root, _)| (file, root)) }
    }

    /// The call with some keys renamed, dependencies and their conditions included.
    pub(super) fn renamed(&self, base: &HelmCall, layers: &Layers, ids: &[usize]) -> HelmCall {
        let chosen = || ids.iter().filter_map(|id| Some((*id, self.keys.get(*id)?)));
        let mut keys = BTreeMap::new();
        for (id, key) in chosen() {
            let new = key.text.clone() + &suffix(id);
            keys.extend(key.places.iter().map(|place| (*place, new.clone())));
        }
        let mut call = layers.changed(base, &BTreeMap::new(), &keys);
        let names = chosen().filter(|(_, key)| key.is_dependency);
        let names = names.map(|(id, key)| (key.text.as_str(), key.text.clone() + &suffix(id)));
        let names: BTreeMap<&str, String> = names.collect();
        if let Some((file, root)) = self.dependencies.as_ref().filter(|_| !names.is_empty()) {
            let text = flow::write(&with_aliases(root, &names));
            Arc::make_mut(&mut call.files).insert(file.clone(), Arc::from(text.into_bytes()));
        }
        call
    }
}

/// Names under which dependencies are used, and where they are written.
fn named(root: &Node) -> impl Iterator<Item = (String, Mark)> {
    let items = root.get("dependencies").map(Node::items).unwrap_or_default();
    items.iter().filter_map(|item| {
        let name =
            item.get("alias").filter(|alias| alias.text() != Some("")).or(item.get("name"))?;
        Some((name.text()?.to_owned(), name.mark.clone()))
    })
}

/// The list of dependencies with new names.
fn with_aliases(root: &Node, names: &BTreeMap<&str, String>) -> Node {
    let mut root = root.clone();
    let items = root.get_mut("dependencies").and_then(Node::items_mut);
    for item in items.into_iter().flatten() {
        let alias = item.get("alias").filter(|alias| alias.text() != Some(""));
        let old = alias.or(item.get("name")).and_then(Node::text).unwrap_or("").to_owned();
        let Some(new) = names.get(old.as_str()) else { continue };
        let mark = item.mark.clone();
        item.set("alias", &mark, Node::string(new.as_str(), mark.clone()));
        let Some(condition) = item.get("condition").and_then(Node::text) else { continue };
        let paths = condition.split(',').map(|path| match path.trim().split_once('.') {
            Some((first, rest)) if first == old => format!("{new}.{rest}"),
            _ => path.to_owned(),
        });
        let condition = paths.collect::<Vec<_>>().join(",");
        item.set("condition", &mark, Node::string(condition, mark.clone()));
    }
    root
}

/// Keys of layers, by their numbers, that lie at the same path; weakest layer first.
fn groups(layers: &Layers) -> Vec<Vec<usize>> {
    let mut group_of: BTreeMap<&[Step], usize> = BTreeMap::new();
    let mut groups: Vec<Vec<usize>> = Vec::new();
    for (place, key) in layers.keys.iter().enumerate() {
        let mut known: Vec<usize> =
            key.paths.iter().filter_map(|path| group_of.get(path.as_slice()).copied()).collect();
        known.sort_unstable();
        known.dedup();
        // Paths that this key joins become one group, the first of them.
        let group = known.first().copied().unwrap_or(groups.len());
        if group == groups.len() {
            groups.push(Vec::new());
        }
        for other in known.iter().skip(1) {
            let moved = groups.get_mut(*other).map(std::mem::take).unwrap_or_default();
            if let Some(group) = groups.get_mut(group) {
                group.extend(moved);
            }
            group_of.values_mut().filter(|known| *known == other).for_each(|known| *known = group);
        }
        if let Some(places) = groups.get_mut(group) {
            places.push(place);
        }
        group_of.extend(key.paths.iter().map(|path| (path.as_slice(), group)));
    }
    groups.retain(|places| !places.is_empty());
    for places in &mut groups {
        places.sort_unstable();
    }
    groups
}

/// One place that writes a key.
#[derive(Debug, Clone)]
pub(super) struct KeyPlace {
    /// The key.
    pub(super) text: String,
    /// Where.
    pub(super) mark: Mark,
    /// Its paths among the values of the whole chart.
    pub(super) paths: Vec<Vec<Step>>,
}

/// Adds the keys below `node` in the order in which they are written out.
pub(super) fn collect(
    node: &Node,
    prefixes: &[Vec<Step>],
    path: &mut Vec<Step>,
    found: &mut Vec<KeyPlace>,
) {
    match &node.value {
        Value::Mapping(entries) => {
            for Entry { key, key_mark, value } in entries {
                path.push(Step::Key(key.to_string()));
                let paths = prefixes.iter().map(|prefix| [prefix.as_slice(), path].concat());
                let (text, mark) = (key.to_string(), key_mark.clone());
                found.push(KeyPlace { text, mark, paths: paths.collect() });
                collect(value, prefixes, path, found);
                path.pop();
            }
        }
        Value::Sequence(items) => {
            for (index, item) in items.iter().enumerate() {
                path.push(Step::Index(index));
                collect(item, prefixes, path, found);
                path.pop();
            }
        }
        Value::Null | Value::Scalar(_) => {}
    }
}
