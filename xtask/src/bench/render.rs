//! `cargo xtask bench render`: every folder of real repositories that Kustomize builds, by the
//! product, by the kustomize command, and by Kustomize's Go API in one process.
//!
//! All three write the same files, which are compared byte for byte. The command is started once
//! per folder, as scripts and reconcilers do; the other two take all folders in one process. What
//! all three refuse (the data set lacks links of some repositories) is counted apart.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

use super::figures::Figures;
use super::{page, peer};
use crate::command::{cargo, run as run_command};
use crate::{install, workspace};

/// Name under which the task runner starts itself to run the command once per folder.
pub(crate) const EACH: &str = "kustomize-each";
/// Runs of the product; the median counts.
const RUNS: usize = 5;
/// Runs of the Go API, of which one takes most of a minute; the median counts.
const API_RUNS: usize = 3;
/// How the product ends: 2 where a folder is refused, which the comparison of files judges.
const PRODUCT_ENDS: &str = "0,2";
/// How many times as fast as the command the product must be.
const OVER_COMMAND: f64 = 30.0;
/// How many times as fast as the Go API in one process the product must be.
const OVER_API: f64 = 5.0;

/// One folder to build.
struct Folder {
    /// Path from the folder of all repositories.
    path: String,
    /// The file that its output goes to.
    file: String,
}

/// Measures, and writes the figures; of some repositories they are only printed.
pub(crate) fn run(only: &[String]) -> Result<()> {
    let root = workspace::root()?;
    let Some(corpora) = install::corpora(&root) else {
        bail!("no data sets; set STILLTRACE_CORPORA to the folder that has gitops-repos");
    };
    let repositories = corpora.join("gitops-repos");
    let mut folders = folders(&repositories)?;
    let repository = |path: &str| path.split('/').next().unwrap_or_default().to_owned();
    folders.retain(|one| only.is_empty() || only.contains(&repository(&one.path)));
    let work = workspace::cache(&root).join("bench-render");
    let (ours, api, command) = (work.join("ours"), work.join("api"), work.join("command"));
    for folder in [&ours, &api, &command] {
        if folder.exists() {
            std::fs::remove_dir_all(folder)?;
        }
        std::fs::create_dir_all(folder)?;
    }
    let list = work.join("folders.txt");
    let lines = folders.iter().map(|one| format!("{}\t{}\n", one.path, one.file));
    std::fs::write(&list, lines.collect::<String>())?;

    let product = product(&root)?;
    let mut words = vec![text(&product)?, "render", "--quiet", "--out-dir", text(&ours)?];
    words.extend(folders.iter().map(|one| one.path.as_str()));
    let product = median(RUNS, || Figures::ending_with(PRODUCT_ENDS, &words, &repositories, &[]))?;
    let mut record = super::record()?;
    record["roots"] = json!(folders.len());
    record["bytes"] = json!(size(&ours, &folders));
    record["stilltrace"] = product.to_json();
    println!("stilltrace: {:.0} ms", product.milliseconds);

    match peer::build(&root) {
        Err(error) => println!("kustomize is not measured: {error:#}"),
        Ok(peers) => {
            let words = [text(&peers.driver)?, text(&list)?, text(&api)?];
            let figures = median(API_RUNS, || Figures::of(&words, &repositories, &OFFLINE))?;
            println!("Go API: {:.0} ms", figures.milliseconds);
            record["api"] = figures.to_json();
            let own = std::env::current_exe()?;
            let words = [text(&own)?, EACH, text(&peers.kustomize)?, text(&list)?, text(&command)?];
            let figures = Figures::of(&words, &repositories, &OFFLINE)?;
            println!("kustomize, once per folder: {:.0} ms", figures.milliseconds);
            record["command"] = figures.to_json();
            record["refused_by_all"] = json!(refused(&folders, &[&ours, &api, &command]));
            record["differ"] = json!(differing(&folders, &ours, &command));
            record["api_differs"] = json!(differing(&folders, &api, &command));
        }
    }
    if only.is_empty() {
        page::keep(&root, "render", &record, table)?;
    } else {
        print!("{}", table(std::slice::from_ref(&record)));
    }
    judge(&record)
}

/// Nothing may be fetched: a proxy that does not exist, and no `git` to start.
const OFFLINE: [(&str, &str); 4] = [
    ("HTTP_PROXY", "http://127.0.0.1:9"),
    ("HTTPS_PROXY", "http://127.0.0.1:9"),
    ("NO_PROXY", ""),
    ("PATH", ""),
];

/// Runs `kustomize build` once per line of a list; a hidden task, to be measured as one program.
pub(crate) fn each(words: &[String]) -> Result<()> {
    let [kustomize, list, out] = words else { bail!("kustomize-each PROGRAM LIST OUT") };
    for line in std::fs::read_to_string(list)?.lines() {
        let (folder, file) = line.split_once('\t').context("no tab")?;
        let mut build = Command::new(kustomize);
        build.args(["build", folder, "--output"]).arg(Path::new(out).join(file));
        build.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        // What is not written is found when the files are compared.
        build.status().with_context(|| format!("cannot start {kustomize}"))?;
    }
    Ok(())
}

fn median(runs: usize, run: impl Fn() -> Result<Figures>) -> Result<Figures> {
    let runs = (0..runs).map(|_| run()).collect::<Result<Vec<_>>>()?;
    Figures::median(runs).context("no runs")
}

