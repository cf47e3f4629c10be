//! Marks templates: every piece of text and every action gets a region of its own.
//!
//! The template language is only split into text and actions here, never evaluated. White space
//! that `{{-` and `-}}` trim is trimmed while marking, because a marker would protect it.

use std::ops::Range;

use super::markers::Alphabet;

/// What a marked part of a template is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    /// Text, at most one line.
    Text,
    /// An action that may write something.
    Action,
}

/// Whether text inside named templates is marked too.
///
/// What they write may be compared, cut or hashed before it is printed, so marks there can change
/// the answer; marks outside cannot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Depth {
    /// Only what is written directly.
    Direct,
    /// Named templates too.
    Named,
}

/// An action of a template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Action<'t> {
    /// What stands between the braces, without trim marks and white space at the ends.
    pub(super) inner: &'t str,
    /// Bytes in the template, braces included.
    pub(super) bytes: Range<usize>,
    trims_left: bool,
    trims_right: bool,
}

/// A template split into its pieces.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Piece<'t> {
    /// Text that is printed as it is, by its bytes.
    Text(Range<usize>),
    /// Something in double braces.
    Action(Action<'t>),
}

/// Splits a template; `None` when braces or quotes are not closed, which Helm refuses too.
pub(super) fn split(template: &str) -> Option<Vec<Piece<'_>>> {
    let mut pieces = Vec::new();
    let mut start = 0;
    while let Some(found) = template[start..].find("{{") {
        let open = start + found;
        let inside = &template[open + 2..];
        let length = action_length(inside)?;
        let inner = &inside[..length];
        let trims_left = inner.starts_with('-') && inner[1..].starts_with(is_blank);
        let inner = if trims_left { &inner[1..] } else { inner };
        let trims_right = inner.strip_suffix('-').is_some_and(|rest| rest.ends_with(is_blank));
        let inner = if trims_right { &inner[..inner.len() - 1] } else { inner };
        let end = open + 2 + length + 2;
        if open > start {
            pieces.push(Piece::Text(start..open));
        }
        let (inner, bytes) = (inner.trim_matches(is_blank), open..end);
        pieces.push(Piece::Action(Action { inner, bytes, trims_left, trims_right }));
        start = end;
    }
    if start < template.len() {
        pieces.push(Piece::Text(start..template.len()));
    }
    Some(pieces)
}

/// What Go's templates take for white space.
fn is_blank(letter: char) -> bool {
    matches!(letter, ' ' | '\t' | '\r' | '\n')
}

/// Bytes of an action up to its closing braces.
fn action_length(inside: &str) -> Option<usize> {
    let body = inside.strip_prefix('-').unwrap_or(inside).trim_start_matches(is_blank);
    if body.starts_with("/*") {
        let comment = inside.find("*/")?;
        return inside[comment..].find("}}").map(|end| comment + end);
    }
    let bytes = inside.as_bytes();
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'}' if bytes.get(at + 1) == Some(&b'}') => return Some(at),
            b'"' | b'\'' => at = quoted_end(bytes, at)?,
            b'`' => at += 1 + inside.get(at + 1..)?.find('`')?,
            _ => {}
        }
        at += 1;
    }
    None
}

/// The closing quote of the text that begins at `start`.
fn quoted_end(bytes: &[u8], start: usize) -> Option<usize> {
    let quote = bytes.get(start)?;
    let mut at = start + 1;
    loop {
        match bytes.get(at)? {
            b'\\' => at += 1,
            b'\n' => return None,
            byte if byte == quote => return Some(at),
            _ => {}
        }
        at += 1;
    }
}

impl Action<'_> {
    /// The first word.
    pub(super) fn keyword(&self) -> &str {
        self.inner.split(|letter: char| !letter.is_ascii_alphanumeric()).next().unwrap_or("")
    }

    /// Whether the action may write something.
    pub(super) fn prints(&self) -> bool {
        let silent = ["if", "else", "end", "range", "with", "define", "block", "break", "continue"];
        !self.inner.is_empty()
            && !self.inner.starts_with("/*")
            && !silent.contains(&self.keyword())
            && self.assigned().is_none()
    }

    /// The variables an action sets, and what it sets them to.
    pub(super) fn assigned(&self) -> Option<(&str, &str)> {
        let inner = self.inner;
        if !inner.starts_with('$') {
            return None;
        }
        let known = |letter: char| letter.is_alphanumeric() || "_$, ".contains(letter);
        let end = inner.find(|letter| !known(letter))?;
        let (names, rest) = inner.split_at(end);
        let value = rest.strip_prefix(":=").or_else(|| rest.strip_prefix('='))?;
        Some((names.trim(), value.trim()))
    }
}

