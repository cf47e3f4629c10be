//! Rust source with its comments or its strings blanked out, so that braces and words can be counted.
//!
//! Not a parser: it knows comments, strings and characters, and nothing else of the language. Every
//! other byte keeps its line and its column.

/// What to blank out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Blank {
    /// Comments; strings stay.
    Comments,
    /// Comments, and what is inside strings and characters.
    CommentsAndStrings,
}

/// One function.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Function {
    /// Its name.
    pub(crate) name: String,
    /// Line of its `fn`, from 1.
    pub(crate) line: usize,
    /// Lines from `fn` to its closing brace.
    pub(crate) lines: usize,
}

/// `source` with `blank` replaced by spaces; line ends stay.
pub(crate) fn blank(source: &str, blank: Blank) -> String {
    let bytes = source.as_bytes();
    let mut out = bytes.to_vec();
    let mut at = 0;
    while at < bytes.len() {
        let (kind, end) = token(bytes, at);
        let erase = match kind {
            Token::Comment => true,
            Token::Text => blank == Blank::CommentsAndStrings,
            Token::Other => false,
        };
        if erase {
            for byte in out.get_mut(at..end).unwrap_or_default() {
                if *byte != b'\n' {
                    *byte = b' ';
                }
            }
        }
        at = end;
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// `source` up to its `#[cfg(test)]`, which is by convention the last item of a file.
pub(crate) fn before_tests(source: &str) -> &str {
    source.find("#[cfg(test)]").map_or(source, |end| source.get(..end).unwrap_or(source))
}

/// Every function that has a body, in the order of their first lines.
pub(crate) fn functions(source: &str) -> Vec<Function> {
    let code = blank(source, Blank::CommentsAndStrings);
    let mut found = Vec::new();
    let mut rest = 0;
    while let Some(start) = code.get(rest..).and_then(|code| code.find("fn ")).map(|at| rest + at) {
        rest = start + 3;
        let preceded = code.get(..start).and_then(|code| code.chars().next_back());
        if preceded.is_some_and(|before| before.is_alphanumeric() || before == '_') {
            continue;
        }
        let name: String = code.get(rest..).map(word).unwrap_or_default();
        let body = code.get(rest..).and_then(body);
        let (false, Some(end)) = (name.is_empty(), body) else { continue };
        let lines = code.get(start..rest + end).map_or(0, |text| text.matches('\n').count() + 1);
        let line = code.get(..start).map_or(0, |text| text.matches('\n').count() + 1);
        found.push(Function { name, line, lines });
    }
    found
}

/// The identifier at the start of `code`.
fn word(code: &str) -> String {
    code.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()
}

/// Where the body that follows a function's name ends; `None` where it has none.
fn body(code: &str) -> Option<usize> {
    let mut depth = 0_usize;
    let mut brackets = 0_usize;
    for (at, byte) in code.bytes().enumerate() {
        match byte {
            b'(' | b'[' => brackets += 1,
            b')' | b']' => brackets = brackets.saturating_sub(1),
            b';' if depth == 0 && brackets == 0 => return None,
            b'{' => depth += 1,
            b'}' if depth <= 1 => return (depth == 1).then_some(at + 1),
            b'}' => depth -= 1,
            _ => {}
        }
    }
    None
}

/// The kinds of text that matter here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Token {
    /// A comment of either form.
    Comment,
    /// A string, raw string, byte string or character.
    Text,
    /// Anything else.
    Other,
}

/// Kind and end of what starts at `at`.
fn token(bytes: &[u8], at: usize) -> (Token, usize) {
    let rest = bytes.get(at..).unwrap_or_default();
    let inside_word =
        at > 0 && bytes.get(at - 1).is_some_and(|b| b.is_ascii_alphanumeric() || *b == b'_');
    match rest {
        [b'/', b'/', ..] => (Token::Comment, at + line_length(rest)),
        [b'/', b'*', ..] => (Token::Comment, at + block_length(rest)),
        [b'"', ..] => (Token::Text, at + 1 + quoted_length(rest.get(1..).unwrap_or_default())),
        [b'r', b'"' | b'#', ..] if !inside_word => raw(rest, at, 1),
        [b'b', b'r', b'"' | b'#', ..] if !inside_word => raw(rest, at, 2),
        [b'\'', ..] => character(rest, at),
        _ => (Token::Other, at + 1),
    }
}

/// Length of a comment to the end of the line.
fn line_length(rest: &[u8]) -> usize {
    rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len())
}

