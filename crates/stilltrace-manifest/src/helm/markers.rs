//! Marks in text that survive Helm's templates: which bytes of the answer come from where.
//!
//! A region is put between an opening and a closing marker. Both are letters without upper case
//! from one block of Unicode that neither the chart nor its values use, so that quoting functions,
//! YAML writers and `indent` leave them as they are. Removing the markers gives the text back.

use std::ops::Range;

/// Blocks of letters without case, printable to Go and to YAML; the first unused one is taken:
/// Yi syllables, Hangul syllables, ideographs of extension A.
const BLOCKS: [u32; 3] = [0xA000, 0xAC00, 0x3400];
/// Letters used for digits.
const DIGITS: u32 = 1 << 10;
/// Letters of a block that have a meaning: two brackets and the digits.
const USED: u32 = DIGITS + 2;
/// Regions that can be told apart.
pub(super) const MOST: usize = (DIGITS * DIGITS) as usize;

/// The letters markers are made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Alphabet {
    first: u32,
}

/// A part of a text that was marked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Region {
    /// Number of the mark.
    pub(super) id: usize,
    /// Bytes in the text without markers.
    pub(super) bytes: Range<usize>,
}

/// A text without its markers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Unmarked {
    /// The text.
    pub(super) text: String,
    /// What was marked, in the order of where it ends; inner regions come before outer ones.
    pub(super) regions: Vec<Region>,
}

impl Alphabet {
    /// Letters that none of `texts` uses; `None` when all blocks are in use.
    pub(super) fn unused_in<'t>(texts: impl Iterator<Item = &'t [u8]>) -> Option<Self> {
        let mut free = BLOCKS.map(|first| (Self { first }, true));
        for text in texts {
            // Letters of these blocks take three bytes, the first 0xE3 to 0xED.
            if !text.iter().any(|byte| (0xE3..=0xED).contains(byte)) {
                continue;
            }
            let text = String::from_utf8_lossy(text);
            for (alphabet, is_free) in &mut free {
                *is_free = *is_free && !text.chars().any(|letter| alphabet.has(letter));
            }
        }
        free.iter().find(|(_, is_free)| *is_free).map(|(alphabet, _)| *alphabet)
    }

    fn has(self, letter: char) -> bool {
        (self.first..self.first + USED).contains(&u32::from(letter))
    }

    /// `text` between the markers of `id`, white space at its ends left outside.
    pub(super) fn wrap(self, id: usize, text: &str) -> String {
        let core = text.trim_matches([' ', '\t', '\r', '\n']);
        let start = text.find(core).unwrap_or(0);
        let (before, after) = (&text[..start], &text[start + core.len()..]);
        [before, &self.open(id), core, &self.close(id), after].concat()
    }

    /// The marker before a region.
    pub(super) fn open(self, id: usize) -> String {
        self.marker(0, id)
    }

    /// The marker behind a region.
    pub(super) fn close(self, id: usize) -> String {
        self.marker(1, id)
    }

    fn marker(self, bracket: u32, id: usize) -> String {
        let id = u32::try_from(id).unwrap_or(u32::MAX);
        let letters = [bracket, 2 + (id / DIGITS) % DIGITS, 2 + id % DIGITS];
        letters.iter().filter_map(|letter| char::from_u32(self.first + letter)).collect()
    }

    /// The text without markers. What is left of a marker that a function cut is removed as well;
    /// a region that lost one of its ends is none.
    pub(super) fn unmark(self, marked: &str) -> Unmarked {
        let mut result =
            Unmarked { text: String::with_capacity(marked.len()), regions: Vec::new() };
        let mut open: Vec<(usize, usize)> = Vec::new();
        let mut letters = marked.chars();
        while let Some(letter) = letters.next() {
            if !self.has(letter) {
                result.text.push(letter);
                continue;
            }
            let bracket = u32::from(letter) - self.first;
            let mut rest = letters.clone();
            let id = match (rest.next().and_then(|d| self.digit(d)), rest.next()) {
                (Some(high), Some(low)) => self.digit(low).map(|low| high * DIGITS + low),
                _ => None,
            };
            let Some(id) = id.filter(|_| bracket < 2) else { continue };
            letters = rest;
            let (id, here) = (id as usize, result.text.len());
            if bracket == 0 {
                open.push((id, here));
            } else if let Some(at) = open.iter().rposition(|(opened, _)| *opened == id) {
                let (_, start) = open.remove(at);
                result.regions.push(Region { id, bytes: start..here });
            }
        }
        result
    }

    fn digit(self, letter: char) -> Option<u32> {
        u32::from(letter).checked_sub(self.first + 2).filter(|digit| *digit < DIGITS)
    }

    /// Whether `text` holds a marker or a part of one.
    pub(super) fn is_in(self, text: &str) -> bool {
        text.chars().any(|letter| self.has(letter))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that fails may panic")]

    use super::*;

    #[test]
    fn removing_markers_gives_the_text_back() {
        let alphabet = Alphabet::unused_in(std::iter::empty()).unwrap();
        let marked = format!("a: {}{}\n", alphabet.wrap(7, " x "), alphabet.wrap(70_000, "yz"));
        let unmarked = alphabet.unmark(&marked);
        assert_eq!(unmarked.text, "a:  x yz\n");
        let regions = [Region { id: 7, bytes: 4..5 }, Region { id: 70_000, bytes: 6..8 }];
        assert_eq!(unmarked.regions, regions);
    }

    #[test]
    fn a_region_that_was_cut_is_none() {
        let alphabet = Alphabet::unused_in(std::iter::empty()).unwrap();
        let marked = alphabet.wrap(3, "abc");
        for cut in marked.char_indices().map(|(at, _)| at) {
            let unmarked = alphabet.unmark(&marked[..cut]);
            assert!("abc".starts_with(&unmarked.text) && unmarked.regions.is_empty());
        }
    }

    #[test]
    fn letters_that_the_chart_uses_are_not_taken() {
        let yi = "\u{A015}".as_bytes();
        assert_eq!(Alphabet::unused_in([yi].into_iter()).unwrap().first, 0xAC00);
        let all = "\u{A015}\u{AC01}\u{3405}".as_bytes();
        assert_eq!(Alphabet::unused_in([all].into_iter()), None);
    }
}
