//! Setting a scalar.

use crate::yaml::{Budget, Document, FilePath, Mark, Resolved, parse};

use super::region::{Region, regions};
use super::token::{Place, candidates};
use super::verify::{Leaf, same_leaf};
use super::{EditError, splice};

/// `source` with the scalar at `mark` set to `new`; see [`Editor::set_scalar`].
pub fn set_scalar(source: &str, mark: &Mark, new: &str) -> Result<String, EditError> {
    Ok(Editor::new(&mark.path, source).set_scalar(mark, new)?.text)
}

/// A file that is edited, read once.
#[derive(Debug)]
pub struct Editor<'a> {
    source: &'a str,
    path: FilePath,
    documents: Vec<Document>,
}

impl<'a> Editor<'a> {
    /// Edits the file with this text.
    pub fn new(path: &str, source: &'a str) -> Self {
        let documents = parse(path, source.as_bytes(), &Budget::default()).documents;
        Self { source, path: FilePath::from(path), documents }
    }

    /// The documents of the file.
    pub fn documents(&self) -> &[Document] {
        &self.documents
    }

    /// The text of the file.
    pub(super) fn source(&self) -> &'a str {
        self.source
    }

    /// The path of the file.
    pub(super) fn path(&self) -> &str {
        &self.path
    }

    /// Sets the scalar at `mark` to `new`.
    ///
    /// `new` is the value, not its YAML: the way the scalar is written stays if it can hold the
    /// value, otherwise quotes are added. A text stays a text (`"10"` or `v1` set to `2` become a
    /// quoted `2`); a number, boolean or null takes whatever kind `new` has.
    ///
    /// # Errors
    /// When there is no scalar at the mark, or no way of writing it leaves all other values alone.
    pub fn set_scalar(&self, mark: &Mark, new: &str) -> Result<Edited, EditError> {
        let missing = || EditError::NotFound { mark: mark.clone() };
        let token = self.source.get(mark.range()).ok_or_else(missing)?;
        for candidate in regions(&self.documents, self.source, mark.range().start) {
            let Some(leaves) = candidate.leaves(&self.path, self.source) else { continue };
            let Some(old) = leaves.iter().find(|leaf| leaf.start == mark.range().start) else {
                continue;
            };
            let stand = Stand { text: self.source, mark, token, region: &candidate.region };
            let value = old.text.clone();
            let original = Original { token: token.to_owned(), value, gap: 0 };
            return stand.set(&leaves, old, new, &original);
        }
        Err(missing())
    }
}

/// A file with one scalar set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edited {
    /// The text of the file.
    pub text: String,
    /// Where the scalar stands now.
    pub mark: Mark,
    region: Region,
    original: Original,
}

/// What stood at the place of a scalar before it was set.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Original {
    token: String,
    /// `None` for null.
    value: Option<String>,
    /// Bytes that were put in front of the scalar.
    gap: usize,
}

impl Edited {
    /// Sets the same scalar again. The value that stood there before the first edit is written as
    /// it was then, so that the file has its former bytes.
    ///
    /// # Errors
    /// When the value cannot be written there without changing others.
    pub fn set(&self, new: &str) -> Result<Self, EditError> {
        let missing = || EditError::NotFound { mark: self.mark.clone() };
        let token = self.text.get(self.mark.range()).ok_or_else(missing)?;
        let stand = Stand { text: &self.text, mark: &self.mark, token, region: &self.region };
        let was = match &self.original.value {
            Some(value) => value == new,
            None => is_null(new),
        };
        if was {
            return stand.restored(&self.original).ok_or_else(missing);
        }
        let leaves = self.region.leaves(&self.mark.path, &self.text).ok_or_else(missing)?;
        let old = leaves.iter().find(|leaf| leaf.start == self.mark.range().start);
        stand.set(&leaves, old.ok_or_else(missing)?, new, &self.original)
    }
}

/// A scalar in its file.
struct Stand<'a> {
    text: &'a str,
    mark: &'a Mark,
    token: &'a str,
    region: &'a Region,
}

impl Stand<'_> {
    fn set(
        &self,
        before: &[Leaf],
        old: &Leaf,
        new: &str,
        original: &Original,
    ) -> Result<Edited, EditError> {
        let place = Place {
            before: self.text.get(..self.mark.range().start).unwrap_or(""),
            token: self.token,
            json: is_json(self.text),
            text: old.resolved == Some(Resolved::Text),
        };
        for way in candidates(&place, new) {
            for gap in place.gaps() {
                let Some(edited) = self.with(gap, &way, original) else { continue };
                let after = edited.region.leaves(&self.mark.path, &edited.text);
                if after.is_some_and(|after| holds(before, &after, old, new)) {
                    return Ok(edited);
                }
            }
        }
        Err(EditError::NotWritable { mark: self.mark.clone(), text: new.to_owned() })
    }

    /// The file with another token, and a gap in front of it.
    fn with(&self, gap: &str, token: &str, original: &Original) -> Option<Edited> {
        let range = self.mark.range();
        let text = splice(self.text, range.start, range.end, &format!("{gap}{token}"))?;
        let original = Original { gap: original.gap + gap.len(), ..original.clone() };
        let start = range.start + gap.len();
        let column = self.mark.column + u32::try_from(gap.len()).ok()?;
        let bytes = start..start + token.len();
        let mark = Mark::new(self.mark.path.clone(), self.mark.line, column, bytes);
        let region = self.region.resized(range.len(), gap.len() + token.len());
        Some(Edited { text, mark, region, original })
    }

    /// The file with the token that it had first.
    fn restored(&self, original: &Original) -> Option<Edited> {
        let (gap, token) = (original.gap, original.token.as_str());
        let (start, end) = (self.mark.range().start.checked_sub(gap)?, self.mark.range().end);
        let text = splice(self.text, start, end, token)?;
        let column = self.mark.column - u32::try_from(gap).ok()?;
        let bytes = start..start + token.len();
        let mark = Mark::new(self.mark.path.clone(), self.mark.line, column, bytes);
        let region = self.region.resized(end - start, token.len());
        Some(Edited { text, mark, region, original: Original { gap: 0, ..original.clone() } })
    }
}

/// Whether the edited leaves differ from the former ones in the one value only.
fn holds(before: &[Leaf], after: &[Leaf], old: &Leaf, new: &str) -> bool {
    let text_before = old.resolved == Some(Resolved::Text);
    before.len() == after.len()
        && before.iter().zip(after).all(|(before, after)| {
            if before.start != old.start {
                return same_leaf(before, after);
            }
            let kind_kept = !text_before || after.resolved == Some(Resolved::Text);
            // A null has no text; the words for it all mean the same.
            let text = match after.resolved {
                Some(Resolved::Null) => is_null(new),
                _ => after.text.as_deref() == Some(new),
            };
            before.place == after.place && kind_kept && text
        })
}

fn is_null(text: &str) -> bool {
    matches!(text, "" | "~" | "null" | "Null" | "NULL")
}

/// Whether a file is JSON rather than YAML: it begins with a bracket or brace.
pub(super) fn is_json(source: &str) -> bool {
    source.trim_start_matches(['\u{feff}', ' ', '\t', '\r', '\n']).starts_with(['{', '['])
}
