//! Where text goes: reports to standard output, the rest to standard error.

use std::{
    io::{self, ErrorKind, Write},
    mem,
    process::ExitCode,
    sync::mpsc::{self, Receiver, Sender},
    thread,
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

/// Prints what `write` hands over part by part, so that a long text is never held as a whole. A
/// thread of its own writes, because a pipe takes only as much as its reader has room for.
///
/// A reader that went away is no error: the rest is made and dropped.
pub(crate) fn print_parts(write: impl FnOnce(&mut dyn FnMut(&str))) -> anyhow::Result<()> {
    let (full, pieces) = mpsc::sync_channel(PIECES_WAITING);
    let (empty, spare) = mpsc::channel();
    let writer = thread::spawn(move || write_pieces(&pieces, &empty));
    let mut piece = Vec::with_capacity(PIECE);
    let mut is_wanted = true;
    write(&mut |part| {
        if !is_wanted {
            return;
        }
        piece.extend_from_slice(part.as_bytes());
        if piece.len() >= PIECE {
            let next = spare.try_recv().unwrap_or_default();
            is_wanted = full.send(mem::replace(&mut piece, next)).is_ok();
        }
    });
    // A writer that ended before the text says why below.
    let _ = full.send(piece);
    drop(full);
    let written = writer.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
    match written {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        written => written.context("standard output cannot be written"),
    }
}

/// Bytes that are written at once.
const PIECE: usize = 1 << 18;
/// Pieces that may wait to be written.
const PIECES_WAITING: usize = 4;

/// Writes pieces until there are no more, and hands their memory back.
fn write_pieces(pieces: &Receiver<Vec<u8>>, empty: &Sender<Vec<u8>>) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    for mut piece in pieces {
        stdout.write_all(&piece)?;
        piece.clear();
        // Nobody needs it after the last one.
        let _ = empty.send(piece);
    }
    stdout.flush()
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
