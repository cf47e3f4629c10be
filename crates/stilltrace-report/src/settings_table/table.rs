//! Rows of three columns: the setting, its value, where it comes from.

use serde_json::Value;
use unicode_width::UnicodeWidthStr;

use super::{Fields, items, value};
use crate::page::{Page, Span, Tone};

/// Columns of a value that others are aligned with; longer ones push their origin to the right.
const WIDE_VALUE: usize = 24;
/// Columns before a setting.
const INDENT: usize = 2;

/// One setting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Row {
    label: String,
    value: String,
    from: From,
    /// Places that lost against this one, nearest first.
    lost: Vec<String>,
    /// Whether a patch that is not computed may put another value in its place.
    patched: bool,
}

/// Where a value comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
enum From {
    /// Somebody wrote it: here.
    Written(String),
    /// Nobody wrote it; whose default it is.
    Default(String),
    /// Follows from other settings.
    Nothing,
}

impl Row {
    /// A setting of `fields` that is there; its origin is looked up under `name`, then under what
    /// `name` is a part of.
    pub(super) fn of(fields: &Fields, name: &str, label: &str, value: impl Into<String>) -> Self {
        let mut row = Self::from_origin(origin(fields, name), label, value.into());
        if row.from == From::Nothing {
            let places = places_of_parts(fields, name);
            if !places.is_empty() {
                row.from = From::Written(places.join(", "));
            }
        }
        row
    }

    /// A setting with its origin, or with anything else that has a place.
    pub(super) fn from_origin(origin: Option<&Value>, label: &str, value: String) -> Self {
        let mut row = Self {
            label: label.into(),
            value,
            from: From::Nothing,
            lost: Vec::new(),
            patched: false,
        };
        let Some(origin) = origin else { return row };
        let default = || origin.get("default").and_then(Value::as_str);
        row.from = match value::place(origin) {
            Some(place) => From::Written(place),
            None => default().map_or(From::Nothing, |of| From::Default(of.to_owned())),
        };
        let lost = items(origin.get("overrode")).iter();
        row.lost = lost.filter_map(|lost| value::lost(lost, origin)).collect();
        row
    }

    /// A default that nobody wrote and that is therefore not among the fields. A line that set the
    /// default explicitly is named.
    pub(super) fn unwritten(
        fields: &Fields,
        name: &str,
        label: &str,
        value: &str,
        of: &str,
    ) -> Self {
        let exact = fields.get("origins").and_then(|origins| origins.get(name));
        let mut row = Self::from_origin(exact, label, value.to_owned());
        if row.from == From::Nothing {
            row.from = From::Default(of.to_owned());
        }
        row
    }

    /// Whether both say the same, from the same line or from none.
    pub(super) fn repeats(&self, other: &Self) -> bool {
        let unwritten = |row: &Self| !matches!(row.from, From::Written(_));
        (&self.label, &self.value) == (&other.label, &other.value)
            && (self.from == other.from || (unwritten(self) && unwritten(other)))
    }

    /// Notes that a patch may put another value in its place.
    pub(super) fn unless_patched(&mut self) {
        self.patched = true;
    }

    fn is_default(&self) -> bool {
        matches!(self.from, From::Default(_))
    }

    fn whence(&self) -> Vec<Span> {
        let mut spans = match &self.from {
            From::Written(place) => vec![Span::plain(place)],
            From::Default(of) => vec![Span::new(Tone::Gutter, of)],
            From::Nothing => Vec::new(),
        };
        for (index, place) in self.lost.iter().enumerate() {
            let word = if index > 0 || spans.is_empty() { ", " } else { ", not " };
            spans.push(Span::new(Tone::Gutter, format!("{word}{place}")));
        }
        if self.patched {
            let word = if spans.is_empty() { "unless patched" } else { ", unless patched" };
            spans.push(Span::new(Tone::Unsure, word));
        }
        spans
    }
}

fn origin<'a>(fields: &'a Fields, name: &str) -> Option<&'a Value> {
    let origins = fields.get("origins")?;
    let mut name = name;
    loop {
        if let Some(origin) = origins.get(name) {
            return Some(origin);
        }
        name = name.rsplit_once('.')?.0;
    }
}

/// The places of the parts of a value that is put together, each once.
fn places_of_parts(fields: &Fields, name: &str) -> Vec<String> {
    let origins = fields.get("origins").and_then(Value::as_object);
    let is_part = |part: &str| {
        let rest = part.strip_prefix(name);
        rest.is_some_and(|rest| rest.starts_with('.') || rest.starts_with('['))
    };
    let parts = origins.into_iter().flatten().filter(|(part, _)| is_part(part));
    let mut places: Vec<String> = parts.filter_map(|(_, origin)| value::place(origin)).collect();
    places.sort();
    places.dedup();
    places
}

/// Writes rows below each other. Where a line would be wider than the page, the origin stands below
/// its value.
pub(super) fn write(page: &mut Page, rows: &[Row]) {
    let widest = |of: fn(&Row) -> &str| rows.iter().map(move |row| of(row).width());
    let label = widest(|row| &row.label).max().unwrap_or(0);
    let value = widest(|row| &row.value).filter(|width| *width <= WIDE_VALUE).max().unwrap_or(0);
    let start = INDENT + label + 2;
    for row in rows {
        let tone = if row.is_default() { Tone::Gutter } else { Tone::Strong };
        let head = [
            Span::plain(" ".repeat(INDENT)),
            Span::new(Tone::Label, &row.label),
            Span::plain(" ".repeat(label + 2 - row.label.width())),
        ];
        let whence = row.whence();
        let end = start
            + row.value.width().max(value)
            + 2
            + whence.iter().map(Span::width).sum::<usize>();
        if whence.is_empty() || end > page.width() {
            page.paragraph(&head, start, &[Span::new(tone, &row.value)]);
            if !whence.is_empty() {
                let mut line = vec![Span::plain(" ".repeat(start + 2))];
                line.extend(whence);
                page.line(&line);
            }
            continue;
        }
        let mut line = head.to_vec();
        line.push(Span::new(tone, &row.value));
        line.push(Span::plain(" ".repeat((value + 2).saturating_sub(row.value.width()).max(2))));
        line.extend(whence);
        page.line(&line);
    }
}
