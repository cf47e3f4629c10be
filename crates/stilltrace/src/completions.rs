//! `stilltrace completions`: scripts that complete arguments in a shell.

use clap_complete::Shell;

use crate::{
    cli::{self, Example},
    output::{self, Outcome},
};

pub(crate) const EXAMPLES: [Example; 2] = [
    ("For bash", "completions bash > ~/.local/share/bash-completion/completions/stilltrace"),
    ("For fish", "completions fish > ~/.config/fish/completions/stilltrace.fish"),
];

/// Print a script that completes arguments in a shell
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Which shell
    #[arg(value_enum)]
    shell: Shell,
}

/// Prints the script.
pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<Outcome> {
    // Shells complete the word that is typed first, whatever kubectl makes of it.
    let mut script = Vec::new();
    let mut definition = cli::definition("stilltrace");
    clap_complete::generate(arguments.shell, &mut definition, "stilltrace", &mut script);
    output::print_bytes(&script)?;
    Ok(Outcome::Done)
}
