//! Durations, numbers and choices.

use std::time::Duration;

use super::check::Check;
use crate::field::Field;
use crate::value;

/// A duration of at least 1 ms without parts of a millisecond.
pub(super) fn duration(field: Option<Field<'_>>, check: &mut Check<'_>) {
    let Some(field) = field else { return };
    let Some(time) = read_duration(&field, check) else { return };
    if time < Duration::from_millis(1) {
        check.refuse(&field, "a duration must be at least 1ms");
    } else if time.subsec_nanos() % 1_000_000 != 0 {
        check.refuse(&field, "a duration must be a whole number of milliseconds");
    }
}

/// Any duration; what is none is refused.
pub(super) fn read_duration(field: &Field<'_>, check: &mut Check<'_>) -> Option<Duration> {
    let text = field.node().as_str().filter(|text| *text != "0");
    let time = text.and_then(value::duration);
    if time.is_none() {
        check.refuse(field, "must be a duration such as 500ms or 2s");
    }
    time
}

/// A whole number as YAML or as a text, as protobuf reads it.
pub(super) fn number(field: &Field<'_>) -> Option<i64> {
    let node = field.node();
    let from_text = || node.as_str().and_then(|text| text.parse().ok());
    let whole =
        |number: f64| (number.fract() == 0.0 && number.abs() < 1e15).then_some(number as i64);
    node.as_i64().or_else(from_text).or_else(|| node.as_f64().and_then(whole))
}

/// A whole number between two bounds; what is none, or lies outside, is refused.
pub(super) fn between(
    field: Option<Field<'_>>,
    low: i64,
    high: i64,
    check: &mut Check<'_>,
) -> Option<i64> {
    let field = field?;
    match number(&field) {
        Some(number) if (low..=high).contains(&number) => Some(number),
        Some(number) => {
            check.refuse(&field, format!("{number} must lie between {low} and {high}"));
            Some(number)
        }
        None => {
            check.refuse(&field, "must be a whole number");
            None
        }
    }
}

/// A number of things, at least zero.
pub(super) fn count(field: Option<Field<'_>>, check: &mut Check<'_>) -> Option<i64> {
    between(field, 0, i64::from(i32::MAX), check)
}

/// An unsigned number of 32 bits.
pub(super) fn unsigned(field: Option<Field<'_>>, check: &mut Check<'_>) -> Option<i64> {
    between(field, 0, i64::from(u32::MAX), check)
}

/// A port number.
pub(super) fn port(field: Option<Field<'_>>, check: &mut Check<'_>) -> Option<i64> {
    between(field, 1, 65_535, check)
}

/// A share in percent; `smallest` is the least that is not zero.
pub(super) fn percentage(field: Option<Field<'_>>, smallest: f64, check: &mut Check<'_>) {
    let Some(field) = field else { return };
    let node = field.node();
    let number = node.as_f64().or_else(|| node.as_str().and_then(|text| text.parse().ok()));
    let fits = |number: f64| number == 0.0 || (smallest..=100.0).contains(&number);
    if !number.is_some_and(fits) {
        check.refuse(&field, "must be a number from 0 to 100");
    }
}

/// One of several words; anything else is refused by the schema of the kind.
pub(super) fn choice(field: Option<Field<'_>>, words: &[&str], check: &mut Check<'_>) {
    let Some(field) = field else { return };
    let known = |text: &str| words.contains(&text);
    if !field.node().as_str().is_some_and(known) {
        check.refuse(&field, format!("must be one of {}", words.join(", ")));
    }
}

/// The text of a field, empty when it is absent.
pub(super) fn text<'a>(field: &Field<'a>, key: &str) -> &'a str {
    field.get(key).and_then(|field| field.node().text()).unwrap_or_default()
}

/// Whether a text is present and not empty.
pub(super) fn is_set(field: &Field<'_>, key: &str) -> bool {
    !text(field, key).is_empty()
}

/// Whether a list is present and not empty.
pub(super) fn has_items(field: &Field<'_>, key: &str) -> bool {
    field.get(key).is_some_and(|list| !list.node().items().is_empty())
}
