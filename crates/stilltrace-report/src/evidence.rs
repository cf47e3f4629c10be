//! The measurements behind a kept report, with the exact queries that show them again.
//!
//! Queries are there to be copied, so they are never broken, even where the page ends before them.

use crate::{
    document::{Document, EvidenceItem, StackFrame, Value},
    number::quantity,
    page::{Page, Span, Tone},
    terminal::{TerminalOptions, picture},
};

const HANG: usize = 15;

/// The report has no frame of the number asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NoSuchFrame {
    /// The number asked for.
    pub asked: usize,
    /// How many frames there are.
    pub frames: usize,
}

impl std::fmt::Display for NoSuchFrame {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.frames {
            0 => write!(f, "there is no frame {}: the report has none", self.asked),
            frames => {
                write!(f, "there is no frame {}: choose one of 0 to {}", self.asked, frames - 1)
            }
        }
    }
}

impl std::error::Error for NoSuchFrame {}

/// The evidence of one frame, or of all, as text for a terminal, ending with a line break.
pub fn evidence(
    report: &Document,
    frame: Option<usize>,
    options: &TerminalOptions,
) -> Result<String, NoSuchFrame> {
    let mut page = Page::new(options.width, options.color);
    page.paragraph(
        &[],
        2,
        &[
            Span::new(Tone::Strong, &report.symptom.service),
            Span::plain(format!(": {} ({})", report.headline, report.verdict)),
        ],
    );
    match frame {
        Some(asked) => {
            let one = report
                .frames
                .get(asked)
                .ok_or(NoSuchFrame { asked, frames: report.frames.len() })?;
            write(&mut page, asked, one);
        }
        None => {
            for (index, one) in report.frames.iter().enumerate() {
                write(&mut page, index, one);
            }
        }
    }
    Ok(page.into_text())
}

fn write(page: &mut Page, index: usize, frame: &StackFrame) {
    page.blank();
    let head = [
        Span::new(Tone::Strong, format!("{index:>3}")),
        Span::plain("  "),
        Span::new(Tone::Label, format!("{:<8}", frame.layer)),
        Span::plain("  "),
    ];
    page.paragraph(&head, HANG, &[Span::plain(&frame.statement)]);
    if let Some(time) = &frame.time {
        row(page, "time", time);
    }
    for item in &frame.evidence {
        measurement(page, item);
    }
    if let Some(drawing) = &frame.picture {
        picture::write(page, drawing);
    }
}

/// One measurement: value, baseline, and the query that shows it.
pub(crate) fn measurement(page: &mut Page, item: &EvidenceItem) {
    let unit = item.unit.as_deref().unwrap_or_default();
    let value = say(item.value.as_ref(), unit);
    let text = match &item.baseline {
        Some(baseline) => format!("{} {value} (was {})", item.what, say(Some(baseline), unit)),
        None => format!("{} {value}", item.what),
    };
    row(page, "", &text);
    query(page, item);
}

/// The query on one line, however long it is, so that it can be copied. The name of its source
/// stands before it, or on lines of its own where that is too long.
fn query(page: &mut Page, item: &EvidenceItem) {
    let source = Span::new(Tone::Label, &item.source);
    let query = Span::plain(&item.query);
    let indent = |columns: usize| Span::plain(" ".repeat(columns));
    if let Some(before) = (HANG - 2).checked_sub(source.width()) {
        page.line(&[indent(before), source, indent(2), query]);
    } else {
        page.paragraph(&[indent(HANG)], HANG, &[source, Span::new(Tone::Label, ":")]);
        page.line(&[indent(HANG), query]);
    }
}

fn say(value: Option<&Value>, unit: &str) -> String {
    match value {
        Some(Value::Number(number)) => quantity(*number, unit),
        Some(Value::Text(text)) => text.clone(),
        None => "unknown".to_owned(),
    }
}

/// A labelled row; the label ends where the text column starts.
fn row(page: &mut Page, label: &str, text: &str) {
    let label = Span::new(Tone::Label, format!("{label:>width$}  ", width = HANG - 2));
    page.paragraph(&[label], HANG, &[Span::plain(text)]);
}
