//! JSON patches over odd values.

use std::fmt::Write as _;

use super::draw::Draw;
use super::reference::Files;
use super::values::Tree;

/// An object with random values below `spec`, and a patch whose operations mostly apply.
pub fn draw(draw: &mut Draw) -> Files {
    let json = draw.happens(30);
    let mut spec = Tree::random_map(draw, 3, false);
    let annotations = Tree::Map(
        (0..=draw.below(3)).map(|at| (format!("k{at}"), Tree::random(draw, 0, false))).collect(),
    );
    let object = |spec: &Tree| {
        format!(
            "apiVersion: example.com/v1\nkind: Foo\nmetadata:\n  name: foo\n  annotations: {}\n\
             spec: {} # the spec\n",
            annotations.flow(),
            spec.flow()
        )
    };
    let resource = object(&spec);
    let operations: Vec<String> =
        (0..=draw.below(5)).map(|_| operation(draw, &mut spec, json)).collect();
    let mut files = Files::new();
    files.insert("root/foo.yaml".to_owned(), resource);
    let patch = if json {
        format!("[{}]", operations.join(", "))
    } else {
        operations.iter().fold(String::new(), |mut text, operation| {
            writeln!(text, "- {operation}").unwrap();
            text
        })
    };
    let mut root = "resources: [foo.yaml]\n".to_owned();
    if draw.happens(30) {
        root.push_str("namePrefix: p-\n");
    }
    if draw.happens(30) {
        root.push_str("commonAnnotations: {note: x}\n");
    }
    let old = draw.happens(20);
    let (field, target) = if old {
        ("patchesJson6902", "{version: v1, group: example.com, kind: Foo, name: foo}")
    } else {
        ("patches", "{kind: Foo}")
    };
    writeln!(root, "{field}:\n- target: {target}").unwrap();
    if draw.happens(40) {
        files.insert("root/patch.txt".to_owned(), patch);
        root.push_str("  path: patch.txt\n");
    } else {
        root.push_str("  patch: |-\n");
        patch.lines().for_each(|line| writeln!(root, "    {line}").unwrap());
    }
    if draw.happens(30) {
        root.push_str("- target: {kind: Foo, name: foo, group: example.com, version: v1}\n");
        root.push_str("  patch: |-\n    - {op: add, path: /last, value: 5.0}\n");
    }
    files.insert("root/kustomization.yaml".to_owned(), root);
    files
}

fn operation(draw: &mut Draw, spec: &mut Tree, json: bool) -> String {
    let mut pointers = Vec::new();
    spec.pointers("", &mut pointers);
    let value = Tree::random(draw, 2, json);
    let kind = if pointers.is_empty() { 0 } else { draw.below(12) };
    let from = pointers.get(draw.below(pointers.len())).cloned().unwrap_or_default();
    let written = |kind: &str, path: &str, rest: &str| {
        let key = |name: &str| if json { format!("\"{name}\"") } else { name.to_owned() };
        format!("{{{}: \"{kind}\", {}: \"{path}\"{rest}}}", key("op"), key("path"))
    };
    let quote = if json { "\"" } else { "" };
    let with = |name: &str, value: &str| format!(", {quote}{name}{quote}: {value}");
    match kind {
        0..=3 => {
            let path = spec.put(draw, value.clone());
            written("add", &format!("/spec{path}"), &with("value", &value.flow()))
        }
        4 | 5 => {
            if let Some(place) = spec.at_mut(&from) {
                *place = value.clone();
            }
            written("replace", &format!("/spec{from}"), &with("value", &value.flow()))
        }
        6 => {
            spec.remove(&from);
            written("remove", &format!("/spec{from}"), "")
        }
        7 => {
            let moved = spec.remove(&from).unwrap();
            let path = spec.put(draw, moved);
            written("move", &format!("/spec{path}"), &with("from", &format!("\"/spec{from}\"")))
        }
        8 | 9 => {
            let copied = spec.at(&from).unwrap().clone();
            if draw.happens(40) {
                let path = "/metadata/annotations/copied";
                return written("copy", path, &with("from", &format!("\"/spec{from}\"")));
            }
            let path = spec.put(draw, copied);
            written("copy", &format!("/spec{path}"), &with("from", &format!("\"/spec{from}\"")))
        }
        10 => {
            let there = spec.at(&from).unwrap().flow();
            let there = if json { value.flow() } else { there };
            if json && let Some(place) = spec.at_mut(&from) {
                // Tests of JSON hold for what the patch has set itself.
                *place = value;
                let set = written("replace", &format!("/spec{from}"), &with("value", &there));
                let test = written("test", &format!("/spec{from}"), &with("value", &there));
                return format!("{set}, {test}");
            }
            written("test", &format!("/spec{from}"), &with("value", &there))
        }
        _ => written("replace", "/spec/missing", &with("value", &value.flow())),
    }
}
