//! What edits keep and what they refuse.

#![allow(clippy::unwrap_used, reason = "a failed edit is the test's failure")]

use proptest::prelude::*;

use super::*;
use crate::yaml::{Budget, FilePath, Node, parse};

const FILE: &str = "\
# head
spec:
  attempts: 10 # keep
  timeout: '250ms'
  note: \"a\"   
  script: |
    one
    two
  none:
  list: [1, {a: b, c: d}]
  http:
    - name: x
      port: 80
    - name: w
other: &o 1
alias: *o
";

fn root(source: &str) -> Node {
    let parsed = parse("f.yaml", source.as_bytes(), &Budget::default());
    assert_eq!(parsed.problems, []);
    (*parsed.documents[0].root).clone()
}

fn set(source: &str, path: &str, new: &str) -> String {
    let mark = root(source).pointer(path).unwrap().mark.clone();
    set_scalar(source, &mark, new).unwrap()
}

#[test]
fn only_the_token_changes_and_its_style_stays() {
    assert_eq!(set(FILE, "spec.attempts", "2"), FILE.replace("10", "2"));
    assert_eq!(set(FILE, "spec.timeout", "1s"), FILE.replace("'250ms'", "'1s'"));
    assert_eq!(set(FILE, "spec.note", "it's"), FILE.replace("\"a\"", "\"it's\""));
    assert_eq!(set(FILE, "spec.none", "3"), FILE.replace("none:", "none: 3"));
    assert_eq!(set(FILE, "spec.list[1].a", "x, y"), FILE.replace("a: b", "a: 'x, y'"));
    assert_eq!(set(FILE, "spec.http[1].name", "2"), FILE.replace("name: w", "name: '2'"));
    let script = FILE.replace("    one\n    two\n", "    three\n\n    four\n");
    assert_eq!(set(FILE, "spec.script", "three\n\nfour\n"), script);
    assert_eq!(set(FILE, "other", "7"), FILE.replace("&o 1", "&o 7"));
}

#[test]
fn line_ends_stay_as_they_are() {
    let source = FILE.replace('\n', "\r\n");
    assert_eq!(set(&source, "spec.attempts", "2"), source.replace("10", "2"));
    let script = source.replace("    one\r\n    two\r\n", "    three\r\n");
    assert_eq!(set(&source, "spec.script", "three\n"), script);
}

#[test]
fn a_value_inside_an_inline_patch_can_be_set() {
    let source = "patches:\n- patch: |-\n    - op: replace\n      path: /a\n      value: 10\n";
    let start = u32::try_from(source.find("10").unwrap()).unwrap();
    let path = FilePath::from("k.yaml");
    let mark = Mark { path, line: 5, column: 14, start, end: start + 2 };
    assert_eq!(set_scalar(source, &mark, "3").unwrap(), source.replace("10", "3"));
}

#[test]
fn a_mark_of_another_version_is_refused() {
    let mut mark = root(FILE).pointer("spec.attempts").unwrap().mark.clone();
    mark.start += 1;
    assert!(matches!(set_scalar(FILE, &mark, "2"), Err(EditError::NotFound { .. })));
    mark.end = 10_000;
    assert!(matches!(set_scalar(FILE, &mark, "2"), Err(EditError::NotFound { .. })));
}

fn key(source: &str, parent: &str, key: &str) -> Mark {
    root(source).pointer(parent).unwrap().entry(key).unwrap().key_mark.clone()
}

#[test]
fn an_entry_is_removed_with_its_line() {
    let removed = |parent, name| remove_entry(FILE, &key(FILE, parent, name)).unwrap();
    assert_eq!(removed("spec", "attempts"), FILE.replace("  attempts: 10 # keep\n", ""));
    let script = FILE.replace("  script: |\n    one\n    two\n", "");
    assert_eq!(removed("spec", "script"), script);
    assert_eq!(removed("spec.list[1]", "a"), FILE.replace("a: b, ", ""));
    assert_eq!(removed("spec.list[1]", "c"), FILE.replace(", c: d", ""));
    assert_eq!(removed("spec.http[0]", "name"), FILE.replace("name: x\n      port", "port"));
    assert_eq!(removed("spec.http[1]", "name"), FILE.replace("- name: w", "- {}"));
}

#[test]
fn an_entry_is_inserted_at_the_indentation_of_its_sibling() {
    let inserted = |parent, sibling, name: &str, value: &str| {
        insert_entry(FILE, &key(FILE, parent, sibling), name, value).unwrap()
    };
    let expected = FILE.replace("10 # keep\n", "10 # keep\n  perTryTimeout: 2s\n");
    assert_eq!(inserted("spec", "attempts", "perTryTimeout", "2s"), expected);
    let expected = FILE.replace("port: 80\n", "port: 80\n      weight: '#1'\n");
    assert_eq!(inserted("spec.http[0]", "port", "weight", "#1"), expected);
    assert_eq!(inserted("spec.list[1]", "c", "e", "f"), FILE.replace("c: d", "c: d, e: f"));
    let again = insert_entry(FILE, &key(FILE, "spec", "attempts"), "note", "x");
    assert!(again.is_err());
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_value_lands_in_its_token_and_nowhere_else(pick in 0_usize..64, new in any::<String>()) {
        let before = root(FILE);
        let leaves = before.leaves();
        let (path, node) = &leaves[pick % leaves.len()];
        if let Ok(edited) = set_scalar(FILE, &node.mark, &new) {
            prop_assert!(edited.starts_with(&FILE[..node.mark.range().start]));
            prop_assert!(edited.ends_with(&FILE[node.mark.range().end..]));
            let after = root(&edited);
            let found = after.pointer(path).unwrap();
            prop_assert!(found.is_null() || found.text() == Some(new.as_str()));
            let back = set_scalar(&edited, &found.mark, node.text().unwrap_or("")).unwrap();
            prop_assert!(root(&back).pointer(path).unwrap().text().unwrap_or("") == node.text().unwrap_or(""));
        }
    }

    #[test]
    fn no_text_makes_the_reader_panic(source in any::<String>()) {
        let parsed = parse("f", source.as_bytes(), &Budget::default());
        for document in &parsed.documents {
            for (_, node) in document.root.leaves() {
                prop_assert!(source.get(node.mark.range()).is_some());
            }
        }
    }

    #[test]
    fn no_yaml_like_text_makes_the_reader_panic(
        source in "[-?:,\\[\\]{}#&*!|>'\"%@` \t\na-c0-9<~]{0,80}"
    ) {
        let parsed = parse("f", source.as_bytes(), &Budget::default());
        for document in &parsed.documents {
            for (_, node) in document.root.leaves() {
                prop_assert!(source.get(node.mark.range()).is_some());
            }
        }
    }
}
