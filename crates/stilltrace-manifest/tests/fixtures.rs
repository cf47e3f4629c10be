//! Folder fixtures: `input/` is read, every value is printed with the line that set it.
//!
//! `UPDATE_EXPECT=1 cargo test -p stilltrace-manifest` writes the expected texts; read the diff.

#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "tests read fixtures from the disk; a failed read is the test's failure"
)]

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use stilltrace_manifest::{Build, Mark, MemoryTree, Value, build, read_plain};

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(name)
}

fn input(name: &str) -> MemoryTree {
    let folder = fixture(name).join("input");
    let mut tree = MemoryTree::new();
    let mut open = vec![folder.clone()];
    while let Some(next) = open.pop() {
        for entry in std::fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else {
                let name = path.strip_prefix(&folder).unwrap().to_str().unwrap();
                tree.insert(name.replace('\\', "/"), std::fs::read(&path).unwrap());
            }
        }
    }
    tree
}

fn places(marks: &[Mark]) -> String {
    marks.iter().map(|mark| format!(" < {mark}")).collect::<Vec<_>>().concat()
}

/// One line per value: path, value, place, and the places it replaced.
fn render(build: &Build) -> String {
    let mut out = String::new();
    for object in &build.objects {
        writeln!(out, "{}", object.key()).unwrap();
        for (path, node) in object.root.leaves() {
            let value = match &node.value {
                Value::Null => "null".to_owned(),
                Value::Scalar(scalar) => format!("{:?}", scalar.text),
                Value::Sequence(_) => "[]".to_owned(),
                Value::Mapping(_) => "{}".to_owned(),
            };
            writeln!(out, "  {path} = {value}  {}{}", node.mark, places(node.overrode())).unwrap();
        }
    }
    for problem in &build.problems {
        writeln!(out, "{:?}: {problem}", problem.kind).unwrap();
    }
    out
}

fn check(name: &str, build: &Build) {
    expect_test::expect_file![fixture(name).join("expected.txt")].assert_eq(&render(build));
}

#[test]
fn an_overlay_names_the_line_behind_every_value() {
    let name = "overlay_of_a_mesh_route";
    check(name, &build(&input(name), "overlay"));
}

#[test]
fn references_follow_names_and_secret_values_are_dropped() {
    let name = "component_and_generators";
    check(name, &build(&input(name), "overlay"));
}

#[test]
fn what_is_not_evaluated_is_named() {
    let name = "what_is_not_evaluated";
    check(name, &build(&input(name), "overlay"));
}

#[test]
fn a_plain_directory_is_read_as_it_is() {
    let name = "plain_directory";
    check(name, &read_plain(&input(name), "apps", true));
}

#[test]
fn subdirectories_are_read_only_on_request() {
    let flat = read_plain(&input("plain_directory"), "apps", false);
    assert!(flat.objects.iter().all(|object| object.kind() != "Service"));
}

#[test]
fn the_same_tree_gives_the_same_build() {
    let tree = input("overlay_of_a_mesh_route");
    assert_eq!(build(&tree, "overlay"), build(&tree, "./overlay/"));
}
