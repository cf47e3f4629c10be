//! `cargo xtask gen`: writes every generated file of the repository anew.
//!
//! The schema, the pages of mechanisms and the tables of fields are written by the tests that
//! otherwise compare them, so there is one definition of what is fresh. The picture of the README and the page of commands come
//! from what the program prints; tidy compares those.

use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};

use crate::command::{cargo, command, run as run_command, text};
use crate::picture::draw;
use crate::workspace;

/// Tests that guard generated files: the test program, and what the test's name holds.
const GUARDS: &[(&str, &str)] =
    &[("json", "the_committed_schema"), ("pages", ""), ("schema_tables", "committed_tables")];
/// The picture of what the demo prints.
const PICTURE: &str = "docs/demo.svg";
/// The page of all commands.
const COMMANDS: &str = "docs/cli/index.md";
/// Width of the terminal in the picture.
const COLUMNS: usize = 96;

/// A generated file.
pub(crate) struct Generated {
    /// Path from the root of the repository.
    pub(crate) path: &'static str,
    /// What it should hold.
    pub(crate) content: String,
}

/// Writes everything.
pub(crate) fn run() -> Result<()> {
    let root = workspace::root()?;
    for (program, name) in GUARDS {
        let mut write = cargo(&root);
        write.args(["test", "--quiet", "--workspace", "--locked", "--test", program, name]);
        run_command(write.env("UPDATE_EXPECT", "1"))?;
    }
    for file in printed(&root)? {
        let path = root.join(file.path);
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder)?;
        }
        std::fs::write(&path, file.content)
            .with_context(|| format!("cannot write {}", file.path))?;
        println!("wrote {}", file.path);
    }
    Ok(())
}

/// The files that are made from what the program prints.
///
/// It is built with the tests, so that nothing is compiled a second time for other features.
pub(crate) fn printed(root: &Path) -> Result<Vec<Generated>> {
    let mut build = cargo(root);
    build.args(["build", "--quiet", "--workspace", "--locked", "--bins", "--tests"]);
    run_command(&mut build)?;
    let columns = COLUMNS.to_string();
    let demo = text(program(root).args(["demo", "--color", "always", "--width", &columns]))?;
    let picture = draw("stilltrace demo", &demo, COLUMNS);
    Ok(vec![
        Generated { path: PICTURE, content: picture },
        Generated { path: COMMANDS, content: commands(root)? },
    ])
}

/// The program that was just built; it keeps its reports away from those of the user.
fn program(root: &Path) -> Command {
    let mut program = command(workspace::target(root).join("debug").join("stilltrace"), root);
    program.env("XDG_STATE_HOME", workspace::cache(root).join("state"));
    program.env_remove("NO_COLOR").env_remove("CLICOLOR_FORCE");
    program
}

/// The page of all commands, from their help texts.
fn commands(root: &Path) -> Result<String> {
    let own = text(program(root).arg("--help"))?;
    let mut page = String::from(
        "<!-- Generated from the help texts by `cargo xtask gen`. -->\n\n# Commands\n\n\
         The same program under the name `kubectl-stilltrace` is `kubectl stilltrace`.\n\n",
    );
    // Writing to a string cannot fail.
    let _ = writeln!(page, "```text\n{}\n```", own.trim());
    for name in subcommands(&own) {
        let help = text(program(root).args([name, "--help"]))?;
        let _ = writeln!(page, "\n## stilltrace {name}\n\n```text\n{}\n```", help.trim());
    }
    Ok(page)
}

/// The words below `Commands:` in a help text, without `help` itself.
fn subcommands(help: &str) -> Vec<&str> {
    let below = help.lines().skip_while(|line| *line != "Commands:").skip(1);
    let listed = below.take_while(|line| line.starts_with("  "));
    // A description that goes on is indented further.
    let listed = listed.filter(|line| !line.starts_with("   "));
    listed
        .filter_map(|line| line.split_whitespace().next())
        .filter(|name| *name != "help")
        .collect()
}

#[cfg(test)]
mod tests {
    use super::subcommands;

    #[test]
    fn subcommands_are_read_from_the_help_text() {
        let help = "Explains\n\nCommands:\n  why   Explain\n        and more\n  demo  Show\n  help  Print\n\nOptions:\n  -q  x\n";
        assert_eq!(subcommands(help), ["why", "demo"]);
    }
}
