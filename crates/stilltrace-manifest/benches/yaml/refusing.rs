//! What hostile files cost until they are refused, each in a process of its own.

use std::process::Command;

use nix::sys::resource::{UsageWho, getrusage};
use serde_json::{Value, json};
use stilltrace_manifest::{Budget, yaml};

use crate::hostile::HOSTILE;
use crate::rounded;

/// Bytes of most hostile files: just below the budget.
const SIZE: usize = 8_000_000;
/// Characters of a problem that are kept.
const SHOWN: usize = 120;

/// All hostile files.
pub(crate) fn measure() -> Vec<Value> {
    let own = std::env::current_exe().unwrap();
    let run = |name: &str| {
        let output = Command::new(&own).arg(name).output().unwrap();
        serde_json::from_slice(&output.stdout).unwrap_or_else(|_| json!({ "file": name }))
    };
    HOSTILE.iter().map(|file| run(file.name)).collect()
}

/// Reads one hostile file: processor seconds of reading, and the most bytes that the process held, those of
/// the file and of making it included.
pub(crate) fn read(name: &str) -> Value {
    let file = HOSTILE.iter().find(|file| file.name == name).unwrap();
    let text = (file.make)(SIZE);
    let start = processor_seconds();
    let parsed = yaml::parse("f.yaml", text.as_bytes(), &Budget::default());
    let seconds = processor_seconds() - start;
    let named = |wanted| parsed.problems.iter().find(|problem| problem.message.contains(wanted));
    let problem = file.refused.and_then(named);
    let said = problem.map(|problem| problem.to_string().chars().take(SHOWN).collect::<String>());
    json!({
        "file": name,
        "bytes": text.len(),
        "seconds": rounded(seconds),
        "peak_bytes": peak_resident(),
        "refused": said,
    })
}

/// Processor time of this process so far; other programs do not change it much.
fn processor_seconds() -> f64 {
    let usage = getrusage(UsageWho::RUSAGE_SELF).unwrap();
    let seconds =
        |time: nix::sys::time::TimeVal| time.tv_sec() as f64 + time.tv_usec() as f64 / 1e6;
    seconds(usage.user_time()) + seconds(usage.system_time())
}

/// Most bytes resident since this program was started; `None` where the system does not tell.
///
/// Not `getrusage`: what that tells includes the process that started this one.
fn peak_resident() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(line.split_whitespace().next()?.parse::<u64>().ok()? * 1024)
}
