//! The rendered text with a comment behind every value: which line set it, and what it overrode.
//!
//! The result is the same YAML: only comments and the spaces before them are added.

use stilltrace_manifest::{
    Mark, Node, Value,
    kustomize::Rendered,
    yaml::{Budget, Derivation, Style, parse},
};
use unicode_width::UnicodeWidthStr;

/// Comments of an object stand below each other in a column no further right than this.
const COLUMN: usize = 60;

/// The text with comments.
pub(super) fn comment(rendered: &Rendered) -> String {
    let lines: Vec<&str> = rendered.text.lines().collect();
    let mut comments: Vec<Option<String>> = vec![None; lines.len()];
    let budget = Budget { max_bytes: usize::MAX, max_nodes: usize::MAX, ..Budget::default() };
    let parsed = parse("", rendered.text.as_bytes(), &budget);
    for (document, object) in parsed.documents.iter().zip(&rendered.objects) {
        for (path, leaf) in document.root.leaves() {
            let Some(source) = object.root.pointer(&path) else { continue };
            if let Some(place) = comments.get_mut(line_of(leaf, &rendered.text)) {
                *place = Some(origin(source));
            }
        }
    }
    let mut text = String::with_capacity(rendered.text.len() * 2);
    let mut start = 0;
    while start < lines.len() {
        let object = lines.iter().skip(start).position(|line| *line == "---");
        let end = object.map_or(lines.len(), |length| start + length + 1);
        write(&mut text, lines.get(start..end), comments.get(start..end));
        start = end;
    }
    text
}

/// The line, from 0, at whose end a comment about the value may stand: that of a block's header,
/// and otherwise the last one.
fn line_of(leaf: &Node, text: &str) -> usize {
    let first = (leaf.mark.line as usize).saturating_sub(1);
    match &leaf.value {
        Value::Scalar(scalar) if matches!(scalar.style, Style::Literal | Style::Folded) => first,
        _ => {
            let written = text.get(leaf.mark.range()).unwrap_or_default();
            first + written.matches('\n').count()
        }
    }
}

/// What set the value, what else is a part of it, and what was replaced on the way, nearest first.
fn origin(node: &Node) -> String {
    let mut text = place(&node.mark);
    if let Some(words) = derived(node.derivation()) {
        text.extend([" (", words, ")"]);
    }
    let mut last = (&node.mark.path, node.mark.line);
    let lists = [(", with ", parts(node)), (", not ", overrode(node))];
    for (first, marks) in lists {
        let mut word = first;
        for mark in marks {
            if (&mark.path, mark.line) != last {
                text.extend([word, &place(mark)]);
                word = ", ";
            }
            last = (&mark.path, mark.line);
        }
    }
    stilltrace_report::escape(&text)
}

/// The places that give a part of the value beside the one that set it, nearest first.
pub(super) fn parts(node: &Node) -> Vec<&Mark> {
    let mut parts: Vec<&Mark> = Vec::new();
    for piece in node.pieces().iter().rev().filter(|piece| piece.mark != node.mark) {
        if !parts.contains(&&piece.mark) {
            parts.push(&piece.mark);
        }
    }
    parts
}

/// The places of which nothing is left in the value, nearest first.
pub(super) fn overrode(node: &Node) -> Vec<&Mark> {
    let is_part = |mark: &Mark| node.pieces().iter().any(|piece| piece.mark == *mark);
    node.overrode().iter().rev().filter(|mark| !is_part(mark)).collect()
}

/// How a value came from the line, where it is not what stands there.
fn derived(derivation: Derivation) -> Option<&'static str> {
    Some(match derivation {
        Derivation::Written => return None,
        Derivation::Extended => "prefix or suffix",
        Derivation::Hashed => "with a hash of the content",
        Derivation::Image => "part of the image",
        Derivation::Part => "part of the value",
        Derivation::Pair => "behind the =",
        Derivation::Content => "content of the file",
        Derivation::Encoded => "in base64",
        Derivation::Generated => "generated",
        Derivation::Stamped => "stamped",
        Derivation::Substituted => "with variables replaced",
        Derivation::Embedded => "with text of the template",
        Derivation::Excerpt => "part of the text there",
        Derivation::Templated => "from a template",
        _ => "derived",
    })
}

fn place(mark: &Mark) -> String {
    format!("{}:{}", mark.path, mark.line)
}

/// Writes the lines of one object with their comments in one column.
fn write(text: &mut String, lines: Option<&[&str]>, comments: Option<&[Option<String>]>) {
    let (lines, comments) = (lines.unwrap_or_default(), comments.unwrap_or_default());
    let commented = lines.iter().zip(comments).filter(|(_, comment)| comment.is_some());
    let widths = commented.map(|(line, _)| line.width()).filter(|width| *width <= COLUMN);
    let column = widths.max().unwrap_or(0);
    for (line, comment) in lines.iter().zip(comments) {
        text.push_str(line);
        if let Some(comment) = comment {
            text.extend(std::iter::repeat_n(' ', column.saturating_sub(line.width()) + 2));
            text.push_str("# ");
            text.push_str(comment);
        }
        text.push('\n');
    }
}
