//! What one program took: time, work of the processors, memory.

use std::io::{BufReader, Read};
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
    /// Runs a program in `folder`, measured by a process of its own; it must end with code 0.
    pub(super) fn of(words: &[&str], folder: &Path, variables: &[(&str, &str)]) -> Result<Self> {
        Self::ending_with("0", words, folder, variables)
    }

    /// Like [`Self::of`] with the codes that the program may end with, separated by commas.
    pub(super) fn ending_with(
        codes: &str,
        words: &[&str],
        folder: &Path,
        variables: &[(&str, &str)],
    ) -> Result<Self> {
        let mut measured = command(std::env::current_exe()?, folder);
        measured.args([MEASURE, codes]).args(words).envs(variables.iter().copied());
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

/// Bytes that are read at once from what the program prints: as many as a pipe holds.
const PIPE: usize = 1 << 16;

/// Runs one program and prints what it took: the codes that it may end with, then its words. What
/// it prints is read and dropped at once: keeping it would measure how fast this process is given
/// memory, because the program waits for its reader.
///
/// The system tells the peak over all children of a process, so this process has only one.
pub(crate) fn measure(words: &[String]) -> Result<()> {
    let [codes, program, args @ ..] = words else { bail!("measure-one CODES PROGRAM ARGS") };
    let start = Instant::now();
    let mut child = Command::new(program)
        .args(args)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    let (printed, said) = child.stdout.take().zip(child.stderr.take()).context("no pipes")?;
    let complaint = std::thread::spawn(move || read(said));
    let mut printed = BufReader::with_capacity(PIPE, printed);
    std::io::copy(&mut printed, &mut std::io::sink())?;
    let status = child.wait()?;
    let elapsed = start.elapsed().as_secs_f64() * 1e3;
    let code = status.code().map(|code| code.to_string());
    if !code.is_some_and(|code| codes.split(',').any(|accepted| accepted == code)) {
        let complaint = complaint.join().unwrap_or_default();
        let words: Vec<&str> = words.iter().skip(1).take(8).map(String::as_str).collect();
        bail!("`{}` failed ({status}): {}", words.join(" "), complaint.trim());
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

/// All of a stream as text, as far as it can be read.
fn read(mut stream: impl Read) -> String {
    let mut bytes = Vec::new();
    // What came before the error is still worth showing.
    let _ = stream.read_to_end(&mut bytes);
    String::from_utf8_lossy(&bytes).into_owned()
}
