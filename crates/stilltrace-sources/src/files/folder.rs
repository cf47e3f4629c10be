//! The files of a folder on disk.

use std::collections::BTreeMap;
use std::fs::{self, Metadata};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use stilltrace_manifest::{Tree, TreeError, tree::parent};

use crate::SourceError;

/// Files of one folder, at most.
const MAX_FILES: usize = 200_000;
/// Nesting of folders.
const MAX_DEPTH: usize = 64;
/// Largest file that is handed out, in bytes: the largest that the reader of manifests takes.
const MAX_FILE: u64 = 8 << 20;

/// The files below a folder, read when they are asked for.
///
/// A symbolic link is followed when a file is read by its path, if it ends inside the folder; it is
/// never listed, as in a Git revision. Folders named `.git` do not exist here.
#[derive(Debug)]
pub struct FolderTree {
    /// Without symbolic links.
    root: PathBuf,
    /// The folder whose files are listed; empty for all.
    listed: String,
    /// Where folders really are; `None` for those that do not exist or lie elsewhere.
    places: Mutex<BTreeMap<String, Option<PathBuf>>>,
    unreadable: Mutex<Vec<TreeError>>,
}

impl FolderTree {
    /// The files below `root`.
    ///
    /// # Errors
    /// When there is no such folder or it cannot be entered.
    pub fn open(root: &Path) -> Result<Self, SourceError> {
        let refused =
            |source: io::Error| SourceError::Folder { path: root.display().to_string(), source };
        let real = fs::canonicalize(root).map_err(refused)?;
        if !real.is_dir() {
            return Err(refused(io::ErrorKind::NotADirectory.into()));
        }
        let (places, unreadable) = (Mutex::default(), Mutex::default());
        Ok(Self { root: real, listed: String::new(), places, unreadable })
    }

    /// Lists only what is below `folder`; everything else can still be read.
    #[must_use]
    pub fn listing(mut self, folder: &str) -> Self {
        folder.clone_into(&mut self.listed);
        self
    }

    /// The folder, without symbolic links.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Folders that [`Tree::files`] could not enter so far; their files are not listed.
    pub fn unreadable(&self) -> Vec<TreeError> {
        self.unreadable.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Where a file really is, with what the system knows about it; `None` when it is no file of
    /// this folder.
    fn place(&self, path: &str) -> Option<(PathBuf, Metadata)> {
        let name = path.rsplit('/').next().filter(|name| !matches!(*name, "" | "." | ".."))?;
        let file = self.folder(parent(path))?.join(name);
        let metadata = fs::symlink_metadata(&file).ok()?;
        if !metadata.is_symlink() {
            return metadata.is_file().then_some((file, metadata));
        }
        let file = fs::canonicalize(file).ok().filter(|file| file.starts_with(&self.root))?;
        let metadata = fs::metadata(&file).ok()?;
        metadata.is_file().then_some((file, metadata))
    }

    fn folder(&self, path: &str) -> Option<PathBuf> {
        let mut places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = places.get(path) {
            return known.clone();
        }
        let outside = path.split('/').any(|part| matches!(part, ".." | ".git"));
        let real = fs::canonicalize(self.root.join(path));
        let place = real.ok().filter(|real| !outside && real.starts_with(&self.root));
        places.insert(path.to_owned(), place.clone());
        place
    }

    fn walk(&self) -> Result<Vec<String>, TreeError> {
        let mut files = Vec::new();
        let mut pending = vec![(self.listed.clone(), 0)];
        while let Some((folder, depth)) = pending.pop() {
            if depth > MAX_DEPTH {
                return Err(over(&folder, &format!("more than {MAX_DEPTH} nested folders")));
            }
            let entries = match fs::read_dir(self.root.join(&folder)) {
                Ok(entries) => entries,
                Err(error) => {
                    let error = TreeError::Unreadable { path: folder, reason: error.to_string() };
                    self.unreadable.lock().unwrap_or_else(PoisonError::into_inner).push(error);
                    continue;
                }
            };
            for entry in entries.flatten() {
                let Ok(kind) = entry.file_type() else { continue };
                let Ok(name) = entry.file_name().into_string() else { continue };
                let path = if folder.is_empty() { name } else { format!("{folder}/{name}") };
                if kind.is_file() {
                    files.push(path);
                } else if kind.is_dir() && entry.file_name() != ".git" {
                    pending.push((path, depth + 1));
                }
                if files.len() + pending.len() > MAX_FILES {
                    return Err(over(&folder, &format!("more than {MAX_FILES} files")));
                }
            }
        }
        files.sort_unstable();
        Ok(files)
    }
}

fn over(folder: &str, what: &str) -> TreeError {
    let folder = if folder.is_empty() { "." } else { folder };
    TreeError::Listing { reason: format!("{folder}: {what}; name a folder inside it instead") }
}

impl Tree for FolderTree {
    fn read(&self, path: &str) -> Result<Option<Vec<u8>>, TreeError> {
        let Some((file, metadata)) = self.place(path) else { return Ok(None) };
        let too_large = || TreeError::TooLarge { path: path.to_owned(), limit: MAX_FILE };
        if metadata.len() > MAX_FILE {
            return Err(too_large());
        }
        let mut bytes = Vec::with_capacity(usize::try_from(metadata.len()).unwrap_or_default());
        // The file may grow while it is read.
        let read = fs::File::open(file)
            .and_then(|file| file.take(MAX_FILE + 1).read_to_end(&mut bytes))
            .map_err(|error| TreeError::Unreadable {
                path: path.to_owned(),
                reason: error.to_string(),
            })?;
        if read as u64 > MAX_FILE { Err(too_large()) } else { Ok(Some(bytes)) }
    }

    fn files(&self) -> Result<Vec<String>, TreeError> {
        self.walk()
    }

    /// Not of the content but of the file: the same as long as nobody writes to it.
    fn content_id(&self, path: &str) -> Option<[u8; 20]> {
        self.place(path).and_then(|(_, metadata)| stamp(&metadata))
    }
}

/// Number, time of the last change and size of a file.
#[cfg(unix)]
fn stamp(metadata: &Metadata) -> Option<[u8; 20]> {
    use std::os::unix::fs::MetadataExt as _;
    let changed = metadata.mtime().wrapping_mul(1_000_000_000).wrapping_add(metadata.mtime_nsec());
    let mut stamp = [0; 20];
    stamp.get_mut(..8)?.copy_from_slice(&metadata.ino().to_le_bytes());
    stamp.get_mut(8..16)?.copy_from_slice(&changed.to_le_bytes());
    stamp.get_mut(16..)?.copy_from_slice(&(metadata.len() as u32).to_le_bytes());
    Some(stamp)
}

/// Without numbers of files, two files are not told apart by time and size: nothing is remembered.
#[cfg(not(unix))]
fn stamp(_metadata: &Metadata) -> Option<[u8; 20]> {
    None
}
