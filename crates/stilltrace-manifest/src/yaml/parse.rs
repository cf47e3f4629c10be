//! From bytes to documents.

use std::ops::Range;
use std::sync::Arc;

use granit_parser::{ErrorKind, Event, Parser, ScanError, StrInput};

use super::budget::Budget;
use super::builder::{Builder, Spent, Stop};
use super::mark::{FilePath, Mark};
use super::node::{Node, Text};
use crate::problem::{Problem, ProblemKind};

/// One document of a file.
#[derive(Debug, Clone, PartialEq)]
pub struct Document {
    /// The root; null for a document that holds nothing.
    pub root: Arc<Node>,
    /// Values in the document, aliases expanded; what copying it costs.
    pub nodes: usize,
    /// Keys below the root that are written without quotes and may be no texts to YAML: numbers,
    /// booleans, dates, null, collections. To Kubernetes most are texts, to Kustomize they are not.
    /// Every `<<` in quotes, which is merged by nobody, is here too.
    pub bare_keys: Vec<(Text, Mark)>,
}

/// What a file holds.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Parsed {
    /// The text that marks point into, with its byte order mark; empty if it is not text.
    pub source: Arc<str>,
    /// The documents that could be read, in the order of the file.
    pub documents: Vec<Document>,
    /// What could not be read, and why.
    pub problems: Vec<Problem>,
}

impl Parsed {
    /// Whether Kubernetes' reader minds nothing: all documents are there.
    pub fn is_whole(&self) -> bool {
        self.problems.iter().all(|problem| problem.kind.is_read())
    }
}

/// Reads all documents of a YAML or JSON file.
///
/// A document that is not well-formed is a problem and reading goes on at the next `---`. Never
/// panics; time and memory are bounded by `budget`.
pub fn parse(path: &str, bytes: &[u8], budget: &Budget) -> Parsed {
    let path = FilePath::from(path);
    match decode(&path, bytes, budget) {
        Ok((source, skip)) => {
            let place = Place { path: &path, text: &source[skip..], offset: skip, lines: 0 };
            let mut parsed = read(&place, budget);
            parsed.source = Arc::from(source);
            parsed
        }
        Err(problem) => Parsed { problems: vec![problem], ..Parsed::default() },
    }
}

/// Reads the YAML inside a literal block scalar (`|`) in place.
///
/// `source` is the file that holds the scalar at `mark`. The marks of the result point into that
/// file: to YAML, the indentation of the block is only more indentation. White space at the end of
/// the block is not part of the text, as for Kustomize's inline patches.
pub fn parse_literal(source: &str, mark: &Mark, budget: &Budget) -> Parsed {
    let mut parsed = Parsed::default();
    let Some(block) = source.get(mark.range()) else { return parsed };
    let Some(header) = block.find('\n') else { return parsed };
    let (mut offset, mut lines) = (mark.range().start + header + 1, mark.line);
    for chunk in documents_of(block[header + 1..].trim_end()) {
        let place = Place { path: &mark.path, text: chunk, offset, lines };
        let mut found = read(&place, budget);
        parsed.documents.append(&mut found.documents);
        parsed.problems.append(&mut found.problems);
        offset += chunk.len();
        lines += u32::try_from(chunk.matches('\n').count()).unwrap_or(u32::MAX);
        // The marker itself is indented, so YAML would not see it as one.
        let marker = source[offset..mark.range().end].split_inclusive('\n').next().unwrap_or("");
        offset += marker.len();
        lines += 1;
    }
    parsed
}

/// Reads whole lines of a file as if they were all of it; `lines` are those in front of them. The
/// marks of the result point into the file.
pub(crate) fn parse_lines(
    path: &FilePath,
    source: &str,
    bytes: Range<usize>,
    lines: u32,
    budget: &Budget,
) -> Parsed {
    let offset = bytes.start;
    source
        .get(bytes)
        .map_or_else(Parsed::default, |text| read(&Place { path, text, offset, lines }, budget))
}

/// The parts of a block between lines that hold only `---`.
fn documents_of(block: &str) -> Vec<&str> {
    let (mut parts, mut start, mut position) = (Vec::new(), 0, 0);
    for line in block.split_inclusive('\n') {
        if line.trim() == "---" {
            parts.push(&block[start..position]);
            start = position + line.len();
        }
        position += line.len();
    }
    parts.push(&block[start..]);
    parts
}

/// A text and where it begins in its file.
pub(super) struct Place<'a> {
    pub(super) path: &'a FilePath,
    pub(super) text: &'a str,
    /// Bytes in front of the text.
    pub(super) offset: usize,
    /// Lines in front of the text.
    pub(super) lines: u32,
}

