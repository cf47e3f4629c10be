//! Finds the object database and the references of a repository on disk.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use super::GitError;

/// References of one repository, at most. Large forges have tens of thousands.
const MAX_REFS: usize = 200_000;
/// Largest file of references that is read, in bytes.
const MAX_REF_FILE: u64 = 64 << 20;
/// Folders below `refs/` that are visited.
const MAX_FOLDERS: usize = 50_000;

/// Where things are.
pub(super) struct Found {
    /// The folder `objects`.
    pub(super) objects: PathBuf,
    /// `HEAD`, `packed-refs`, `shallow` and the files below `refs/`, by path inside the repository.
    pub(super) files: BTreeMap<String, Vec<u8>>,
}

/// The root of the work tree that a path lies in, without symbolic links; `None` outside of any.
///
/// Nothing of the path itself has to exist.
pub fn work_tree_of(path: &Path) -> Option<PathBuf> {
    let path = std::path::absolute(path).ok()?;
    let existing = path.ancestors().find_map(|folder| fs::canonicalize(folder).ok())?;
    existing.ancestors().find(|folder| is_work_tree(folder)).map(Path::to_path_buf)
}

/// Whether a folder is the root of a work tree, be it a clone or a linked work tree.
pub fn is_work_tree(folder: &Path) -> bool {
    let inner = folder.join(".git");
    fs::symlink_metadata(&inner).is_ok()
        && (inner.join("HEAD").is_file() || pointed_to(&inner, "gitdir: ").is_some())
}

/// Looks at the path, at `.git` in it, and where a `.git` file points (`gitrepository-layout(5)`).
pub(super) fn locate(name: &str, path: &Path) -> Result<Found, GitError> {
    let not = |reason: &str| GitError::NotARepository {
        repository: name.to_owned(),
        reason: reason.to_owned(),
    };
    if !path.exists() {
        return Err(not("there is nothing at this path"));
    }
    let inner = path.join(".git");
    let folder = if inner.is_dir() {
        inner
    } else if inner.is_file() {
        pointed_to(&inner, "gitdir: ").ok_or_else(|| not("its .git file points nowhere"))?
    } else {
        path.to_path_buf()
    };
    // A linked work tree keeps its own HEAD and shares the rest.
    let common = pointed_to(&folder.join("commondir"), "").unwrap_or_else(|| folder.clone());
    let objects = common.join("objects");
    if !folder.join("HEAD").is_file() || !objects.is_dir() {
        return Err(not("there is no HEAD and no objects folder in it"));
    }
    if is_sha256(&common.join("config")) {
        return Err(not("its objects are named by SHA-256, which is not supported"));
    }
    let mut files = BTreeMap::new();
    for (file, folder) in [("HEAD", &folder), ("packed-refs", &common), ("shallow", &common)] {
        if let Some(bytes) = read(name, &folder.join(file), file)? {
            files.insert(file.to_owned(), bytes);
        }
    }
    read_refs(name, &common, &mut files)?;
    Ok(Found { objects, files })
}

/// The path that a small file names, relative to the folder it lies in.
fn pointed_to(file: &Path, prefix: &str) -> Option<PathBuf> {
    let text = fs::read_to_string(file).ok()?;
    let target = text.trim().strip_prefix(prefix)?;
    Some(file.parent()?.join(target))
}

/// Whether the one line of the configuration that decides how objects are named says so.
fn is_sha256(config: &Path) -> bool {
    fs::read_to_string(config).is_ok_and(|text| {
        text.lines().any(|line| {
            let line: String = line.to_ascii_lowercase().split_whitespace().collect();
            line == "objectformat=sha256"
        })
    })
}

fn read_refs(
    name: &str,
    root: &Path,
    files: &mut BTreeMap<String, Vec<u8>>,
) -> Result<(), GitError> {
    let mut pending = vec!["refs".to_owned()];
    let mut folders = 0;
    while let Some(folder) = pending.pop() {
        folders += 1;
        if folders > MAX_FOLDERS {
            return Err(over(name, "folders", MAX_FOLDERS as u64));
        }
        let Ok(entries) = fs::read_dir(root.join(&folder)) else { continue };
        for entry in entries.flatten() {
            let Ok(file) = entry.file_name().into_string() else { continue };
            let path = format!("{folder}/{file}");
            match entry.file_type() {
                Ok(kind) if kind.is_dir() => pending.push(path),
                Ok(kind) if kind.is_file() => {
                    if let Some(bytes) = read(name, &entry.path(), &path)? {
                        files.insert(path, bytes);
                    }
                }
                _ => {}
            }
            if files.len() > MAX_REFS {
                return Err(over(name, "references", MAX_REFS as u64));
            }
        }
    }
    Ok(())
}

fn over(name: &str, what: &'static str, limit: u64) -> GitError {
    GitError::OverBudget { repository: name.to_owned(), place: "refs".to_owned(), what, limit }
}

fn read(name: &str, path: &Path, file: &str) -> Result<Option<Vec<u8>>, GitError> {
    let unreadable = |source: std::io::Error| GitError::Unreadable {
        repository: name.to_owned(),
        file: file.to_owned(),
        source,
    };
    match fs::metadata(path) {
        Ok(metadata) if metadata.len() > MAX_REF_FILE => Err(GitError::OverBudget {
            repository: name.to_owned(),
            place: file.to_owned(),
            what: "bytes",
            limit: MAX_REF_FILE,
        }),
        Ok(_) => fs::read(path).map(Some).map_err(unreadable),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(unreadable(error)),
    }
}
