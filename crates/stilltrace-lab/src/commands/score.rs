//! `score`: asks the product about every capture of a folder and compares with the truth.
//!
//! The product is asked through its command line alone, as anybody would.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use stilltrace_lab::record::WIDENED_CAPTURE;

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
        .filter_map(|entry| {
            let path = entry.ok()?.path();
            let name = args.view.recording(path.file_name()?.to_str()?)?.to_owned();
            Some((name, path))
        })
        .collect();
    captures.sort();
    ensure!(!captures.is_empty(), "no captures in {}", args.captures.display());
    println!("{:40} verdict mechanism line commit", "capture");
    let mut wrong = 0;
    for (name, capture) in &captures {
        let truth = args.captures.join(format!("{name}.truth.json"));
        let truth: Value = serde_json::from_slice(&std::fs::read(truth)?)?;
        let report = ask(&program, capture)?;
        let score = compare(&truth, &report);
        let mark = |right: bool| if right { "ok" } else { "WRONG" };
        println!(
            "{:40} {:7} {:9} {:5} {}",
            name,
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
    fn each_view_has_captures_of_its_own() {
        let (stock, widened) = ("a-1.stilltrace", "a-1.widened.stilltrace");
        assert_eq!(View::Stock.recording(stock), Some("a-1"));
        assert_eq!(View::Stock.recording(widened), None);
        assert_eq!(View::Widened.recording(widened), Some("a-1"));
        assert_eq!(View::Widened.recording(stock), None);
        assert_eq!(View::Stock.recording("a-1.truth.json"), None);
    }

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
