//! The unpacked form: a folder on disk.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Read};
use std::path::Path;

use crate::archive::Files;
use crate::budget::Budget;
use crate::error::CaptureError;
use crate::layout;

/// Reads the files that belong to a capture. Links are refused where a file of the capture would
/// be; files that do not belong, `truth.json` among them, are not opened.
pub(crate) fn read(capture: &str, root: &Path, budget: &Budget) -> Result<Files, CaptureError> {
    let mut reading = Reading { capture, budget, left: budget.unpacked_bytes, count: 0 };
    let mut files = Files::new();
    // Folders still to visit, as paths relative to the root.
    let mut pending = vec![String::new()];
    while let Some(folder) = pending.pop() {
        reading.list(root, &folder, &mut pending, &mut files)?;
    }
    Ok(files)
}

struct Reading<'a> {
    capture: &'a str,
    budget: &'a Budget,
    left: u64,
    count: usize,
}

impl Reading<'_> {
    fn list(
        &mut self,
        root: &Path,
        folder: &str,
        pending: &mut Vec<String>,
        files: &mut Files,
    ) -> Result<(), CaptureError> {
        let entries =
            fs::read_dir(root.join(folder)).map_err(|error| self.unreadable(folder, error))?;
        for entry in entries {
            let entry = entry.map_err(|error| self.unreadable(folder, error))?;
            let Ok(name) = entry.file_name().into_string() else { continue };
            let path = if folder.is_empty() { name } else { format!("{folder}/{name}") };
            let kind = entry.file_type().map_err(|error| self.unreadable(&path, error))?;
            let belongs = layout::is_known(&path);
            let leads_on = path == "samples" || is_repository_folder(&path);
            if !belongs && !leads_on {
                continue;
            }
            self.count += 1;
            if self.count > self.budget.entries {
                return Err(self.over(&path, "files", self.budget.entries as u64));
            }
            if kind.is_symlink() {
                return Err(CaptureError::Unsafe {
                    capture: self.capture.to_owned(),
                    entry: path,
                    reason: "a link",
                });
            }
            if kind.is_dir() && path.split('/').count() <= self.budget.depth {
                pending.push(path);
            } else if kind.is_file() && belongs {
                let bytes = self.read_file(&root.join(&path), &path)?;
                files.insert(path, bytes);
            }
        }
        Ok(())
    }

    fn read_file(&mut self, on_disk: &Path, path: &str) -> Result<Vec<u8>, CaptureError> {
        let file = fs::File::open(on_disk).map_err(|error| self.unreadable(path, error))?;
        let mut bytes = Vec::new();
        file.take(self.left.saturating_add(1))
            .read_to_end(&mut bytes)
            .map_err(|error| self.unreadable(path, error))?;
        match self.left.checked_sub(bytes.len() as u64) {
            Some(left) => self.left = left,
            None => return Err(self.over(path, "bytes", self.budget.unpacked_bytes)),
        }
        Ok(bytes)
    }

    fn unreadable(&self, path: &str, source: io::Error) -> CaptureError {
        let file = if path.is_empty() { "it" } else { path }.to_owned();
        CaptureError::Unreadable { capture: self.capture.to_owned(), file, source }
    }

    fn over(&self, file: &str, what: &'static str, limit: u64) -> CaptureError {
        CaptureError::OverBudget {
            capture: self.capture.to_owned(),
            file: file.to_owned(),
            what,
            limit,
        }
    }
}

/// Whether files of the repository's history can lie below the folder.
fn is_repository_folder(path: &str) -> bool {
    path == "repo.git"
        || path
            .strip_prefix(layout::REPOSITORY)
            .is_some_and(|inside| layout::is_repository_part(&format!("{inside}/")))
}

/// Writes files below `root`, which must be new or empty.
pub(crate) fn write(root: &Path, files: &BTreeMap<&str, &[u8]>) -> Result<(), CaptureError> {
    let unwritable = |path: &Path, source: io::Error| CaptureError::Unwritable {
        path: path.display().to_string(),
        source,
    };
    fs::create_dir_all(root).map_err(|error| unwritable(root, error))?;
    let mut entries = fs::read_dir(root).map_err(|error| unwritable(root, error))?;
    if entries.next().is_some() {
        let error = io::Error::new(io::ErrorKind::AlreadyExists, "the folder is not empty");
        return Err(unwritable(root, error));
    }
    if files.keys().any(|path| path.starts_with(layout::REPOSITORY)) {
        // Git takes a folder for a repository only if these are there.
        for folder in ["repo.git/objects", "repo.git/refs"] {
            let folder = root.join(folder);
            fs::create_dir_all(&folder).map_err(|error| unwritable(&folder, error))?;
        }
    }
    for (path, bytes) in files {
        let target = root.join(path);
        if let Some(folder) = target.parent() {
            fs::create_dir_all(folder).map_err(|error| unwritable(folder, error))?;
        }
        fs::write(&target, bytes).map_err(|error| unwritable(&target, error))?;
    }
    Ok(())
}
