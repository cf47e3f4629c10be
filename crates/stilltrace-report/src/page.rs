//! The one writer through which text reaches a terminal: it sanitises, wraps and colours.
//!
//! A [`Span`] cannot be made without escaping its text, and a [`Page`] takes nothing but spans, so
//! a hostile name cannot move the cursor. Colours are of the 16 palette entries that every theme
//! defines, and carry nothing that words and symbols do not say as well.

use anstyle::{AnsiColor, Effects, Style};
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use crate::clean::escape;

/// Whether escape sequences for colour are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Color {
    /// Plain text.
    #[default]
    Never,
    /// The 16 palette colours, bold.
    Always,
}

/// What a piece of text is, which decides its colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tone {
    /// Ordinary text.
    Plain,
    /// What must be seen first.
    Strong,
    /// A blaming verdict, a removed line, a caret.
    Bad,
    /// An acquitting verdict, an added line.
    Good,
    /// An undecided verdict, a gap.
    Unsure,
    /// A layer or section word.
    Label,
    /// Line numbers and arrows beside quoted source.
    Gutter,
}

impl Tone {
    fn style(self) -> Style {
        let colour = |colour: AnsiColor| Style::new().fg_color(Some(colour.into()));
        match self {
            Self::Plain => Style::new(),
            Self::Strong => Style::new().effects(Effects::BOLD),
            Self::Bad => colour(AnsiColor::Red).effects(Effects::BOLD),
            Self::Good => colour(AnsiColor::Green).effects(Effects::BOLD),
            Self::Unsure => colour(AnsiColor::Magenta).effects(Effects::BOLD),
            Self::Label => colour(AnsiColor::Cyan),
            Self::Gutter => colour(AnsiColor::Blue),
        }
    }
}

/// A piece of harmless text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Span {
    tone: Tone,
    text: String,
}

impl Span {
    /// Any text, made harmless.
    pub(crate) fn new(tone: Tone, text: impl AsRef<str>) -> Self {
        Self { tone, text: escape(text.as_ref()) }
    }

    /// Ordinary text, made harmless.
    pub(crate) fn plain(text: impl AsRef<str>) -> Self {
        Self::new(Tone::Plain, text)
    }

    /// Columns it takes.
    pub(crate) fn width(&self) -> usize {
        self.text.width()
    }
}

/// Text of a fixed width being written from top to bottom.
#[derive(Debug)]
pub(crate) struct Page {
    width: usize,
    color: Color,
    text: String,
}

impl Page {
    /// An empty page. Widths below 40 columns are taken as 40: less cannot be read.
    pub(crate) fn new(width: usize, color: Color) -> Self {
        Self { width: width.clamp(40, 400), color, text: String::new() }
    }

    /// An empty page of the same width and colours, for a part that is looked at before it is
    /// written.
    pub(crate) fn empty_copy(&self) -> Self {
        Self { width: self.width, color: self.color, text: String::new() }
    }

    /// Adds what was written on an [`Page::empty_copy`].
    pub(crate) fn append(&mut self, written: &str) {
        self.text.push_str(written);
    }

    /// Columns of the page.
    pub(crate) fn width(&self) -> usize {
        self.width
    }

    /// Everything written so far.
    pub(crate) fn into_text(self) -> String {
        self.text
    }

    /// An empty line, unless the page is empty or ends with one.
    pub(crate) fn blank(&mut self) {
        if !self.text.is_empty() && !self.text.ends_with("\n\n") {
            self.text.push('\n');
        }
    }

    /// One line that is never wrapped: addresses, commands and queries that people copy.
    pub(crate) fn line(&mut self, spans: &[Span]) {
        self.spans(spans);
        self.end_line();
    }

    /// `head`, then `body` wrapped so that its further lines start `hang` columns in.
    pub(crate) fn paragraph(&mut self, head: &[Span], hang: usize, body: &[Span]) {
        self.paragraph_beside(head, hang, body, None);
    }

    /// A paragraph with an aside in a right-hand column, on the first line only. `None`: the body
    /// takes the whole width.
    pub(crate) fn paragraph_beside(
        &mut self,
        head: &[Span],
        hang: usize,
        body: &[Span],
        aside: Option<&(usize, Span)>,
    ) {
        let start: usize = head.iter().map(Span::width).sum();
        let end = aside.map_or(self.width, |(column, _)| column.saturating_sub(2));
        let lines = wrap(body, start, hang, end);
        for (index, line) in lines.iter().enumerate() {
            if index == 0 {
                self.spans(head);
            } else {
                self.text.push_str(&" ".repeat(hang));
            }
            self.spans(line);
            if let (0, Some((column, span))) = (index, aside) {
                let used = start + line.iter().map(Span::width).sum::<usize>();
                self.text.push_str(&" ".repeat(column.saturating_sub(used)));
                self.write(span.tone, &cut(&span.text, self.width.saturating_sub(*column)));
            }
            self.end_line();
        }
    }

    fn end_line(&mut self) {
        let kept = self.text.trim_end_matches(' ').len();
        self.text.truncate(kept);
        self.text.push('\n');
    }

    fn spans(&mut self, spans: &[Span]) {
        for span in spans {
            self.write(span.tone, &span.text);
        }
    }

    fn write(&mut self, tone: Tone, text: &str) {
        let style = tone.style();
        // Spaces at the end stay outside the colour, so that they can be cut off a line.
        let (text, spaces) = text.split_at(text.trim_end_matches(' ').len());
        if self.color == Color::Never || tone == Tone::Plain || text.is_empty() {
            self.text.push_str(text);
        } else {
            self.text.extend([format!("{style}{text}{style:#}")]);
        }
        self.text.push_str(spaces);
    }
}

