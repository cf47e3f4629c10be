//! `score`: asks the product about every capture of a folder and compares with the truth.
//!
//! The product is asked through its command line alone, as anybody would.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

/// What to score.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct ScoreArgs {
    /// Folder of captures with their `NAME.truth.json`.
    captures: PathBuf,
    /// The product's binary; the one beside this program if absent.
    #[arg(long)]
    stilltrace: Option<PathBuf>,
}

/// How one answer compares.
#[derive(Debug, Default)]
#[allow(clippy::struct_excessive_bools, reason = "four independent marks, printed side by side")]
struct Score {
    verdict: bool,
    mechanism: bool,
    line: bool,
    commit: bool,
}

/// Scores them and prints a table; fails if any answer is wrong.
pub(crate) fn run(args: &ScoreArgs) -> Result<()> {
    let program = match &args.stilltrace {
        Some(path) => path.clone(),
        None => std::env::current_exe()?.with_file_name("stilltrace"),
    };
    let mut captures: Vec<_> = std::fs::read_dir(&args.captures)
        .with_context(|| args.captures.display().to_string())?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|extension| extension == "stilltrace"))
        .collect();
    captures.sort();
    ensure!(!captures.is_empty(), "no captures in {}", args.captures.display());
    println!("{:40} verdict mechanism line commit", "capture");
    let mut wrong = 0;
    for capture in &captures {
        let truth: Value =
            serde_json::from_slice(&std::fs::read(capture.with_extension("truth.json"))?)?;
        let report = ask(&program, capture)?;
        let score = compare(&truth, &report);
        let name = capture.file_stem().map(|name| name.to_string_lossy().into_owned());
        let mark = |right: bool| if right { "ok" } else { "WRONG" };
        println!(
            "{:40} {:7} {:9} {:5} {}",
            name.unwrap_or_default(),
            mark(score.verdict),
            mark(score.mechanism),
            mark(score.line),
            mark(score.commit)
        );
        wrong += u32::from(!(score.verdict && score.mechanism && score.line && score.commit));
    }
    ensure!(wrong == 0, "{wrong} of {} answers are wrong", captures.len());
    Ok(())
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

/// Compares the first hypothesis with the first cause. Where there is nothing to blame, only the
/// verdict counts; where the platform is innocent, the kind of cause too.
fn compare(truth: &Value, report: &Value) -> Score {
    let mut score = Score { verdict: truth["verdict"] == report["verdict"], ..Score::default() };
    let (cause, first) = (&truth["causes"][0], &report["hypotheses"][0]);
    let origin = &first["origin"];
    let is_cause = truth["verdict"] == "cause";
    score.mechanism = cause.is_null() || cause["mechanism"] == first["mechanism"];
    score.line = !is_cause || (cause["path"] == origin["path"] && cause["line"] == origin["line"]);
    score.commit = !is_cause || cause["commit"] == origin["commit"];
    score
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn another_line_is_wrong_and_an_innocent_platform_needs_none() {
        let cause = json!({"mechanism": "m", "path": "a.yaml", "line": 3, "commit": "c"});
        let truth = json!({"verdict": "cause", "causes": [cause]});
        let report = |line: u32| {
            json!({"verdict": "cause", "hypotheses": [
                {"mechanism": "m", "origin": {"path": "a.yaml", "line": line, "commit": "c"}},
            ]})
        };
        assert!(compare(&truth, &report(3)).line && !compare(&truth, &report(4)).line);
        let truth = json!({"verdict": "no-anomaly", "causes": []});
        let report = json!({"verdict": "no-anomaly", "hypotheses": []});
        let score = compare(&truth, &report);
        assert!(score.verdict && score.mechanism && score.line && score.commit);
    }
}
