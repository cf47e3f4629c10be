//! Makes tables, and keeps equal parts once.

use std::collections::BTreeMap;

use crate::yaml::Text;

use super::table::{Dialect, Shape, ShapeId, Table, Type};

/// A table in the making.
#[derive(Debug, Default)]
pub struct Builder {
    table: Table,
    shapes: BTreeMap<Shape, ShapeId>,
    choices: BTreeMap<Vec<Text>, u32>,
}

impl Builder {
    /// An empty table.
    pub fn new(dialect: Dialect) -> Self {
        Self { table: Table { dialect, ..Table::default() }, ..Self::default() }
    }

    /// Says where definitions come from.
    pub fn add_source(&mut self, line: impl Into<String>) {
        self.table.sources.push(line.into());
    }

    /// The type of mappings with these fields, which need not be sorted.
    pub fn object(&mut self, mut shape: Shape) -> Type {
        shape.fields.sort();
        shape.fields.dedup_by(|a, b| a.name == b.name);
        shape.exclusive.sort();
        if let Some(id) = self.shapes.get(&shape) {
            return Type::Object(*id);
        }
        let id = number(self.table.shapes.len());
        self.table.shapes.push(shape.clone());
        self.shapes.insert(shape, id);
        Type::Object(id)
    }

    /// The type of texts that are one of `values`.
    pub fn choice(&mut self, values: Vec<Text>) -> Type {
        if let Some(number) = self.choices.get(&values) {
            return Type::Choice(*number);
        }
        let number = number(self.table.choices.len());
        self.table.choices.push(values.clone());
        self.choices.insert(values, number);
        Type::Choice(number)
    }

    /// Gives a kind its type; anything but a mapping is left out. A kind that is there already is
    /// replaced.
    pub fn add_kind(&mut self, api_version: &str, kind: &str, of: &Type) {
        if let Type::Object(shape) = of {
            self.table.kinds.insert((Text::new(api_version), Text::new(kind)), *shape);
        }
    }

    /// The table.
    pub fn finish(self) -> Table {
        self.table
    }
}

/// A table has fewer parts than its definition has nodes, of which there are at most some millions.
fn number(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}
