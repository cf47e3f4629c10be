//! Processes by id, told apart from later ones with the same id by their start time.

use std::fs;
use std::io;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde::{Deserialize, Serialize};

/// A process as the kernel identifies it over time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ProcessId {
    /// Process id.
    pub pid: i32,
    /// Start time in clock ticks since boot: field 22 of `/proc/PID/stat`.
    pub started: u64,
}

impl ProcessId {
    /// This process.
    pub fn own() -> io::Result<Self> {
        let pid = i32::try_from(std::process::id()).map_err(io::Error::other)?;
        Self::of(pid).ok_or_else(|| io::Error::other("/proc/self/stat: no start time"))
    }

    /// The process that has `pid` now, if there is one.
    pub fn of(pid: i32) -> Option<Self> {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        start_time(&stat).map(|started| Self { pid, started })
    }

    /// Whether the process still runs; a zombie does not.
    pub fn is_alive(self) -> bool {
        let Ok(stat) = fs::read_to_string(format!("/proc/{}/stat", self.pid)) else { return false };
        start_time(&stat) == Some(self.started) && state(&stat) != Some('Z')
    }

    /// Sends `signal` if the process is still the one that is meant.
    pub fn signal(self, signal: Signal) {
        if self.is_alive() {
            // A process that ended in between is the wanted state.
            let _ = kill(Pid::from_raw(self.pid), signal);
        }
    }
}

/// Waits until none of `processes` runs, for at most `limit`; returns those that still do.
pub fn wait_until_gone(processes: &[ProcessId], limit: Duration) -> Vec<ProcessId> {
    let deadline = Instant::now() + limit;
    loop {
        let alive: Vec<_> =
            processes.iter().copied().filter(|process| process.is_alive()).collect();
        if alive.is_empty() || Instant::now() >= deadline {
            return alive;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Field 22 of a `stat` line. The command in field 2 may itself contain spaces and brackets.
fn start_time(stat: &str) -> Option<u64> {
    let (_, rest) = stat.rsplit_once(')')?;
    rest.split_ascii_whitespace().nth(19)?.parse().ok()
}

/// Field 3 of a `stat` line.
fn state(stat: &str) -> Option<char> {
    let (_, rest) = stat.rsplit_once(')')?;
    rest.trim_start().chars().next()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed read is a failed test")]
mod tests {
    use super::*;

    #[test]
    fn a_command_with_brackets_does_not_shift_the_fields() {
        let stat = "7 (a) b) S 1 7 7 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 4242 10 20";
        assert_eq!(start_time(stat), Some(4242));
        assert_eq!(state(stat), Some('S'));
    }

    #[test]
    fn another_start_time_is_another_process() {
        let own = ProcessId::own().unwrap();
        assert!(own.is_alive());
        assert!(!ProcessId { started: own.started + 1, ..own }.is_alive());
    }
}
