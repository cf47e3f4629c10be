//! Starting processes so that none outlives the lab.
//!
//! A process is started by way of the hidden subcommand `exec` of the lab's own binary, which joins
//! the control groups and the namespace, asks the kernel to be killed with its parent, and becomes
//! the program. The kernel counts the *thread* that started a process as its parent (`man 2
//! prctl`, `PR_SET_PDEATHSIG`), so all starts happen on one thread that lives as long as the lab.

use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::os::unix::fs::chown;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread::JoinHandle;

/// A process to start.
#[derive(Debug, Clone)]
pub struct Launch {
    /// Program to become.
    pub program: PathBuf,
    /// Its arguments.
    pub args: Vec<OsString>,
    /// Namespace to enter, by path.
    pub namespace: PathBuf,
    /// Folders of control groups to join; none stays in the lab's own.
    pub groups: Vec<PathBuf>,
    /// File that output and errors are appended to.
    pub log: PathBuf,
    /// User to become; absent = the lab's own.
    pub uid: Option<u32>,
    /// Real-time priority (`SCHED_FIFO`), where the machine permits it.
    pub realtime: Option<u8>,
    /// Variables beside the lab's own.
    pub environment: Vec<(&'static str, OsString)>,
}

/// The thread that starts processes.
#[derive(Debug)]
pub struct Launcher {
    /// Work for the thread; closed on drop.
    jobs: Option<mpsc::Sender<Job>>,
    /// The thread.
    thread: Option<JoinHandle<()>>,
}

/// A command to start and where to answer.
type Job = (Command, mpsc::Sender<io::Result<Child>>);

impl Launcher {
    /// Starts the thread.
    pub fn new() -> io::Result<Self> {
        let (jobs, work) = mpsc::channel::<Job>();
        let thread = std::thread::Builder::new().name("launcher".into()).spawn(move || {
            for (mut command, answer) in work {
                // Whoever asked is waiting; if not, the child ends with this thread.
                let _ = answer.send(command.spawn());
            }
        })?;
        Ok(Self { jobs: Some(jobs), thread: Some(thread) })
    }

    /// Starts `launch` by way of `lab`, the lab's own binary.
    pub fn start(&self, lab: &Path, launch: &Launch) -> io::Result<Child> {
        let log = File::options().create(true).append(true).open(&launch.log)?;
        if let Some(uid) = launch.uid {
            // Envoy opens /dev/stdout anew for its access log, which asks for the right to.
            chown(&launch.log, Some(uid), Some(uid))?;
        }
        let mut command = Command::new(lab);
        command
            .args(exec_arguments(launch))
            .envs(launch.environment.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log);
        let stopped = || io::Error::other("the lab is shutting down");
        let (answer, answered) = mpsc::channel();
        self.jobs.as_ref().ok_or_else(stopped)?.send((command, answer)).map_err(|_| stopped())?;
        answered.recv().map_err(|_| stopped())?
    }
}

impl Drop for Launcher {
    fn drop(&mut self) {
        drop(self.jobs.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Arguments of the `exec` subcommand for `launch`.
fn exec_arguments(launch: &Launch) -> Vec<OsString> {
    let mut args: Vec<OsString> = vec!["exec".into()];
    args.extend(["--parent".into(), std::process::id().to_string().into()]);
    args.extend(["--namespace".into(), launch.namespace.clone().into_os_string()]);
    for group in &launch.groups {
        args.extend(["--group".into(), group.clone().into_os_string()]);
    }
    if let Some(uid) = launch.uid {
        args.extend(["--uid".into(), uid.to_string().into()]);
    }
    args.push("--".into());
    if let Some(priority) = launch.realtime {
        args.extend(["chrt".into(), "--fifo".into(), priority.to_string().into()]);
    }
    args.push(launch.program.clone().into_os_string());
    args.extend(launch.args.iter().cloned());
    args
}

/// Whether this process may start others with real-time priority.
pub fn realtime_permitted() -> bool {
    Command::new("chrt")
        .args(["--fifo", "1", "true"])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}
