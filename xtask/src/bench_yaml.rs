//! `cargo xtask bench yaml`: what reading and editing YAML costs, measured and kept.
//!
//! The measuring is done by the benchmarks of `stilltrace-manifest`; their figures go to
//! `bench/runs/DATE/yaml.json`, and the tables in `bench/README.md` are drawn from the newest day.

use std::fmt::Write as _;
use std::path::Path;

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

use crate::bench::{page, rounded, today};
use crate::command::{cargo, command, text};
use crate::{install, workspace};

/// Most seconds until a hostile file is refused.
const REFUSAL_SECONDS: f64 = 1.0;
/// Most bytes that a process holds while it refuses a hostile file.
const REFUSAL_BYTES: f64 = 100e6;
/// Between these lines of `bench/README.md` stand the generated tables.
const MARKS: [&str; 2] = ["<!-- yaml: begin -->\n", "<!-- yaml: end -->\n"];

/// Measures, and writes the figures; of some repositories they are only printed.
pub(crate) fn run(only: &[String]) -> Result<()> {
    let root = workspace::root()?;
    if install::corpora(&root).is_none() {
        bail!("no data sets; set STILLTRACE_CORPORA to the folder that has gitops-repos");
    }
    let allocations = figures(&root, "allocations", only)?;
    let measured = figures(&root, "yaml", only)?;
    let revision = text(command("git", &root).args(["rev-parse", "--short", "HEAD"]))?;
    let record = json!({
        "date": today()?,
        "revision": revision.trim(),
        "cores": std::thread::available_parallelism()?.get(),
        "system": format!("{} {}", std::env::consts::OS, std::env::consts::ARCH),
        "memory": allocations,
        "measured": measured,
    });
    if only.is_empty() {
        keep(&root, &record)?;
    } else {
        print!("{}", tables(&record));
    }
    judge(&record)
}

fn figures(root: &Path, bench: &str, only: &[String]) -> Result<Value> {
    let mut run = cargo(root);
    run.args([
        "bench",
        "--quiet",
        "--locked",
        "--package",
        "stilltrace-manifest",
        "--bench",
        bench,
        "--",
    ]);
    run.args(page::only(only));
    serde_json::from_str(&text(&mut run)?).with_context(|| format!("no figures of {bench}"))
}

/// Writes the record and draws the tables from it.
fn keep(root: &Path, record: &Value) -> Result<()> {
    let folder = root.join("bench/runs").join(record["date"].as_str().unwrap_or_default());
    std::fs::create_dir_all(&folder)?;
    std::fs::write(folder.join("yaml.json"), format!("{record:#}\n"))?;
    let path = root.join("bench/README.md");
    let page = std::fs::read_to_string(&path).context("cannot read bench/README.md")?;
    let [begin, end] = MARKS;
    let (before, rest) =
        page.split_once(begin).context("bench/README.md has no place for the tables")?;
    let (_, after) = rest.split_once(end).context("the tables in bench/README.md have no end")?;
    std::fs::write(&path, format!("{before}{begin}{}{end}{after}", tables(record)))?;
    Ok(())
}

fn tables(record: &Value) -> String {
    let (speed, memory) = (&record["measured"]["speed"], &record["memory"]);
    let mega = |bytes: &Value| bytes.as_f64().unwrap_or(f64::NAN) / 1e6;
    let mut out = format!(
        "{}, revision {}, {} cores: {} files, {:.1} MB, {} values.\n\n\
         | | |\n|---|---|\n\
         | one core | {} MB/s, {} s |\n\
         | all cores | {} MB/s, {} s |\n\
         | memory held | {:.0} MB, {} bytes per value |\n\
         | allocations per value | {} |\n",
        record["date"].as_str().unwrap_or_default(),
        record["revision"].as_str().unwrap_or_default(),
        record["cores"],
        speed["files"],
        mega(&speed["bytes"]),
        speed["values"],
        speed["megabytes_per_second_one_core"],
        speed["seconds_one_core"],
        speed["megabytes_per_second_all_cores"],
        speed["seconds_all_cores"],
        mega(&memory["bytes_held"]),
        memory["bytes_held_per_value"],
        memory["allocations_per_value"],
    );
    let edits = &record["measured"]["edits"];
    let _ = write!(
        out,
        "| edits | {} scalars of {} files; {} edits there and back, {} of them read again as wholes, \
         {} by two edits of their own: {} misses |\n\n\
         | hostile file | size, MB | seconds | peak, MB | answer |\n|---|---|---|---|---|\n",
        edits["scalars"],
        edits["files"],
        edits["edits_there_and_back"],
        edits["read_again_and_compared"],
        edits["by_two_edits_of_their_own"],
        edits["misses"],
    );
    for file in record["measured"]["hostile"].as_array().into_iter().flatten() {
        // Writing to a string cannot fail.
        let _ = writeln!(
            out,
            "| {} | {:.1} | {} | {:.0} | {} |",
            file["file"].as_str().unwrap_or_default(),
            mega(&file["bytes"]),
            file["seconds"],
            mega(&file["peak_bytes"]),
            file["refused"].as_str().map_or("read".to_owned(), |said| said.replace('|', "\\|")),
        );
    }
    out
}

/// Fails when a hostile file took longer or more than it may.
fn judge(record: &Value) -> Result<()> {
    let mut over = Vec::new();
    for file in record["measured"]["hostile"].as_array().into_iter().flatten() {
        let figure = |name: &str| file[name].as_f64().unwrap_or(f64::INFINITY);
        if figure("seconds") > REFUSAL_SECONDS || figure("peak_bytes") > REFUSAL_BYTES {
            over.push(format!(
                "{}: {} s, {} MB",
                file["file"],
                figure("seconds"),
                rounded(figure("peak_bytes") / 1e6)
            ));
        }
    }
    let misses = &record["measured"]["edits"]["misses"];
    if misses.as_u64() != Some(0) {
        bail!("{misses} edits are wrong");
    }
    if !over.is_empty() {
        bail!("over {REFUSAL_SECONDS} s or {} MB: {}", REFUSAL_BYTES / 1e6, over.join("; "));
    }
    Ok(())
}
