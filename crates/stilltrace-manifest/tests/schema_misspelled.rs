//! Every field of every Istio object of the corpora, misspelled: it is found, and what was meant is
//! said.
//!
//! The corpora lie outside the repository: `STILLTRACE_CORPORA` names their folder; without it the
//! test is skipped with a printed reason. Figures are printed with `--nocapture`.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "the figures are the result")]
#![allow(clippy::unwrap_used, reason = "a failed test may panic")]
#![allow(clippy::disallowed_methods, reason = "the test reads the corpora from disk")]

use std::path::{Path, PathBuf};

use stilltrace_manifest::schema::{FaultKind, Meant, ShapeId, Table, Type, faults, tables};
use stilltrace_manifest::yaml::{Budget, Entry, Step, parse, steps};
use stilltrace_manifest::{Node, Object};

fn corpora() -> Option<PathBuf> {
    let default = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data");
    let root = std::env::var_os("STILLTRACE_CORPORA").map_or(default, PathBuf::from);
    root.join("xds-golden").is_dir().then_some(root)
}

/// The YAML files below `folder`, sorted.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut waiting = vec![folder.to_path_buf()];
    while let Some(folder) = waiting.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                waiting.push(path);
            } else if path.extension().is_some_and(|extension| extension == "yaml") {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

/// Objects that have a shape and no fault.
fn objects(corpora: &Path) -> Vec<(&'static Table, ShapeId, Node)> {
    let mut found = Vec::new();
    for file in ["xds-golden", "istio-analyzers"].iter().flat_map(|n| files(&corpora.join(n))) {
        let bytes = std::fs::read(file).unwrap();
        for document in parse("a.yaml", &bytes, &Budget::default()).documents {
            let Some(object) = Object::from_node(document.root) else { continue };
            let Some(table) = tables::of_group(object.group()) else { continue };
            let Some(shape) = table.kind(object.api_version(), object.kind()) else { continue };
            if faults(table, shape, &object.root, 10).found.is_empty() {
                found.push((table, shape, Node::clone(&object.root)));
            }
        }
    }
    found
}

/// Paths of all keys that are fields of a shape.
fn fields(table: &Table, of: &Type, node: &Node, path: &str, found: &mut Vec<String>) {
    match of {
        Type::Object(shape) => {
            let shape = table.shape(*shape).unwrap();
            for entry in node.entries().iter().filter(|entry| !entry.value.is_null()) {
                let Some(field) = shape.field(&entry.key) else { continue };
                let path = format!("{path}.{}", entry.key).trim_start_matches('.').to_owned();
                fields(table, &field.of, &entry.value, &path, found);
                if !shape.open {
                    found.push(path);
                }
            }
        }
        Type::List(of) => {
            for (index, item) in node.items().iter().enumerate() {
                fields(table, of, item, &format!("{path}[{index}]"), found);
            }
        }
        // The keys of a map are nobody's fields; those of its values are looked at elsewhere.
        _ => {}
    }
}

fn entry<'n>(node: &'n mut Node, path: &str) -> &'n mut Entry {
    let steps = steps(path).unwrap();
    let (last, before) = steps.split_last().unwrap();
    let mut node = node;
    for step in before {
        node = match step {
            Step::Key(key) => node.get_mut(key).unwrap(),
            Step::Index(index) => &mut node.items_mut().unwrap()[*index],
        };
    }
    let Step::Key(key) = last else { unreachable!("a path of a field ends with its name") };
    node.entries_mut().unwrap().iter_mut().find(|entry| entry.key == *key).unwrap()
}

/// The name without its middle letter.
fn misspelled(name: &str) -> String {
    let middle = name.len() / 2;
    format!("{}{}", &name[..middle], &name[middle + 1..])
}

#[test]
fn every_misspelled_field_is_found_and_nearly_all_are_put_right() {
    let Some(corpora) = corpora() else {
        eprintln!("skipped: no xds-golden in STILLTRACE_CORPORA");
        return;
    };
    let objects = objects(&corpora);
    let (mut tried, mut right) = (0_usize, 0_usize);
    for (table, shape, object) in &objects {
        let mut paths = Vec::new();
        fields(table, &Type::Object(*shape), object, "", &mut paths);
        for path in paths {
            let mut changed = object.clone();
            let entry = entry(&mut changed, &path);
            let name = entry.key.clone();
            entry.key = misspelled(&name).into();
            let found = faults(table, *shape, &changed, 10).found;
            let unknown = found.iter().find_map(|fault| match &fault.kind {
                FaultKind::UnknownField { meant } => Some(meant),
                _ => None,
            });
            let meant = unknown.unwrap_or_else(|| panic!("{path} is not missed: {object:?}"));
            tried += 1;
            if *meant == Some(Meant::Name(name.clone())) {
                right += 1;
            } else {
                println!("{path}: {meant:?}");
            }
        }
    }
    println!("{} objects, {tried} misspelled fields, all found, {right} put right", objects.len());
    assert!(tried > 5_000 && right * 100 >= tried * 97, "{right} of {tried}");
}
