//! From a path as typed to a tree of files.

use std::fs;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use stilltrace_manifest::{MemoryTree, Tree, TreeError};
use stilltrace_model::CommitId;

use super::{FolderTree, Part};
use crate::SourceError;
use crate::git::{Repository, work_tree_of};

/// Largest single file, in bytes: the largest that the reader of manifests takes.
const MAX_FILE: u64 = 8 << 20;
/// What standard input is called in addresses.
const STANDARD_INPUT: &str = "stdin.yaml";

/// Which files are wanted.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    /// A repository, a folder, one file, or `-` for standard input. `None`: the repository around
    /// the working directory, or the working directory.
    pub path: Option<&'a Path>,
    /// A revision of the repository instead of the files on disk.
    pub revision: Option<&'a str>,
}

/// What was opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opened {
    /// The root to which paths are relative; empty for standard input.
    pub root: PathBuf,
    /// The folder or file asked about, relative to the root; empty for all of it.
    pub part: String,
    /// The commit whose files are read; `None` for the files on disk.
    pub revision: Option<CommitId>,
    /// What could not be listed or read; the rest is used.
    pub unreadable: Vec<TreeError>,
}

/// Opens what is asked for, hands it to `use_them`, and says what was opened.
///
/// # Errors
/// When there is nothing at the path, or no such revision. Single files that cannot be read are
/// the reader's to report.
pub fn with_files<R>(
    asked: Asked<'_>,
    use_them: impl FnOnce(&dyn Tree) -> R,
) -> Result<(R, Opened), SourceError> {
    let path = match asked.path {
        Some(path) if path.as_os_str() == "-" => return standard_input(asked, use_them),
        Some(path) => path.to_path_buf(),
        None => {
            let here = Path::new(".");
            work_tree_of(here).unwrap_or_else(|| here.to_path_buf())
        }
    };
    match asked.revision {
        Some(revision) => of_revision(&path, revision, use_them),
        None if path.is_file() => of_file(&path, use_them),
        None => of_folder(&path, use_them),
    }
}

fn standard_input<R>(
    asked: Asked<'_>,
    use_them: impl FnOnce(&dyn Tree) -> R,
) -> Result<(R, Opened), SourceError> {
    if asked.revision.is_some() {
        return Err(SourceError::NoRepository { path: "-".to_owned() });
    }
    let mut bytes = Vec::new();
    let refused = |source| SourceError::Folder { path: "standard input".to_owned(), source };
    io::stdin().lock().take(MAX_FILE + 1).read_to_end(&mut bytes).map_err(refused)?;
    let tree = single(STANDARD_INPUT, bytes)?;
    let opened = Opened {
        root: PathBuf::new(),
        part: STANDARD_INPUT.to_owned(),
        revision: None,
        unreadable: Vec::new(),
    };
    Ok((use_them(&tree), opened))
}

fn of_file<R>(
    path: &Path,
    use_them: impl FnOnce(&dyn Tree) -> R,
) -> Result<(R, Opened), SourceError> {
    let refused = |source| SourceError::Folder { path: path.display().to_string(), source };
    let place = Place::of(path)?;
    let mut bytes = Vec::new();
    let file = fs::File::open(path).map_err(refused)?;
    file.take(MAX_FILE + 1).read_to_end(&mut bytes).map_err(refused)?;
    let tree = single(&place.part, bytes)?;
    Ok((use_them(&tree), place.opened(None)))
}

/// A tree of one file. A name that does not say that it holds manifests gets one that does.
fn single(path: &str, bytes: Vec<u8>) -> Result<MemoryTree, SourceError> {
    if bytes.len() as u64 > MAX_FILE {
        return Err(SourceError::TooLarge { path: path.to_owned(), limit: MAX_FILE });
    }
    let extension = Path::new(path).extension().and_then(|extension| extension.to_str());
    let known = matches!(extension, Some("yaml" | "yml" | "json"));
    let path = if known { path.to_owned() } else { format!("{path}.yaml") };
    Ok([(path, bytes)].into_iter().collect())
}

fn of_folder<R>(
    path: &Path,
    use_them: impl FnOnce(&dyn Tree) -> R,
) -> Result<(R, Opened), SourceError> {
    let place = Place::of(path)?;
    let tree = FolderTree::open(&place.root)?.listing(&place.part);
    let used = use_them(&tree);
    Ok((used, Opened { unreadable: tree.unreadable(), ..place.opened(None) }))
}

fn of_revision<R>(
    path: &Path,
    revision: &str,
    use_them: impl FnOnce(&dyn Tree) -> R,
) -> Result<(R, Opened), SourceError> {
    let (repository, place) = match work_tree_of(path) {
        Some(root) => (Repository::open(&root)?, Place::below(root, path)?),
        // A bare repository is its own root.
        None => (Repository::open(path)?, Place { root: path.to_path_buf(), part: String::new() }),
    };
    let id = repository.resolve(revision)?;
    let opened = place.opened(Some(id.clone()));
    if let Some(bytes) = repository.blob(&id, &place.part).ok().flatten() {
        return Ok((use_them(&single(&place.part, bytes)?), opened));
    }
    let tree = repository.tree(&id)?;
    Ok((use_them(&Part::new(&tree, &place.part)), opened))
}

/// A path below the root to which addresses are relative.
struct Place {
    root: PathBuf,
    part: String,
}

impl Place {
    /// The repository around a path, if its newest commit knows the path; otherwise the path is a
    /// root of its own, and a file lies in one.
    fn of(path: &Path) -> Result<Self, SourceError> {
        if let Some(root) = work_tree_of(path) {
            let place = Self::below(root, path)?;
            if place.part.is_empty() || place.is_committed() {
                return Ok(place);
            }
        }
        if path.is_file() {
            let name = path.file_name().map(|name| name.to_string_lossy().into_owned());
            let root = path.parent().filter(|root| !root.as_os_str().is_empty());
            let root = root.unwrap_or(Path::new(".")).to_path_buf();
            return Ok(Self { root, part: name.unwrap_or_default() });
        }
        Ok(Self { root: path.to_path_buf(), part: String::new() })
    }

    fn below(root: PathBuf, path: &Path) -> Result<Self, SourceError> {
        let refused = |source| SourceError::Folder { path: path.display().to_string(), source };
        let real = fs::canonicalize(path).map_err(refused)?;
        let rest = real.strip_prefix(&root).unwrap_or(Path::new(""));
        let parts: Vec<_> = rest.iter().map(|part| part.to_string_lossy()).collect();
        Ok(Self { root, part: parts.join("/") })
    }

    fn is_committed(&self) -> bool {
        let known = Repository::open(&self.root).and_then(|repository| {
            let head = repository.resolve("HEAD")?;
            repository.has(&head, &self.part)
        });
        known.unwrap_or(false)
    }

    fn opened(&self, revision: Option<CommitId>) -> Opened {
        let (root, part) = (self.root.clone(), self.part.clone());
        Opened { root, part, revision, unreadable: Vec::new() }
    }
}