impl Place<'_> {
    /// The position in the text of a byte of the file.
    pub(super) fn local(&self, position: u32) -> usize {
        (position as usize).saturating_sub(self.offset).min(self.text.len())
    }

    /// The part of the text that a mark covers.
    pub(super) fn slice(&self, mark: &Mark) -> &str {
        self.text.get(self.local(mark.start)..self.local(mark.end)).unwrap_or("")
    }
}

/// The text and the length of its byte order mark.
fn decode<'a>(path: &str, bytes: &'a [u8], budget: &Budget) -> Result<(&'a str, usize), Problem> {
    if bytes.len() > budget.max_bytes.min(u32::MAX as usize) {
        let text = format!("larger than {} bytes; split the file", budget.max_bytes);
        return Err(Problem::of_file(path, ProblemKind::Budget, text));
    }
    let wide = matches!(bytes, [0xFE, 0xFF, ..] | [0xFF, 0xFE, ..] | [0, _, ..] | [_, 0, ..]);
    if wide {
        let text = "is UTF-16 or UTF-32; Kubernetes reads UTF-8 only, save the file as UTF-8";
        return Err(Problem::of_file(path, ProblemKind::Syntax, text));
    }
    let offset = if bytes.starts_with(&[0xEF, 0xBB, 0xBF]) { 3 } else { 0 };
    match std::str::from_utf8(bytes) {
        Ok(source) => Ok((source, offset)),
        Err(error) => Err(not_utf8(path, &bytes[..error.valid_up_to()])),
    }
}

fn not_utf8(path: &str, valid: &[u8]) -> Problem {
    let text = String::from_utf8_lossy(valid);
    let line = text.matches('\n').count() + 1;
    let column = text.rsplit('\n').next().map_or(0, |last| last.chars().count()) + 1;
    Problem {
        path: Arc::from(path),
        line: u32::try_from(line).unwrap_or(u32::MAX),
        column: u32::try_from(column).unwrap_or(u32::MAX),
        kind: ProblemKind::Syntax,
        message: "not UTF-8 from here on; save the file as UTF-8".to_owned(),
    }
}

/// Reads by the letter of YAML 1.2 and, where that fails, as leniently as Kubernetes does.
///
/// Kubernetes' reader accepts flow collections and quoted texts whose later lines are indented too
/// little, at the column of their parent too. Such a document is kept, and what the letter of YAML
/// minds in it is [`ProblemKind::Tolerated`].
fn read(place: &Place<'_>, budget: &Budget) -> Parsed {
    let mut steps = 0;
    let strict = Reader::new(place, budget, true).read(&mut steps);
    if strict.problems.iter().all(|problem| problem.kind != ProblemKind::Syntax) {
        return strict;
    }
    let mut lenient = Reader::new(place, budget, false).read(&mut steps);
    if lenient.documents.len() <= strict.documents.len() {
        return strict;
    }
    let stricter = strict.problems.into_iter().filter(|one| !lenient.problems.contains(one));
    let stricter: Vec<Problem> = stricter.map(tolerated).collect();
    lenient.problems.extend(stricter);
    lenient.problems.sort();
    lenient
}

/// What only the strict reading minds.
fn tolerated(problem: Problem) -> Problem {
    match problem.kind {
        ProblemKind::Syntax => Problem { kind: ProblemKind::Tolerated, ..problem },
        _ => problem,
    }
}

/// Reads the documents of one file.
struct Reader<'a> {
    place: &'a Place<'a>,
    budget: &'a Budget,
    spent: Spent,
    parser: Parser<'a, StrInput<'a>>,
    parsed: Parsed,
}

/// How to go on after a document.
enum Next {
    Document,
    Skip,
    End,
}

impl<'a> Reader<'a> {
    fn new(place: &'a Place<'a>, budget: &'a Budget, strict: bool) -> Self {
        let options = granit_parser::options! {
            strict_indentation: strict,
            // As libyaml and the Go port that Kubernetes uses read it.
            block_scalar_eof_without_line_feed: true,
            emit_comments: false,
            flow_nesting_limit: budget.max_depth.saturating_add(1),
            block_nesting_limit: budget.max_depth.saturating_add(1),
        };
        let parser = Parser::new_from_str_with_options(place.text, options);
        let (spent, parsed) = (Spent::default(), Parsed::default());
        Self { place, budget, spent, parser, parsed }
    }