/// The folders that the real kustomize built when the data set was made.
fn folders(repositories: &Path) -> Result<Vec<Folder>> {
    let mut folders = Vec::new();
    let entries = std::fs::read_dir(repositories)
        .with_context(|| format!("cannot read {}", repositories.display()))?;
    for entry in entries {
        let entry = entry?;
        let Ok(builds) = std::fs::read_to_string(entry.path().join("builds.json")) else {
            continue;
        };
        let builds: Value = serde_json::from_str(&builds)?;
        let repository = entry.file_name().into_string().unwrap_or_default();
        for build in builds["roots"].as_array().into_iter().flatten() {
            if let (Some(folder), Some(true)) = (build["root"].as_str(), build["ok"].as_bool()) {
                let path = format!("{repository}/tree/{folder}");
                let path = path.trim_end_matches(['/', '.']).to_owned();
                let file = format!("{}.yaml", path.replace('/', "__"));
                folders.push(Folder { path, file });
            }
        }
    }
    folders.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(folders)
}

/// The product, built as it is shipped.
pub(super) fn product(root: &Path) -> Result<PathBuf> {
    let mut build = cargo(root);
    build.args(["build", "--quiet", "--release", "--locked", "--package", "stilltrace"]);
    run_command(build.args(["--bin", "stilltrace"]))?;
    Ok(workspace::target(root).join("release").join("stilltrace"))
}

fn text(path: &Path) -> Result<&str> {
    path.to_str().with_context(|| format!("{} is not UTF-8", path.display()))
}

fn size(folder: &Path, folders: &[Folder]) -> u64 {
    let sizes = folders.iter().filter_map(|one| folder.join(&one.file).metadata().ok());
    sizes.map(|metadata| metadata.len()).sum()
}

/// Folders for which no program wrote anything.
fn refused(folders: &[Folder], outputs: &[&Path]) -> Vec<String> {
    let missing = |one: &&Folder| outputs.iter().all(|folder| !folder.join(&one.file).is_file());
    folders.iter().filter(missing).map(|one| one.path.clone()).collect()
}

/// Folders whose output is not the same in both, at most a hundred of them. That both refuse a
/// folder is the same.
fn differing(folders: &[Folder], ours: &Path, theirs: &Path) -> Vec<String> {
    let read = |folder: &Path, file: &str| std::fs::read(folder.join(file)).ok();
    let differ = |one: &&Folder| read(ours, &one.file) != read(theirs, &one.file);
    folders.iter().filter(differ).map(|one| one.path.clone()).take(100).collect()
}

/// One row per program and day.
fn table(records: &[Value]) -> String {
    let mut table = String::from(
        "| day | revision | cores | program | folders compared | refused by all | output | wall | CPU | peak memory | product is faster by | other bytes |\n\
         |---|---|---|---|---|---|---|---|---|---|---|---|\n",
    );
    for record in records {
        let text = |name: &str| record[name].as_str().unwrap_or_default().to_owned();
        let own = record["stilltrace"]["milliseconds"].as_f64().unwrap_or(f64::NAN);
        let refused = record["refused_by_all"].as_array().map_or(0, |paths| paths.len() as u64);
        let programs = [
            ("stilltrace", "`stilltrace render`", "differ"),
            ("api", "Go API, one process", "api_differs"),
            ("command", "`kustomize build`, once per folder", ""),
        ];
        for (key, name, differ) in programs {
            let Some(wall) = record[key]["milliseconds"].as_f64() else { continue };
            let figure = |name: &str| record[key][name].as_f64().unwrap_or(f64::NAN);
            let others = record[differ].as_array().map(|paths| paths.len().to_string());
            // Writing to a string cannot fail.
            let _ = writeln!(
                table,
                "| {} | {} | {} | {name} | {} | {refused} | {:.1} MB | {:.2} s | {:.2} s | {:.0} MB | {} | {} |",
                text("date"),
                text("revision"),
                record["cores"],
                record["roots"].as_u64().unwrap_or(0) - refused,
                record["bytes"].as_f64().unwrap_or(f64::NAN) / 1e6,
                wall / 1e3,
                figure("cpu_milliseconds") / 1e3,
                figure("peak_resident_bytes") / 1e6,
                if key == "stilltrace" { "-".to_owned() } else { format!("{:.1}", wall / own) },
                others.unwrap_or_else(|| "-".to_owned()),
            );
        }
    }
    table
}

/// Prints each goal; one that is missed is an error.
fn judge(record: &Value) -> Result<()> {
    let own = record["stilltrace"]["milliseconds"].as_f64().unwrap_or(f64::NAN);
    let times = |name: &str| record[name]["milliseconds"].as_f64().map(|wall| wall / own);
    let mut missed = 0;
    for (name, goal) in [("command", OVER_COMMAND), ("api", OVER_API)] {
        if let Some(times) = times(name) {
            println!("as fast as the {name}: {times:.1} times (at least {goal})");
            missed += usize::from(times < goal);
        }
    }
    for path in record["refused_by_all"].as_array().into_iter().flatten() {
        println!("refused by all three: {}", path.as_str().unwrap_or_default());
    }
    for path in record["differ"].as_array().into_iter().flatten() {
        println!("differs: {}", path.as_str().unwrap_or_default());
        missed += 1;
    }
    if missed > 0 {
        bail!("{missed} goals are missed");
    }
    Ok(())
}
