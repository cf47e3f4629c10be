//! One lab at a time: two would measure each other.

use std::fs::File;

use nix::fcntl::{Flock, FlockArg};

use super::RunError;

/// Held while a lab runs; the kernel gives it back whatever happens to this process.
#[derive(Debug)]
pub(super) struct Lock {
    _held: Flock<File>,
}

impl Lock {
    /// Takes the machine's lock, or says that another lab holds it.
    pub(super) fn take() -> Result<Self, RunError> {
        let path = std::env::temp_dir().join("stilltrace-lab.lock");
        let name = path.display().to_string();
        let file = File::options()
            .create(true)
            .append(true)
            .open(&path)
            .map_err(|source| RunError::Io { what: name.clone(), source })?;
        match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
            Ok(held) => Ok(Self { _held: held }),
            Err(_) => Err(RunError::Busy { path: name }),
        }
    }
}
