//! Network namespaces: private worlds of devices, addresses and packet rules.
//!
//! A namespace has no name and no mount: it lives as long as a process runs in it or the lab holds
//! its file open, so nothing of it can be left behind, not by a lab that is killed either. Nothing
//! in it can reach the outside and nothing outside can reach it.

use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd, RawFd};
use std::path::{Path, PathBuf};

use nix::sched::{CloneFlags, setns, unshare};

/// A network namespace that ends with its last process.
#[derive(Debug)]
pub struct Namespace {
    /// Keeps the namespace alive.
    file: File,
}

impl Namespace {
    /// Makes a namespace and lets `configure` set it up from inside.
    ///
    /// Fails with `PermissionDenied` where the kernel does not permit namespaces.
    pub(super) fn create(configure: impl FnOnce() -> io::Result<()> + Send) -> io::Result<Self> {
        // A namespace belongs to a thread; this one ends, so the caller's does not change.
        let file = on_thread(|| {
            unshare(CloneFlags::CLONE_NEWNET)?;
            configure()?;
            File::open("/proc/thread-self/ns/net")
        })?;
        Ok(Self { file })
    }

    /// Another handle of the same namespace.
    pub fn another(&self) -> io::Result<Self> {
        Ok(Self { file: self.file.try_clone()? })
    }

    /// Path by which a child of this process can open the namespace.
    pub fn path(&self) -> PathBuf {
        PathBuf::from(format!("/proc/{}/fd/{}", std::process::id(), self.file.as_raw_fd()))
    }

    /// Runs `work` on a thread inside the namespace: how the lab talks to its own proxies.
    pub fn inside<T: Send>(&self, work: impl FnOnce() -> T + Send) -> io::Result<T> {
        on_thread(|| {
            setns(&self.file, CloneFlags::CLONE_NEWNET)?;
            Ok(work())
        })
    }

    /// The open file, for requests that name a namespace.
    pub(super) fn raw(&self) -> RawFd {
        self.file.as_raw_fd()
    }
}

/// Runs `work` on a thread of its own.
fn on_thread<T: Send>(work: impl FnOnce() -> io::Result<T> + Send) -> io::Result<T> {
    std::thread::scope(|scope| {
        let thread = scope.spawn(work);
        thread.join().map_err(|_| io::Error::other("a thread in a namespace panicked"))?
    })
}

/// Moves the calling thread into the namespace behind `path`.
pub fn enter(path: &Path) -> io::Result<()> {
    let file = File::open(path)?;
    setns(&file, CloneFlags::CLONE_NEWNET)?;
    Ok(())
}
