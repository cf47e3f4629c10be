//! `stilltrace man`: manual pages.

use anyhow::Context as _;

use crate::{
    cli::{self, Example},
    output::{self, Outcome},
    suggest,
};

pub(crate) const EXAMPLES: [Example; 2] = [
    ("Write the page of the program", "man > stilltrace.1"),
    ("Write the page of a subcommand", "man why > stilltrace-why.1"),
];

/// Print a manual page in roff, for `man -l`
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The subcommand to describe [default: the program]
    #[arg(value_name = "COMMAND")]
    command: Option<String>,
}

/// Prints the page.
pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<Outcome> {
    let mut program = cli::definition("stilltrace");
    program.build();
    let page = match arguments.command.as_deref() {
        None => program,
        Some(name) => {
            let names: Vec<&str> = program.get_subcommands().map(clap::Command::get_name).collect();
            let near = suggest::closest(name, names.iter().copied()).map_or_else(
                || format!("choose one of {}", names.join(", ")),
                |near| format!("did you mean `{near}`?"),
            );
            let found = program.find_subcommand(name);
            let found = found.with_context(|| format!("no subcommand `{name}`; {near}"))?;
            found.clone()
        }
    };
    let mut roff = Vec::new();
    // A subcommand has no version of its own to stand in the page's footer.
    let source = concat!("stilltrace ", env!("CARGO_PKG_VERSION"));
    clap_mangen::Man::new(page).source(source).render(&mut roff)?;
    output::print_bytes(&roff)?;
    Ok(Outcome::Done)
}
