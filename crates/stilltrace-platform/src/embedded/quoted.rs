//! Where every byte of a quoted text stands in its file.
//!
//! A quoted text may go over several lines, which YAML folds, and holds escapes; both make its
//! places differ from what counting gives. The rules are those of YAML 1.2, 7.3.1 and 7.3.2.

use std::ops::Range;

use stilltrace_manifest::Mark;

/// One byte of the text: the bytes of the file that it was read from, and where they begin.
#[derive(Debug, Clone)]
struct Place {
    line: u32,
    column: u32,
    bytes: Range<u32>,
}

/// The places of all bytes of a text.
#[derive(Debug, Default)]
pub(super) struct Quoted {
    text: String,
    places: Vec<Place>,
}

impl Quoted {
    /// Follows the text that stands at `mark` of `file`. `None` when it is not quoted, or not read
    /// as `text`.
    pub(super) fn read(file: &str, mark: &Mark, text: &str) -> Option<Self> {
        let token = file.get(mark.range())?;
        let quote = token.chars().next().filter(|quote| matches!(quote, '"' | '\''))?;
        let mut reader =
            Reader { rest: token, line: mark.line, column: mark.column, byte: mark.start };
        reader.next()?;
        let mut quoted = Self::default();
        while let Some((char, place)) = reader.next() {
            match char {
                '\'' if quote == '\'' => {
                    if reader.peek() != Some('\'') {
                        break;
                    }
                    reader.next();
                    quoted.push('\'', place, reader.byte);
                }
                '"' if quote == '"' => break,
                '\\' if quote == '"' => quoted.escape(&mut reader, place)?,
                '\r' | '\n' => quoted.fold(&mut reader, char, &place),
                other => quoted.push(other, place, reader.byte),
            }
        }
        (quoted.text == text).then_some(quoted)
    }

    /// The place of an inner mark in the file.
    pub(super) fn place(&self, inner: &Mark, outer: &Mark) -> Option<Mark> {
        let range = inner.range();
        let first = self.places.get(range.start).or_else(|| self.places.last())?;
        let last = range.end.checked_sub(1).filter(|last| *last >= range.start);
        let end = last.and_then(|last| self.places.get(last)).map(|place| place.bytes.end);
        Some(Mark {
            path: outer.path.clone(),
            line: first.line,
            column: first.column,
            start: first.bytes.start,
            end: end.unwrap_or(first.bytes.start),
        })
    }

    fn push(&mut self, char: char, mut place: Place, end: u32) {
        place.bytes.end = end;
        self.text.push(char);
        self.places.resize(self.text.len(), place);
    }

    /// What stands behind a backslash.
    fn escape(&mut self, reader: &mut Reader<'_>, place: Place) -> Option<()> {
        let (name, _) = reader.next()?;
        let char = match name {
            '\r' | '\n' => {
                // An escaped break joins the lines.
                if name == '\r' && reader.peek() == Some('\n') {
                    reader.next();
                }
                reader.skip_spaces();
                return Some(());
            }
            'x' => reader.code(2)?,
            'u' => reader.code(4)?,
            'U' => reader.code(8)?,
            '0' => '\0',
            'a' => '\u{7}',
            'b' => '\u{8}',
            't' => '\t',
            'n' => '\n',
            'v' => '\u{b}',
            'f' => '\u{c}',
            'r' => '\r',
            'e' => '\u{1b}',
            'N' => '\u{85}',
            '_' => '\u{a0}',
            'L' => '\u{2028}',
            'P' => '\u{2029}',
            other => other,
        };
        self.push(char, place, reader.byte);
        Some(())
    }

    /// A break: a space, or as many breaks as empty lines follow.
    fn fold(&mut self, reader: &mut Reader<'_>, first: char, place: &Place) {
        while self.text.ends_with([' ', '\t']) {
            self.text.pop();
            self.places.pop();
        }
        let mut breaks = usize::from(first == '\n');
        reader.skip_spaces();
        while let Some('\r' | '\n') = reader.peek() {
            breaks += usize::from(matches!(reader.next(), Some(('\n', _))));
            reader.skip_spaces();
        }
        match breaks {
            0 | 1 => self.push(' ', place.clone(), reader.byte),
            _ => (1..breaks).for_each(|_| self.push('\n', place.clone(), reader.byte)),
        }
    }
}

/// Characters of the file with their places.
struct Reader<'f> {
    rest: &'f str,
    line: u32,
    column: u32,
    byte: u32,
}

impl Reader<'_> {
    fn peek(&self) -> Option<char> {
        self.rest.chars().next()
    }

    fn next(&mut self) -> Option<(char, Place)> {
        let char = self.peek()?;
        let place = Place { line: self.line, column: self.column, bytes: self.byte..self.byte };
        let length = char.len_utf8();
        self.rest = self.rest.get(length..).unwrap_or_default();
        self.byte += u32::try_from(length).unwrap_or_default();
        self.column += 1;
        if char == '\n' {
            self.line += 1;
            self.column = 1;
        }
        Some((char, place))
    }

    fn skip_spaces(&mut self) {
        while let Some(' ' | '\t') = self.peek() {
            self.next();
        }
    }

    fn code(&mut self, digits: usize) -> Option<char> {
        let mut code = 0;
        for _ in 0..digits {
            code = code * 16 + self.next()?.0.to_digit(16)?;
        }
        char::from_u32(code)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed test may panic")]
mod tests {
    use stilltrace_manifest::{Budget, MemoryTree};

    /// What stands in the file where the inner value of `path` is said to be.
    fn place(file: &str, path: &[&str]) -> (String, u32, u32) {
        let tree = MemoryTree::new().with("a.yaml", file);
        let parsed =
            stilltrace_manifest::yaml::parse("a.yaml", file.as_bytes(), &Budget::default());
        let outer = parsed.documents[0].root.get("mesh").unwrap();
        let root = crate::embedded::read(&tree, outer).unwrap();
        let mark = &root.at(path).unwrap().mark;
        (file[mark.range()].to_owned(), mark.line, mark.column)
    }

    #[test]
    fn values_behind_escapes_and_continued_lines_keep_their_place() {
        let file = "mesh: \"a: 1\\nb:\\n  c: \\\"two\\\"\\n\\\n  \\  d: 3s\\n\"\n";
        assert_eq!(place(file, &["a"]), ("1".to_owned(), 1, 11));
        assert_eq!(place(file, &["b", "c"]), ("\\\"two\\\"".to_owned(), 1, 23));
        assert_eq!(place(file, &["b", "d"]), ("3s".to_owned(), 2, 9));
    }

    #[test]
    fn folded_lines_of_a_single_quoted_text_keep_their_place() {
        let file = "mesh: 'a: 1\n\n  b: ''two''\n\n  c:\n  3'\n";
        assert_eq!(place(file, &["a"]), ("1".to_owned(), 1, 11));
        assert_eq!(place(file, &["b"]), ("''two''".to_owned(), 3, 6));
        assert_eq!(place(file, &["c"]), ("3".to_owned(), 6, 3));
    }
}
