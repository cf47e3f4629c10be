//! `cargo xtask bench helm`: which scalars of public charts are proven to a value, and what it takes.
//!
//! The measuring is done by the benchmark of `stilltrace-sources`, with the Helm that the tests use.

use std::fmt::Write as _;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use super::page;
use crate::command::{cargo, text};
use crate::{install, workspace};

/// Least share of scalars that must be proven or text of a template.
const PROVEN: f64 = 0.9;
/// Actions that are named in the page.
const ACTIONS: usize = 12;

/// Measures, and writes the figures; of some repositories they are only printed.
pub(crate) fn run(only: &[String]) -> Result<()> {
    let root = workspace::root()?;
    let installed = install::run(&root);
    let mut bench = cargo(&root);
    bench.args(["bench", "--quiet", "--locked", "--package", "stilltrace-sources"]);
    installed.apply(bench.args(["--bench", "helm", "--"]).args(page::only(only)));
    let measured: Value = serde_json::from_str(&text(&mut bench)?).context("no figures")?;
    if let Some(reason) = measured["skipped"].as_str() {
        bail!("{reason}");
    }
    let mut record = super::record()?;
    record["measured"] = measured;
    if only.is_empty() {
        page::keep(&root, "helm", &record, table)?;
    } else {
        print!("{}", table(std::slice::from_ref(&record)));
    }
    judge(&record)
}

fn count(record: &Value, located: &str) -> f64 {
    record["measured"]["scalars"][located].as_f64().unwrap_or(0.0)
}

/// All scalars, and those that are proven or text of a template.
fn shares(record: &Value) -> (f64, f64) {
    let all = record["measured"]["scalars"].as_object().into_iter().flatten();
    let all: f64 = all.filter_map(|(_, count)| count.as_f64()).sum();
    (all, ["Value", "Release", "Literal"].iter().map(|located| count(record, located)).sum())
}

/// One row per day, and what the newest could not prove.
fn table(records: &[Value]) -> String {
    let mut table = String::from(
        "| day | revision | charts | scalars | value | release, `Chart.yaml` | text of a template | \
         action only | random | wrong places | runs of Helm | median | 95 % |\n\
         |---|---|---|---|---|---|---|---|---|---|---|---|---|\n",
    );
    for record in records {
        let (all, _) = shares(record);
        let measured = &record["measured"];
        let share = |located| 100.0 * count(record, located) / all;
        let seconds =
            |name: &str| measured["milliseconds"][name].as_f64().unwrap_or(f64::NAN) / 1e3;
        // Writing to a string cannot fail.
        let _ = writeln!(
            table,
            "| {} | {} | {} | {all} | {:.1} % | {:.1} % | {:.1} % | {:.1} % | {:.1} % | {} | {} | \
             {:.2} s | {:.2} s |",
            record["date"].as_str().unwrap_or_default(),
            record["revision"].as_str().unwrap_or_default(),
            measured["rendered"],
            share("Value"),
            share("Release"),
            share("Literal"),
            share("Template"),
            share("Changing") + share("File"),
            measured["wrong_places"],
            measured["runs_of_helm"],
            seconds("median"),
            seconds("p95"),
        );
    }
    let newest = records.last().map(|record| &record["measured"]["not_proven_by_action"]);
    let actions = newest.and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    table.push_str("\nNot proven, by the action that wrote it (the rest is in the record):\n\n");
    for action in actions.iter().take(ACTIONS) {
        let text = action[0].as_str().unwrap_or_default().replace('\n', " ");
        let _ = writeln!(table, "- {}: `{text}`", action[1]);
    }
    table
}

/// Fails when too little is proven, or a place does not hold what it should.
fn judge(record: &Value) -> Result<()> {
    let (all, proven) = shares(record);
    println!(
        "{proven} of {all} scalars proven or text of a template, {:.1} %",
        100.0 * proven / all
    );
    let wrong = &record["measured"]["wrong_places"];
    if proven < PROVEN * all || *wrong != 0 {
        bail!("at least {} % must be proven, and no place be wrong ({wrong})", 100.0 * PROVEN);
    }
    Ok(())
}
