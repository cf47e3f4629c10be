//! Collects what is wrong with one object, each with its line.

use stilltrace_model::{Location, Refusal};

use crate::field::{Field, location};
use crate::source::Source;

/// How many reasons one object gets; a hostile list must not make the answer grow without bound.
const MAX_REASONS: usize = 50;

/// The object under judgement and the reasons found so far.
pub(super) struct Check<'a> {
    source: &'a Source,
    found: Vec<Refusal>,
}

impl<'a> Check<'a> {
    /// Begins with nothing wrong.
    pub(super) fn new(source: &'a Source) -> Self {
        Self { source, found: Vec::new() }
    }

    /// The object.
    pub(super) fn source(&self) -> &'a Source {
        self.source
    }

    /// The object's namespace.
    pub(super) fn namespace(&self) -> &'a str {
        self.source.namespace()
    }

    /// Adds a reason at a field: its key where the value is a block, the value otherwise. What holds a
    /// variable is not judged: something puts a value there before admission sees it.
    pub(super) fn refuse(&mut self, field: &Field<'_>, message: impl Into<String>) {
        if field.holds_variable() {
            return;
        }
        let origin =
            if field.node().text().is_some() { field.origin() } else { field.key_origin() };
        let at = origin.location().cloned().unwrap_or_else(|| self.start());
        self.add(at, field.path(), message.into());
    }

    /// Adds a reason at a field that also what is written `beside` it decides. Where a variable lies
    /// there, nobody knows yet whether the rule is broken.
    pub(super) fn refuse_beside<'f>(
        &mut self,
        field: &Field<'_>,
        beside: impl IntoIterator<Item = Field<'f>>,
        message: impl Into<String>,
    ) {
        if !beside.into_iter().any(|other| other.holds_variable()) {
            self.refuse(field, message);
        }
    }

    /// Everything that was found, in the order of the object's fields.
    pub(super) fn into_refusals(self) -> Vec<Refusal> {
        self.found
    }

    fn start(&self) -> Location {
        location(&self.source.root.mark)
    }

    fn add(&mut self, at: Location, field: &str, message: String) {
        if self.found.len() < MAX_REASONS {
            let object = (*self.source.id).clone();
            self.found.push(Refusal { object, at, field: field.to_owned(), message });
        }
    }
}
