//! Draws coloured terminal output as a picture that needs no font of its own and no script.
//!
//! Each piece of text is placed at its column and stretched to its width, so columns stay true in
//! whatever monospace font the reader has. The same output gives the same bytes.

use std::fmt::Write as _;

use crate::ansi::{Piece, Style, lines};

/// Width of a character, in pixels.
const CELL: f64 = 8.0;
/// Height of a line, in pixels.
const LINE: f64 = 16.0;
/// Space around the text, in pixels.
const MARGIN: f64 = 16.0;
/// Height of the bar on top, in pixels.
const BAR: f64 = 30.0;
/// The sixteen colours on a dark ground, contrast at least 4.5 to 1 but for black.
const PALETTE: [&str; 16] = [
    "#484f58", "#ff7b72", "#7ee787", "#e3b341", "#79c0ff", "#d2a8ff", "#76e3ea", "#c9d1d9",
    "#8b949e", "#ffa198", "#aff5b4", "#f2cc60", "#a5d6ff", "#e2c5ff", "#b3f0ff", "#ffffff",
];
/// Letters without a colour.
const INK: &str = "#e6edf3";
/// The ground.
const GROUND: &str = "#0d1117";

/// The picture of `output`, as printed by `command` in a terminal `columns` wide.
pub(crate) fn draw(command: &str, output: &str, columns: usize) -> String {
    let lines = lines(output.trim_end());
    let widest = lines.iter().filter_map(|line| line.last()).map(end).max().unwrap_or(0);
    let width = widest.max(columns) as f64 * CELL + 2.0 * MARGIN;
    let height = BAR + lines.len() as f64 * LINE + 2.0 * MARGIN;
    let mut svg = String::new();
    // Writing to a string cannot fail.
    let _ = writeln!(
        svg,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" \
         viewBox=\"0 0 {width} {height}\" role=\"img\" aria-label=\"{label}\" \
         font-family=\"ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace\" \
         font-size=\"13.3\" fill=\"{INK}\" xml:space=\"preserve\">",
        label = escaped(command),
    );
    let _ = writeln!(svg, "<!-- Generated from real output by `cargo xtask gen`. -->");
    let _ =
        writeln!(svg, "<rect width=\"{width}\" height=\"{height}\" rx=\"8\" fill=\"{GROUND}\"/>");
    let _ = writeln!(svg, "<path d=\"M0 {BAR}h{width}\" stroke=\"#30363d\"/>");
    for (at, colour) in ["#ff5f57", "#febc2e", "#28c840"].iter().enumerate() {
        let x = MARGIN + 6.0 + at as f64 * 18.0;
        let _ =
            writeln!(svg, "<circle cx=\"{x}\" cy=\"{}\" r=\"5\" fill=\"{colour}\"/>", BAR / 2.0);
    }
    let title = Piece {
        column: 8,
        text: format!("$ {command}"),
        style: Style { dim: true, ..Style::default() },
    };
    text(&mut svg, &title, BAR / 2.0 + 4.5);
    for (at, line) in lines.iter().enumerate() {
        let baseline = BAR + MARGIN + at as f64 * LINE + 13.0;
        for piece in line.iter().filter(|piece| !piece.text.trim().is_empty()) {
            text(&mut svg, piece, baseline);
        }
    }
    svg.push_str("</svg>\n");
    svg
}

/// Column after the last character.
fn end(piece: &Piece) -> usize {
    piece.column + piece.text.chars().count()
}

/// One piece of text at its place.
fn text(svg: &mut String, piece: &Piece, baseline: f64) {
    let spaces = piece.text.chars().take_while(|c| *c == ' ').count();
    let shown = piece.text.trim();
    let x = MARGIN + (piece.column + spaces) as f64 * CELL;
    let length = shown.chars().count() as f64 * CELL;
    let _ = write!(svg, "<text x=\"{x}\" y=\"{baseline}\" textLength=\"{length}\"");
    let style = piece.style;
    if let Some(colour) = style.colour.and_then(|colour| PALETTE.get(usize::from(colour))) {
        let _ = write!(svg, " fill=\"{colour}\"");
    }
    if style.bold {
        svg.push_str(" font-weight=\"bold\"");
    }
    if style.dim {
        svg.push_str(" opacity=\"0.65\"");
    }
    if style.underline {
        svg.push_str(" text-decoration=\"underline\"");
    }
    let _ = writeln!(svg, ">{}</text>", escaped(shown));
}

/// Text that may stand in XML; control characters cannot, in any form.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            control if control.is_control() => out.push('\u{fffd}'),
            other => out.push(other),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::draw;

    #[test]
    fn text_of_the_output_cannot_leave_its_element() {
        let svg = draw("x", "</text><script>\u{7}", 10);
        assert!(svg.contains("&lt;/text&gt;&lt;script&gt;\u{fffd}"), "{svg}");
        assert!(!svg.contains("<script>"));
    }

    #[test]
    fn a_piece_stands_at_its_column() {
        let svg = draw("x", "ab\x1b[31m cd", 10);
        assert!(
            svg.contains("<text x=\"40\" y=\"59\" textLength=\"16\" fill=\"#ff7b72\">cd</text>"),
            "{svg}"
        );
    }
}
