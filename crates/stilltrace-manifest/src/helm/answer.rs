//! What Helm printed, cut into documents, with the marks that came out.

use super::markers::{Alphabet, Region};

/// A document of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Printed<'a> {
    /// The template or file, as Helm names it in its `# Source:` comment; empty when it does not.
    pub(super) source: &'a str,
    /// The document as printed, markers and comment included.
    pub(super) marked: &'a str,
    /// The document without markers, without white space at its ends and the comment.
    pub(super) text: String,
    /// What was marked, by bytes of `text`.
    pub(super) regions: Vec<Region>,
}

const SOURCE: &str = "# Source: ";

/// The documents of an answer in their order, empty ones left out.
///
/// Cut where Helm cuts what a template wrote (`SplitManifests`: `---` at the beginning of a line,
/// whatever follows), so that the raw answer and the sorted one have the same documents.
pub(super) fn documents(answer: &str, alphabet: Option<Alphabet>) -> Vec<Printed<'_>> {
    let mut documents = Vec::new();
    let mut source = "";
    for part in parts(answer) {
        let marked = part.trim();
        if let Some(named) = marked.strip_prefix(SOURCE) {
            source = named.split('\n').next().unwrap_or("").trim();
        }
        let unmarked = alphabet.filter(|alphabet| alphabet.is_in(marked));
        let unmarked = unmarked.map(|alphabet| alphabet.unmark(marked)).unwrap_or_default();
        let whole = if unmarked.text.is_empty() { marked } else { &unmarked.text };
        let text = without_comment(whole);
        if text.is_empty() {
            continue;
        }
        let offset = text.as_ptr() as usize - whole.as_ptr() as usize;
        let regions = unmarked.regions.into_iter().filter_map(|region| {
            let (start, end) = (region.bytes.start, region.bytes.end);
            let bytes = start.checked_sub(offset)?..(end - offset).min(text.len());
            Some(Region { bytes, ..region })
        });
        let (text, regions) = (text.to_owned(), regions.collect());
        documents.push(Printed { source, marked, text, regions });
    }
    documents
}

/// The document without the comments that name templates: a manifest that Helm wrote once and
/// somebody vendored brings its own along.
fn without_comment(document: &str) -> &str {
    let mut text = document.trim();
    while let Some(named) = text.strip_prefix(SOURCE) {
        text = named.split_once('\n').map_or("", |(_, rest)| rest).trim();
    }
    text
}

/// The parts of a text between lines that begin with `---`.
fn parts(answer: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    let mut start = 0;
    let mut at = 0;
    for line in answer.split_inclusive('\n') {
        if line.starts_with("---") {
            parts.push(&answer[start..at]);
            start = at + 3;
        }
        at += line.len();
    }
    parts.push(&answer[start..]);
    parts
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that fails may panic")]

    use super::*;

    #[test]
    fn documents_know_their_template() {
        let answer =
            "---\n# Source: a/x.yaml\na: 1\n---\nb: 2\n\n---\n# Source: a/y.yaml\n\n---\n\n";
        let found = documents(answer, None);
        let found: Vec<(&str, &str)> =
            found.iter().map(|printed| (printed.source, printed.text.as_str())).collect();
        assert_eq!(found, [("a/x.yaml", "a: 1"), ("a/x.yaml", "b: 2")]);
    }

    #[test]
    fn regions_count_from_the_documents_own_text() {
        let alphabet = Alphabet::unused_in(std::iter::empty()).unwrap();
        let answer = format!("---\n# Source: a/x.yaml\n\na: {}\n", alphabet.wrap(4, "1"));
        let found = documents(&answer, Some(alphabet));
        assert_eq!(found[0].text, "a: 1");
        assert_eq!(found[0].regions, [Region { id: 4, bytes: 3..4 }]);
    }
}
