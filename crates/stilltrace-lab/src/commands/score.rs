//! `score`: asks the product about every capture of a folder and compares with the truth.
//!
//! The product is asked through its command line alone, as anybody would.

use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;
use stilltrace_capture::Bundle;
use stilltrace_lab::profile::control_plane;
use stilltrace_lab::record::WIDENED_CAPTURE;
use stilltrace_lab::score::{Evidence, Found, Marks, Tally, findings};
use stilltrace_model::Timestamp;

/// Most bytes of a capture that are unpacked in search of its truth.
const MOST_BYTES: u64 = 256 << 20;

/// What to score.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct ScoreArgs {
    /// Folder of captures with their `NAME.truth.json`.
    captures: PathBuf,
    /// Which of the two views of each run.
    #[arg(long, value_enum, default_value_t = View::Stock)]
    view: View,
    /// The product's binary; the one beside this program if absent.
    #[arg(long)]
    stilltrace: Option<PathBuf>,
}

/// What the proxies show of their statistics.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum View {
    /// What those of a stock installation show.
    Stock,
    /// What those show whose `proxyStatsMatcher` is widened.
    Widened,
}

impl View {
    /// Name of the recording whose capture in this view the file is.
    fn recording(self, file: &str) -> Option<&str> {
        let widened = file.strip_suffix(WIDENED_CAPTURE);
        match self {
            Self::Stock if widened.is_some() => None,
            Self::Stock => file.strip_suffix(".stilltrace"),
            Self::Widened => widened,
        }
    }
}

/// Scores them, prints a table and what they come to; fails if any answer is wrong.
pub(crate) fn run(args: &ScoreArgs) -> Result<()> {
    let program = match &args.stilltrace {
        Some(path) => path.clone(),
        None => std::env::current_exe()?.with_file_name("stilltrace"),
    };
    let captures = captures(args)?;
    let analyzers = control_plane();
    if let Err(missing) = &analyzers {
        eprintln!("Istio's analyzers are not asked: {missing}");
    }
    println!("{:40} verdict mechanism line commit edge", "capture");
    let (mut tally, mut wrong) = (Tally::default(), 0);
    for (name, capture) in &captures {
        let truth = truth(&args.captures, name, capture)?;
        let began = Instant::now();
        let report = ask(&program, capture)?;
        let took = began.elapsed();
        let marks = Marks::of(&truth, &report);
        println!("{}", line(name, &marks));
        let bundle = Bundle::open(capture)?;
        let onset = onset(&report, &bundle);
        let (events, series) = (bundle.events(), bundle.samples());
        let objects = bundle.file("objects.jsonl").unwrap_or_default();
        let found =
            analyzers.as_ref().ok().map(|program| findings(program, objects)).transpose()?;
        let findings = found.as_deref();
        tally.add(&marks, &Evidence { onset, events, series, truth: &truth, findings }, took);
        wrong += u32::from(!marks.all_right());
    }
    println!("\n{tally}");
    ensure!(wrong == 0, "{wrong} of {} answers are wrong", captures.len());
    Ok(())
}

/// The captures of the view, by name.
fn captures(args: &ScoreArgs) -> Result<Vec<(String, PathBuf)>> {
    let mut captures: Vec<_> = std::fs::read_dir(&args.captures)
        .with_context(|| args.captures.display().to_string())?
        .filter_map(|entry| {
            let path = entry.ok()?.path();
            let name = args.view.recording(path.file_name()?.to_str()?)?.to_owned();
            Some((name, path))
        })
        .collect();
    captures.sort();
    ensure!(!captures.is_empty(), "no captures in {}", args.captures.display());
    Ok(captures)
}

/// The truth of a recording: the file beside it, else what the capture itself holds.
fn truth(folder: &Path, name: &str, capture: &Path) -> Result<Value> {
    let beside = folder.join(format!("{name}.truth.json"));
    if beside.exists() {
        return Ok(serde_json::from_slice(&std::fs::read(beside)?)?);
    }
    let packed = std::fs::File::open(capture)?;
    let unpacked = zstd::Decoder::new(packed)?.take(MOST_BYTES);
    let mut archive = tar::Archive::new(unpacked);
    for entry in archive.entries()? {
        let entry = entry?;
        if entry.path()? == Path::new("truth.json") {
            return Ok(serde_json::from_reader(entry)?);
        }
    }
    bail!("{}: it holds no truth.json, and none stands beside it", capture.display())
}

/// When the symptom began as the report has it; without one, the end of the window.
fn onset(report: &Value, bundle: &Bundle) -> Timestamp {
    let told = report["symptom"]["onset"].as_str().and_then(Timestamp::parse);
    let end = || bundle.manifest().window().map(|window| window.to);
    told.or_else(end).unwrap_or(Timestamp(i64::MAX))
}

/// One row: `1` where the first answer is right, `3` where one of the first three is.
fn line(name: &str, marks: &Marks) -> String {
    let mark = |found: Option<Found>| match found {
        None => "-",
        Some(Found { first: true, .. }) => "1",
        Some(Found { third: true, .. }) => "3",
        Some(_) => "WRONG",
    };
    let verdict = if marks.verdict { "ok" } else { "WRONG" };
    format!(
        "{name:40} {verdict:7} {:9} {:5} {:6} {}",
        mark(marks.mechanism),
        mark(marks.line),
        mark(marks.commit),
        mark(marks.edge)
    )
}

/// The product's report about a capture.
fn ask(program: &Path, capture: &Path) -> Result<Value> {
    let output = Command::new(program)
        .args(["why", "-o", "json", "--capture"])
        .arg(capture)
        .output()
        .with_context(|| program.display().to_string())?;
    serde_json::from_slice(&output.stdout).with_context(|| {
        format!("{}: {}", capture.display(), String::from_utf8_lossy(&output.stderr).trim())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_view_has_captures_of_its_own() {
        let (stock, widened) = ("a-1.stilltrace", "a-1.widened.stilltrace");
        assert_eq!(View::Stock.recording(stock), Some("a-1"));
        assert_eq!(View::Stock.recording(widened), None);
        assert_eq!(View::Widened.recording(widened), Some("a-1"));
        assert_eq!(View::Widened.recording(stock), None);
        assert_eq!(View::Stock.recording("a-1.truth.json"), None);
    }
}
