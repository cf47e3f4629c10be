//! How a file is indented, so that what is added looks like the rest of it.

use crate::yaml::{Document, Node, Value};

use super::lines::{column, first_dash};

/// Spaces in front of what stands below a key, counted from the key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Indentation {
    /// Of the keys of a mapping.
    pub(super) mapping: usize,
    /// Of the dashes of a list: 0 where they stand below the first letter of the key.
    pub(super) list: usize,
}

impl Indentation {
    /// What most mappings and lists of a file have; two spaces and none where it has neither.
    pub(super) fn of(source: &str, documents: &[Document]) -> Self {
        let (mut mappings, mut lists) = ([0_usize; WIDEST], [0_usize; WIDEST]);
        let mut open: Vec<&Node> = documents.iter().map(|document| &*document.root).collect();
        while let Some(node) = open.pop() {
            open.extend(node.items());
            for entry in node.entries() {
                open.push(&entry.value);
                let (key, value) = (&entry.key_mark, &entry.value.mark);
                let (counts, from) = match entry.value.value {
                    Value::Mapping(_) => (&mut mappings, value.column as usize),
                    Value::Sequence(_) => {
                        (&mut lists, column(source, first_dash(source, &entry.value)))
                    }
                    Value::Null | Value::Scalar(_) => continue,
                };
                let Some(offset) = from.checked_sub(key.column as usize) else { continue };
                // Brackets stand on the line of their key, or at any column below it.
                if value.line > key.line
                    && let Some(count) = counts.get_mut(offset)
                {
                    *count += 1;
                }
            }
        }
        Self {
            mapping: most(&mappings).filter(|step| *step > 0).unwrap_or(2),
            list: most(&lists).unwrap_or(0),
        }
    }
}

/// Wider steps are not counted.
const WIDEST: usize = 9;

/// The position of the highest count, the first of several.
fn most(counts: &[usize]) -> Option<usize> {
    let highest = counts.iter().max().filter(|count| **count > 0)?;
    counts.iter().position(|count| count == highest)
}
