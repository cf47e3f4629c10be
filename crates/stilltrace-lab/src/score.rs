//! How right an answer of the product is, held against the truth of a recording, and what simpler
//! ways to guess would have said.

mod baselines;
mod findings;
mod tally;

use serde_json::Value;

pub use baselines::{Baseline, Evidence};
pub use findings::findings;
pub use tally::Tally;

/// Hypotheses that a reader looks at.
const LOOKED_AT: usize = 3;

/// How one criterion fared. With two causes, the first hypothesis must be one of them, and all must
/// be among the first three.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Found {
    /// The first hypothesis is right.
    pub first: bool,
    /// All causes are among the first three hypotheses.
    pub third: bool,
}

/// How one answer compares. A criterion is absent where the truth has nothing to compare.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Marks {
    /// Whether the verdict is right.
    pub verdict: bool,
    /// Whether the platform is blamed though it is innocent, or though nothing happened.
    pub false_blame: Option<bool>,
    /// Whether an answer names no cause though there is one.
    pub abstained: Option<bool>,
    /// The mechanism, or the kind of cause outside the platform.
    pub mechanism: Option<Found>,
    /// The exact line; of a cause in no commit, the live object.
    pub line: Option<Found>,
    /// The commit.
    pub commit: Option<Found>,
    /// The edge.
    pub edge: Option<Found>,
}

impl Marks {
    /// Compares a report with the truth.
    pub fn of(truth: &Value, report: &Value) -> Self {
        let is_cause = truth["verdict"] == "cause";
        let blames = report["verdict"] == "cause";
        let of = |compare: fn(&Value, &Value) -> Option<bool>| found(truth, report, compare);
        let in_git = |compare| if is_cause { of(compare) } else { None };
        Self {
            verdict: truth["verdict"] == report["verdict"],
            false_blame: (!is_cause).then_some(blames),
            abstained: is_cause.then_some(!blames),
            mechanism: of(same_mechanism),
            line: in_git(same_line),
            commit: in_git(same_commit),
            edge: in_git(same_edge),
        }
    }

    /// Whether everything that was asked is right at the first place.
    pub fn all_right(&self) -> bool {
        let criteria = [self.mechanism, self.line, self.commit];
        self.verdict && criteria.iter().flatten().all(|found| found.first)
    }
}

/// The places of the truth's causes among the hypotheses; `compare` says nothing of a cause that
/// lacks what it compares.
fn found(
    truth: &Value,
    report: &Value,
    compare: fn(&Value, &Value) -> Option<bool>,
) -> Option<Found> {
    let causes = truth["causes"].as_array()?;
    let hypotheses = report["hypotheses"].as_array().map(Vec::as_slice).unwrap_or_default();
    let asked: Vec<_> =
        causes.iter().filter(|cause| compare(cause, &Value::Null).is_some()).collect();
    if asked.is_empty() {
        return None;
    }
    let place = |cause: &&Value| {
        hypotheses.iter().position(|hypothesis| compare(cause, hypothesis) == Some(true))
    };
    let places: Vec<Option<usize>> = asked.iter().map(place).collect();
    Some(Found {
        first: places.contains(&Some(0)),
        third: places.iter().all(|place| place.is_some_and(|place| place < LOOKED_AT)),
    })
}

fn same_mechanism(cause: &Value, hypothesis: &Value) -> Option<bool> {
    (!cause["mechanism"].is_null()).then(|| cause["mechanism"] == hypothesis["mechanism"])
}

fn same_line(cause: &Value, hypothesis: &Value) -> Option<bool> {
    let origin = &hypothesis["origin"];
    if cause["path"].is_null() {
        let object = cause.get("live")?.get("object")?;
        return Some(!origin["live"].is_null() && *object == origin["object"]);
    }
    Some(cause["path"] == origin["path"] && cause["line"] == origin["line"])
}

fn same_commit(cause: &Value, hypothesis: &Value) -> Option<bool> {
    // The commit of a line that was taken away is the last one that had it; guilty is the next.
    let guilty = [&cause["removed_by"], &cause["commit"]].into_iter().find(|it| !it.is_null())?;
    Some(*guilty == hypothesis["origin"]["commit"])
}

