//! `stilltrace demo`: a real, recorded incident, explained by the same code as every other.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use stilltrace_capture::Bundle;

use crate::{
    cli::{Example, Format},
    context::Context,
    explain::Asked,
    output::{self, Outcome},
    why,
};

pub(crate) const EXAMPLES: [Example; 2] = [
    ("Watch a real incident being explained", "demo"),
    ("Write the recording to a folder, to look into it and to change it", "demo --out incident"),
];

/// The recording, with its Git history and without its solution.
static RECORDING: &[u8] = include_bytes!("../../../examples/demo.stilltrace");

/// Explain a recorded incident that comes with the program
///
/// The recording is of a real mesh in which a real commit made a service slow. Nothing about the
/// answer is stored: it is found by the same code as every other.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Also write the recording to this folder, which must be new or empty
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Form of the answer
    #[arg(short = 'o', long = "format", alias = "output", value_enum, default_value_t)]
    format: Format,
}

/// Explains the recording that is part of the program.
pub(crate) fn run(arguments: &Arguments, context: &Context) -> anyhow::Result<Outcome> {
    if RECORDING.is_empty() {
        bail!(
            "this program was built without examples/demo.stilltrace; build it from a complete source tree"
        );
    }
    if let Some(folder) = &arguments.out {
        Bundle::unpack(RECORDING, folder)?;
        context.remarks.note(&format!("the recording is in {}", folder.display()));
    }
    let bundle = Bundle::from_bytes(RECORDING).context("the recording in the program")?;
    let outcome = why::answer(bundle, None, &Asked::default(), arguments.format, context)?;
    if arguments.format == Format::Human {
        output::print(&try_next(context.program, arguments.out.as_deref()))?;
    }
    Ok(outcome)
}

/// Three commands that lead on from here.
fn try_next(program: &str, folder: Option<&Path>) -> String {
    let commands = match folder {
        None => [
            format!("{program} show"),
            format!("{program} fix"),
            format!("{program} demo --out incident"),
        ],
        Some(folder) => {
            let folder = quoted(&folder.display().to_string());
            [
                format!("{program} why --capture {folder}"),
                format!("git --git-dir {folder}/repo.git log --stat"),
                format!("{program} show"),
            ]
        }
    };
    format!("\ntry next  {}\n", commands.join("\n          "))
}

/// A path as a shell takes it, harmless for a terminal.
fn quoted(path: &str) -> String {
    let path = stilltrace_report::escape(path);
    let plain = |c: char| c.is_alphanumeric() || "/._-~".contains(c);
    if path.chars().all(plain) { path } else { format!("'{}'", path.replace('\'', r"'\''")) }
}
