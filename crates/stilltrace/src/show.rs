//! `stilltrace show`: the evidence behind a frame.

use anyhow::Context as _;
use stilltrace_report::{evidence, json_of, read};

use crate::{
    cli::{Example, Format},
    context::Context,
    kept,
    output::{self, Outcome},
};

pub(crate) const EXAMPLES: [Example; 2] = [
    ("The measurements behind frame 2 of the latest answer", "show --frame 2"),
    ("All evidence of a report in a file", "show report.json"),
];

/// Show the evidence behind an answer, with its exact queries
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Id of a kept report, a file of `why -o json`, or - for standard input [default: the latest]
    #[arg(value_name = "ID|FILE")]
    report: Option<String>,
    /// Only this frame, by its number in the report
    #[arg(long, value_name = "N")]
    frame: Option<usize>,
    /// Form of the answer; json is the whole report
    #[arg(
        short = 'o',
        long = "format",
        alias = "output",
        value_enum,
        default_value_t,
        conflicts_with = "frame"
    )]
    format: Format,
}

/// Prints the evidence of a kept report.
pub(crate) fn run(arguments: &Arguments, context: &Context) -> anyhow::Result<Outcome> {
    let (id, text) = kept::report(arguments.report.as_deref())?;
    let report = read(&text).with_context(|| place(arguments.report.as_deref(), id.as_deref()))?;
    let shown = match arguments.format {
        Format::Json => json_of(&report),
        Format::Human => evidence(&report, arguments.frame, &context.layout(id))?,
    };
    output::print(&shown)?;
    Ok(Outcome::Done)
}

/// What to call the report in an error.
pub(crate) fn place(asked: Option<&str>, id: Option<&str>) -> String {
    match (asked, id) {
        (Some("-"), _) => "standard input".to_owned(),
        (_, Some(id)) => format!("report {id}"),
        (Some(file), None) => file.to_owned(),
        (None, None) => "the latest report".to_owned(),
    }
}
