//! `cargo xtask bench WHAT`: measurements that are kept under `bench/`.
//!
//! `demo` is what a newcomer waits for: a cold release build into an empty folder (dependencies downloaded before), then [`RUNS`] answers
//! of `stilltrace demo`, each a process of its own. Every figure goes to `bench/runs/DATE/demo.json`;
//! the table in `bench/README.md` is drawn from all of these files.

mod figures;
pub(crate) mod helm;
pub(crate) mod page;
mod peer;
pub(crate) mod render;
mod repository;
pub(crate) mod settings;

use std::fmt::Write as _;
use std::path::Path;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

use crate::command::{cargo, run as run_command, text};
use crate::workspace;

use figures::Figures;
pub(crate) use figures::{MEASURE, measure};

/// Answers that are timed.
const RUNS: usize = 30;
/// Most seconds of a cold build on two cores.
const BUILD_BUDGET: f64 = 360.0;
/// Most milliseconds from start to the end of the answer.
const ANSWER_BUDGET: f64 = 150.0;
/// Most bytes resident at any moment.
const MEMORY_BUDGET: f64 = 100e6;
/// Measures, and writes the figures.
pub(crate) fn run() -> Result<()> {
    let root = workspace::root()?;
    let folder = workspace::cache(&root).join("bench-target");
    let build = build(&root, &folder)?;
    println!("cold release build: {build:.1} s");
    let binary = folder.join("release").join("stilltrace");
    let mut answers = Vec::with_capacity(RUNS);
    let mut peak: f64 = 0.0;
    for _ in 0..RUNS {
        let (milliseconds, bytes) = one(&root, &binary)?;
        answers.push(milliseconds);
        peak = peak.max(bytes);
    }
    let mut record = record()?;
    record["cold_build_seconds"] = json!(rounded(build));
    record["binary_bytes"] = json!(std::fs::metadata(&binary)?.len());
    record["answer_milliseconds"] = answers.iter().copied().map(rounded).collect();
    record["peak_resident_bytes"] = json!(peak);
    page::keep(&root, "demo", &record, table)?;
    judge(&record)
}

/// What every record says: when, what and where was measured.
fn record() -> Result<Value> {
    let root = workspace::root()?;
    let revision =
        text(crate::command::command("git", &root).args(["rev-parse", "--short", "HEAD"]));
    Ok(json!({
        "date": today()?,
        "revision": revision.map(|revision| revision.trim().to_owned()).unwrap_or_default(),
        "cores": std::thread::available_parallelism()?.get(),
        "system": format!("{} {}", std::env::consts::OS, std::env::consts::ARCH),
    }))
}

/// Seconds of a release build of the command line into an empty folder.
fn build(root: &Path, folder: &Path) -> Result<f64> {
    run_command(cargo(root).args(["fetch", "--quiet", "--locked"]))?;
    if folder.exists() {
        std::fs::remove_dir_all(folder).context("cannot empty the folder of the cold build")?;
    }
    let mut build = cargo(root);
    build.args(["build", "--quiet", "--release", "--locked", "--package", "stilltrace"]);
    let start = Instant::now();
    run_command(build.env("CARGO_TARGET_DIR", folder))?;
    Ok(start.elapsed().as_secs_f64())
}

/// Milliseconds and peak resident bytes of one answer, measured by a process of its own.
fn one(root: &Path, binary: &Path) -> Result<(f64, f64)> {
    let binary = binary.to_str().context("the path of the program is not UTF-8")?;
    let state = workspace::cache(root).join("state");
    let state = state.to_str().context("the path of the state is not UTF-8")?;
    let figures = Figures::of(&[binary, "demo"], root, &[("XDG_STATE_HOME", state)])?;
    Ok((figures.milliseconds, figures.bytes))
}

/// One row per day that was measured.
fn table(records: &[Value]) -> String {
    let mut table = String::from(
        "| day | revision | cores | cold build | answer, median | answer, slowest | peak memory | binary |\n\
         |---|---|---|---|---|---|---|---|\n",
    );
    for record in records {
        let (median, slowest) = answers(record);
        let figure = |name: &str| record[name].as_f64().unwrap_or(f64::NAN);
        // Writing to a string cannot fail.
        let _ = writeln!(
            table,
            "| {} | {} | {} | {:.0} s | {median:.0} ms | {slowest:.0} ms | {:.1} MB | {:.1} MB |",
            record["date"].as_str().unwrap_or_default(),
            record["revision"].as_str().unwrap_or_default(),
            record["cores"],
            figure("cold_build_seconds"),
            figure("peak_resident_bytes") / 1e6,
            figure("binary_bytes") / 1e6,
        );
    }
    table
}

/// Median and maximum of the timed answers, in milliseconds.
fn answers(record: &Value) -> (f64, f64) {
    let timed = record["answer_milliseconds"].as_array().map(Vec::as_slice).unwrap_or_default();
    let mut timed: Vec<f64> = timed.iter().filter_map(Value::as_f64).collect();
    timed.sort_by(f64::total_cmp);
    let at = |index: usize| timed.get(index).copied().unwrap_or(f64::NAN);
    (at(timed.len() / 2), at(timed.len().saturating_sub(1)))
}

/// Prints each figure with its budget; one that is over is an error.
fn judge(record: &Value) -> Result<()> {
    let (median, slowest) = answers(record);
    let figure = |name: &str| record[name].as_f64().unwrap_or(f64::NAN);
    let figures = [
        ("cold release build, s", figure("cold_build_seconds"), BUILD_BUDGET),
        ("answer of the demo, median ms", median, ANSWER_BUDGET),
        ("answer of the demo, slowest ms", slowest, f64::INFINITY),
        ("peak memory, MB", figure("peak_resident_bytes") / 1e6, MEMORY_BUDGET / 1e6),
    ];
    let mut over = 0;
    for (what, value, budget) in figures {
        println!("{what}: {value:.1} (at most {budget})");
        over += usize::from(value > budget);
    }
    if over > 0 {
        bail!("{over} figures are over their budget");
    }
    Ok(())
}

/// The day in UTC, as `2026-11-22`.
///
/// Civil date from days by the era method: years of 365.2425 days that begin in March.
pub(crate) fn today() -> Result<String> {
    let days = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs() / 86_400;
    let shifted = days + 719_468;
    let (era, of_era) = (shifted / 146_097, shifted % 146_097);
    let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    let year = year + era * 400 + u64::from(month <= 2);
    Ok(format!("{year:04}-{month:02}-{day:02}"))
}

/// To three decimals: what the clock can tell.
pub(crate) fn rounded(value: f64) -> f64 {
    (value * 1e3).round() / 1e3
}