/// Length of a block comment; blocks nest.
fn block_length(rest: &[u8]) -> usize {
    let mut depth = 0_usize;
    let mut at = 0;
    while at < rest.len() {
        match rest.get(at..at + 2) {
            Some(b"/*") => (depth, at) = (depth + 1, at + 2),
            Some(b"*/") if depth <= 1 => return at + 2,
            Some(b"*/") => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
    }
    rest.len()
}

/// Length of a string's text and its closing quote.
fn quoted_length(rest: &[u8]) -> usize {
    let mut at = 0;
    while at < rest.len() {
        match rest.get(at) {
            Some(b'\\') => at += 2,
            Some(b'"') => return at + 1,
            _ => at += 1,
        }
    }
    rest.len()
}

/// A raw string whose hashes start after `prefix` bytes, or the raw identifier that it may be.
fn raw(rest: &[u8], at: usize, prefix: usize) -> (Token, usize) {
    let after = rest.get(prefix..).unwrap_or_default();
    let hashes = after.iter().take_while(|byte| **byte == b'#').count();
    if after.get(hashes) != Some(&b'"') {
        return (Token::Other, at + 1);
    }
    let mut close = vec![b'"'];
    close.extend(std::iter::repeat_n(b'#', hashes));
    let text = after.get(hashes + 1..).unwrap_or_default();
    let length = text.windows(close.len()).position(|window| window == close);
    let length = length.map_or(text.len(), |length| length + close.len());
    (Token::Text, at + prefix + hashes + 1 + length)
}

/// A character, or the lifetime that it may be.
fn character(rest: &[u8], at: usize) -> (Token, usize) {
    if rest.get(1) == Some(&b'\\') {
        let text = rest.get(3..).unwrap_or_default();
        let length = text.iter().position(|byte| *byte == b'\'').unwrap_or(0);
        return (Token::Text, at + 3 + length + 1);
    }
    // One character of up to four bytes and a quote; without the quote it is a lifetime.
    let text = rest.get(1..).unwrap_or_default();
    let size = match text.first() {
        Some(0xF0..) => 4,
        Some(0xE0..) => 3,
        Some(0xC0..) => 2,
        _ => 1,
    };
    if text.get(size) == Some(&b'\'') {
        return (Token::Text, at + size + 2);
    }
    (Token::Other, at + 1)
}

#[cfg(test)]
mod tests {
    use super::{Blank, blank, functions};

    #[test]
    fn braces_in_strings_characters_and_comments_do_not_count() {
        let source = "fn a() {\n    let _ = (\"}\", '}', '\\'', r#\"}\"}\"#); // }\n    /* } /* } */ } */\n}\nfn b();\nfn c(x: [u8; 2]) {}\n";
        let found: Vec<_> =
            functions(source).into_iter().map(|f| (f.name, f.line, f.lines)).collect();
        assert_eq!(found, [("a".to_owned(), 1, 4), ("c".to_owned(), 6, 1)]);
    }

    #[test]
    fn lifetimes_are_not_characters() {
        let source = "fn first<'a>(x: &'a str) -> &'a str { x }\n";
        assert_eq!(blank(source, Blank::CommentsAndStrings), source);
    }

    #[test]
    fn strings_stay_where_only_comments_are_blanked() {
        assert_eq!(blank("x(\"// no\"); // yes", Blank::Comments), "x(\"// no\");       ");
    }
}
