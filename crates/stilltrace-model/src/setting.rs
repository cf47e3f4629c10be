//! A value in effect, with what set it and what it overrode.

use crate::{NamedDefault, Origin};

/// A value in effect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting<T> {
    /// The value.
    pub value: T,
    /// What set it.
    pub origin: Origin,
    /// What it won against, nearest first: the base's line under a patch, the broader object.
    pub overrode: Vec<Origin>,
}

impl<T> Setting<T> {
    /// A value that a line set.
    pub fn new(value: T, origin: Origin) -> Self {
        Self { value, origin, overrode: Vec::new() }
    }

    /// A value that nobody wrote; `of` says whose default it is.
    pub fn default_of(value: T, of: impl Into<NamedDefault>) -> Self {
        Self { value, origin: Origin::Default { of: of.into() }, overrode: Vec::new() }
    }

    /// Whether a line set the value, rather than a default.
    pub fn is_written(&self) -> bool {
        matches!(self.origin, Origin::Git { .. })
    }

    /// The same origin with another value.
    pub fn map<U>(&self, f: impl FnOnce(&T) -> U) -> Setting<U> {
        Setting {
            value: f(&self.value),
            origin: self.origin.clone(),
            overrode: self.overrode.clone(),
        }
    }
}
