//! What stands below the trace: fix, suspects let go, gaps, stand-ins, and how to see more.

use stilltrace_model::{Diagnosis, Fix, Layer, Safety, Verdict};

use super::{
    TerminalOptions,
    verdict::{HANG, gap_after},
};
use crate::page::{Page, Span, Tone};

/// Longest patch that is shown in the report itself, in lines.
const SHORT_PATCH: usize = 16;
/// At most this many rejected suspects are named, and as many gaps; the JSON has all.
const LISTED: usize = 6;

/// Writes every section that has something to say.
pub(super) fn write(page: &mut Page, diagnosis: &Diagnosis, options: &TerminalOptions) {
    owner(page, diagnosis);
    if let Some(proposed) = &diagnosis.fix {
        fix(page, proposed, options);
    }
    rejected(page, diagnosis);
    let gaps = diagnosis
        .gaps
        .iter()
        .map(|gap| format!("{}: {}; to see it: {}", gap.what, gap.why, gap.remedy));
    list(page, "not seen", Tone::Unsure, gaps);
    let stand_ins = diagnosis
        .inputs
        .synthetic
        .iter()
        .map(|stand_in| format!("{} (synthetic)", stand_in.trim_end_matches('.')));
    sections(page, "stand-in", Tone::Unsure, stand_ins);
    more(page, diagnosis, options);
}

/// The first texts of a section, and how many more there are.
fn list(page: &mut Page, label: &str, tone: Tone, texts: impl ExactSizeIterator<Item = String>) {
    let left = texts.len().saturating_sub(LISTED);
    sections(page, label, tone, texts.take(LISTED));
    if left > 0 {
        section(page, "", Tone::Plain, &format!("and {left} more (-o json has all)"));
    }
}

/// Several texts of one section; only the first has the label.
fn sections(page: &mut Page, label: &str, tone: Tone, texts: impl Iterator<Item = String>) {
    for (index, text) in texts.enumerate() {
        section(page, if index == 0 { label } else { "" }, tone, &text);
    }
}

fn section(page: &mut Page, label: &str, tone: Tone, text: &str) {
    let head = [Span::new(tone, label), Span::plain(gap_after(label))];
    page.paragraph(&head, HANG, &[Span::plain(text)]);
}

/// The owner of the best hypothesis, unless a frame names it already.
fn owner(page: &mut Page, diagnosis: &Diagnosis) {
    let named = diagnosis.frames.iter().any(|frame| frame.layer() == Layer::Owner);
    let best = diagnosis.hypotheses.first().filter(|_| diagnosis.verdict == Verdict::Cause);
    if let (false, Some(owner)) = (named, best.and_then(|best| best.owner.as_ref())) {
        let text = format!("{}  ({}:{})", owner.name, owner.source.path, owner.source.line);
        section(page, "owner", Tone::Label, &text);
    }
}

fn fix(page: &mut Page, fix: &Fix, options: &TerminalOptions) {
    let safety = match fix.safety {
        Safety::Safe => "safe",
        Safety::Review => "needs review",
    };
    let Some(patch) = fix.patch.as_deref().filter(|patch| !patch.is_empty()) else {
        let at = fix.origin.location().map(|at| format!(" at {at}")).unwrap_or_default();
        section(page, "fix", Tone::Good, &format!("{} ({safety}; edit{at})", fix.explanation));
        return;
    };
    let size = Size::of(patch);
    let text = format!("{} ({safety}; {size})", fix.explanation);
    section(page, "fix", Tone::Good, &text);
    if patch.lines().count() <= SHORT_PATCH {
        for line in patch.lines() {
            let tone = match line.as_bytes().first() {
                _ if line.starts_with("+++") || line.starts_with("---") => Tone::Plain,
                Some(b'+') => Tone::Good,
                Some(b'-') => Tone::Bad,
                Some(b'@') => Tone::Label,
                _ => Tone::Plain,
            };
            page.line(&[Span::plain(" ".repeat(HANG)), Span::new(tone, line)]);
        }
    }
    let command = format!("{} > fix.patch", options.command("fix"));
    page.line(&[Span::plain(" ".repeat(HANG)), Span::new(Tone::Strong, command)]);
}

/// How much a unified diff touches.
struct Size {
    files: usize,
    added: usize,
    removed: usize,
}

impl Size {
    fn of(patch: &str) -> Self {
        let mut size = Self { files: 0, added: 0, removed: 0 };
        for line in patch.lines() {
            if line.starts_with("+++ ") {
                size.files += 1;
            } else if line.starts_with('+') {
                size.added += 1;
            } else if line.starts_with('-') && !line.starts_with("--- ") {
                size.removed += 1;
            }
        }
        size
    }
}

impl std::fmt::Display for Size {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let files = if self.files == 1 { "file" } else { "files" };
        write!(f, "{} {files}, +{} -{}", self.files, self.added, self.removed)
    }
}

fn rejected(page: &mut Page, diagnosis: &Diagnosis) {
    let suspects = diagnosis.rejected.iter().map(|rejected| {
        let commit = rejected.commit.as_ref().map(|commit| commit.id.short());
        // The engine may have named the commit itself.
        let commit = commit.filter(|id| !rejected.suspect.contains(id));
        let commit = commit.map(|id| format!("{id} ")).unwrap_or_default();
        format!("{commit}{}: {}", rejected.suspect, rejected.reason)
    });
    list(page, "not it", Tone::Label, suspects);
}

fn more(page: &mut Page, diagnosis: &Diagnosis, options: &TerminalOptions) {
    if let Some(symptom) = &diagnosis.symptom {
        let revision = diagnosis.inputs.revision.as_deref().and_then(|revision| revision.get(..7));
        let revision =
            revision.map(|revision| format!(", revision {revision}")).unwrap_or_default();
        let text = format!("{} to {}{revision}", symptom.window.from, symptom.window.to);
        section(page, "window", Tone::Label, &text);
    }
    if diagnosis.frames.is_empty() || options.id.is_none() {
        return;
    }
    let proof = diagnosis
        .frames
        .iter()
        .position(|frame| frame.picture().is_some())
        .unwrap_or(diagnosis.frames.len().saturating_sub(1));
    let command = format!("{} --frame {proof}", options.command("show"));
    page.line(&[
        Span::new(Tone::Label, "proof"),
        Span::plain(gap_after("proof")),
        Span::new(Tone::Strong, command),
    ]);
}
