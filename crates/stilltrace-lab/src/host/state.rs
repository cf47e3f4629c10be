//! The folder in which a lab keeps everything it makes, and the sweep that clears dead ones.
//!
//! One folder per running lab, named `PID-START` after the process that owns it, below
//! `stilltrace-labs-UID` in the system's temporary directory. Beside configuration and logs it holds
//! `processes.json`, the ids of everything the lab started. A folder whose owner no longer runs is
//! garbage: its processes are ended by id, its control groups removed, then the folder itself.

use std::fs;
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use nix::sys::signal::Signal;
use nix::unistd::Uid;

use super::cgroup::{Hierarchies, Tree};
use super::process::{ProcessId, wait_until_gone};

/// File with the ids of the processes that a lab started.
const PROCESSES: &str = "processes.json";
/// Most dead labs that one sweep clears.
const MAX_SWEPT: usize = 64;
/// Mode of folders: others may use what they know the name of, as proxies of a user of their own
/// must, and neither list nor change anything.
const OPEN_TO_NAMES: u32 = 0o711;
/// How long ended processes may take to go.
const PATIENCE: Duration = Duration::from_secs(5);

/// The folder of one lab.
#[derive(Debug, Clone)]
pub struct StateDir {
    /// The folder.
    path: PathBuf,
}

impl StateDir {
    /// Makes the folder of the lab that this process owns; `index` tells apart several labs of
    /// one process.
    pub fn create(index: u32) -> io::Result<Self> {
        let own = ProcessId::own()?;
        let base = base()?;
        let path = base.join(format!("{}-{}-{index}", own.pid, own.started));
        fs::DirBuilder::new().mode(OPEN_TO_NAMES).create(&path)?;
        let state = Self { path };
        state.write_processes(&[])?;
        Ok(state)
    }

    /// The folder at `path`, made earlier.
    pub fn at(path: &Path) -> Self {
        Self { path: path.to_path_buf() }
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Name of the lab, also of its folder in every cgroup hierarchy.
    pub fn name(&self) -> String {
        let folder = self.path.file_name().map(|name| name.to_string_lossy().into_owned());
        format!("stilltrace-lab-{}", folder.unwrap_or_default())
    }

    /// Writes down the processes of the lab, all of them.
    pub fn write_processes(&self, processes: &[ProcessId]) -> io::Result<()> {
        replace(&self.path.join(PROCESSES), &serde_json::to_vec(processes)?)
    }

    /// Ends the lab's processes, removes its control groups, then the folder.
    ///
    /// Safe to repeat. Stops with an error, leaving the folder, when a process will not end.
    pub fn clear(&self) -> io::Result<()> {
        if !self.path.exists() {
            return Ok(());
        }
        let tree = Hierarchies::find().ok().map(|found| Tree::new(found, &self.name()));
        let mut processes = self.processes();
        if let Some(tree) = &tree {
            processes.extend(tree.processes().into_iter().filter_map(ProcessId::of));
        }
        for process in &processes {
            process.signal(Signal::SIGKILL);
        }
        let stubborn = wait_until_gone(&processes, PATIENCE);
        if let Some(first) = stubborn.first() {
            let message = format!("{}: process {} does not end", self.path.display(), first.pid);
            return Err(io::Error::other(message));
        }
        if let Some(tree) = tree {
            remove_groups(&tree)?;
        }
        fs::remove_dir_all(&self.path)
    }

    /// Processes that the lab wrote down; a damaged file counts as none, the groups know the rest.
    fn processes(&self) -> Vec<ProcessId> {
        let bytes = fs::read(self.path.join(PROCESSES)).unwrap_or_default();
        serde_json::from_slice(&bytes).unwrap_or_default()
    }
}

/// A group is busy for a moment after its last process became a zombie, so removal is tried again.
fn remove_groups(tree: &Tree) -> io::Result<()> {
    for _ in 0..50 {
        if tree.remove().is_ok() {
            return Ok(());
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    tree.remove()
}

/// Clears the folders of labs whose owner no longer runs; returns how many there were and the
/// first failure.
pub fn sweep_dead() -> io::Result<usize> {
    let mut swept = 0;
    for entry in fs::read_dir(base()?)?.flatten().take(MAX_SWEPT) {
        let name = entry.file_name();
        let Some(owner) = owner_of(&name.to_string_lossy()) else { continue };
        if !owner.is_alive() {
            StateDir::at(&entry.path()).clear()?;
            swept += 1;
        }
    }
    Ok(swept)
}

/// Folders of labs whose owner still runs.
pub fn living() -> io::Result<Vec<PathBuf>> {
    let mut found: Vec<_> = fs::read_dir(base()?)?
        .flatten()
        .filter(|entry| {
            owner_of(&entry.file_name().to_string_lossy()).is_some_and(ProcessId::is_alive)
        })
        .map(|entry| entry.path())
        .collect();
    found.sort();
    Ok(found)
}

/// Ends the living owner of a lab's folder and clears the folder.
pub fn end(folder: &Path) -> io::Result<()> {
    let name =
        folder.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    if let Some(owner) = owner_of(&name) {
        owner.signal(Signal::SIGTERM);
        if !wait_until_gone(&[owner], PATIENCE).is_empty() {
            owner.signal(Signal::SIGKILL);
            wait_until_gone(&[owner], PATIENCE);
        }
    }
    StateDir::at(folder).clear()
}

/// Writes a file so that a reader sees the old or the new content, never a part.
pub fn replace(path: &Path, content: &[u8]) -> io::Result<()> {
    let mut part = path.as_os_str().to_owned();
    part.push(".part");
    fs::write(&part, content)?;
    fs::rename(&part, path)
}

/// The folder above all labs of this user. It must belong to the user: what lies in it is trusted.
fn base() -> io::Result<PathBuf> {
    let uid = Uid::effective().as_raw();
    let base = std::env::temp_dir().join(format!("stilltrace-labs-{uid}"));
    match fs::DirBuilder::new().mode(OPEN_TO_NAMES).create(&base) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
        _ => {}
    }
    let meta = fs::symlink_metadata(&base)?;
    if meta.is_dir() && meta.uid() == uid && meta.mode() & 0o066 == 0 {
        return Ok(base);
    }
    let message = format!("{}: not a private folder of this user; remove it", base.display());
    Err(io::Error::new(io::ErrorKind::PermissionDenied, message))
}

/// The owner that a folder is named after.
fn owner_of(name: &str) -> Option<ProcessId> {
    let mut parts = name.split('-');
    let pid = parts.next()?.parse().ok().filter(|pid| *pid > 0)?;
    let started = parts.next()?.parse().ok()?;
    Some(ProcessId { pid, started })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_folders_named_after_a_process_have_an_owner() {
        assert_eq!(owner_of("12-345-0"), Some(ProcessId { pid: 12, started: 345 }));
        assert_eq!(owner_of("12"), None);
        assert_eq!(owner_of("-1-2"), None);
        assert_eq!(owner_of("0-2-0"), None);
        assert_eq!(owner_of("notes"), None);
    }
}
