//! The files of a folder on disk.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use stilltrace_manifest::{Tree, TreeError, parallel};

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
/// never listed, as in a Git revision. Folders named `.git` do not exist here. Which files there
/// are is looked up once per folder: what appears or disappears later is not noticed.
#[derive(Debug)]
pub struct FolderTree {
    /// Without symbolic links.
    root: PathBuf,
    /// The folder whose files are listed; empty for all.
    listed: String,
    /// What each folder holds; nothing in those that do not exist or lie elsewhere.
    folders: RwLock<BTreeMap<String, Arc<Folder>>>,
    unreadable: Mutex<Vec<TreeError>>,
    /// Tells this tree from all others of the process.
    number: u64,
}

/// What one folder holds.
#[derive(Debug, Default)]
struct Folder {
    /// Without symbolic links.
    place: PathBuf,
    entries: BTreeMap<String, Kind>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    File,
    Folder,
    Link,
    /// A pipe, a socket or a device, whose content is never asked for.
    Special,
}

/// Extensions of files that may hold manifests.
const MANIFESTS: [&str; 3] = ["yaml", "yml", "json"];

/// Trees opened so far.
static TREES: AtomicU64 = AtomicU64::new(0);

impl FolderTree {
    /// The files below `root`.
    ///
    /// # Errors
    /// When there is no such folder or it cannot be entered.
    pub fn open(root: &Path) -> Result<Self, SourceError> {
        let refused =
            |source: io::Error| SourceError::Folder { path: root.display().to_string(), source };
        let root = fs::canonicalize(root).map_err(refused)?;
        let entries = entries(&root).map_err(refused)?;
        let top = Folder { place: root.clone(), entries };
        Ok(Self {
            root,
            listed: String::new(),
            folders: RwLock::new([(String::new(), Arc::new(top))].into()),
            unreadable: Mutex::default(),
            number: TREES.fetch_add(1, Ordering::Relaxed),
        })
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

    /// Folders that could not be entered so far, and manifests that are left out: links that end
    /// outside, pipes and devices. In the order of their messages.
    pub fn unreadable(&self) -> Vec<TreeError> {
        let mut found = self.unreadable.lock().unwrap_or_else(PoisonError::into_inner).clone();
        found.sort_by_key(ToString::to_string);
        found
    }

    /// Where a file really is; `None` when it is no file of this tree.
    fn place(&self, path: &str) -> Option<PathBuf> {
        let (folder, name, kind) = self.entry(path)?;
        match kind {
            Kind::File => Some(folder.place.join(name)),
            Kind::Folder | Kind::Special => None,
            Kind::Link => self.follow(&folder.place.join(name)).filter(|file| file.is_file()),
        }
    }

    /// What is at a path: the folder that holds it, its name there and its kind.
    fn entry<'p>(&self, path: &'p str) -> Option<(Arc<Folder>, &'p str, Kind)> {
        let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
        let folder = self.folder(folder)?;
        let kind = *folder.entries.get(name)?;
        Some((folder, name, kind))
    }

    /// Where a link ends, if that is inside.
    fn follow(&self, link: &Path) -> Option<PathBuf> {
        fs::canonicalize(link).ok().filter(|end| end.starts_with(&self.root))
    }

    /// What the folder at a path holds, each looked at once. Begins at the lowest known ancestor.
    fn folder(&self, path: &str) -> Option<Arc<Folder>> {
        if let Some(known) = self.known(path) {
            return Some(known);
        }
        let ancestors = path.match_indices('/').map(|(at, _)| at).chain([path.len()]);
        let mut found = self.known("")?;
        let mut start = 0;
        for end in ancestors {
            let (ancestor, name) = (path.get(..end)?, path.get(start..end)?);
            start = end + 1;
            found = match self.known(ancestor) {
                Some(known) => known,
                None => self.enter(&found, ancestor, name),
            };
        }
        Some(found)
    }

    fn known(&self, path: &str) -> Option<Arc<Folder>> {
        self.folders.read().unwrap_or_else(PoisonError::into_inner).get(path).cloned()
    }

    /// Looks into a folder for the first time.
    fn enter(&self, parent: &Folder, path: &str, name: &str) -> Arc<Folder> {
        let place = match parent.entries.get(name) {
            Some(Kind::Folder) => Some(parent.place.join(name)),
            Some(Kind::Link) => self.follow(&parent.place.join(name)).filter(|end| end.is_dir()),
            Some(Kind::File | Kind::Special) | None => None,
        };
        let found = place.map(|place| entries(&place).map(|entries| Folder { place, entries }));
        let found = found.unwrap_or_else(|| Ok(Folder::default())).unwrap_or_else(|error| {
            let error = TreeError::Unreadable { path: path.to_owned(), reason: error.to_string() };
            self.unreadable.lock().unwrap_or_else(PoisonError::into_inner).push(error);
            Folder::default()
        });
        let mut folders = self.folders.write().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(folders.entry(path.to_owned()).or_insert_with(|| Arc::new(found)))
    }

