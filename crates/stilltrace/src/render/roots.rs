//! From folders as typed to folders of a tree.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow, bail};
use stilltrace_sources::{
    files::{FolderTree, common_root},
    git::is_work_tree,
};

/// One folder to render.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Root {
    /// As typed, for messages.
    pub(super) typed: String,
    /// Which of the trees it is in.
    pub(super) tree: usize,
    /// Relative to the root of the tree, with `/`; empty for the root itself.
    pub(super) dir: String,
}

/// The folders and the trees that they are in.
#[derive(Debug)]
pub(super) struct Roots {
    pub(super) all: Vec<Root>,
    pub(super) trees: Vec<FolderTree>,
    /// Why folders that were named are not among them.
    pub(super) refused: Vec<anyhow::Error>,
}

/// Finds the tree of every folder: the Git work tree around it; without one the working directory,
/// if it holds everything that the kustomizations name, or else the lowest folder that does.
pub(super) fn of(dirs: &[PathBuf]) -> anyhow::Result<Roots> {
    let (mut folders, mut refused) = (Vec::new(), Vec::new());
    let mut known = BTreeMap::new();
    for dir in dirs {
        match real(dir) {
            Ok(folder) => folders.push((dir.as_path(), repository(&folder, &mut known), folder)),
            Err(error) => refused.push(error),
        }
    }
    let outside = outside_of_repositories(&folders);
    let mut tops: Vec<&Path> = Vec::new();
    let mut all = Vec::new();
    for (typed, repository, folder) in &folders {
        let top = repository.as_deref().unwrap_or(&outside);
        let tree = tops.iter().position(|known| *known == top).unwrap_or_else(|| {
            tops.push(top);
            tops.len() - 1
        });
        let inside = folder.strip_prefix(top).unwrap_or(folder);
        let parts: Option<Vec<&str>> = inside.iter().map(|part| part.to_str()).collect();
        match parts {
            Some(parts) => {
                all.push(Root { typed: typed.display().to_string(), tree, dir: parts.join("/") });
            }
            None => refused.push(anyhow!("{}: the path is not UTF-8", typed.display())),
        }
    }
    let trees = tops.into_iter().map(FolderTree::open).collect::<Result<Vec<_>, _>>()?;
    Ok(Roots { all, trees, refused })
}

/// The work tree around a folder. Folders that were looked at before are not looked at again.
fn repository(folder: &Path, known: &mut BTreeMap<PathBuf, Option<PathBuf>>) -> Option<PathBuf> {
    let mut passed = Vec::new();
    let mut found = None;
    for ancestor in folder.ancestors() {
        if let Some(known) = known.get(ancestor) {
            found.clone_from(known);
            break;
        }
        passed.push(ancestor.to_path_buf());
        if is_work_tree(ancestor) {
            found = Some(ancestor.to_path_buf());
            break;
        }
    }
    known.extend(passed.into_iter().map(|folder| (folder, found.clone())));
    found
}

/// The root of folders that are in no repository.
fn outside_of_repositories(folders: &[(&Path, Option<PathBuf>, PathBuf)]) -> PathBuf {
    let alone = folders.iter().filter(|(_, repository, _)| repository.is_none());
    let alone: Vec<PathBuf> = alone.map(|(_, _, folder)| folder.clone()).collect();
    if alone.is_empty() {
        return PathBuf::new();
    }
    let lowest = common_root(&alone);
    let here = fs::canonicalize(".").ok();
    here.filter(|here| lowest.starts_with(here)).unwrap_or(lowest)
}

/// The folder without symbolic links.
fn real(dir: &Path) -> anyhow::Result<PathBuf> {
    let shown = dir.display();
    if shown.to_string().contains("://") {
        bail!("{shown}: nothing is fetched; clone the repository and name the folder in the clone");
    }
    let folder = fs::canonicalize(dir).with_context(|| format!("{shown}: cannot be entered"))?;
    if !folder.is_dir() {
        bail!("{shown}: not a folder; name the folder that holds the kustomization");
    }
    Ok(folder)
}
