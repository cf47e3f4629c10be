//! Reads coloured terminal output into pieces of text that share one style.
//!
//! Only what the report may write is understood: the sixteen palette colours, bold, dim and
//! underline. Every other escape sequence is dropped.

/// How a piece of text looks.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Style {
    /// Palette colour 0-15 of the letters; absent = the terminal's own.
    pub(crate) colour: Option<u8>,
    /// Heavier letters.
    pub(crate) bold: bool,
    /// Fainter letters.
    pub(crate) dim: bool,
    /// A line below the letters.
    pub(crate) underline: bool,
}

/// Text of one style within one line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Piece {
    /// Column of its first character, from 0.
    pub(crate) column: usize,
    /// The characters.
    pub(crate) text: String,
    /// Their style.
    pub(crate) style: Style,
}

/// The lines of `output`, each as its pieces from left to right.
pub(crate) fn lines(output: &str) -> Vec<Vec<Piece>> {
    let mut style = Style::default();
    output.lines().map(|line| pieces(line, &mut style)).collect()
}

/// One line; `style` goes on into the next.
fn pieces(line: &str, style: &mut Style) -> Vec<Piece> {
    let mut pieces: Vec<Piece> = Vec::new();
    let mut column = 0;
    let mut characters = line.chars();
    while let Some(character) = characters.next() {
        if character == '\x1b' {
            if let Some(codes) = sequence(&mut characters) {
                apply(&codes, style);
            }
            continue;
        }
        match pieces.last_mut() {
            // A space looks the same in every style but one, so it need not end a piece.
            Some(last) if last.style == *style => last.text.push(character),
            Some(last) if character == ' ' && !last.style.underline => last.text.push(' '),
            _ => pieces.push(Piece { column, text: character.into(), style: *style }),
        }
        column += 1;
    }
    pieces
}

/// Reads the rest of an escape sequence; the codes of one that sets a style.
fn sequence(characters: &mut std::str::Chars<'_>) -> Option<String> {
    if characters.next()? != '[' {
        return None;
    }
    let mut codes = String::new();
    for character in characters {
        match character {
            '0'..='9' | ';' => codes.push(character),
            'm' => return Some(codes),
            _ => return None,
        }
    }
    None
}

/// Applies codes such as `1;31`; none at all resets, as `0` does.
fn apply(codes: &str, style: &mut Style) {
    for code in codes.split(';') {
        match code.parse::<u8>().unwrap_or(0) {
            0 => *style = Style::default(),
            1 => style.bold = true,
            2 => style.dim = true,
            4 => style.underline = true,
            22 => (style.bold, style.dim) = (false, false),
            24 => style.underline = false,
            code @ 30..=37 => style.colour = Some(code - 30),
            39 => style.colour = None,
            code @ 90..=97 => style.colour = Some(code - 90 + 8),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Piece, Style, lines};

    #[test]
    fn styles_begin_and_end_where_the_sequences_stand() {
        let pieces = lines("a \x1b[1;31mbad\x1b[0m b\n\x1b[2mfaint");
        let plain = Style::default();
        let red = Style { colour: Some(1), bold: true, ..plain };
        let faint = Style { dim: true, ..plain };
        assert_eq!(
            pieces,
            [
                vec![
                    Piece { column: 0, text: "a ".into(), style: plain },
                    Piece { column: 2, text: "bad ".into(), style: red },
                    Piece { column: 6, text: "b".into(), style: plain },
                ],
                vec![Piece { column: 0, text: "faint".into(), style: faint }],
            ]
        );
    }

    #[test]
    fn other_sequences_leave_no_trace() {
        let read = lines("x\x1b[2Ky");
        assert_eq!(read[0][0].text, "xy");
    }
}
