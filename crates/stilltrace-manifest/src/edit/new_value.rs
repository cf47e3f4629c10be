//! A value that is put into a file, and how it is written there.

use crate::yaml::{
    Budget, Entry, Mark, Node, Resolved, Scalar, Style, Text, Value, parse, resolve_plain,
};

use super::style::Indentation;
use super::token::{double_quoted, is_json_word, single_quoted};

/// A value that an edit puts into a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NewValue {
    /// A scalar that means what YAML reads when it stands there without quotes: `10` is a number,
    /// `true` a boolean, `250ms` a text.
    Plain(String),
    /// A text, whatever it looks like.
    Text(String),
    /// A list.
    List(Vec<NewValue>),
    /// Keys and values, in this order.
    Mapping(Vec<(String, NewValue)>),
}

/// The language of a file, as far as writing a value depends on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Language {
    Yaml,
    /// JSON, with or without a space behind `:` and `,`.
    Json {
        compact: bool,
    },
}

impl Language {
    /// What stands between a key and its value.
    fn colon(self) -> &'static str {
        if self == (Self::Json { compact: true }) { ":" } else { ": " }
    }

    /// What stands between two values on one line.
    pub(super) fn comma(self) -> &'static str {
        if self == (Self::Json { compact: true }) { "," } else { ", " }
    }
}

impl NewValue {
    /// The node that the value has to be read as; it has no place.
    pub(super) fn node(&self) -> Node {
        let value = match self {
            Self::Plain(text) if resolve_plain(text) == Resolved::Null => Value::Null,
            Self::Plain(text) => scalar(text, Style::Plain),
            Self::Text(text) => scalar(text, Style::DoubleQuoted),
            Self::List(items) => Value::Sequence(items.iter().map(Self::node).collect()),
            Self::Mapping(entries) => {
                Value::Mapping(entries.iter().map(|(key, value)| entry(key, value)).collect())
            }
        };
        Node::new(value, Mark::of_file("", 0))
    }

    /// The value in brackets and on one line.
    pub(super) fn flow(&self, language: Language) -> String {
        let comma = language.comma();
        match self {
            Self::Plain(text) => written(text, false, language),
            Self::Text(text) => written(text, true, language),
            Self::List(items) => {
                let items: Vec<String> = items.iter().map(|item| item.flow(language)).collect();
                format!("[{}]", items.join(comma))
            }
            Self::Mapping(entries) => {
                let entries: Vec<String> =
                    entries.iter().map(|(key, value)| flow_entry(key, value, language)).collect();
                format!("{{{}}}", entries.join(comma))
            }
        }
    }

    /// The value as lines without line ends, the first of which stands where the value begins.
    fn lines(&self, style: Indentation) -> Vec<String> {
        match self {
            Self::List(items) if !items.is_empty() => {
                items.iter().flat_map(|item| item_lines(item, style)).collect()
            }
            Self::Mapping(entries) if !entries.is_empty() => {
                entries.iter().flat_map(|(key, value)| entry_lines(key, value, style)).collect()
            }
            _ => vec![self.flow(Language::Yaml)],
        }
    }
}

/// The entry that a key and a value have to be read as.
pub(super) fn entry(key: &str, value: &NewValue) -> Entry {
    Entry { key: Text::new(key), key_mark: Mark::of_file("", 0), value: value.node() }
}

/// `key: value` on one line.
pub(super) fn flow_entry(key: &str, value: &NewValue, language: Language) -> String {
    format!("{}{}{}", written(key, true, language), language.colon(), value.flow(language))
}

/// The lines of an entry of a block mapping, without the indentation that all of them share.
pub(super) fn entry_lines(key: &str, value: &NewValue, style: Indentation) -> Vec<String> {
    let key = written(key, true, Language::Yaml);
    let below = match value {
        NewValue::List(items) if !items.is_empty() => style.list,
        NewValue::Mapping(entries) if !entries.is_empty() => style.mapping,
        _ => return vec![format!("{key}: {}", value.flow(Language::Yaml))],
    };
    let pad = " ".repeat(below);
    let inner = value.lines(style).into_iter().map(|line| format!("{pad}{line}"));
    std::iter::once(format!("{key}:")).chain(inner).collect()
}

/// The lines of an item of a block list, without the indentation that all of them share.
pub(super) fn item_lines(value: &NewValue, style: Indentation) -> Vec<String> {
    let lines = value.lines(style).into_iter().enumerate();
    lines.map(|(index, line)| format!("{}{line}", if index == 0 { "- " } else { "  " })).collect()
}

fn scalar(text: &str, style: Style) -> Value {
    Value::Scalar(Scalar { text: Text::new(text), style })
}

/// A scalar with the quotes it needs anywhere, also between brackets.
fn written(text: &str, stays_text: bool, language: Language) -> String {
    if language != Language::Yaml {
        let word = !stays_text && is_json_word(text);
        return if word { text.to_owned() } else { double_quoted(text) };
    }
    let resolved = resolve_plain(text);
    if !stays_text && resolved == Resolved::Null {
        return "null".to_owned();
    }
    if !(stays_text && resolved != Resolved::Text) && reads_plain(text) {
        return text.to_owned();
    }
    let control = text.contains(|c: char| c.is_control() || matches!(c, '\u{feff}' | '\u{2028}'));
    if control { double_quoted(text) } else { single_quoted(text) }
}

/// Whether the text stays one scalar without quotes.
fn reads_plain(text: &str) -> bool {
    let parsed = parse("", format!("[{text}]").as_bytes(), &Budget::default());
    let [document] = &parsed.documents[..] else { return false };
    let [item] = document.root.items() else { return false };
    parsed.problems.is_empty()
        && item.text() == Some(text)
        && matches!(&item.value, Value::Scalar(scalar) if scalar.style == Style::Plain)
}