/// The template with every text and action marked; `number` hands out a mark for a part of it.
///
/// `None` when the template cannot be split.
pub(super) fn mark(
    template: &str,
    alphabet: Alphabet,
    depth: Depth,
    number: &mut dyn FnMut(Part, Range<usize>) -> usize,
) -> Option<String> {
    let pieces = split(template)?;
    let mut marked = String::with_capacity(template.len() * 2);
    // Whether each open block is, or lies in, a named template.
    let mut blocks: Vec<bool> = Vec::new();
    for (index, piece) in pieces.iter().enumerate() {
        let named = blocks.last().copied().unwrap_or(false);
        match piece {
            Piece::Text(bytes) => {
                let before = index.checked_sub(1).and_then(|index| pieces.get(index));
                let bytes = trimmed(template, bytes, before, pieces.get(index + 1));
                let text = &template[bytes.clone()];
                if named && depth == Depth::Direct {
                    marked.push_str(text);
                } else {
                    mark_lines(text, bytes.start, alphabet, number, &mut marked);
                }
            }
            Piece::Action(action) => {
                let text = &template[action.bytes.clone()];
                if named || !action.prints() {
                    marked.push_str(text);
                } else {
                    let id = number(Part::Action, action.bytes.clone());
                    marked.extend([alphabet.open(id).as_str(), text, &alphabet.close(id)]);
                }
                match action.keyword() {
                    "define" | "block" => blocks.push(true),
                    "if" | "range" | "with" => blocks.push(named),
                    "end" => drop(blocks.pop()),
                    _ => {}
                }
            }
        }
    }
    Some(marked)
}

/// The bytes of a text without what the actions beside it trim.
fn trimmed(
    template: &str,
    bytes: &Range<usize>,
    before: Option<&Piece<'_>>,
    after: Option<&Piece<'_>>,
) -> Range<usize> {
    let (mut start, mut end) = (bytes.start, bytes.end);
    if matches!(after, Some(Piece::Action(action)) if action.trims_left) {
        end = start + template[start..end].trim_end_matches(is_blank).len();
    }
    if matches!(before, Some(Piece::Action(action)) if action.trims_right) {
        start = end - template[start..end].trim_start_matches(is_blank).len();
    }
    start..end
}

/// Marks what each line of `text` holds; white space alone needs no mark.
fn mark_lines(
    text: &str,
    offset: usize,
    alphabet: Alphabet,
    number: &mut dyn FnMut(Part, Range<usize>) -> usize,
    marked: &mut String,
) {
    let mut start = offset;
    for line in text.split_inclusive('\n') {
        let core = line.trim_matches(is_blank);
        // Lines that separate documents stay as they are, so that the answer can be cut there.
        if core.is_empty() || core.starts_with("---") {
            marked.push_str(line);
        } else {
            let first = start + line.find(core).unwrap_or(0);
            let id = number(Part::Text, first..first + core.len());
            marked.push_str(&alphabet.wrap(id, line));
        }
        start += line.len();
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that fails may panic")]

    use super::*;

    fn marked(template: &str, depth: Depth) -> (String, Vec<(Part, String)>) {
        let alphabet = Alphabet::unused_in(std::iter::empty()).unwrap();
        let mut parts = Vec::new();
        let text = mark(template, alphabet, depth, &mut |part, bytes| {
            parts.push((part, template[bytes].to_owned()));
            parts.len() - 1
        });
        (alphabet.unmark(&text.unwrap()).text, parts)
    }

    #[test]
    fn text_and_actions_get_marks_line_by_line() {
        let (_, parts) = marked("a: {{ .x }}\nb: 1\n", Depth::Direct);
        let parts: Vec<(Part, &str)> = parts.iter().map(|(part, text)| (*part, &**text)).collect();
        assert_eq!(parts, [(Part::Text, "a:"), (Part::Action, "{{ .x }}"), (Part::Text, "b: 1")]);
    }

    #[test]
    fn trimmed_white_space_is_gone() {
        let (text, _) = marked("a:\n  {{- .x -}}  \n b", Depth::Direct);
        assert_eq!(text, "a:{{- .x -}}b");
    }

    #[test]
    fn braces_in_quotes_and_comments_end_nothing() {
        let template = r#"{{/* a }} "b */}}{{ "}}" }}{{ `}}"` }}{{- /* } */ -}}"#;
        assert_eq!(split(template).unwrap().len(), 4);
        assert_eq!(split("{{ \"a }}"), None);
        assert_eq!(split("{{ a"), None);
    }

    #[test]
    fn named_templates_are_marked_when_asked_for() {
        let template = "{{ define \"n\" }}{{ if .a }}x: {{ .b }}{{ end }}{{ end }}y";
        assert_eq!(marked(template, Depth::Direct).1, [(Part::Text, "y".to_owned())]);
        let texts = ["x:", "y"].map(|text| (Part::Text, text.to_owned()));
        assert_eq!(marked(template, Depth::Named).1, texts);
    }

    #[test]
    fn assignments_print_nothing() {
        let action = |inner| Action { inner, bytes: 0..0, trims_left: false, trims_right: false };
        assert!(!action("$x := .Values.a").prints());
        assert!(!action("$x, $y = .Values.a").prints());
        assert!(action("$x.a | quote").prints());
        assert!(action("$x | eq 1").prints());
        assert!(action("template \"x\" .").prints());
        assert_eq!(action("$x := .a").assigned(), Some(("$x", ".a")));
    }
}
