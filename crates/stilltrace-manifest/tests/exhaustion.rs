//! No file exhausts the process that reads it.
//!
//! Every hostile file is read by a process of its own whose memory and processor time the system
//! limits. The limits are generous, because tests run unoptimised and beside each other; what
//! reading costs is measured by `cargo xtask bench yaml`.
#![cfg(target_os = "linux")]
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a failure is the test's result, and the test starts itself"
)]

mod hostile;

use std::os::unix::process::ExitStatusExt as _;
use std::process::{Command, Output};

use hostile::{HOSTILE, Hostile};
use nix::sys::resource::{Resource, UsageWho, getrusage, setrlimit};
use stilltrace_manifest::{Budget, yaml};

/// Which hostile file a child reads.
const CHOSEN: &str = "STILLTRACE_HOSTILE_FILE";
/// Bytes of most hostile files: an eighth of what the default budget allows, and so is the budget
/// here, because an unoptimised reader is ten times slower.
const SIZE: usize = 1_000_000;
/// Seconds of processor time of one child.
const MOST_SECONDS: u64 = 20;
/// Most bytes that a child may hold at any moment, the file included.
const MOST_RESIDENT: i64 = 100_000_000;
/// Most bytes of address space of a child; threads reserve more than they use.
const MOST_ADDRESSES: u64 = 1 << 30;

fn budget() -> Budget {
    Budget { max_nodes: 60_000, max_documents: 1_200, ..Budget::default() }
}

/// Does nothing unless it is started by the other test.
#[test]
fn child() {
    let Ok(name) = std::env::var(CHOSEN) else { return };
    setrlimit(Resource::RLIMIT_CPU, MOST_SECONDS, MOST_SECONDS).unwrap();
    setrlimit(Resource::RLIMIT_AS, MOST_ADDRESSES, MOST_ADDRESSES).unwrap();
    let file = HOSTILE.iter().find(|file| file.name == name).unwrap();
    let text = (file.make)(SIZE);
    let parsed = yaml::parse("f.yaml", text.as_bytes(), &budget());
    let resident = getrusage(UsageWho::RUSAGE_SELF).unwrap().max_rss() * 1024;
    assert!(resident <= MOST_RESIDENT, "{resident} bytes");
    let Some(wanted) = file.refused else { return };
    let named = |problem: &&stilltrace_manifest::Problem| problem.message.contains(wanted);
    let found = parsed.problems.iter().find(named);
    let found = found.unwrap_or_else(|| panic!("no {wanted}: {:?}", parsed.problems.first()));
    assert!(found.line > 0 || wanted == "bytes", "{found}");
}

fn read_alone(file: &Hostile) -> Output {
    let mut child = Command::new(std::env::current_exe().unwrap());
    child.args(["--exact", "child", "--nocapture"]).env(CHOSEN, file.name);
    child.output().unwrap()
}

#[test]
fn hostile_files_are_read_or_refused_within_bounds() {
    let mut failed = Vec::new();
    for file in HOSTILE {
        let output = read_alone(file);
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            let killed = output.status.signal();
            failed.push(format!("{} (killed by signal {killed:?}): {said}", file.name));
        }
    }
    println!("{} hostile files", HOSTILE.len());
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}
