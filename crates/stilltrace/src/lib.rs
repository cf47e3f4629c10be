//! The command line of Stilltrace: parses arguments, connects the stages, prints.
//!
//! Two steps, as in every command: what was typed (`cli`), then what it means (`context` and
//! the file of the subcommand). Reports go to standard output, everything else to standard error;
//! an error is one line `error: a: b: c` and exit code 2. The stages themselves are connected in one
//! place, `explain::explain`.

mod cli;
mod completions;
mod context;
mod demo;
mod explain;
mod fix;
mod kept;
mod man;
mod output;
mod render;
mod settings;
mod show;
mod span;
mod suggest;
mod vendored;
mod why;

use std::{ffi::OsString, process::ExitCode};

use context::Context;
use output::Outcome;

/// Between start and answer many small strings and tree nodes are made and dropped, which is what this
/// allocator is good at.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Runs the program with the arguments and environment of the process.
pub fn run() -> ExitCode {
    let arguments: Vec<OsString> = std::env::args_os().collect();
    let program = cli::program_name(arguments.first());
    let cli = match cli::parse(&arguments, program) {
        Ok(cli) => cli,
        Err(exit) => return exit,
    };
    let context = Context::new(&cli.global, program);
    match dispatch(&cli.command, &context) {
        Ok(outcome) => outcome.into(),
        Err(error) => {
            output::error(&error);
            Outcome::Failed.into()
        }
    }
}

fn dispatch(command: &cli::Command, context: &Context) -> anyhow::Result<Outcome> {
    match command {
        cli::Command::Why(arguments) => why::run(arguments, context),
        cli::Command::Demo(arguments) => demo::run(arguments, context),
        cli::Command::Show(arguments) => show::run(arguments, context),
        cli::Command::Fix(arguments) => fix::run(arguments),
        cli::Command::Settings(arguments) => settings::run(arguments, context),
        cli::Command::Render(arguments) => render::run(arguments, context),
        cli::Command::Completions(arguments) => completions::run(arguments),
        cli::Command::Man(arguments) => man::run(arguments),
    }
}
