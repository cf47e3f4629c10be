//! Broken files are refused with line, field and what is allowed.

use super::*;
use crate::form::{Field, Shape};

/// A file with every field of the form, each value on a line of its own.
fn written(shape: &Shape, indent: usize) -> String {
    let pad = " ".repeat(indent);
    match shape {
        Shape::Text | Shape::Any => "some".into(),
        Shape::Name => "a".into(),
        Shape::Word(words) => words[0].into(),
        Shape::Whole(low, high) => (*high).min((*low).max(1)).to_string(),
        Shape::Number(low, high) => format!("{:?}", high.min(low.max(1.0))),
        Shape::Truth => "true".into(),
        Shape::List(item, least) => {
            let one = written(item, indent + 2);
            let one = one.trim_start().to_owned();
            format!("\n{pad}- {one}").repeat((*least).max(1))
        }
        Shape::Map(value) => format!("\n{pad}a: {}", written(value, indent + 2)),
        Shape::Fields(form) => {
            let line = |field: &Field| {
                format!("\n{pad}{}: {}", field.key, written(&field.shape, indent + 2))
            };
            form.iter().map(line).collect::<Vec<_>>().concat()
        }
        Shape::Either(shapes) => written(shapes.last().unwrap(), indent),
    }
}

/// A value that the shape does not allow.
fn broken(shape: &Shape) -> Option<&'static str> {
    Some(match shape {
        Shape::Any => return None,
        Shape::Text => "{a: b}",
        Shape::Map(_) => "[x]",
        Shape::Either(shapes) if shapes.iter().any(|shape| matches!(shape, Shape::Text)) => "[x]",
        _ => "{no-such-field: '*'}",
    })
}

/// Every field below a form with its path of keys.
fn fields(form: &'static [Field], path: &str) -> Vec<(String, &'static Shape)> {
    let mut all = Vec::new();
    for field in form {
        let path = format!("{path}/{}", field.key);
        all.push((path.clone(), &field.shape));
        all.extend(below(&field.shape, &path));
    }
    all
}

fn below(shape: &'static Shape, path: &str) -> Vec<(String, &'static Shape)> {
    match shape {
        Shape::Fields(form) => fields(form, path),
        Shape::List(item, _) => below(item, path),
        Shape::Map(value) => below(value, &format!("{path}/a")),
        Shape::Either(shapes) => below(shapes.last().unwrap(), path),
        _ => Vec::new(),
    }
}

/// Breaks every field in turn; `read` says what is wrong with a text.
fn break_every_field(form: &'static [Field], read: &dyn Fn(&str) -> Option<String>) -> usize {
    let whole = written(&Shape::Fields(form), 0);
    let mut broken_fields = 0;
    for (path, shape) in fields(form, "") {
        let keys: Vec<_> = path.trim_start_matches('/').split('/').collect();
        let Some(bad) = broken(shape) else { continue };
        let (line, text) = replaced(&whole, &keys, bad);
        let Some(error) = read(&text) else { panic!("{path}: `{bad}` is taken\n{text}") };
        let (at, message) = error.split_once(": ").unwrap();
        assert_eq!(at, line.to_string(), "{path}: {error}\n{text}");
        assert!(message.contains("allowed: "), "{path}: {error}");
        // The key itself, misspelt.
        let (line, text) = misspelt(&whole, &keys);
        let error = read(&text).unwrap_or_else(|| panic!("{path}: misspelt and taken"));
        assert!(error.starts_with(&format!("{line}: no field")), "{path}: {error}\n{text}");
        assert!(error.contains("allowed: ") && error.contains(keys[keys.len() - 1]), "{error}");
        broken_fields += 1;
    }
    broken_fields
}

/// The line of a path of keys, from 0, by indentation.
fn line_of(lines: &[&str], keys: &[&str]) -> usize {
    let mut at = 0;
    let mut depth = None;
    for key in keys {
        let found = lines[at..].iter().position(|line| {
            let bare = line.trim_start().trim_start_matches("- ");
            let indent = line.len() - bare.len();
            bare.starts_with(&format!("{key}:")) && depth.is_none_or(|depth| indent > depth)
        });
        at += found.unwrap_or_else(|| panic!("{keys:?}"));
        let bare = lines[at].trim_start().trim_start_matches("- ");
        depth = Some(lines[at].len() - bare.len());
        at += 1;
    }
    at - 1
}

