//! Counts agreements by field and keeps the disagreements.

use std::collections::BTreeMap;

use serde_json::Value;
use stilltrace_model::{Origin, Setting};

/// Our value and what set it.
pub(crate) struct Ours<'a> {
    value: Value,
    origin: Option<&'a Origin>,
}

impl<'a> Ours<'a> {
    /// A setting, as `value` in Istio's notation.
    pub(crate) fn of<T>(setting: &'a Setting<T>, value: Value) -> Self {
        Self::from(Some(&setting.origin), value)
    }

    /// A value that `origin` set.
    pub(crate) fn from(origin: Option<&'a Origin>, value: Value) -> Self {
        Self { value, origin }
    }

    /// A value that follows from many lines, such as a list of everything visible.
    pub(crate) fn counted(value: Value) -> Self {
        Self::from(None, value)
    }
}

/// Comparisons by field: how many agree, how many there are, and those that do not.
#[derive(Default)]
pub(crate) struct Score {
    fields: BTreeMap<String, (usize, usize)>,
    misses: Vec<String>,
    case: String,
}

impl Score {
    /// Names the case that follows.
    pub(crate) fn begin(&mut self, case: impl Into<String>) {
        self.case = case.into();
    }

    /// Compares one field at one place.
    pub(crate) fn compare(&mut self, field: &str, place: &str, ours: Ours<'_>, theirs: &Value) {
        let Ours { value, origin } = ours;
        let entry = self.fields.entry(field.to_owned()).or_default();
        entry.1 += 1;
        if value == *theirs {
            entry.0 += 1;
            return;
        }
        let case = &self.case;
        let origin = origin.map(|origin| format!(" ({origin})")).unwrap_or_default();
        self.misses.push(format!("{case}: {place}: {field}: ours {value}{origin}, Istio {theirs}"));
    }

    /// The disagreements so far.
    pub(crate) fn misses(&self) -> &[String] {
        &self.misses
    }

    /// How many comparisons there were.
    pub(crate) fn compared(&self) -> usize {
        self.fields.values().map(|(_, all)| all).sum()
    }

    /// Figures by field, then the first disagreements.
    pub(crate) fn report(&self) -> String {
        let mut lines: Vec<String> = self
            .fields
            .iter()
            .map(|(field, (agree, all))| format!("{field:<32} {agree:>7} of {all:>7}"))
            .collect();
        lines.extend(self.misses.iter().take(limit()).cloned());
        lines.join("\n")
    }
}

/// How many disagreements to print: `STILLTRACE_MISSES`, else 20.
fn limit() -> usize {
    std::env::var("STILLTRACE_MISSES").ok().and_then(|text| text.parse().ok()).unwrap_or(20)
}
