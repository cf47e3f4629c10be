//! YAML values with the order of their keys, as people write them.

use std::fmt;

use serde::Deserialize;
use serde::de::{MapAccess, SeqAccess, Visitor};
use stilltrace_manifest::yaml::{Step, steps};

/// A YAML value to be written.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) enum Value {
    /// Nothing after the colon.
    #[default]
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// Any other number.
    Float(f64),
    /// Text; quoted where it would otherwise be read as something else.
    Text(String),
    /// Text of several lines, written as a literal block.
    Block(String),
    /// A list.
    List(Vec<Value>),
    /// Keys and values in the order of writing.
    Map(Vec<(String, Value)>),
}

impl Value {
    /// The value of a key.
    pub(crate) fn get(&self, key: &str) -> Option<&Value> {
        match self {
            Self::Map(entries) => entries.iter().find(|(name, _)| name == key).map(|(_, v)| v),
            _ => None,
        }
    }

    /// The text of a scalar as it is read back, without quotes.
    pub(crate) fn scalar(&self) -> Option<String> {
        match self {
            Self::Bool(value) => Some(value.to_string()),
            Self::Int(value) => Some(value.to_string()),
            Self::Float(value) => Some(format!("{value:?}")),
            Self::Text(text) => Some(text.clone()),
            Self::Null | Self::Block(_) | Self::List(_) | Self::Map(_) => None,
        }
    }

    /// Sets the value at a field path, making maps and the next item of a list on the way.
    ///
    /// Returns whether the path could be followed: it cannot go through a scalar or past the end
    /// of a list.
    pub(crate) fn set(&mut self, path: &str, value: Value) -> bool {
        steps(path).is_some_and(|steps| self.set_at(&steps, value))
    }

    /// Takes the value at a field path out, where there is one.
    pub(crate) fn unset(&mut self, path: &str) {
        let Some((last, before)) = steps(path).and_then(|mut steps| Some((steps.pop()?, steps)))
        else {
            return;
        };
        let mut at = self;
        for step in &before {
            let next = match (step, at) {
                (Step::Key(key), Self::Map(entries)) => {
                    entries.iter_mut().find(|(name, _)| name == key).map(|(_, value)| value)
                }
                (Step::Index(index), Self::List(items)) => items.get_mut(*index),
                _ => None,
            };
            let Some(next) = next else { return };
            at = next;
        }
        if let (Step::Key(key), Self::Map(entries)) = (last, at) {
            entries.retain(|(name, _)| *name != key);
        }
    }

    /// The value with every text in it turned into another.
    pub(crate) fn map_text(&self, turn: &dyn Fn(&str) -> String) -> Self {
        match self {
            Self::Text(text) => Self::Text(turn(text)),
            Self::Block(text) => Self::Block(turn(text)),
            Self::List(items) => Self::List(items.iter().map(|item| item.map_text(turn)).collect()),
            Self::Map(entries) => Self::Map(
                entries.iter().map(|(key, value)| (key.clone(), value.map_text(turn))).collect(),
            ),
            other => other.clone(),
        }
    }

    fn set_at(&mut self, steps: &[Step], value: Value) -> bool {
        let Some((first, rest)) = steps.split_first() else {
            *self = value;
            return true;
        };
        match first {
            Step::Key(key) => {
                if matches!(self, Self::Null) {
                    *self = Self::Map(Vec::new());
                }
                let Self::Map(entries) = self else { return false };
                let at = entries.iter().position(|(name, _)| name == key).unwrap_or_else(|| {
                    entries.push((key.clone(), Self::Null));
                    entries.len() - 1
                });
                entries[at].1.set_at(rest, value)
            }
            Step::Index(index) => {
                if matches!(self, Self::Null) {
                    *self = Self::List(Vec::new());
                }
                let Self::List(items) = self else { return false };
                if *index == items.len() {
                    items.push(Self::Null);
                }
                items.get_mut(*index).is_some_and(|item| item.set_at(rest, value))
            }
        }
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Self::Int(number)
    }
}

impl From<bool> for Value {
    fn from(truth: bool) -> Self {
        Self::Bool(truth)
    }
}

impl<V: Into<Value>> From<Vec<V>> for Value {
    fn from(items: Vec<V>) -> Self {
        Self::List(items.into_iter().map(Into::into).collect())
    }
}

/// A map in the order of writing: `map! { "a" => 1, "b" => "x" }`.
macro_rules! map {
    ($($key:expr => $value:expr),* $(,)?) => {
        $crate::gitops::value::Value::Map(vec![
            $((::std::string::String::from($key), $crate::gitops::value::Value::from($value))),*
        ])
    };
}
pub(crate) use map;

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ValueVisitor)
    }
}

struct ValueVisitor;

impl<'de> Visitor<'de> for ValueVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a YAML value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Int(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(i64::try_from(value).map_or(Value::Text(value.to_string()), Value::Int))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Value::Float(value))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        // Text of several lines is written as a block, as people do.
        let block = value.trim_end().contains('\n');
        Ok(if block { Value::Block(value.to_owned()) } else { Value::Text(value.to_owned()) })
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = access.next_element()? {
            items.push(item);
        }
        Ok(Value::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = access.next_entry()? {
            entries.push(entry);
        }
        Ok(Value::Map(entries))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn setting_a_field_makes_what_is_missing_on_the_way() {
        let mut value = map! { "spec" => map! { "http" => Vec::<Value>::new() } };
        assert!(value.set("spec.http[0].retries.attempts", Value::Int(2)));
        assert!(value.set("spec.http[0].retries.attempts", Value::Int(3)));
        assert!(!value.set("spec.http[7].timeout", Value::from("2s")));
        let expected = map! { "spec" => map! { "http" => vec![
            map! { "retries" => map! { "attempts" => 3 } },
        ] } };
        assert_eq!(value, expected);
    }
}
