//! The parts that a value was put together from.

use super::mark::Mark;
use super::node::{Node, Text};

/// A part of a value, and the place that gives it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Piece {
    /// Where the part stands, alone or within a longer text.
    pub mark: Mark,
    /// The part; empty where it is not one run of characters.
    pub text: Text,
}

impl Piece {
    /// What this piece gives to one segment of the value that it is a part of.
    pub(crate) fn within(&self, segment: &str) -> Option<Self> {
        if segment.is_empty() || self.text.is_empty() {
            None
        } else if segment.contains(self.text.as_str()) {
            Some(self.clone())
        } else if self.text.contains(segment) {
            Some(Self { mark: self.mark.clone(), text: Text::new(segment) })
        } else {
            None
        }
    }
}

impl Node {
    /// The pieces that a value made from this one can keep: its own, or all of it.
    pub(crate) fn as_pieces(&self) -> Vec<Piece> {
        if !self.pieces().is_empty() {
            return self.pieces().to_vec();
        }
        let text = self.text().filter(|text| !text.is_empty());
        text.map(|text| Piece { mark: self.mark.clone(), text: Text::new(text) })
            .into_iter()
            .collect()
    }

    /// What this value gives to the segments that another value keeps of it.
    pub(crate) fn pieces_within(&self, segments: &[&str]) -> Vec<Piece> {
        let within = |piece: &Piece| segments.iter().find_map(|segment| piece.within(segment));
        self.as_pieces().iter().filter_map(within).collect()
    }
}
