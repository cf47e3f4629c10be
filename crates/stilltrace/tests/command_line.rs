//! The program as its users and their scripts see it.

#![allow(clippy::unwrap_used, reason = "a test fails where nothing is found")]

mod program;

use program::Program;

const SUBCOMMANDS: [&str; 8] =
    ["why", "demo", "show", "fix", "settings", "render", "completions", "man"];

#[test]
fn help_names_every_subcommand_and_shows_two_examples() {
    let help = Program::new().run(&["--help"]);
    assert_eq!(help.code, 0);
    for name in SUBCOMMANDS {
        assert!(help.stdout.contains(&format!("\n  {name}")), "{}", help.stdout);
    }
    for name in SUBCOMMANDS {
        let help = Program::new().run(&[name, "--help"]);
        assert_eq!(help.code, 0);
        let examples = help.stdout.split("Examples:\n").nth(1).unwrap();
        assert_eq!(examples.matches(&format!("    stilltrace {name}")).count(), 2, "{examples}");
        assert!(help.stdout.contains(&format!("Usage: stilltrace {name}")), "{}", help.stdout);
    }
}

#[test]
fn as_a_plugin_help_says_kubectl() {
    for arguments in [&["--help"][..], &["why", "--help"], &["demo", "--help"]] {
        let help = Program::plugin().run(arguments);
        assert!(help.stdout.contains("Usage: kubectl stilltrace "), "{}", help.stdout);
        assert!(!help.stdout.contains("    stilltrace "), "{}", help.stdout);
    }
}

#[test]
fn the_version_is_printed() {
    let version = Program::new().run(&["--version"]);
    assert_eq!(version.stdout, concat!("stilltrace ", env!("CARGO_PKG_VERSION"), "\n"));
}

#[test]
fn wrong_arguments_end_with_2_and_leave_standard_output_empty() {
    for arguments in [
        &["wy"][..],
        &["why", "--nonsense"],
        &["why", "-o", "yaml"],
        &["why", "--since", "soon", "--capture", "x"],
        &["why", "--since", "5m", "--from", "2026-03-04T14:00:00Z", "--capture", "x"],
        &["why", "--from", "yesterday", "--capture", "x"],
        &["why", "-n", "shop"],
        &["why", "-q", "-v"],
        &["completions", "tcl"],
        &[],
    ] {
        let run = Program::new().run(arguments);
        assert_eq!(run.code, 2, "{arguments:?}");
        assert_eq!(run.stdout, "", "{arguments:?}");
    }
}

#[test]
fn a_live_cluster_cannot_be_asked_yet_and_the_message_says_what_can() {
    for program in [Program::new(), Program::plugin()] {
        let name = program.name();
        let run = program.run(&["why", "checkout", "-n", "shop"]);
        assert_eq!(run.code, 2);
        assert_eq!(
            run.stderr,
            format!(
                "error: asking a live cluster is not built yet; explain a recording with --capture PATH, or see one with `{name} demo`\n"
            )
        );
    }
}

#[test]
fn completions_and_man_pages_come_from_the_definition() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let run = Program::new().run(&["completions", shell]);
        assert_eq!(run.code, 0);
        assert!(run.stdout.contains("stilltrace") && run.stdout.contains("capture"), "{shell}");
    }
    let page = Program::new().run(&["man"]);
    assert!(page.stdout.contains(".TH stilltrace 1"), "{}", page.stdout);
    let page = Program::new().run(&["man", "why"]);
    assert!(page.stdout.contains("stilltrace\\-why") && page.stdout.contains("capture"));
    let version = concat!("\"stilltrace ", env!("CARGO_PKG_VERSION"));
    assert!(page.stdout.contains(version), "{}", page.stdout);
    let wrong = Program::new().run(&["man", "whyy"]);
    assert_eq!((wrong.code, wrong.stdout.as_str()), (2, ""));
    assert!(wrong.stderr.contains("did you mean `why`?"), "{}", wrong.stderr);
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let (code, stderr) = Program::new().run_into_closed_pipe(&["completions", "bash"]);
    assert_eq!((code, stderr.as_str()), (0, ""));
}
