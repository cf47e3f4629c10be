//! One name for each field where there are two.

use crate::yaml::{Node, Value};

use super::table::{ShapeId, Table, Type};

/// Renames the keys of a document that are second names to the first ones, so that readers need to
/// know one. Where both are written, the first one counts and the other is taken out, as `jsonpb`
/// has it.
///
/// The depth is bounded by that of the table.
pub fn use_first_names(table: &Table, shape: ShapeId, root: &mut Node) {
    let Some(shape) = table.shape(shape) else { return };
    let second: Vec<(usize, &str)> = root
        .entries()
        .iter()
        .enumerate()
        .filter_map(|(at, entry)| {
            let field = shape.field(&entry.key)?;
            (field.name != entry.key).then_some((at, field.name.as_str()))
        })
        .collect();
    for (at, first) in second.into_iter().rev() {
        let both = root.get(first).is_some();
        let Some(entries) = root.entries_mut() else { return };
        if both {
            entries.remove(at);
        } else if let Some(entry) = entries.get_mut(at) {
            entry.key = first.into();
        }
    }
    for entry in root.entries_mut().into_iter().flatten() {
        if let Some(field) = shape.field(&entry.key) {
            inside(table, &field.of, &mut entry.value);
        }
    }
}

fn inside(table: &Table, of: &Type, node: &mut Node) {
    match (of, &mut node.value) {
        (Type::Object(shape), Value::Mapping(_)) => use_first_names(table, *shape, node),
        (Type::List(of), Value::Sequence(items)) => {
            for item in items {
                inside(table, of, item);
            }
        }
        (Type::Map(of), Value::Mapping(entries)) => {
            for entry in entries {
                inside(table, of, &mut entry.value);
            }
        }
        _ => {}
    }
}
