//! Records of a day, and the tables that are drawn from all of them.

use std::path::Path;

use anyhow::{Context, Result};
use serde_json::Value;

/// Words for a benchmark of one of our crates that measures some repositories only.
pub(crate) fn only(repositories: &[String]) -> Vec<String> {
    repositories.iter().map(|repository| format!("--only={repository}")).collect()
}

/// Keeps a record as `bench/runs/DATE/NAME.json` and draws the table NAME of `bench/README.md` anew.
pub(super) fn keep(
    root: &Path,
    name: &str,
    record: &Value,
    table: impl Fn(&[Value]) -> String,
) -> Result<()> {
    let bench = root.join("bench");
    let folder = bench.join("runs").join(record["date"].as_str().unwrap_or_default());
    std::fs::create_dir_all(&folder)?;
    std::fs::write(folder.join(format!("{name}.json")), format!("{record:#}\n"))?;

    let (begin, end) = (format!("<!-- {name}: begin -->\n"), format!("<!-- {name}: end -->\n"));
    let path = bench.join("README.md");
    let page = std::fs::read_to_string(&path).context("cannot read bench/README.md")?;
    let no_place = || format!("bench/README.md has no place for the table `{name}`");
    let (before, rest) = page.split_once(&begin).with_context(no_place)?;
    let (_, after) = rest.split_once(&end).with_context(no_place)?;
    let table = table(&records(&bench, name)?);
    std::fs::write(&path, format!("{before}{begin}{table}{end}{after}"))?;
    Ok(())
}

/// The records of that name, oldest first.
fn records(bench: &Path, name: &str) -> Result<Vec<Value>> {
    let mut days: Vec<_> = std::fs::read_dir(bench.join("runs"))?.collect::<Result<_, _>>()?;
    days.sort_by_key(std::fs::DirEntry::file_name);
    let mut records = Vec::new();
    for day in days {
        if let Ok(record) = std::fs::read_to_string(day.path().join(format!("{name}.json"))) {
            records.push(serde_json::from_str(&record)?);
        }
    }
    Ok(records)
}
