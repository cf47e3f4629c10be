//! Folded texts after they were written and read once more.

/// What a folded text (`>`) becomes when Kustomize writes it as one and reads it back.
///
/// Writing doubles the line feeds between lines that would otherwise be joined, and also some that
/// reading does not join: those next to a line with more indentation, and the last one of a text
/// that ends with several. Each of these comes back as two (Go YAML library 3, `emitterc.go`).
pub(in super::super) fn written_and_read(text: &str) -> String {
    read(&written(text), keeps_end(text), ends_with_break(text))
}

fn ends_with_break(text: &str) -> bool {
    text.ends_with('\n')
}

fn keeps_end(text: &str) -> bool {
    text == "\n" || text.ends_with("\n\n")
}

/// The lines of the block, without indentation, each closed by a line feed.
fn written(text: &str) -> String {
    let first = text.trim_start_matches('\n').chars().next();
    let doubled = first.is_some_and(|c| c != ' ' && c != '\t');
    let mut out = String::with_capacity(text.len() + text.len() / 8);
    let (mut after_break, mut indented) = (true, true);
    for c in text.chars() {
        if c == '\n' {
            if !after_break && !indented && doubled {
                out.push('\n');
            }
            after_break = true;
        } else {
            if after_break {
                indented = c == ' ' || c == '\t';
            }
            after_break = false;
        }
        out.push(c);
    }
    out
}

/// Reads the lines of a folded block.
fn read(block: &str, keep: bool, clip: bool) -> String {
    let mut out = String::with_capacity(block.len());
    let content = block.trim_end_matches('\n');
    let end_breaks = block.len() - content.len();
    let (mut blank_lines, mut previous): (usize, Option<bool>) = (0, None);
    for line in content.split('\n') {
        if line.is_empty() {
            blank_lines += 1;
            continue;
        }
        let indented = line.starts_with([' ', '\t']);
        match previous {
            Some(false) if !indented && blank_lines == 0 => out.push(' '),
            Some(false) if !indented => {}
            Some(_) => out.push('\n'),
            None => {}
        }
        (0..blank_lines).for_each(|_| out.push('\n'));
        out.push_str(line);
        (blank_lines, previous) = (0, Some(indented));
    }
    let end = match (keep, clip) {
        (true, _) => end_breaks,
        (false, true) => 1,
        (false, false) => 0,
    };
    (0..end).for_each(|_| out.push('\n'));
    out
}

#[cfg(test)]
mod tests {
    use super::written_and_read;

    #[test]
    fn only_indented_lines_and_kept_ends_change() {
        let cases = [
            ("one two", "one two"),
            ("one\ntwo\n", "one\ntwo\n"),
            ("one\n\ntwo\n", "one\n\ntwo\n"),
            ("one\n  two\nthree\n", "one\n\n  two\nthree\n"),
            ("  one\ntwo\n", "  one\ntwo\n"),
            ("one\n\n", "one\n\n\n"),
        ];
        for (text, wanted) in cases {
            assert_eq!(written_and_read(text), wanted, "{text:?}");
        }
    }
}
