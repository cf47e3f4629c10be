//! How far a long run is, on a terminal.

use std::io::{self, IsTerminal as _, Write as _};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use crate::context::Context;

/// Shorter runs are over before anyone has read it.
const PATIENCE: Duration = Duration::from_secs(1);

/// A line on standard error that counts. Threads share it.
#[derive(Debug)]
pub(super) struct Progress {
    what: &'static str,
    all: usize,
    done: AtomicUsize,
    started: Instant,
    shown: bool,
}

impl Progress {
    /// Counts to `all`, if anyone is looking.
    pub(super) fn new(what: &'static str, all: usize, context: &Context) -> Self {
        let shown = io::stderr().is_terminal() && !context.remarks.is_quiet();
        Self { what, all, done: AtomicUsize::new(0), started: Instant::now(), shown }
    }

    /// Does one thing, and says on a terminal what it is if that takes long.
    pub(super) fn around<T>(name: &str, context: &Context, work: impl FnOnce() -> T) -> T {
        if !io::stderr().is_terminal() || context.remarks.is_quiet() {
            return work();
        }
        let (finished, wait) = mpsc::channel::<()>();
        thread::scope(|scope| {
            scope.spawn(move || {
                if wait.recv_timeout(PATIENCE) == Err(mpsc::RecvTimeoutError::Timeout) {
                    let _ = write!(io::stderr(), "rendering {name}");
                    let _ = wait.recv();
                    let _ = write!(io::stderr(), "\r\x1b[K");
                }
            });
            let done = work();
            drop(finished);
            done
        })
    }

    /// One more is done.
    pub(super) fn step(&self) {
        let done = self.done.fetch_add(1, Ordering::Relaxed) + 1;
        if self.shown && self.started.elapsed() > PATIENCE {
            let _ = write!(io::stderr(), "\r{} {done} of {}", self.what, self.all);
        }
    }

    /// Clears the line.
    pub(super) fn end(&self) {
        if self.shown && self.started.elapsed() > PATIENCE {
            let _ = write!(io::stderr(), "\r\x1b[K");
        }
    }
}