fn same_edge(cause: &Value, hypothesis: &Value) -> Option<bool> {
    (!cause["edge"].is_null()).then(|| cause["edge"] == hypothesis["edge"])
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn cause(name: &str, line: u32) -> Value {
        json!({"mechanism": name, "path": "a.yaml", "line": line, "commit": name,
               "edge": {"source": "a/b", "destination": "c/d", "port": 80}})
    }

    fn hypothesis(name: &str, line: u32) -> Value {
        json!({"mechanism": name, "edge": {"source": "a/b", "destination": "c/d", "port": 80},
               "origin": {"path": "a.yaml", "line": line, "commit": name, "live": null}})
    }

    #[test]
    fn a_right_answer_in_the_second_place_counts_among_three() {
        let truth = json!({"verdict": "cause", "causes": [cause("m", 3)]});
        let report =
            json!({"verdict": "cause", "hypotheses": [hypothesis("x", 3), hypothesis("m", 3)]});
        let marks = Marks::of(&truth, &report);
        assert!(marks.verdict && marks.abstained == Some(false) && marks.false_blame.is_none());
        assert_eq!(marks.mechanism, Some(Found { first: false, third: true }));
        assert_eq!(marks.line, Some(Found { first: true, third: true }));
        assert!(!marks.all_right());
    }

    #[test]
    fn two_causes_must_both_be_among_three() {
        let truth = json!({"verdict": "cause", "causes": [cause("m", 3), cause("n", 9)]});
        let answer = |second: Value| {
            let hypotheses = [hypothesis("n", 9), second];
            Marks::of(&truth, &json!({"verdict": "cause", "hypotheses": hypotheses})).line
        };
        assert_eq!(answer(hypothesis("m", 3)), Some(Found { first: true, third: true }));
        assert_eq!(answer(hypothesis("m", 4)), Some(Found { first: true, third: false }));
    }

    #[test]
    fn blame_of_an_innocent_platform_and_silence_about_a_guilty_one_are_told_apart() {
        let innocent = json!({"verdict": "not-the-platform",
                              "causes": [{"mechanism": "none/load", "path": null}]});
        let blamed = Marks::of(&innocent, &json!({"verdict": "cause", "hypotheses": []}));
        assert_eq!((blamed.false_blame, blamed.abstained), (Some(true), None));
        assert_eq!((blamed.line, blamed.edge), (None, None));
        let guilty = json!({"verdict": "cause", "causes": [cause("m", 3)]});
        let silent = Marks::of(&guilty, &json!({"verdict": "not-proven", "hypotheses": []}));
        assert_eq!((silent.false_blame, silent.abstained), (None, Some(true)));
    }

    #[test]
    fn of_a_line_that_was_taken_away_the_commit_that_did_it_is_guilty() {
        let mut taken = cause("had-it", 3);
        taken["removed_by"] = json!("took-it");
        let truth = json!({"verdict": "cause", "causes": [taken]});
        let marks = |by: &str| {
            let report = json!({"verdict": "cause", "hypotheses": [hypothesis(by, 3)]});
            Marks::of(&truth, &report).commit
        };
        assert_eq!(marks("took-it"), Some(Found { first: true, third: true }));
        assert_eq!(marks("had-it"), Some(Found { first: false, third: false }));
    }

    #[test]
    fn a_cause_in_no_commit_is_the_live_object() {
        let object = json!({"kind": "VirtualService", "name": "a"});
        let truth = json!({"verdict": "cause", "causes": [
            {"mechanism": "m", "path": null, "live": {"object": object}, "edge": null}]});
        let report = |live: Value| {
            json!({"verdict": "cause", "hypotheses": [
                {"mechanism": "m", "origin": {"object": object, "live": live}}]})
        };
        let marks = Marks::of(&truth, &report(json!({"manager": "kubectl-edit"})));
        assert_eq!(marks.line, Some(Found { first: true, third: true }));
        assert!(marks.commit.is_none() && marks.edge.is_none());
        let in_git = Marks::of(&truth, &report(Value::Null));
        assert_eq!(in_git.line, Some(Found { first: false, third: false }));
    }
}
