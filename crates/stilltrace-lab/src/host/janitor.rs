//! The process that clears up when a lab is killed.
//!
//! The janitor holds the reading end of a pipe whose only writing end is the lab's. When the lab
//! ends, for whatever reason, the kernel closes the pipe, the janitor wakes and clears what is
//! left. After an orderly shutdown there is nothing left and it just ends. It has a process group
//! of its own, so a Ctrl-C meant for the lab does not reach it.

use std::io::{self, Read};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use super::state::StateDir;

/// Starts the janitor of `state`; it works when the returned child's standard input is closed.
pub fn start(program: &Path, state: &StateDir) -> io::Result<Child> {
    Command::new(program)
        .arg("janitor")
        .arg("--state")
        .arg(state.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .process_group(0)
        .spawn()
}

/// The janitor itself: waits for the end of standard input, then clears the folder.
pub fn run(state: &Path) -> io::Result<()> {
    let mut rest = [0u8; 64];
    let mut pipe = io::stdin().lock();
    while pipe.read(&mut rest)? > 0 {}
    StateDir::at(state).clear()
}
