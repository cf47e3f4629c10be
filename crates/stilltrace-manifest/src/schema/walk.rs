//! Walks an object along its shape.

use std::fmt::Write as _;

use crate::yaml::{Entry, Mark, Node, Resolved, Text, Value, push_key};

use super::fault::{Fault, FaultKind, Faults};
use super::nearest;
use super::table::{Dialect, Field, Shape, ShapeId, Table, Type};

/// What is wrong with `root`, which should have that shape; the first `limit` faults, and how many
/// more there are.
///
/// Null is what is not there, as the API server prunes it. A value that holds `${` is left for
/// whoever substitutes it later. The depth is bounded by that of the table, whose shapes refer to
/// earlier ones only.
pub fn faults(table: &Table, shape: ShapeId, root: &Node, limit: usize) -> Faults {
    let mut walk =
        Walk { table, steps: Vec::new(), above: Vec::new(), limit, faults: Faults::default() };
    match &root.value {
        Value::Null => {}
        Value::Mapping(entries) => walk.mapping(shape, root, entries),
        _ => walk.add(&root.mark, FaultKind::WrongType { expected: "a mapping" }),
    }
    walk.faults
}

/// A step from a value to one inside it.
#[derive(Debug, Clone, Copy)]
pub(super) enum Step<'n> {
    /// To the field of a mapping.
    Key(&'n str),
    /// To the item of a list.
    Item(usize),
}

/// A mapping above the one that is looked at.
#[derive(Debug, Clone, Copy)]
pub(super) struct Above {
    /// Its shape.
    pub(super) shape: ShapeId,
    /// How many steps lead to it.
    pub(super) steps: usize,
}

struct Walk<'t, 'n> {
    table: &'t Table,
    steps: Vec<Step<'n>>,
    above: Vec<Above>,
    limit: usize,
    faults: Faults,
}

impl<'t, 'n> Walk<'t, 'n> {
    /// Looks at a value that is not null.
    fn value(&mut self, of: &'t Type, node: &'n Node) {
        match (of, &node.value) {
            (Type::Any, _) => {}
            (Type::Object(id), Value::Mapping(entries)) => self.mapping(*id, node, entries),
            (Type::Map(of), Value::Mapping(entries)) => {
                for entry in entries.iter().filter(|entry| !entry.value.is_null()) {
                    self.steps.push(Step::Key(&entry.key));
                    self.value(of, &entry.value);
                    self.steps.pop();
                }
            }
            (Type::List(of), Value::Sequence(items)) => {
                for (index, item) in items.iter().enumerate().filter(|(_, item)| !item.is_null()) {
                    self.steps.push(Step::Item(index));
                    self.value(of, item);
                    self.steps.pop();
                }
            }
            (_, Value::Scalar(scalar)) if scalar.text.contains("${") => {}
            (Type::Choice(number), Value::Scalar(scalar)) => {
                self.choice(*number, node, &scalar.text);
            }
            _ if self.has_type(of, node) => {}
            _ => self.add(&node.mark, FaultKind::WrongType { expected: expected(of) }),
        }
    }

    fn mapping(&mut self, id: ShapeId, node: &'n Node, entries: &'n [Entry]) {
        let table = self.table;
        let Some(shape) = table.shape(id) else { return };
        self.above.push(Above { shape: id, steps: self.steps.len() });
        for entry in entries.iter().filter(|entry| !entry.value.is_null()) {
            let field = shape.field(&entry.key);
            if field.is_none() && shape.open {
                continue;
            }
            self.steps.push(Step::Key(&entry.key));
            match field {
                Some(field) => self.value(&field.of, &entry.value),
                None => self.unknown(entry, node),
            }
            self.steps.pop();
        }
        self.above.pop();
        for field in shape.fields.iter().filter(|field| field.required) {
            if !has(node, field) {
                self.add(&node.mark, FaultKind::Missing { field: field.name.clone() });
            }
        }
        for group in &shape.exclusive {
            self.exclusive(shape, group, node);
        }
    }

