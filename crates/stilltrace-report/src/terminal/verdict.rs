//! The first two lines: what is wrong, and what did it.

use stilltrace_model::{Diagnosis, Indicator, Judged, Symptom, Verdict};

use crate::{
    number::{lasting, quantity, times},
    page::{Page, Span, Tone},
};

/// Where text after a section's word starts.
pub(super) const HANG: usize = 10;

/// A candidate below this is shown as 0.00: the evidence has ruled it out.
const LEFT: f64 = 0.005;

/// The confidence shown at most: it is not calibrated, so it never says certain.
const SUREST: f64 = 0.99;

/// Writes the symptom sentence, the cause sentence, and the candidates where none is proven.
pub(super) fn write(page: &mut Page, diagnosis: &Diagnosis) {
    page.paragraph(&[], HANG, &symptom(diagnosis));
    let (label, tone) = match diagnosis.verdict {
        Verdict::Cause => ("cause", Tone::Bad),
        Verdict::NotThePlatform => ("not the platform", Tone::Good),
        Verdict::NotProven => ("not proven", Tone::Unsure),
        Verdict::NoAnomaly => ("no anomaly", Tone::Good),
    };
    let mut body = vec![Span::plain(&diagnosis.headline)];
    if let Some(best) = diagnosis.hypotheses.first() {
        body.extend(confidence(diagnosis.verdict, best, diagnosis.hypotheses.get(1)));
    }
    page.paragraph(&[Span::new(tone, label), Span::plain(gap_after(label))], HANG, &body);
    if diagnosis.verdict == Verdict::NotProven && diagnosis.hypotheses.len() > 1 {
        candidates(page, &diagnosis.hypotheses);
    }
}

/// Spaces that bring a section's text to its column, at least two.
pub(super) fn gap_after(label: &str) -> String {
    " ".repeat(HANG.saturating_sub(label.len()).max(2))
}

fn symptom(diagnosis: &Diagnosis) -> Vec<Span> {
    let service = Span::new(Tone::Strong, diagnosis.service.to_string());
    match (&diagnosis.symptom, diagnosis.verdict) {
        (None, Verdict::NoAnomaly) => vec![service, Span::plain(" is as it was")],
        (None, _) => vec![service, Span::plain(": nothing measured says what is wrong")],
        (Some(symptom), Verdict::NoAnomaly) => {
            let mut spans = vec![service, Span::plain(" is as it was: ")];
            spans.extend(change(symptom));
            spans.extend(remarks(symptom));
            spans
        }
        (Some(symptom), _) => {
            let fails = symptom.indicator == Indicator::Errors;
            let mut spans =
                vec![service, Span::plain(if fails { " fails: " } else { " is slow: " })];
            spans.extend(change(symptom));
            let lasts = symptom.window.to.seconds_since(symptom.onset);
            spans.push(Span::plain(format!(
                " since {}, {}",
                symptom.onset.clock(),
                lasting(lasts)
            )));
            spans.extend(remarks(symptom));
            spans
        }
    }
}

/// `p99 212 ms -> 1.94 s`.
fn change(symptom: &Symptom) -> [Span; 2] {
    let (name, unit) = indicator(symptom);
    let before = quantity(symptom.before, unit);
    [
        Span::plain(format!("{name} {before} -> ")),
        Span::new(Tone::Strong, quantity(symptom.after, unit)),
    ]
}

/// ` (target 300 ms)`, or without a target how many times worse it is.
fn remarks(symptom: &Symptom) -> Option<Span> {
    let (_, unit) = indicator(symptom);
    let remark = match symptom.target {
        Some(target) => format!("target {}", quantity(target, unit)),
        None => times(symptom.before, symptom.after)?,
    };
    Some(Span::plain(format!(" ({remark})")))
}

fn indicator(symptom: &Symptom) -> (&'static str, &'static str) {
    match symptom.indicator {
        Indicator::LatencyP99 => ("p99", "s"),
        Indicator::LatencyP50 => ("median", "s"),
        Indicator::Errors => ("errors", "share"),
    }
}

fn confidence(verdict: Verdict, best: &Judged, next: Option<&Judged>) -> Vec<Span> {
    if verdict == Verdict::NoAnomaly {
        return Vec::new();
    }
    if verdict == Verdict::NotProven && best.confidence < LEFT {
        return vec![Span::plain("  no candidate is left")];
    }
    let what = if verdict == Verdict::NotProven { "  best candidate " } else { "  confidence " };
    let next = next.map_or_else(
        || " (no other candidate)".to_owned(),
        |next| format!(" (next best {})", figures(next)),
    );
    vec![Span::plain(what), Span::new(Tone::Strong, figures(best)), Span::plain(next)]
}

/// How sure a candidate is, as `0.93`.
fn figures(judged: &Judged) -> String {
    if judged.confidence.is_finite() {
        format!("{:.2}", judged.confidence.clamp(0.0, SUREST))
    } else {
        "unknown".to_owned()
    }
}

/// What the evidence does not separate, at most five; candidates it has ruled out stand below.
fn candidates(page: &mut Page, hypotheses: &[Judged]) {
    page.blank();
    for judged in hypotheses.iter().filter(|judged| judged.confidence >= LEFT).take(5) {
        let head = format!("  {}", figures(judged));
        let at = judged
            .origin
            .as_ref()
            .map(|origin| format!(" ({}:{})", origin.at.path, origin.at.line));
        let at = at.unwrap_or_default();
        let body = [
            Span::new(Tone::Label, &judged.mechanism),
            Span::plain(format!(" on {}: ", judged.entity)),
            Span::plain(&judged.statement),
            Span::plain(at),
        ];
        let gap = gap_after(&head);
        page.paragraph(&[Span::new(Tone::Strong, head), Span::plain(gap)], HANG, &body);
    }
}
