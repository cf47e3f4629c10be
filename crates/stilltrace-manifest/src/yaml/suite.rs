//! The YAML test suite.

#![allow(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "tests read corpora and print what they counted"
)]

use super::{Budget, Node, parse};
use crate::corpus::{bytes, corpus, entries};
use crate::problem::{Problem, ProblemKind};

/// One case: a later one of a file inherits the input and the value it does not repeat.
struct Case {
    id: String,
    yaml: String,
    json: Option<String>,
    fails: bool,
}

fn cases() -> Option<Vec<Case>> {
    let folder = corpus("yaml-test-suite")?.join("src");
    let mut cases = Vec::new();
    for path in entries(&folder) {
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        let parsed = parse(&name, &bytes(&path), &Budget::default());
        let items = parsed.documents[0].root.items().to_vec();
        let (mut yaml, mut json) = (String::new(), None);
        for (index, item) in items.iter().enumerate() {
            let text = |key: &str| item.get(key).and_then(Node::text).map(str::to_owned);
            if let Some(text) = text("yaml") {
                yaml = visible(&text);
            }
            if let Some(node) = item.get("json") {
                json = node.text().map(str::to_owned);
            }
            let fails = item.get("fail").and_then(Node::as_bool) == Some(true);
            let id = format!("{name}/{index}");
            cases.push(Case { id, yaml: yaml.clone(), json: json.clone(), fails });
        }
    }
    Some(cases)
}

/// The input behind the suite's visible marks.
fn visible(text: &str) -> String {
    let mut out = String::new();
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '␣' => out.push(' '),
            '—' | '»' => {
                if c == '—' {
                    while chars.peek() == Some(&'—') {
                        chars.next();
                    }
                    chars.next_if_eq(&'»');
                }
                out.push('\t');
            }
            '←' => out.push('\r'),
            '⇔' => out.push('\u{feff}'),
            '↵' => {}
            '∎' => {
                chars.next_if_eq(&'\n');
            }
            c => out.push(c),
        }
    }
    out
}

/// The JSON values of a text, one per document.
fn json_documents(text: &str) -> Vec<String> {
    let (mut found, mut current) = (Vec::new(), String::new());
    let (mut depth, mut quoted, mut escaped) = (0, false, false);
    for c in text.chars() {
        current.push(c);
        match c {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            '[' | '{' if !quoted => depth += 1,
            ']' | '}' if !quoted => depth -= 1,
            _ => {}
        }
        if depth == 0 && !quoted && c == '\n' && !current.trim().is_empty() {
            found.push(std::mem::take(&mut current));
        }
    }
    if !current.trim().is_empty() {
        found.push(current);
    }
    found
}

/// Cases that are accepted or refused against the suite, with the reason.
const WRONG: &[&str] = &[
    // `%YAML 1.1 1.2` is refused; the suite itself skips this case as valid but not useful.
    "ZYU8/2",
];

#[test]
fn suite_cases_are_accepted_and_refused_as_they_should() {
    let Some(cases) = cases() else { return };
    let wrong: Vec<&str> = cases
        .iter()
        .filter(|case| {
            let parsed = parse("case", case.yaml.as_bytes(), &Budget::default());
            // A key that is set twice is well-formed YAML, though no valid manifest.
            // What Kubernetes' reader tolerates is refused by the letter of the suite.
            let minded =
                |p: &Problem| matches!(p.kind, ProblemKind::Syntax | ProblemKind::Tolerated);
            let refused = parsed.problems.iter().any(minded);
            refused != case.fails
        })
        .map(|case| case.id.as_str())
        .collect();
    eprintln!("{} of {} as they should", cases.len() - wrong.len(), cases.len());
    assert_eq!(wrong, WRONG);
}

/// Cases whose value is another one, with the reason.
const OTHER_VALUE: &[&str] = &[
    // A block scalar at the end of a file without a line feed: read as Kubernetes does.
    "JEF9/2", "L24T/1", // Refused, see above.
    "ZYU8/2",
];

#[test]
fn suite_cases_have_the_value_of_their_json() {
    let Some(cases) = cases() else { return };
    let mut other = Vec::new();
    for case in cases.iter().filter(|case| !case.fails) {
        let Some(json) = &case.json else { continue };
        let read = |text: &str| parse("case", text.as_bytes(), &Budget::default());
        let parsed = read(&case.yaml);
        let wanted: Vec<_> = json_documents(json).iter().flat_map(|t| read(t).documents).collect();
        let same = wanted.len() == parsed.documents.len()
            && wanted.iter().zip(&parsed.documents).all(|(a, b)| a.root.same_value(&b.root));
        if !same {
            other.push(case.id.as_str());
        }
    }
    assert_eq!(other, OTHER_VALUE);
}
