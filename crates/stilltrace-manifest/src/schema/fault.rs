//! What is wrong with an object.

use crate::yaml::{Mark, Text};

/// What was found in one object.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Faults {
    /// In the order of the object, at most as many as were asked for.
    pub found: Vec<Fault>,
    /// How many more there are.
    pub more: usize,
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The key that should not be there, or the value that should be another.
    pub mark: Mark,
    /// Path from the root of the object, as [`Node::pointer`](crate::Node::pointer) reads it.
    pub path: String,
    /// What it is.
    pub kind: FaultKind,
}

/// What can be wrong with the structure of an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FaultKind {
    /// There is no such field; it is dropped.
    UnknownField {
        /// What may have been meant.
        meant: Option<Meant>,
    },
    /// The value has another type; the object is refused.
    WrongType {
        /// What the field takes, such as "a whole number".
        expected: &'static str,
    },
    /// The text is none of those that the field takes; the object is refused.
    UnknownValue {
        /// What is written.
        value: Text,
        /// What may be written.
        allowed: Vec<Text>,
        /// The closest of these, if one is close.
        meant: Option<Text>,
    },
    /// A required field is not there; the object is refused.
    Missing {
        /// The field below the fault's path.
        field: Text,
    },
    /// Fields that exclude each other are there together; the object is refused.
    Together {
        /// Those that are there.
        fields: Vec<Text>,
    },
}

/// What may have been meant by an unknown field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Meant {
    /// A field of the same mapping.
    Name(Text),
    /// A field of another mapping above or below; its path, with `[]` for the items of lists.
    Place(String),
}

impl FaultKind {
    /// Whether the object is refused; otherwise a part of it is dropped.
    pub fn refuses(&self) -> bool {
        !matches!(self, Self::UnknownField { .. })
    }
}
