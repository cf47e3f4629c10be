//! What can be typed: one definition behind parsing, help, completions and man pages.

use std::{ffi::OsString, path::Path, process::ExitCode};

use clap::{Args, CommandFactory, FromArgMatches, Parser, Subcommand, ValueEnum};

use crate::{completions, demo, fix, man, render, settings, show, why};

/// What stands behind `--version`, and in every report.
pub(crate) const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Explains why a service is slow, down to the line in Git.
///
/// Exit codes: 0 done; 2 the work could not be done; 3 no anomaly, or not enough evidence.
#[derive(Debug, Parser)]
#[command(name = "stilltrace", version, max_term_width = 100)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Options of every subcommand.
#[derive(Debug, Args)]
#[command(next_help_heading = "General options")]
pub(crate) struct Global {
    /// When to use colour
    #[arg(long, global = true, value_enum, default_value_t, value_name = "WHEN")]
    pub(crate) color: When,
    /// Columns of the report [default: those of the terminal, or 80]
    #[arg(long, global = true, value_name = "COLUMNS")]
    pub(crate) width: Option<usize>,
    /// No notes and warnings on standard error
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub(crate) quiet: bool,
    /// Show the evidence under each frame
    #[arg(short, long, global = true)]
    pub(crate) verbose: bool,
}

/// When to use colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(crate) enum When {
    /// On a terminal, unless `NO_COLOR` is set or `TERM` is dumb
    #[default]
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

/// Form of the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(crate) enum Format {
    /// For people
    #[default]
    Human,
    /// One JSON document, for programs
    Json,
}

/// The subcommands.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Why(why::Arguments),
    Demo(demo::Arguments),
    Show(show::Arguments),
    Fix(fix::Arguments),
    Settings(settings::Arguments),
    Render(render::Arguments),
    Completions(completions::Arguments),
    Man(man::Arguments),
}

/// A worked example: what it does, and the arguments after the program's name.
pub(crate) type Example = (&'static str, &'static str);

/// Examples by subcommand, two each.
const EXAMPLES: [(&str, [Example; 2]); 8] = [
    ("why", why::EXAMPLES),
    ("demo", demo::EXAMPLES),
    ("show", show::EXAMPLES),
    ("fix", fix::EXAMPLES),
    ("settings", settings::EXAMPLES),
    ("render", render::EXAMPLES),
    ("completions", completions::EXAMPLES),
    ("man", man::EXAMPLES),
];

const OWN_EXAMPLES: [Example; 2] = [
    ("Watch a real incident being explained", "demo"),
    ("Explain a recording of your own", "why --capture incident.stilltrace"),
];

/// How the user calls the program: as a plugin of kubectl if its file is named like one.
pub(crate) fn program_name(started_as: Option<&OsString>) -> &'static str {
    let file = started_as.and_then(|path| Path::new(path).file_name());
    let is_plugin = file.is_some_and(|file| file.to_string_lossy().starts_with("kubectl-"));
    if is_plugin { "kubectl stilltrace" } else { "stilltrace" }
}

/// The definition, with help texts that call the program by its name.
pub(crate) fn definition(program: &'static str) -> clap::Command {
    let mut command = Cli::command().bin_name(program).after_help(examples(program, OWN_EXAMPLES));
    for (name, own) in EXAMPLES {
        command = command.mut_subcommand(name, |sub| sub.after_help(examples(program, own)));
    }
    command
}

/// Reads the arguments. `Err` is the end of the program: help was printed, or they are wrong.
pub(crate) fn parse(arguments: &[OsString], program: &'static str) -> Result<Cli, ExitCode> {
    let parsed = definition(program)
        .try_get_matches_from(arguments)
        .and_then(|matches| Cli::from_arg_matches(&matches));
    parsed.map_err(|error| {
        // A reader that went away wants no help.
        let _ = error.print();
        ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2))
    })
}

fn examples(program: &str, examples: [Example; 2]) -> String {
    let lines = examples.map(|(what, arguments)| format!("  {what}:\n    {program} {arguments}"));
    format!("Examples:\n{}", lines.join("\n"))
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;

    use super::{EXAMPLES, OWN_EXAMPLES, definition, parse, program_name};

    #[test]
    fn the_definition_is_consistent() {
        definition("stilltrace").debug_assert();
    }

    #[test]
    fn every_subcommand_has_examples_that_parse() {
        let named: Vec<_> = EXAMPLES.iter().map(|(name, _)| *name).collect();
        let defined: Vec<_> = definition("stilltrace")
            .get_subcommands()
            .map(|sub| sub.get_name().to_owned())
            .collect();
        assert_eq!(named, defined);
        let all = EXAMPLES.into_iter().flat_map(|(_, examples)| examples).chain(OWN_EXAMPLES);
        for (_, example) in all {
            let typed = example.split(" > ").next().unwrap_or_default();
            let words = typed.split_whitespace().map(OsString::from);
            let arguments: Vec<_> = std::iter::once("stilltrace".into()).chain(words).collect();
            assert!(parse(&arguments, "stilltrace").is_ok(), "{example}");
        }
    }

    #[test]
    fn a_plugin_is_called_by_kubectl() {
        let name = |path: &str| program_name(Some(&path.into()));
        assert_eq!(name("/usr/local/bin/kubectl-stilltrace"), "kubectl stilltrace");
        assert_eq!(name("./stilltrace"), "stilltrace");
        assert_eq!(program_name(None), "stilltrace");
    }
}
