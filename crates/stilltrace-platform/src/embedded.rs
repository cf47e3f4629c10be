//! YAML inside a text of YAML, such as the mesh configuration in a ConfigMap.
//!
//! The inner document's values keep the line, column and bytes of the outer file, so that blame
//! and edits work on them as on any other value.

use stilltrace_manifest::yaml::{Budget, Scalar, Style, parse};
use stilltrace_manifest::{Mark, Node, Tree, Value};

mod quoted;

use quoted::Quoted;

/// Reads the text of `outer` as one YAML document with marks in the outer file.
///
/// A literal block (`|`) maps line by line, and so does a file that was taken in whole; a quoted
/// text maps byte by byte. Values in any other style carry the mark of the whole text. `None` when
/// the text is no YAML mapping.
pub(crate) fn read(tree: &dyn Tree, outer: &Node) -> Option<Node> {
    let Value::Scalar(scalar) = &outer.value else { return None };
    let parsed = parse(&outer.mark.path, scalar.text.as_bytes(), &Budget::default());
    let mut root = Node::clone(&parsed.documents.first()?.root);
    root.entries_mut()?;
    let bytes = tree.read(&outer.mark.path).ok().flatten();
    let layout = bytes.and_then(|bytes| Layout::of(&bytes, outer, scalar));
    relocate(&mut root, outer, layout.as_ref());
    Some(root)
}

/// How the text is laid out in the outer file.
enum Layout {
    /// Line by line.
    Lines(Lines),
    /// Between quotes.
    Quoted(Quoted),
}

impl Layout {
    fn of(bytes: &[u8], outer: &Node, scalar: &Scalar) -> Option<Self> {
        if bytes.get(outer.mark.range()) == Some(scalar.text.as_bytes()) {
            return Some(Self::Lines(Lines::of_file(bytes, &outer.mark)));
        }
        if scalar.style == Style::Literal {
            return Lines::of_block(bytes, &outer.mark).map(Self::Lines);
        }
        let file = std::str::from_utf8(bytes).ok()?;
        Quoted::read(file, &outer.mark, &scalar.text).map(Self::Quoted)
    }

    fn place(&self, inner: &Mark, outer: &Mark) -> Option<Mark> {
        match self {
            Self::Lines(lines) => lines.place(inner, outer),
            Self::Quoted(quoted) => quoted.place(inner, outer),
        }
    }
}

/// Gives every node below `node` its place in the outer file. The depth is bounded by the budget
/// of the parser.
fn relocate(node: &mut Node, outer: &Node, layout: Option<&Layout>) {
    let place = |mark: &Mark| {
        let found = layout.and_then(|layout| layout.place(mark, &outer.mark));
        found.unwrap_or_else(|| outer.mark.clone())
    };
    node.mark = place(&node.mark);
    node.set_overrode(outer.overrode().to_vec());
    match &mut node.value {
        Value::Sequence(items) => {
            for item in items {
                relocate(item, outer, layout);
            }
        }
        Value::Mapping(entries) => {
            for entry in entries {
                entry.key_mark = place(&entry.key_mark);
                relocate(&mut entry.value, outer, layout);
            }
        }
        Value::Null | Value::Scalar(_) => {}
    }
}

/// Where the lines of the text start in the outer file.
struct Lines {
    /// Number of the first line.
    first: u32,
    /// Byte offset of every line.
    starts: Vec<usize>,
    /// Spaces in front of every line that do not belong to the text.
    indent: usize,
}

impl Lines {
    /// Lines of a text that stands in the outer file as it is.
    fn of_file(bytes: &[u8], mark: &Mark) -> Self {
        let begin = mark.range().start;
        let text = bytes.get(begin..).unwrap_or_default();
        let breaks = text.iter().enumerate().filter(|(_, byte)| **byte == b'\n');
        let mut starts = vec![begin];
        starts.extend(breaks.map(|(at, _)| begin + at + 1));
        Self { first: mark.line, starts, indent: 0 }
    }

    /// Lines of a literal block whose header `mark` begins at.
    fn of_block(bytes: &[u8], mark: &Mark) -> Option<Self> {
        let begin = mark.range().start;
        let header_end = bytes.get(begin..)?.iter().position(|b| *b == b'\n')? + begin;
        let mut starts = vec![header_end + 1];
        let mut indent = None;
        let mut at = header_end + 1;
        while at < bytes.len() {
            let line = bytes.get(at..)?.split(|b| *b == b'\n').next()?;
            let spaces = line.iter().take_while(|b| **b == b' ').count();
            let blank = line.iter().all(|b| matches!(b, b' ' | b'\r'));
            match indent {
                None if !blank => indent = Some(spaces),
                Some(indent) if !blank && spaces < indent => break,
                _ => {}
            }
            at += line.len() + 1;
            starts.push(at);
        }
        Some(Self { first: mark.line + 1, starts, indent: indent? })
    }

    /// The place of an inner mark. `None` when the text has other lines than the file, as a block
    /// that a patch put together may.
    fn place(&self, inner: &Mark, outer: &Mark) -> Option<Mark> {
        let row = usize::try_from(inner.line).ok()?.checked_sub(1)?;
        let column = usize::try_from(inner.column).ok()?.checked_sub(1)?;
        // Columns count characters: the start is off where others than ASCII come before a value
        // on its line, which in practice only quoted keys in flow style can bring about.
        let start = u32::try_from(self.starts.get(row)? + self.indent + column).ok()?;
        Some(Mark {
            path: outer.path.clone(),
            line: self.first + u32::try_from(row).ok()?,
            column: u32::try_from(column + self.indent + 1).ok()?,
            start,
            end: start + (inner.end - inner.start),
        })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed test may panic")]
mod tests {
    use stilltrace_manifest::{Budget, MemoryTree, Node};

    fn inner(file: &str, path: &[&str]) -> (String, u32, u32) {
        let tree = MemoryTree::new().with("a.yaml", file);
        let parsed =
            stilltrace_manifest::yaml::parse("a.yaml", file.as_bytes(), &Budget::default());
        let outer: &Node = parsed.documents[0].root.get("mesh").unwrap();
        let root = super::read(&tree, outer).unwrap();
        let mark = &root.at(path).unwrap().mark;
        (file[mark.range()].to_owned(), mark.line, mark.column)
    }

    #[test]
    fn values_in_a_literal_block_keep_their_place() {
        let file =
            "x: 1\nmesh: |-   # why\n\n    a: 1\n    b:\n      c: \"two\"\n\n    d: 3\ny: 2\n";
        assert_eq!(inner(file, &["a"]), ("1".to_owned(), 4, 8));
        assert_eq!(inner(file, &["b", "c"]), ("\"two\"".to_owned(), 6, 10));
        assert_eq!(inner(file, &["d"]), ("3".to_owned(), 8, 8));
    }

    #[test]
    fn values_in_other_styles_point_at_the_whole_text() {
        let (text, line, _) = inner("mesh: >\n  {a:\n  1}\n", &["a"]);
        assert_eq!((text.as_str(), line), (">\n  {a:\n  1}\n", 1));
    }
}