/// The text with another value at a path, and the value's line from 1.
fn replaced(text: &str, keys: &[&str], bad: &str) -> (usize, String) {
    let lines: Vec<_> = text.lines().collect();
    let at = line_of(&lines, keys);
    let indent = |line: &str| line.len() - line.trim_start().trim_start_matches("- ").len();
    let own = indent(lines[at]);
    let end = lines[at + 1..].iter().take_while(|line| indent(line) > own).count() + at + 1;
    let head = lines[at].split(':').next().unwrap();
    let line = format!("{head}: {bad}");
    let all = [&lines[..at], &[line.as_str()], &lines[end..]].concat();
    (at + 1, all.join("\n"))
}

fn misspelt(text: &str, keys: &[&str]) -> (usize, String) {
    let lines: Vec<_> = text.lines().collect();
    let at = line_of(&lines, keys);
    let key = keys[keys.len() - 1];
    let line = lines[at].replacen(&format!("{key}:"), &format!("{key}x:"), 1);
    let all = [&lines[..at], &[line.as_str()], &lines[at + 1..]].concat();
    (at + 1, all.join("\n"))
}

#[test]
fn every_broken_field_of_a_scenario_is_told_with_its_line_and_what_is_allowed() {
    let read = |text: &str| crate::form::check(text, form::SCENARIO).err();
    let whole = written(&Shape::Fields(form::SCENARIO), 0);
    assert_eq!(read(&whole), None, "{whole}");
    assert!(break_every_field(form::SCENARIO, &read) > 150);
}

#[test]
fn every_broken_field_of_a_topology_is_told_with_its_line_and_what_is_allowed() {
    let read = |text: &str| crate::form::check(text, crate::topology::form::TOPOLOGY).err();
    let whole = written(&Shape::Fields(crate::topology::form::TOPOLOGY), 0);
    assert_eq!(read(&whole), None, "{whole}");
    assert!(break_every_field(crate::topology::form::TOPOLOGY, &read) > 60);
}

#[test]
fn what_has_the_form_is_read() {
    // Every field at once: the form and the types name the same ones.
    let whole = written(&Shape::Fields(form::SCENARIO), 0);
    let scenario: Scenario = serde_saphyr::from_str(&whole).unwrap();
    assert_eq!(scenario.variants.len(), 1);
    let whole = written(&Shape::Fields(crate::topology::form::TOPOLOGY), 0);
    let topology: Topology = serde_saphyr::from_str(&whole).unwrap();
    assert_eq!(topology.services.len(), 1);
}

/// The first scenario with a line replaced, read as a run reads it.
fn refused(change: impl Fn(&str) -> String) -> String {
    let lab = tempfile::tempdir().unwrap();
    let folder = lab.path().join("scenarios/broken");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::create_dir_all(lab.path().join("topologies")).unwrap();
    for name in topologies(&root().join("topologies")) {
        let file = format!("topologies/{name}.yaml");
        std::fs::copy(root().join(&file), lab.path().join(&file)).unwrap();
    }
    let text = std::fs::read_to_string(root().join("scenarios/retry-storm/scenario.yaml")).unwrap();
    std::fs::write(folder.join("scenario.yaml"), change(&text)).unwrap();
    Incident::read(&folder, 1).unwrap_err().to_string()
}

#[test]
fn names_that_do_not_exist_are_told_with_those_that_do() {
    let error = refused(|text| text.replace("topology: shop", "topology: shoop"));
    assert!(error.contains("scenario.yaml:8: `topology` is `shoop`"), "{error}");
    assert!(error.contains("allowed: bank, desk, media, shop, travel"), "{error}");
    let error = refused(|text| text.replacen("victim: checkout", "victim: till", 1));
    assert!(error.contains("scenario.yaml:9: `victim` is `till`; allowed: catalog,"), "{error}");
    let error = refused(|text| text.replacen("  of: payments\n", "  of: payment\n", 1));
    assert!(error.contains("`base[0].of` is `payment`; allowed: "), "{error}");
    assert!(error.contains("payments") && error.contains("mesh"), "{error}");
    let error = refused(|text| text.replacen("verdict: cause", "verdict: no-anomaly", 1));
    assert!(error.contains("`mechanism: retry-storm` goes with `verdict: cause`"), "{error}");
}
