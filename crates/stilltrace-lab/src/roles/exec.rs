//! `exec`: takes a place in the lab, then becomes another program.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::Command;

use nix::sys::prctl::set_pdeathsig;
use nix::sys::signal::Signal;
use nix::unistd::{Gid, Pid, Uid, getppid, setgid, setgroups, setuid};

use crate::host::netns;

/// Where to go and what to become.
#[derive(Debug, Clone, clap::Args)]
pub struct ExecArgs {
    /// Process that must be the parent; its end is the end of the program.
    #[arg(long)]
    parent: i32,
    /// Network namespace to enter.
    #[arg(long)]
    namespace: PathBuf,
    /// Folder of a control group to join.
    #[arg(long)]
    group: Vec<PathBuf>,
    /// User and group to become.
    #[arg(long)]
    uid: Option<u32>,
    /// Program and arguments.
    #[arg(last = true, required = true)]
    program: Vec<OsString>,
}

/// Takes the place and becomes the program; returns only on failure.
pub fn run(args: &ExecArgs) -> io::Result<()> {
    for group in &args.group {
        // "0" means the writing process.
        let procs = group.join("cgroup.procs");
        fs::write(&procs, "0").map_err(|error| at(&procs, &error))?;
    }
    netns::enter(&args.namespace).map_err(|error| at(&args.namespace, &error))?;
    if let Some(uid) = args.uid {
        setgroups(&[])?;
        setgid(Gid::from_raw(uid))?;
        setuid(Uid::from_raw(uid))?;
    }
    // After setuid, because a change of user clears the signal (`man 2 prctl`).
    set_pdeathsig(Signal::SIGKILL)?;
    if getppid() != Pid::from_raw(args.parent) {
        return Err(io::Error::other("the lab ended before its process began"));
    }
    let (program, rest) = args
        .program
        .split_first()
        .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "no program to become"))?;
    let error = Command::new(program).args(rest).exec();
    Err(at(std::path::Path::new(program), &error))
}

/// An error with the file it is about.
fn at(path: &std::path::Path, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{}: {error}", path.display()))
}
