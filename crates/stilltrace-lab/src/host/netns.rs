//! One private network namespace for the whole mesh.
//!
//! The namespace has no name and no mount: it lives as long as a process runs in it or the lab
//! holds its file open, so nothing of it can be left behind. It has a loopback device and no other,
//! so nothing in it can reach the outside and nothing outside can reach it.
//!
//! Addresses come from 198.18.0.0/16, the block of RFC 2544 for benchmarks, which no real network
//! uses.

use std::fs::File;
use std::io;
use std::net::Ipv4Addr;
use std::os::fd::AsRawFd;
use std::path::PathBuf;

use nix::sched::{CloneFlags, setns, unshare};

use super::netlink;

/// Address of the loopback device itself; pods have others of the same block.
const OWN_ADDRESS: Ipv4Addr = Ipv4Addr::new(198, 18, 0, 1);
/// Length of the block's prefix.
const PREFIX: u8 = 16;

/// A network namespace that ends with its last process.
#[derive(Debug)]
pub struct Namespace {
    /// Keeps the namespace alive.
    file: File,
}

impl Namespace {
    /// Makes a namespace with the lab's address block on its loopback device.
    ///
    /// Fails with `PermissionDenied` where the kernel does not permit namespaces.
    pub fn create() -> io::Result<Self> {
        // A namespace belongs to a thread; this one ends, so the caller's does not change.
        let made = std::thread::spawn(|| {
            unshare(CloneFlags::CLONE_NEWNET)?;
            netlink::configure_loopback(OWN_ADDRESS, PREFIX)?;
            File::open("/proc/thread-self/ns/net")
        });
        let file = made.join().map_err(|_| io::Error::other("the namespace's thread ended"))??;
        Ok(Self { file })
    }

    /// Path by which a child of this process can open the namespace.
    pub fn path(&self) -> PathBuf {
        PathBuf::from(format!("/proc/{}/fd/{}", std::process::id(), self.file.as_raw_fd()))
    }

    /// Runs `work` on a thread inside the namespace: how the lab talks to its own proxies.
    pub fn inside<T: Send>(&self, work: impl FnOnce() -> T + Send) -> io::Result<T> {
        std::thread::scope(|scope| {
            let thread = scope.spawn(|| {
                setns(&self.file, CloneFlags::CLONE_NEWNET)?;
                Ok(work())
            });
            thread.join().map_err(|_| io::Error::other("a thread in the namespace panicked"))?
        })
    }
}

/// Moves the calling thread into the namespace behind `path`.
pub fn enter(path: &std::path::Path) -> io::Result<()> {
    let file = File::open(path)?;
    setns(&file, CloneFlags::CLONE_NEWNET)?;
    Ok(())
}
