//! The platform stack trace: one line per layer.

use stilltrace_model::{Frame, Timestamp};

use super::{TerminalOptions, picture};
use crate::{
    document::{EvidenceItem, SubSecond},
    evidence,
    page::{Page, Span, Tone},
};

/// Where a frame's text starts: two spaces, the number, two spaces, the layer's word.
pub(super) const HANG: usize = 15;

/// From this width on, time and query stand in a column of their own.
const WIDE: usize = 112;

/// Writes the frame's line, its picture, and with the option its evidence.
pub(super) fn write(page: &mut Page, index: usize, frame: &Frame, options: &TerminalOptions) {
    let head = [
        Span::new(Tone::Strong, format!("{index:>3}")),
        Span::plain("  "),
        Span::new(Tone::Label, format!("{:<8}", frame.layer().word())),
        Span::plain("  "),
    ];
    let clock = frame.time().map(Timestamp::clock).unwrap_or_default();
    let mut body = vec![Span::plain(frame.statement())];
    if page.width() < WIDE {
        if !clock.is_empty() && !frame.statement().contains(&clock) {
            body.push(Span::plain(format!(" ({clock})")));
        }
        page.paragraph(&head, HANG, &body);
    } else {
        let column = page.width() * 2 / 3;
        let aside = Span::plain(format!("{clock:<8}  {}", query(frame)));
        page.paragraph_beside(&head, HANG, &body, Some(&(column, aside)));
    }
    if let Some(drawing) = frame.picture() {
        picture::write(page, &SubSecond::from(drawing));
    }
    if options.evidence {
        for one in frame.evidence() {
            evidence::measurement(page, &EvidenceItem::from(one));
        }
    }
}

/// The source and query of the first evidence: where to see the statement.
fn query(frame: &Frame) -> String {
    frame
        .evidence()
        .first()
        .map(|evidence| format!("{}: {}", evidence.source, evidence.query))
        .unwrap_or_default()
}
