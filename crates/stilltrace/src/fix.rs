//! `stilltrace fix`: the proposed patch.

use std::io::IsTerminal;

use anyhow::{Context as _, bail};
use stilltrace_report::{Document, escape, read};

use crate::{
    cli::Example,
    kept,
    output::{self, Outcome},
    show,
};

pub(crate) const EXAMPLES: [Example; 2] = [
    ("Look at the fix of the latest answer", "fix"),
    ("Write it to a file, to be applied with `git apply`", "fix 3f9a1c2e > fix.patch"),
];

/// Print the proposed fix as a patch that `git apply` accepts
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Id of a kept report, a file of `why -o json`, or - for standard input [default: the latest]
    #[arg(value_name = "ID|FILE")]
    report: Option<String>,
}

/// Prints the patch of a kept report, byte for byte unless a person looks at it.
pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<Outcome> {
    let (id, text) = kept::report(arguments.report.as_deref())?;
    let place = show::place(arguments.report.as_deref(), id.as_deref());
    let report = read(&text).with_context(|| place.clone())?;
    let patch = patch(&report).context(place)?;
    if std::io::stdout().is_terminal() {
        // A patch quotes files that anyone may have written.
        let lines: Vec<String> = patch.lines().map(|line| escape(line) + "\n").collect();
        output::print(&lines.concat())?;
    } else {
        output::print(patch)?;
    }
    Ok(Outcome::Done)
}

fn patch(report: &Document) -> anyhow::Result<&str> {
    let Some(fix) = &report.fix else {
        bail!("there is no fix: the verdict is {}", report.verdict);
    };
    match fix.patch.as_deref() {
        Some(patch) if !patch.is_empty() => Ok(patch),
        _ => bail!(
            "there is no patch, because the repository could not be read; the fix is: {}",
            fix.explanation
        ),
    }
}
