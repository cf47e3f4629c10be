//! Configuration files and lists of fields written by users.

use crate::problem::{Problem, ProblemKind};
use crate::yaml::{Node, Value};

use super::super::fields::{FieldSpec, Gvk};
use super::{Config, List, References};

/// Reads the root of a configuration file; what it does not know is refused, as in Kustomize.
pub(in super::super) fn read(root: &Node) -> Result<Config, Problem> {
    let mut config = Config::default();
    for entry in root.entries() {
        if entry.key.eq_ignore_ascii_case("nameReference") {
            let references = entry.value.items().iter().map(read_references);
            config.references = references.collect::<Result<_, _>>()?;
            continue;
        }
        let Some(list) = List::named(&entry.key) else {
            let text = format!("unknown field `{}` of a configuration", entry.key);
            return Err(Problem::at(&entry.key_mark, ProblemKind::Invalid, text));
        };
        check_items(&entry.value)?;
        config.lists.insert(list, read_specs(&entry.value)?);
    }
    config.sort();
    Ok(config)
}

/// Reads a list of field specifications; fields they do not have are ignored.
pub(in super::super) fn read_specs(list: &Node) -> Result<Vec<FieldSpec>, Problem> {
    if !matches!(list.value, Value::Sequence(_) | Value::Null) {
        let text = "must be a list of fields with `path`";
        return Err(Problem::at(&list.mark, ProblemKind::Invalid, text));
    }
    Ok(list.items().iter().map(read_spec).collect())
}

/// Refuses field specifications with other fields than theirs.
pub(in super::super) fn check_items(list: &Node) -> Result<(), Problem> {
    let known = &["group", "version", "kind", "path", "create"];
    list.items().iter().try_for_each(|item| check_keys(item, known))
}

fn read_spec(item: &Node) -> FieldSpec {
    let path = text(item, "path");
    let create = item.get("create").and_then(Node::as_bool).unwrap_or(false);
    FieldSpec::new(read_gvk(item), path, create)
}

fn read_references(item: &Node) -> Result<References, Problem> {
    check_keys(item, &["group", "version", "kind", "fieldSpecs"])?;
    let referrers = match item.get("fieldSpecs") {
        Some(list) => {
            check_items(list)?;
            read_specs(list)?
        }
        None => Vec::new(),
    };
    Ok(References { target: read_gvk(item), referrers })
}

fn read_gvk(item: &Node) -> Gvk {
    let part = |key: &str| text(item, key).into();
    Gvk { group: part("group"), version: part("version"), kind: part("kind") }
}

fn text(item: &Node, key: &str) -> String {
    item.get(key).and_then(Node::text).unwrap_or("").to_owned()
}

fn check_keys(item: &Node, known: &[&str]) -> Result<(), Problem> {
    let Some(other) = item.entries().iter().find(|entry| !known.contains(&entry.key.as_str()))
    else {
        return Ok(());
    };
    let text = format!("unknown field `{}`; known are {}", other.key, known.join(", "));
    Err(Problem::at(&other.key_mark, ProblemKind::Invalid, text))
}
