//! `stilltrace why`: explains why a service is slow.

use std::path::PathBuf;

use anyhow::bail;
use stilltrace_capture::Bundle;
use stilltrace_model::{Timestamp, Verdict};
use stilltrace_report::{json, terminal};
use stilltrace_sources::Recorded;

use crate::{
    cli::{Example, Format},
    context::Context,
    explain::{self, Asked, Time},
    kept::Kept,
    output::{self, Outcome},
    span,
};

pub(crate) const EXAMPLES: [Example; 2] = [
    ("Explain a recorded incident", "why --capture incident.stilltrace"),
    (
        "Ask about one service and the last two minutes, for a program",
        "why checkout -n shop --capture incident.stilltrace --since 2m -o json",
    ),
];

/// Explain why a service is slow, down to the line in Git
///
/// Exit codes: 0 the cause is found, in the platform or outside it; 3 no anomaly, or not enough
/// evidence; 2 the work could not be done.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The service whose callers suffer, NAME or NAMESPACE/NAME [default: the recorded one]
    service: Option<String>,
    /// Namespace of the service
    #[arg(short, long, requires = "service")]
    namespace: Option<String>,
    /// A recording: a .stilltrace file, a folder, or - for standard input
    #[arg(long, value_name = "PATH")]
    capture: Option<PathBuf>,
    /// Read the history from this Git repository instead of the recorded one
    #[arg(long, value_name = "PATH")]
    repo: Option<PathBuf>,
    /// Look only at the last part of the recorded time, such as 20m
    #[arg(long, value_name = "SPAN", value_parser = span::seconds, conflicts_with_all = ["from", "to"])]
    since: Option<f64>,
    /// Look only at what is later than this, RFC 3339
    #[arg(long, value_name = "TIME", value_parser = instant)]
    from: Option<Timestamp>,
    /// Look only at what is earlier than this, RFC 3339
    #[arg(long, value_name = "TIME", value_parser = instant)]
    to: Option<Timestamp>,
    /// Form of the answer
    #[arg(short = 'o', long = "format", alias = "output", value_enum, default_value_t)]
    format: Format,
}

/// Explains a recording. A live cluster cannot be asked yet.
pub(crate) fn run(arguments: &Arguments, context: &Context) -> anyhow::Result<Outcome> {
    let asked = Asked { service: service(arguments)?, time: time(arguments) };
    let Some(path) = &arguments.capture else {
        bail!(
            "asking a live cluster is not built yet; explain a recording with --capture PATH, or see one with `{} demo`",
            context.program
        );
    };
    let bundle = explain::open(path)?;
    answer(bundle, arguments.repo.as_deref(), &asked, arguments.format, context)
}

/// Explains a recording, keeps the report and prints it; `demo` does the same.
pub(crate) fn answer(
    bundle: Bundle,
    repository: Option<&std::path::Path>,
    asked: &Asked,
    format: Format,
    context: &Context,
) -> anyhow::Result<Outcome> {
    // What the recorder wrote is for those who want to know; that a file was edited since is for all.
    let recorded = bundle.manifest().notes.clone();
    for note in bundle.notes().filter(|note| context.verbose || !recorded.iter().any(|r| r == note))
    {
        context.remarks.note(note);
    }
    let source = Recorded::new(bundle, repository)?;
    let diagnosis = explain::explain(&source, asked)?;
    let document = json(&diagnosis);
    let id = match Kept::of_user().and_then(|kept| kept.keep(&document)) {
        Ok(id) => Some(id),
        Err(error) => {
            context.remarks.warn(&format!("the report was not kept for `show`: {error:#}"));
            None
        }
    };
    match format {
        Format::Human => output::print(&terminal(&diagnosis, &context.layout(id)))?,
        Format::Json => {
            output::print(&document)?;
            if let Some(id) = id {
                context.remarks.note(&format!("see more with `{} show {id}`", context.program));
            }
        }
    }
    Ok(match diagnosis.verdict {
        Verdict::Cause | Verdict::NotThePlatform => Outcome::Done,
        Verdict::NotProven | Verdict::NoAnomaly => Outcome::Undecided,
    })
}

/// The service as typed, with its namespace from either place.
fn service(arguments: &Arguments) -> anyhow::Result<Option<String>> {
    let (Some(service), Some(namespace)) = (&arguments.service, &arguments.namespace) else {
        return Ok(arguments.service.clone());
    };
    match service.split_once('/') {
        None => Ok(Some(format!("{namespace}/{service}"))),
        Some((own, _)) if own == namespace => Ok(Some(service.clone())),
        Some((own, _)) => bail!("`{service}` names the namespace {own}, -n names {namespace}"),
    }
}

fn time(arguments: &Arguments) -> Time {
    match (arguments.since, arguments.from, arguments.to) {
        (Some(seconds), _, _) => Time::Last(seconds),
        (None, None, None) => Time::AsRecorded,
        (None, from, to) => Time::Between(from, to),
    }
}

fn instant(text: &str) -> Result<Timestamp, String> {
    Timestamp::parse(text)
        .ok_or_else(|| format!("`{text}` is no time; write it like 2026-03-04T14:02:10Z"))
}
