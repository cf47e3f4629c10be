//! How right a folder of answers is in all.

use std::fmt;
use std::time::Duration;

use super::baselines::{Baseline, Evidence};
use super::{Found, Marks};

/// A share: how many of how many.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Share {
    hits: usize,
    of: usize,
}

impl Share {
    fn add(&mut self, hit: bool) {
        self.hits += usize::from(hit);
        self.of += 1;
    }
}

impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let percent = if self.of == 0 { 0.0 } else { 100.0 * self.hits as f64 / self.of as f64 };
        write!(f, "{:3} of {:3} ({percent:.0} %)", self.hits, self.of)
    }
}

/// One criterion over all answers that it was asked of.
#[derive(Debug, Clone, Copy, Default)]
struct Criterion {
    first: Share,
    third: Share,
}

impl Criterion {
    fn add(&mut self, found: Option<Found>) {
        if let Some(found) = found {
            self.first.add(found.first);
            self.third.add(found.third);
        }
    }
}

/// The figures of a folder of answers.
#[derive(Debug, Default)]
pub struct Tally {
    verdict: Share,
    false_blame: Share,
    abstained: Share,
    mechanism: Criterion,
    line: Criterion,
    commit: Criterion,
    edge: Criterion,
    baselines: [Share; Baseline::ALL.len()],
    times: Vec<Duration>,
}

impl Tally {
    /// Adds one answer, and what the baselines guess where a commit is guilty.
    pub fn add(&mut self, marks: &Marks, evidence: &Evidence<'_>, took: Duration) {
        self.verdict.add(marks.verdict);
        if let Some(blamed) = marks.false_blame {
            self.false_blame.add(blamed);
        }
        if let Some(abstained) = marks.abstained {
            self.abstained.add(abstained);
        }
        self.mechanism.add(marks.mechanism);
        self.line.add(marks.line);
        self.commit.add(marks.commit);
        self.edge.add(marks.edge);
        if marks.commit.is_some() {
            let can = |baseline: &Baseline| evidence.can_guess(*baseline);
            let asked = self.baselines.iter_mut().zip(Baseline::ALL);
            for (share, baseline) in asked.filter(|(_, baseline)| can(baseline)) {
                share.add(evidence.is_guilty(evidence.guess(baseline).as_deref()));
            }
        }
        self.times.push(took);
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{:32} {}", "verdict", self.verdict)?;
        writeln!(f, "{:32} {:20} among the first three", "", "first")?;
        let criteria = [
            ("mechanism", self.mechanism),
            ("exact line", self.line),
            ("commit", self.commit),
            ("edge", self.edge),
        ];
        for (name, Criterion { first, third }) in criteria {
            writeln!(f, "{name:32} {:20} {third}", first.to_string())?;
        }
        writeln!(f, "{:32} {}", "blamed though innocent", self.false_blame)?;
        writeln!(f, "{:32} {}", "no cause named though there is", self.abstained)?;
        let any = self.baselines.iter().any(|share| share.of > 0);
        for (baseline, share) in Baseline::ALL.iter().zip(self.baselines) {
            match share.of {
                0 if any => writeln!(f, "{:32} not asked", baseline.name())?,
                _ => writeln!(f, "{:32} {share}", baseline.name())?,
            }
        }
        let mut times = self.times.clone();
        times.sort_unstable();
        let at = |index: usize| times.get(index).map_or(0, Duration::as_millis);
        let (median, slowest) = (at(times.len() / 2), at(times.len().saturating_sub(1)));
        write!(f, "{:32} {median} ms, slowest {slowest} ms", "time to answer, median")
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use stilltrace_model::Timestamp;

    use super::*;

    #[test]
    fn only_what_was_asked_is_counted() {
        let mut tally = Tally::default();
        let truth = json!({"verdict": "no-anomaly", "causes": []});
        let evidence = Evidence {
            onset: Timestamp(0),
            events: &[],
            series: &[],
            truth: &truth,
            findings: None,
        };
        for verdict in ["no-anomaly", "cause"] {
            let marks = Marks::of(&truth, &json!({"verdict": verdict, "hypotheses": []}));
            tally.add(&marks, &evidence, Duration::from_millis(7));
        }
        assert_eq!(tally.verdict, Share { hits: 1, of: 2 });
        assert_eq!(tally.false_blame, Share { hits: 1, of: 2 });
        assert_eq!(tally.mechanism.first, Share::default());
        assert_eq!(tally.baselines, [Share::default(); Baseline::ALL.len()]);
        assert!(tally.to_string().ends_with("7 ms, slowest 7 ms"));
    }
}
