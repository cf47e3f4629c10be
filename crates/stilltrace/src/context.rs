//! What the global options and the environment mean.

use std::io::IsTerminal;

use stilltrace_report::{Color, TerminalOptions};

use crate::{
    cli::{Global, When},
    output::Remarks,
};

/// Columns where neither option nor terminal says.
const DEFAULT_WIDTH: usize = 80;
/// Widest report: longer lines are hard to read.
const MAX_WIDTH: usize = 160;

/// Everything that subcommands share.
#[derive(Debug)]
pub(crate) struct Context {
    /// How the user calls the program.
    pub(crate) program: &'static str,
    /// What stands beside the answer.
    pub(crate) remarks: Remarks,
    width: usize,
    color: Color,
    /// Whether details are wanted.
    pub(crate) verbose: bool,
}

impl Context {
    /// Reads the environment once.
    pub(crate) fn new(global: &Global, program: &'static str) -> Self {
        Self {
            program,
            remarks: Remarks::new(global.quiet),
            width: global.width.unwrap_or_else(terminal_width),
            color: color(global.color, &|name| {
                std::env::var_os(name).map(|value| value.to_string_lossy().into_owned())
            }),
            verbose: global.verbose,
        }
    }

    /// The layout of a report that was kept under `id`.
    pub(crate) fn layout(&self, id: Option<String>) -> TerminalOptions {
        let mut options = TerminalOptions::new(self.width, self.color);
        options.program = self.program.into();
        options.evidence = self.verbose;
        options.id = id;
        options
    }
}

fn terminal_width() -> usize {
    terminal_size::terminal_size()
        .map_or(DEFAULT_WIDTH, |(width, _)| usize::from(width.0).min(MAX_WIDTH))
}

/// The option first, then `NO_COLOR`, `CLICOLOR_FORCE`, `TERM` (no-color.org, bixense.com/clicolors),
/// then whether standard output is a terminal.
fn color(when: When, variable: &dyn Fn(&str) -> Option<String>) -> Color {
    let set = |name: &str| variable(name).is_some_and(|value| !value.is_empty());
    let use_it = match when {
        When::Always => true,
        When::Never => false,
        When::Auto if set("NO_COLOR") => false,
        When::Auto if set("CLICOLOR_FORCE") => {
            variable("CLICOLOR_FORCE").is_some_and(|value| value != "0")
        }
        When::Auto if variable("TERM").is_some_and(|term| term == "dumb") => false,
        When::Auto => std::io::stdout().is_terminal(),
    };
    if use_it { Color::Always } else { Color::Never }
}

#[cfg(test)]
mod tests {
    use stilltrace_report::Color;

    use super::{When, color};

    #[test]
    fn the_option_wins_over_the_environment() {
        let none = |_: &str| None;
        let all = |_: &str| Some("1".to_owned());
        assert_eq!(color(When::Always, &all), Color::Always);
        assert_eq!(color(When::Never, &all), Color::Never);
        assert_eq!(color(When::Always, &none), Color::Always);
    }

    #[test]
    fn no_color_wins_over_force() {
        let only = |wanted: &'static str, value: &'static str| {
            move |name: &str| (name == wanted).then(|| value.to_owned())
        };
        let both = |name: &str| (name != "TERM").then(|| "1".to_owned());
        assert_eq!(color(When::Auto, &both), Color::Never);
        assert_eq!(color(When::Auto, &only("CLICOLOR_FORCE", "1")), Color::Always);
        assert_eq!(color(When::Auto, &only("CLICOLOR_FORCE", "0")), Color::Never);
        assert_eq!(color(When::Auto, &only("TERM", "dumb")), Color::Never);
    }
}
