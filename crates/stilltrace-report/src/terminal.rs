//! The report for people, on a terminal.
//!
//! The verdict comes first, then one line per layer down to the guilty line, then what was ruled
//! out, what would fix it, what could not be seen, and how to see more. Words and symbols carry the
//! meaning; colour only repeats it.

use stilltrace_model::{Diagnosis, Layer, Verdict};

use crate::page::{Color, Page};

mod endings;
mod frames;
pub(crate) mod picture;
mod source;
mod verdict;

/// How the report is laid out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TerminalOptions {
    /// Columns; taken as at least 40.
    pub width: usize,
    /// Whether colour is written.
    pub color: Color,
    /// Whether the evidence stands under each frame.
    pub evidence: bool,
    /// How the user calls the program: `stilltrace`, `kubectl stilltrace`.
    pub program: String,
    /// Under which id the report was kept, if it was.
    pub id: Option<String>,
}

impl TerminalOptions {
    /// A report of `width` columns for a program called `stilltrace`, not kept, without evidence.
    pub fn new(width: usize, color: Color) -> Self {
        Self { width, color, evidence: false, program: "stilltrace".to_owned(), id: None }
    }

    /// The command for a subcommand on this report, such as `stilltrace fix 3f9a1c2e`.
    fn command(&self, subcommand: &str) -> String {
        match &self.id {
            Some(id) => format!("{} {subcommand} {id}", self.program),
            None => format!("{} {subcommand}", self.program),
        }
    }
}

/// The diagnosis as text for a terminal, ending with a line break.
///
/// Text from data is made harmless (see [`crate::escape`]). Only what people copy may be wider
/// than the page: addresses, commands, patches and queries.
pub fn terminal(diagnosis: &Diagnosis, options: &TerminalOptions) -> String {
    let mut page = Page::new(options.width, options.color);
    verdict::write(&mut page, diagnosis);

    let guilty = diagnosis
        .hypotheses
        .first()
        .filter(|_| matches!(diagnosis.verdict, Verdict::Cause | Verdict::NotThePlatform))
        .and_then(|best| best.origin.as_ref());
    if !diagnosis.frames.is_empty() || guilty.is_some() {
        page.blank();
    }
    let git = diagnosis.frames.iter().rposition(|frame| frame.layer() == Layer::Git);
    for (index, frame) in diagnosis.frames.iter().enumerate() {
        frames::write(&mut page, index, frame, options);
        if let (true, Some(cause)) = (git == Some(index), guilty) {
            source::write(&mut page, cause);
        }
    }
    if let (None, Some(cause)) = (git, guilty) {
        source::write(&mut page, cause);
    }

    page.blank();
    endings::write(&mut page, diagnosis, options);
    page.into_text()
}
