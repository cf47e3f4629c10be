//! Lines of texts, and the same lines of two texts that differ a little.

use std::ops::Range;

/// Where the lines of a text begin.
#[derive(Debug, Clone, Default)]
pub(super) struct Lines {
    starts: Vec<usize>,
    length: usize,
}

impl Lines {
    /// The lines of `text`.
    pub(super) fn of(text: &str) -> Self {
        let ends = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n');
        let starts = std::iter::once(0).chain(ends.map(|(end, _)| end + 1)).collect();
        Self { starts, length: text.len() }
    }

    /// Index of the line that holds a byte.
    fn index(&self, at: usize) -> usize {
        self.starts.partition_point(|start| *start <= at).saturating_sub(1)
    }

    /// Bytes of a line with its end.
    fn line(&self, index: usize) -> Option<Range<usize>> {
        let end = self.starts.get(index + 1).copied().unwrap_or(self.length);
        self.starts.get(index).map(|start| *start..end)
    }

    /// Line and column in characters of a byte, both from 1.
    pub(super) fn position(&self, text: &str, at: usize) -> (u32, u32) {
        let index = self.index(at);
        let start = self.starts.get(index).copied().unwrap_or(0);
        let column = text.get(start..at).map_or(0, |before| before.chars().count()) + 1;
        let number = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
        (number(index + 1), number(column))
    }
}

/// The lines that two texts share: from the beginning, from the end, or line by line when both have
/// as many.
///
/// Made for two answers of one chart, which differ in hashes and random values only.
#[derive(Debug)]
pub(super) struct LineMap {
    /// `None` when the texts are equal.
    differ: Option<Differ>,
}

#[derive(Debug)]
struct Differ {
    from: Lines,
    to: Lines,
    /// For each line of the first text, how many bytes are shared from its beginning and its end.
    shared: Vec<(usize, usize)>,
    /// Lines shared from the beginning of the texts; the others count from the end.
    head: usize,
}

impl LineMap {
    /// Compares `from` with `to`.
    pub(super) fn between(from: &str, to: &str) -> Self {
        if from == to {
            return Self { differ: None };
        }
        let (first, second): (Vec<&str>, Vec<&str>) =
            (from.split_inclusive('\n').collect(), to.split_inclusive('\n').collect());
        let same = first.iter().zip(&second).take_while(|(a, b)| a == b).count();
        let head = if first.len() == second.len() { first.len() } else { same };
        let mut shared = Vec::with_capacity(first.len());
        let mut tail_is_same = true;
        for index in (0..first.len()).rev() {
            let from_end = first.len() - index;
            let other = if index < head { Some(index) } else { second.len().checked_sub(from_end) };
            let (a, b) = (first.get(index), other.and_then(|other| second.get(other)));
            let (a, b) = (a.copied().unwrap_or(""), b.copied().unwrap_or(""));
            tail_is_same = tail_is_same && a == b;
            let usable = index < head || tail_is_same;
            shared.push(if usable { shared_ends(a, b) } else { (0, 0) });
        }
        shared.reverse();
        Self { differ: Some(Differ { from: Lines::of(from), to: Lines::of(to), shared, head }) }
    }

    /// Whether the texts are equal.
    pub(super) fn is_exact(&self) -> bool {
        self.differ.is_none()
    }

    /// The bytes of the second text for bytes of the first.
    pub(super) fn range(&self, bytes: &Range<usize>) -> Option<Range<usize>> {
        let Some(differ) = &self.differ else { return Some(bytes.clone()) };
        let (start, _) = differ.edge(bytes.start)?;
        let (_, end) = differ.edge(bytes.end)?;
        (start <= end).then_some(start..end)
    }
}

impl LineMap {
    /// The bytes of the second text for bytes of the first whose lines are the same in both.
    pub(super) fn same_lines(&self, bytes: &Range<usize>) -> Option<Range<usize>> {
        let Some(differ) = &self.differ else { return Some(bytes.clone()) };
        let last = differ.from.index(bytes.end.max(bytes.start + 1) - 1);
        let mut lines = differ.from.index(bytes.start)..=last;
        lines.all(|line| differ.is_same(line)).then(|| self.range(bytes)).flatten()
    }
}

impl Differ {
    /// Whether all of a line is shared.
    fn is_same(&self, line: usize) -> bool {
        let length = self.from.line(line).map_or(0, |bytes| bytes.len());
        self.shared.get(line).is_some_and(|(head, tail)| *head == length && *tail == length)
    }

    /// A byte of the first text in the second: counted from the beginning of its line and, where
    /// that part is not shared, from its end; and the other way round.
    fn edge(&self, at: usize) -> Option<(usize, usize)> {
        let index = self.from.index(at);
        let line = self.from.line(index)?;
        let other = if index < self.head {
            index
        } else {
            self.to.starts.len().checked_sub(self.from.starts.len() - index)?
        };
        let other = self.to.line(other)?;
        let (head, tail) = *self.shared.get(index)?;
        let (before, after) = (at - line.start, line.end - at);
        let from_start = (before <= head).then_some(other.start + before);
        let from_end = (after <= tail).then(|| other.end - after);
        Some((from_start.or(from_end)?, from_end.or(from_start)?))
    }
}

/// Bytes that two lines share at the beginning and at the end, at character boundaries.
fn shared_ends(a: &str, b: &str) -> (usize, usize) {
    let head: usize =
        a.chars().zip(b.chars()).take_while(|(a, b)| a == b).map(|(a, _)| a.len_utf8()).sum();
    let tails = a.chars().rev().zip(b.chars().rev()).take_while(|(a, b)| a == b);
    let tail: usize = tails.map(|(a, _)| a.len_utf8()).sum();
    (head, tail)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that fails may panic")]

    use super::*;

    #[test]
    fn a_changed_word_maps_by_what_is_around_it() {
        let (from, to) = ("a: 1\nhash: abc \nb: 2", "a: 1\nhash: abxyz \nb: 2");
        let map = LineMap::between(from, to);
        let of = |part: &str| {
            let start = from.find(part).unwrap();
            map.range(&(start..start + part.len())).map(|bytes| &to[bytes])
        };
        assert_eq!(of("abc"), Some("abxyz"));
        assert_eq!(of("hash"), Some("hash"));
        assert_eq!(of("2"), Some("2"));
    }

    #[test]
    fn lines_around_an_insertion_are_found() {
        let (from, to) = ("a\nb\nc\nd", "a\nx\ny\nc\nd");
        let map = LineMap::between(from, to);
        assert_eq!(map.range(&(0..1)), Some(0..1));
        assert_eq!(map.range(&(2..3)), None);
        assert_eq!(map.range(&(6..7)), Some(8..9));
    }

    #[test]
    fn positions_count_characters_from_one() {
        let text = "é: 1\nb: 2";
        let lines = Lines::of(text);
        assert_eq!(lines.position(text, text.find('1').unwrap()), (1, 4));
        assert_eq!(lines.position(text, text.find('2').unwrap()), (2, 4));
    }
}
