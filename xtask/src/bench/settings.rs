//! `cargo xtask bench settings`: a repository of ten thousand files into effective settings.
//!
//! The repository is our own and the same on every machine; see [`repository`]. Every run is a
//! process of its own that reads all of it and prints all settings as JSON; nothing is kept between
//! runs but what the operating system keeps of the files.

use std::fmt::Write as _;

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

use super::figures::Figures;
use super::{page, render, repository};
use crate::workspace;

/// Runs; the median counts.
const RUNS: usize = 5;
/// Most milliseconds.
const TIME_BUDGET: f64 = 1_000.0;
/// Most bytes resident at any moment.
const MEMORY_BUDGET: f64 = 400e6;

/// Measures, and writes the figures.
pub(crate) fn run() -> Result<()> {
    let root = workspace::root()?;
    let folder = workspace::cache(&root).join("bench-settings");
    if folder.exists() {
        std::fs::remove_dir_all(&folder).context("cannot empty the folder of the repository")?;
    }
    let files = repository::write(&folder)?;
    let product = render::product(&root)?;
    let (product, path) = (product.to_str(), folder.to_str());
    let (product, path) = product.zip(path).context("a path is not UTF-8")?;
    let words = [product, "settings", "--repo", path, "--format", "json"];
    let runs = (0..RUNS).map(|_| Figures::of(&words, &root, &[]));
    let figures = Figures::median(runs.collect::<Result<_>>()?).context("no runs")?;
    let printed = crate::command::text(crate::command::command(product, &root).args(&words[1..]))?;
    let mut record = super::record()?;
    record["files"] = json!(files);
    record["edges"] = json!(edges(&serde_json::from_str(&printed)?));
    record["printed_bytes"] = json!(printed.len());
    record["stilltrace"] = figures.to_json();
    page::keep(&root, "settings", &record, table)?;
    judge(&record, figures)
}

fn edges(document: &Value) -> usize {
    let workloads = document["workloads"].as_object().into_iter().flatten();
    workloads.filter_map(|(_, settings)| Some(settings["edges"].as_object()?.len())).sum()
}

/// One row per day that was measured.
fn table(records: &[Value]) -> String {
    let mut table = String::from(
        "| day | revision | cores | files | edges | JSON | wall | CPU | peak memory |\n\
         |---|---|---|---|---|---|---|---|---|\n",
    );
    for record in records {
        let figure = |name: &str| record["stilltrace"][name].as_f64().unwrap_or(f64::NAN);
        // Writing to a string cannot fail.
        let _ = writeln!(
            table,
            "| {} | {} | {} | {} | {} | {:.1} MB | {:.2} s | {:.2} s | {:.0} MB |",
            record["date"].as_str().unwrap_or_default(),
            record["revision"].as_str().unwrap_or_default(),
            record["cores"],
            record["files"],
            record["edges"],
            record["printed_bytes"].as_f64().unwrap_or(f64::NAN) / 1e6,
            figure("milliseconds") / 1e3,
            figure("cpu_milliseconds") / 1e3,
            figure("peak_resident_bytes") / 1e6,
        );
    }
    table
}

/// Prints each figure with its budget; one that is over is an error.
fn judge(record: &Value, figures: Figures) -> Result<()> {
    println!("{} files, {} edges", record["files"], record["edges"]);
    println!("wall: {:.0} ms (at most {TIME_BUDGET})", figures.milliseconds);
    println!("peak memory: {:.0} MB (at most {:.0})", figures.bytes / 1e6, MEMORY_BUDGET / 1e6);
    if figures.milliseconds > TIME_BUDGET || figures.bytes > MEMORY_BUDGET {
        bail!("a figure is over its budget");
    }
    Ok(())
}