/// Harmless text cut to a number of columns, with `…` where something is missing.
pub(crate) fn cut(text: &str, columns: usize) -> String {
    if text.width() <= columns {
        return text.to_owned();
    }
    let mut kept = String::new();
    let mut used = 0;
    for character in text.chars() {
        used += character.width().unwrap_or(0);
        if used > columns.saturating_sub(1) {
            break;
        }
        kept.push(character);
    }
    kept.push('…');
    kept
}

/// A word that may change its colour inside.
#[derive(Default)]
struct Word {
    /// Spaces before it, where it does not start a line.
    gap: usize,
    pieces: Vec<Span>,
    width: usize,
}

/// Breaks spans at spaces into lines that end before column `end`. The first line starts at column
/// `start`, the others at `hang`. Words that fit no line are broken where the line ends.
fn wrap(spans: &[Span], start: usize, hang: usize, end: usize) -> Vec<Vec<Span>> {
    let mut lines = vec![Vec::<Span>::new()];
    let mut column = start;
    // A word that does not fit beside a long head goes below it rather than being broken.
    let mut fresh = start <= hang;
    for (index, mut word) in words(spans).into_iter().enumerate() {
        if index == 0 {
            word.gap = 0;
        }
        if !fresh && column + word.gap + word.width > end {
            lines.push(Vec::new());
            column = hang;
            fresh = true;
        }
        if !fresh {
            // Between words of one colour the gap has it too, so that they become one span.
            let tone = lines.last().and_then(|line| line.last()).map(|span| span.tone);
            let tone = tone.filter(|&tone| word.pieces.first().is_some_and(|p| p.tone == tone));
            let text = " ".repeat(word.gap);
            push(&mut lines, Span { tone: tone.unwrap_or(Tone::Plain), text });
            column += word.gap;
        }
        for piece in word.pieces {
            column = place(&mut lines, piece, column, hang, end);
        }
        fresh = false;
    }
    lines
}

/// Adds a piece of a word, starting a new line wherever the present one is full.
fn place(
    lines: &mut Vec<Vec<Span>>,
    piece: Span,
    mut column: usize,
    hang: usize,
    end: usize,
) -> usize {
    if column + piece.width() <= end {
        column += piece.width();
        push(lines, piece);
        return column;
    }
    let mut text = String::new();
    for character in piece.text.chars() {
        let width = character.width().unwrap_or(0);
        if column + width > end && column > hang {
            push(lines, Span { tone: piece.tone, text: std::mem::take(&mut text) });
            lines.push(Vec::new());
            column = hang;
        }
        text.push(character);
        column += width;
    }
    push(lines, Span { tone: piece.tone, text });
    column
}

fn push(lines: &mut [Vec<Span>], span: Span) {
    let Some(line) = lines.last_mut().filter(|_| !span.text.is_empty()) else { return };
    match line.last_mut() {
        Some(last) if last.tone == span.tone => last.text.push_str(&span.text),
        _ => line.push(span),
    }
}

fn words(spans: &[Span]) -> Vec<Word> {
    let mut all: Vec<Word> = Vec::new();
    let mut gap = 1;
    for span in spans {
        for (index, part) in span.text.split(' ').enumerate() {
            gap += usize::from(index > 0);
            if part.is_empty() {
                continue;
            }
            if gap > 0 {
                all.push(Word { gap, ..Word::default() });
                gap = 0;
            }
            if let Some(word) = all.last_mut() {
                word.width += part.width();
                word.pieces.push(Span { tone: span.tone, text: part.to_owned() });
            }
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use unicode_width::UnicodeWidthStr;

    use super::{Color, Page, Span, Tone, cut};

    fn page(width: usize, head: &str, body: &[Span]) -> String {
        let mut page = Page::new(width, Color::Never);
        page.paragraph(&[Span::plain(head)], head.len(), body);
        page.into_text()
    }

    #[test]
    fn further_lines_start_below_the_text() {
        let text = page(40, "cause  ", &[Span::plain("one two three four five six seven eight")]);
        assert_eq!(text, "cause  one two three four five six seven\n       eight\n");
    }

    #[test]
    fn no_line_is_wider_than_the_page() {
        for body in ["山".repeat(90), "x".repeat(300), "ab ".repeat(100), "é山 ".repeat(60)] {
            let text = page(50, "label  ", &[Span::new(Tone::Strong, &body)]);
            assert!(text.lines().all(|line| line.width() <= 50), "{text}");
            let kept: String = text.replace("label  ", "").split_whitespace().collect();
            assert_eq!(kept, body.replace(' ', ""));
        }
    }

    #[test]
    fn words_of_two_colours_stay_together() {
        let body = [Span::plain("a"), Span::new(Tone::Bad, "b"), Span::plain(" c  ,")];
        assert_eq!(page(40, "", &body), "ab c  ,\n");
    }

    #[test]
    fn escape_sequences_in_data_never_reach_the_page() {
        for color in [Color::Never, Color::Always] {
            let mut page = Page::new(80, color);
            page.line(&[Span::new(Tone::Bad, "\u{1b}]52;c;aGk=\u{7}"), Span::plain("\r")]);
            let text = page.into_text();
            let data = text.replace("\u{1b}[1m\u{1b}[31m", "").replace("\u{1b}[0m", "");
            assert_eq!(data, "\\x1b]52;c;aGk=\\x07\\x0d\n");
        }
    }

    #[test]
    fn cutting_counts_columns() {
        assert_eq!(cut("山山山山", 5), "山山…");
        assert_eq!(cut("abc", 3), "abc");
    }
}
