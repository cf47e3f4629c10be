//! What one program took: time, work of the processors, memory.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context, Result, bail};
use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeValLike as _;
use serde_json::{Value, json};

use crate::command::{command, text};

/// Name under which the task runner starts itself to measure one program.
pub(crate) const MEASURE: &str = "measure-one";

/// What one program took.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Figures {
    /// From start to end.
    pub(super) milliseconds: f64,
    /// User and system time of all its processes.
    pub(super) cpu_milliseconds: f64,
    /// Most bytes resident in any of its processes.
    pub(super) bytes: f64,
}

impl Figures {
    /// Runs a program in `folder`, measured by a process of its own.
    pub(super) fn of(words: &[&str], folder: &Path, variables: &[(&str, &str)]) -> Result<Self> {
        let mut measured = command(std::env::current_exe()?, folder);
        measured.arg(MEASURE).args(words).envs(variables.iter().copied());
        let figures: Value = serde_json::from_str(&text(&mut measured)?)?;
        let figure =
            |name: &str| figures[name].as_f64().with_context(|| format!("no {name} measured"));
        Ok(Self {
            milliseconds: figure("milliseconds")?,
            cpu_milliseconds: figure("cpu_milliseconds")?,
            bytes: figure("bytes")?,
        })
    }

    /// Of several runs the one with the median time, with the most memory of all.
    pub(super) fn median(mut runs: Vec<Self>) -> Option<Self> {
        runs.sort_by(|a, b| a.milliseconds.total_cmp(&b.milliseconds));
        let bytes = runs.iter().map(|run| run.bytes).fold(0.0, f64::max);
        runs.get(runs.len() / 2).map(|run| Self { bytes, ..*run })
    }

    /// For the record.
    pub(super) fn to_json(self) -> Value {
        json!({
            "milliseconds": super::rounded(self.milliseconds),
            "cpu_milliseconds": super::rounded(self.cpu_milliseconds),
            "peak_resident_bytes": self.bytes,
        })
    }
}

/// Runs one program and prints what it took. What it prints is read and dropped.
///
/// The system tells the peak over all children of a process, so this process has only one.
pub(crate) fn measure(words: &[String]) -> Result<()> {
    let (program, args) = words.split_first().context("nothing to measure")?;
    let start = Instant::now();
    let output = Command::new(program).args(args).stdin(Stdio::null()).output()?;
    let elapsed = start.elapsed().as_secs_f64() * 1e3;
    if !output.status.success() {
        let complaint = String::from_utf8_lossy(&output.stderr);
        let words: Vec<&str> = words.iter().take(8).map(String::as_str).collect();
        bail!("`{}` failed ({}): {}", words.join(" "), output.status, complaint.trim());
    }
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN)?;
    let cpu = usage.user_time().num_microseconds() + usage.system_time().num_microseconds();
    // Linux counts in KiB, macOS in bytes (`man getrusage`).
    let unit = if cfg!(target_os = "macos") { 1.0 } else { 1024.0 };
    let figures = json!({
        "milliseconds": elapsed,
        "cpu_milliseconds": cpu as f64 / 1e3,
        "bytes": usage.max_rss() as f64 * unit,
    });
    println!("{figures}");
    Ok(())
}