    /// Remembers a manifest that is not listed and that no other name of the tree leads to.
    fn left_out(&self, folder: &Folder, name: &str, kind: Kind, path: &str) {
        let extension = Path::new(name).extension();
        if !extension.is_some_and(|extension| MANIFESTS.iter().any(|known| extension == *known)) {
            return;
        }
        let reason = match kind {
            Kind::Link if self.follow(&folder.place.join(name)).is_some() => return,
            Kind::Link => "a symbolic link that ends nowhere in this folder",
            _ => "not a regular file",
        };
        let error = TreeError::Unreadable { path: path.to_owned(), reason: reason.to_owned() };
        let mut unreadable = self.unreadable.lock().unwrap_or_else(PoisonError::into_inner);
        if !unreadable.contains(&error) {
            unreadable.push(error);
        }
    }

    fn walk(&self) -> Result<Vec<String>, TreeError> {
        let mut files = Vec::new();
        let mut level = vec![self.listed.clone()];
        for depth in 0.. {
            let Some(first) = level.first() else { break };
            if depth > MAX_DEPTH {
                return Err(over(first, &format!("more than {MAX_DEPTH} nested folders")));
            }
            // Opening thousands of folders is what a listing costs.
            let folders = parallel::map(&level, |path| self.folder(path));
            let mut pending = Vec::new();
            for (path, folder) in level.iter().zip(folders) {
                let Some(folder) = folder else { continue };
                for (name, kind) in &folder.entries {
                    let below =
                        if path.is_empty() { name.clone() } else { format!("{path}/{name}") };
                    match kind {
                        Kind::File => files.push(below),
                        Kind::Folder => pending.push(below),
                        Kind::Link | Kind::Special => self.left_out(&folder, name, *kind, &below),
                    }
                }
                if files.len() + pending.len() > MAX_FILES {
                    return Err(over(path, &format!("more than {MAX_FILES} files")));
                }
            }
            level = pending;
        }
        files.sort_unstable();
        Ok(files)
    }
}

/// The names in a folder and what they are. Names that are not UTF-8 and `.git` are left out.
fn entries(place: &Path) -> io::Result<BTreeMap<String, Kind>> {
    let mut entries = BTreeMap::new();
    for entry in fs::read_dir(place)? {
        let entry = entry?;
        let Ok(name) = entry.file_name().into_string() else { continue };
        let kind = match entry.file_type() {
            Ok(kind) if kind.is_file() => Kind::File,
            Ok(kind) if kind.is_dir() && name != ".git" => Kind::Folder,
            Ok(kind) if kind.is_symlink() => Kind::Link,
            Ok(kind) if !kind.is_dir() => Kind::Special,
            _ => continue,
        };
        entries.insert(name, kind);
    }
    Ok(entries)
}

fn over(folder: &str, what: &str) -> TreeError {
    let folder = if folder.is_empty() { "." } else { folder };
    TreeError::Listing { reason: format!("{folder}: {what}; name a folder inside it instead") }
}

impl Tree for FolderTree {
    fn read(&self, path: &str) -> Result<Option<Vec<u8>>, TreeError> {
        let Some(place) = self.place(path) else { return Ok(None) };
        let unreadable = |error: io::Error| TreeError::Unreadable {
            path: path.to_owned(),
            reason: error.to_string(),
        };
        let mut file = fs::File::open(place).map_err(unreadable)?;
        let length = file.metadata().map_err(unreadable)?.len();
        let mut bytes = Vec::new();
        if length <= MAX_FILE {
            // The file may grow while it is read.
            bytes.reserve_exact(usize::try_from(length + 1).unwrap_or_default());
            file.by_ref().take(MAX_FILE + 1).read_to_end(&mut bytes).map_err(unreadable)?;
        }
        if length > MAX_FILE || bytes.len() as u64 > MAX_FILE {
            return Err(TreeError::TooLarge { path: path.to_owned(), limit: MAX_FILE });
        }
        Ok(Some(bytes))
    }

    fn files(&self) -> Result<Vec<String>, TreeError> {
        self.walk()
    }

    /// The same for all files of the tree, and for those of no other tree: a file is taken to stay
    /// what it is while the tree lives.
    fn content_id(&self, path: &str) -> Option<[u8; 20]> {
        let (_, _, kind) = self.entry(path)?;
        if kind != Kind::File {
            self.place(path)?;
        }
        let mut id = *b"folder ........ tree";
        id.get_mut(7..15)?.copy_from_slice(&self.number.to_le_bytes());
        Some(id)
    }

    fn shared(&self) -> Option<&(dyn Tree + Sync)> {
        Some(self)
    }
}