    fn unknown(&mut self, entry: &Entry, mapping: &Node) {
        let meant = if self.faults.found.len() < self.limit {
            nearest::field(self.table, &entry.key, mapping, &self.above, &self.steps)
        } else {
            None
        };
        self.add(&entry.key_mark, FaultKind::UnknownField { meant });
    }

    fn exclusive(&mut self, shape: &Shape, group: &[Text], node: &'n Node) {
        let is_there = |name: &&Text| shape.field(name).is_some_and(|field| has(node, field));
        if group.iter().filter(is_there).count() < 2 {
            return;
        }
        let fields: Vec<Text> = group.iter().filter(is_there).cloned().collect();
        let last = fields.last().and_then(|name| node.entry(name));
        let mark = last.map_or(&node.mark, |entry| &entry.key_mark);
        self.add(mark, FaultKind::Together { fields });
    }

    fn choice(&mut self, number: u32, node: &Node, value: &Text) {
        let allowed = self.table.choice(number);
        if allowed.contains(value) && node.as_str().is_some() {
            return;
        }
        if self.table.dialect == Dialect::Protobuf && node.as_i64().is_some() {
            return;
        }
        let meant = nearest::value(value, allowed);
        let (value, allowed) = (value.clone(), allowed.to_vec());
        self.add(&node.mark, FaultKind::UnknownValue { value, allowed, meant });
    }

    /// Whether a scalar fits a type that is neither a collection nor a list of values.
    fn has_type(&self, of: &Type, node: &Node) -> bool {
        let Some(resolved) = node.resolved() else { return false };
        let quoted_number = || {
            let text = node.as_str().unwrap_or_default();
            self.table.dialect == Dialect::Protobuf && text.parse::<f64>().is_ok()
        };
        match of {
            Type::Any => true,
            Type::Text | Type::Duration => resolved == Resolved::Text,
            Type::Int => node.as_i64().is_some() || is_large(node) || quoted_number(),
            Type::Number => node.as_f64().is_some() || quoted_number(),
            Type::Bool => node.as_bool().is_some(),
            Type::IntOrText => resolved == Resolved::Text || node.as_i64().is_some(),
            Type::Choice(_) | Type::Object(_) | Type::List(_) | Type::Map(_) => false,
        }
    }

    fn add(&mut self, mark: &Mark, kind: FaultKind) {
        if self.faults.found.len() >= self.limit {
            self.faults.more += 1;
            return;
        }
        let mut path = String::new();
        for step in &self.steps {
            match step {
                Step::Key(key) => push_key(&mut path, key),
                // Writing to a string cannot fail.
                Step::Item(index) => {
                    let _ = write!(path, "[{index}]");
                }
            }
        }
        self.faults.found.push(Fault { mark: mark.clone(), path, kind });
    }
}

/// Whether a mapping has the field under either name.
fn has(node: &Node, field: &Field) -> bool {
    let there = |name: &str| node.get(name).is_some_and(|value| !value.is_null());
    there(&field.name) || field.alias.as_ref().is_some_and(|alias| there(alias))
}

/// Whole numbers that no `i64` holds are numbers still; their range is not judged here.
fn is_large(node: &Node) -> bool {
    node.as_f64().is_some_and(|number| number.abs() > 9e15)
}

/// What a field takes, for a message.
fn expected(of: &Type) -> &'static str {
    match of {
        Type::Any => "anything",
        Type::Text | Type::Choice(_) => "a text (put it in quotes)",
        Type::Int => "a whole number",
        Type::Number => "a number",
        Type::Bool => "true or false",
        Type::IntOrText => "a whole number or a text",
        Type::Duration => "a duration such as 500ms, 2s or 1m30s",
        Type::Object(_) | Type::Map(_) => "a mapping",
        Type::List(_) => "a list",
    }
}
