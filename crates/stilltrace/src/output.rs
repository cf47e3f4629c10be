//! Where text goes: reports to standard output, the rest to standard error.

use std::{
    io::{self, ErrorKind, Write},
    process::ExitCode,
};

use anyhow::Context as _;
use stilltrace_report::escape;

/// How a subcommand ended, the same in every format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// The work is done.
    Done,
    /// The work could not be done.
    Failed,
    /// No anomaly, or not enough evidence.
    Undecided,
}

impl From<Outcome> for ExitCode {
    fn from(outcome: Outcome) -> Self {
        Self::from(match outcome {
            Outcome::Done => 0,
            Outcome::Failed => 2,
            Outcome::Undecided => 3,
        })
    }
}

/// Prints to standard output. A reader that went away is no error.
pub(crate) fn print(text: &str) -> anyhow::Result<()> {
    print_bytes(text.as_bytes())
}

/// Prints bytes to standard output. A reader that went away is no error.
pub(crate) fn print_bytes(bytes: &[u8]) -> anyhow::Result<()> {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(bytes).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        written => written.context("standard output cannot be written"),
    }
}

/// Prints what `write` hands over part by part, so that a long text is never held as a whole.
///
/// A reader that went away is no error: the rest is made and dropped.
pub(crate) fn print_parts(write: impl FnOnce(&mut dyn FnMut(&str))) -> anyhow::Result<()> {
    let mut stdout = io::BufWriter::with_capacity(1 << 16, io::stdout().lock());
    let mut failed = None;
    write(&mut |part| {
        if failed.is_none() {
            failed = stdout.write_all(part.as_bytes()).err();
        }
    });
    let written = failed.map_or_else(|| stdout.flush(), Err);
    match written {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        written => written.context("standard output cannot be written"),
    }
}

/// An error with lines that say more.
#[derive(Debug)]
pub(crate) struct Lines {
    /// What went wrong.
    pub(crate) first: String,
    /// What is told below it.
    pub(crate) more: Vec<String>,
}

impl std::fmt::Display for Lines {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.first)
    }
}

impl std::error::Error for Lines {}

/// Why the work could not be done, on standard error: one line, and those of [`Lines`] below it.
pub(crate) fn error(error: &anyhow::Error) {
    let mut stderr = io::stderr().lock();
    let _ = writeln!(stderr, "error: {}", escape(&format!("{error:#}")));
    // As with every message, what a line holds begins no line of its own.
    for line in error.downcast_ref::<Lines>().into_iter().flat_map(|lines| &lines.more) {
        let _ = writeln!(stderr, "{}", escape(line));
    }
}

/// Why parts of the work could not be done: the first line is the error, the others belong to it.
pub(crate) fn lines(lines: &[String]) {
    let mut stderr = io::stderr().lock();
    for (index, line) in lines.iter().enumerate() {
        let head = if index == 0 { "error: " } else { "  " };
        let _ = writeln!(stderr, "{head}{}", escape(line));
    }
}

/// What stands on standard error beside the answer.
#[derive(Debug)]
pub(crate) struct Remarks {
    quiet: bool,
}

impl Remarks {
    /// With `quiet`, nothing is said.
    pub(crate) fn new(quiet: bool) -> Self {
        Self { quiet }
    }

    /// Whether nothing is to be said.
    pub(crate) fn is_quiet(&self) -> bool {
        self.quiet
    }

    /// Something worth knowing.
    pub(crate) fn note(&self, text: &str) {
        self.say("note", text);
    }

    /// Something that did not work but does not change the answer.
    pub(crate) fn warn(&self, text: &str) {
        self.say("warning", text);
    }

    fn say(&self, kind: &str, text: &str) {
        if !self.quiet {
            let _ = writeln!(io::stderr(), "{kind}: {}", escape(text));
        }
    }
}