    /// Reads all documents; `steps` are those that earlier readings of the text took.
    fn read(mut self, steps: &mut usize) -> Parsed {
        self.spent.steps = *steps;
        self.documents();
        *steps = self.spent.steps;
        self.parsed
    }

    fn documents(&mut self) {
        for _ in 0..self.budget.max_documents {
            match self.document() {
                Next::Document => {}
                Next::End => return,
                Next::Skip => match self.parser.proceed_next_document() {
                    Ok(true) => {}
                    Ok(false) => return,
                    Err(error) => {
                        let problem = scan_problem(self.place, &error, self.budget);
                        return self.parsed.problems.push(problem);
                    }
                },
            }
            if self.parsed.problems.len() > self.budget.max_problems {
                return self.give_up();
            }
        }
        let line = match self.parser.next_event() {
            None | Some(Ok((Event::StreamEnd, _))) => return,
            Some(Ok((_, span))) => span.start.line(),
            Some(Err(error)) => error.marker().line(),
        };
        let text = format!("more than {} documents; split the file", self.budget.max_documents);
        let problem = Problem::of_file(self.place.path, ProblemKind::Budget, text);
        let line = self.place.lines + u32::try_from(line).unwrap_or(u32::MAX);
        self.parsed.problems.push(Problem { line, ..problem });
    }

    /// Ends the list of problems; the documents behind the last one are not read.
    fn give_up(&mut self) {
        let problems = &mut self.parsed.problems;
        problems.truncate(self.budget.max_problems);
        let text = format!(
            "more than {} problems; the rest of the file is not read",
            self.budget.max_problems
        );
        let line = problems.last().map_or(0, |last| last.line);
        let problem = Problem::of_file(self.place.path, ProblemKind::Budget, text);
        problems.push(Problem { line, ..problem });
    }

    fn document(&mut self) -> Next {
        let Self { place, budget, spent, parser, parsed } = self;
        let mut builder = Builder::new(place, budget, spent);
        loop {
            let (event, span) = match parser.next_event() {
                None => return Next::End,
                Some(Ok(next)) => next,
                Some(Err(error)) => {
                    parsed.problems.push(scan_problem(place, &error, budget));
                    return Next::Skip;
                }
            };
            match event {
                Event::StreamEnd => return Next::End,
                Event::DocumentEnd => {
                    let mut finished = builder.finish();
                    parsed.problems.append(&mut finished.problems);
                    parsed.documents.extend(finished.root.map(|root| Document {
                        root: Arc::new(root),
                        nodes: finished.nodes,
                        bare_keys: finished.bare_keys,
                    }));
                    return Next::Document;
                }
                event => match builder.event(event, &span) {
                    Ok(()) => {}
                    Err(Stop::Document(problem)) => {
                        parsed.problems.push(problem);
                        return Next::Skip;
                    }
                    Err(Stop::File(problem)) => {
                        parsed.problems.push(problem);
                        return Next::End;
                    }
                },
            }
        }
    }
}

/// Characters of a key that is not announced by `?`.
const LONGEST_KEY: usize = 1024;

fn is_at_colon(place: &Place<'_>, error: &ScanError) -> bool {
    let at = error.marker().byte_offset().and_then(|offset| place.text.get(offset..));
    at.is_some_and(|rest| rest.starts_with(':'))
}

fn scan_problem(place: &Place<'_>, error: &ScanError, budget: &Budget) -> Problem {
    let (kind, message) = match error.kind() {
        ErrorKind::RecursionLimitExceeded => {
            (ProblemKind::Budget, format!("nested more than {} levels deep", budget.max_depth))
        }
        ErrorKind::TabNotAllowed
        | ErrorKind::TabInBlockIndentation
        | ErrorKind::TabInIndentation => {
            (ProblemKind::Syntax, "a tab in the indentation; use spaces".to_owned())
        }
        // What the library says about a key that it no longer takes for one (YAML 1.2.2, 7.4.2).
        _ if error.marker().col() > LONGEST_KEY && is_at_colon(place, error) => {
            let text = format!("a key of more than {LONGEST_KEY} characters; shorten it");
            (ProblemKind::Syntax, text)
        }
        kind => (ProblemKind::Syntax, format!("not valid YAML: {kind}")),
    };
    Problem {
        path: place.path.shared(),
        line: place.lines + u32::try_from(error.marker().line()).unwrap_or(u32::MAX),
        column: u32::try_from(error.marker().col() + 1).unwrap_or(u32::MAX),
        kind,
        message,
    }
}

#[cfg(test)]
mod tests;
