//! Dependencies of a chart: unpacked where they are vendored, fetched where they lie in the tree,
//! named where they are missing.
//!
//! Helm renders what lies below `charts/`. `helm dependency build` would put it there: packed charts
//! from repositories, folders for `file://` repositories. Folders of the same tree are put there
//! here too, one level deep as Helm does; nothing is ever downloaded.

use std::sync::Arc;

use super::archive;
use super::chart::{Chart, LARGEST, read_folder};
use super::flow;
use super::request::MissingDependencies;
use crate::problem::{Problem, ProblemKind};
use crate::tree::{Tree, join};
use crate::yaml::{Mark, Node, ParseCache};

/// A dependency as the chart names it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Dependency {
    /// Name of the chart.
    pub(super) name: String,
    /// The name under which this chart uses it.
    pub(super) alias: Option<String>,
    repository: String,
    version: String,
    mark: Mark,
}

/// The file that lists dependencies (`requirements.yaml` for charts of Helm 2), and its tree.
pub(super) fn list(
    chart: &Chart,
    folder: &str,
    cache: &ParseCache,
) -> Option<(String, Arc<Node>, Vec<Dependency>)> {
    let files = ["Chart.yaml", "requirements.yaml"].map(|file| format!("{folder}{file}"));
    files.into_iter().find_map(|file| {
        let root = chart.yaml(&file, cache)?;
        let found: Vec<Dependency> =
            root.get("dependencies")?.items().iter().filter_map(dependency).collect();
        (!found.is_empty()).then_some((file, root, found))
    })
}

fn dependency(node: &Node) -> Option<Dependency> {
    let text = |key| node.get(key).and_then(Node::text).map(str::to_owned);
    Some(Dependency {
        name: text("name")?,
        alias: text("alias").filter(|alias| !alias.is_empty()),
        repository: text("repository").unwrap_or_default(),
        version: text("version").unwrap_or_default(),
        mark: node.mark.clone(),
    })
}

/// Unpacks the archives in `charts/`, and those inside them.
pub(super) fn unpack(chart: &mut Chart) -> Result<(), Box<Problem>> {
    let mut total: usize = chart.files.values().map(|content| content.len()).sum();
    let is_packed = |file: &&String| {
        let folder = file.rsplit_once('/').map_or("", |(folder, _)| folder);
        file.strip_suffix(".tgz").is_some() && (folder == "charts" || folder.ends_with("/charts"))
    };
    // Each round removes an archive; the bound on bytes ends archives of archives.
    while let Some(file) = chart.files.keys().find(is_packed).cloned() {
        let path = chart.path_of(&file);
        let refused = |text: &str| Box::new(Problem::of_file(&path, ProblemKind::Budget, text));
        let packed = chart.files.remove(&file).unwrap_or_default();
        let limit = LARGEST.saturating_sub(total);
        let (name, files) = archive::unpack(&packed, limit).map_err(refused)?;
        total += files.values().map(|content| content.len()).sum::<usize>();
        let folder = file.rsplit_once('/').map_or("", |(folder, _)| folder);
        let inside = format!("{folder}/{name}");
        if chart.files.contains_key(&format!("{inside}/Chart.yaml")) {
            return Err(refused("the same chart lies beside it unpacked; remove one of the two"));
        }
        for (below, content) in files {
            chart.files.insert(format!("{inside}/{below}"), content);
        }
        chart.moved.insert(inside, format!("{path}/{name}"));
    }
    Ok(())
}

/// Puts dependencies from folders of the tree below `charts/`, and deals with those that are not
/// there.
pub(super) fn vendor(
    chart: &mut Chart,
    tree: &dyn Tree,
    missing: MissingDependencies,
    cache: &ParseCache,
) -> Result<(), Box<Problem>> {
    let Some((file, root, listed)) = list(chart, "", cache) else { return Ok(()) };
    let mut absent = Vec::new();
    for dependency in listed {
        if has(chart, &dependency.name, cache) {
            continue;
        }
        if !in_tree(chart, tree, &dependency, cache)? {
            absent.push(dependency);
        }
    }
    if absent.is_empty() {
        return Ok(());
    }
    let mut problems = absent.iter().map(|dependency| named(chart, dependency));
    if missing == MissingDependencies::Refuse {
        return problems.next().map_or(Ok(()), |problem| Err(Box::new(problem)));
    }
    let problems: Vec<Problem> = problems.collect();
    chart.problems.extend(problems);
    let left = without(&root, &absent);
    chart.files.insert(file.clone(), Arc::from(flow::write(&left).into_bytes()));
    chart.changed.insert(file, Arc::new(left));
    Ok(())
}

/// Whether a chart of this name lies below `charts/`; its folder may have another one.
fn has(chart: &Chart, name: &str, cache: &ParseCache) -> bool {
    let vendored = chart.files.keys().filter(|file| {
        let parts: Vec<&str> = file.split('/').collect();
        matches!(parts.as_slice(), ["charts", _, "Chart.yaml"])
    });
    let mut names = vendored.filter_map(|file| chart.yaml(file, cache));
    names.any(|root| root.get("name").and_then(Node::text) == Some(name))
}

/// Copies a dependency with a `file://` repository; `false` when it has another one.
fn in_tree(
    chart: &mut Chart,
    tree: &dyn Tree,
    dependency: &Dependency,
    cache: &ParseCache,
) -> Result<bool, Box<Problem>> {
    // Without a repository the chart is to be found in `charts/`, where it is not.
    let Some(relative) = dependency.repository.strip_prefix("file://") else { return Ok(false) };
    let Some(folder) = join(&chart.folder, relative) else { return Ok(false) };
    let mut other = Chart { folder: folder.clone(), ..Chart::default() };
    other.files = read_folder(tree, &folder)?;
    let name = other.yaml("Chart.yaml", cache);
    if name.as_ref().and_then(|root| root.get("name")).and_then(Node::text).is_none() {
        return Ok(false);
    }
    unpack(&mut other)?;
    let inside = format!("charts/{}", dependency.name);
    for (below, content) in other.files {
        chart.files.insert(format!("{inside}/{below}"), content);
    }
    for (below, outside) in other.moved {
        chart.moved.insert(format!("{inside}/{below}"), outside);
    }
    chart.moved.insert(inside, folder);
    Ok(true)
}

/// The problem of a dependency that is not there, with the remedy.
fn named(chart: &Chart, dependency: &Dependency) -> Problem {
    let Dependency { name, repository, version, .. } = dependency;
    let from = if repository.is_empty() { "no repository" } else { repository };
    let folder = if chart.folder.is_empty() { "." } else { &chart.folder };
    let text = format!(
        "dependency `{name}` {version} of {from} is not vendored, and nothing is downloaded; run \
         `helm dependency build {folder}` and commit {folder}/charts"
    );
    Problem::at(&dependency.mark, ProblemKind::Unsupported, text)
}

/// The file that lists dependencies without those that are `absent`.
fn without(root: &Node, absent: &[Dependency]) -> Node {
    let mut root = root.clone();
    let dependencies = root.get_mut("dependencies").and_then(Node::items_mut);
    if let Some(items) = dependencies {
        items.retain(|item| !absent.iter().any(|dependency| dependency.mark == item.mark));
    }
    if root.get("dependencies").is_some_and(|left| left.items().is_empty()) {
        root.remove("dependencies");
    }
    root
}
