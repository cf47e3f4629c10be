//! What adding and removing entries and items keeps, and what it refuses.

#![allow(clippy::unwrap_used, reason = "a failed edit is the test's failure")]

use super::*;
use crate::yaml::{Budget, Mark, Node, parse};

fn root(source: &str) -> Node {
    let parsed = parse("f.yaml", source.as_bytes(), &Budget::default());
    assert_eq!(parsed.problems, [], "{source}");
    (*parsed.documents[0].root).clone()
}

fn at(source: &str, path: &str) -> Mark {
    root(source).pointer(path).unwrap().mark.clone()
}

fn plain(text: &str) -> NewValue {
    NewValue::Plain(text.to_owned())
}

fn block() -> NewValue {
    let codes = NewValue::List(vec![plain("503"), NewValue::Text("504".to_owned())]);
    NewValue::Mapping(vec![("attempts".to_owned(), plain("2")), ("codes".to_owned(), codes)])
}

fn entry(source: &str, path: &str, index: usize, value: &NewValue) -> String {
    Editor::new("f.yaml", source).insert_entry(&at(source, path), index, "new", value).unwrap()
}

fn item(source: &str, path: &str, index: usize, value: &NewValue) -> String {
    Editor::new("f.yaml", source).insert_item(&at(source, path), index, value).unwrap()
}

fn without_item(source: &str, path: &str) -> String {
    Editor::new("f.yaml", source).remove_item(&at(source, path)).unwrap()
}

fn without_entry(source: &str, parent: &str, key: &str) -> Result<String, EditError> {
    let key = root(source).pointer(parent).unwrap().entry(key).unwrap().key_mark.clone();
    Editor::new("f.yaml", source).remove_entry(&key)
}

const LIST: &str = "\
# head
http:
# the first
- name: a # one
  # inside a
- name: b
# the last
-
  name: c
end: 1
";

#[test]
fn items_of_a_block_list_are_added_in_front_between_and_behind() {
    let added = |index| item(LIST, "http", index, &plain("x"));
    assert_eq!(added(0), LIST.replace("# the first\n", "- x\n# the first\n"));
    assert_eq!(added(1), LIST.replace("# inside a\n", "# inside a\n- x\n"));
    assert_eq!(added(2), LIST.replace("- name: b\n", "- name: b\n- x\n"));
    assert_eq!(added(3), LIST.replace("name: c\n", "name: c\n- x\n"));
    assert_eq!(added(9), added(3));
}

#[test]
fn items_of_a_block_list_are_removed_with_the_comments_inside_them() {
    let removed = |path| without_item(LIST, path);
    assert_eq!(removed("http[0]"), LIST.replace("- name: a # one\n  # inside a\n", ""));
    assert_eq!(removed("http[1]"), LIST.replace("- name: b\n", ""));
    assert_eq!(removed("http[2]"), LIST.replace("-\n  name: c\n", ""));
}

#[test]
fn a_dashed_list_of_brackets_is_no_bracketed_list() {
    assert_eq!(item("a:\n- {}\n", "a", 1, &plain("x")), "a:\n- {}\n- x\n");
    assert_eq!(item("a:\n- [1]\n", "a", 0, &plain("x")), "a:\n- x\n- [1]\n");
}

#[test]
fn the_only_item_or_entry_leaves_empty_brackets() {
    let source = "a: # why\n  b: 1 # c\nl:\n- x\nn:\n  - k: v\nf: {g: 1}\nh: [ 1 ]\n";
    let removed = |parent, key| without_entry(source, parent, key).unwrap();
    assert_eq!(removed("a", "b"), source.replace("a: # why\n  b: 1 # c\n", "a: {} # why\n"));
    assert_eq!(without_item(source, "l[0]"), source.replace("l:\n- x\n", "l: []\n"));
    assert_eq!(removed("n[0]", "k"), source.replace("- k: v", "- {}"));
    assert_eq!(removed("f", "g"), source.replace("{g: 1}", "{}"));
    assert_eq!(without_item(source, "h[0]"), source.replace("[ 1 ]", "[]"));
    assert_eq!(without_entry("a: 1\n", "", "a").unwrap(), "{}\n");
    assert_eq!(without_item("- 1\n", "[0]"), "[]\n");
}

#[test]
fn what_is_empty_is_filled_in_the_style_of_the_file() {
    let source = "a: {}\nb: []\nc:\nd: null # why\ne:\n  f:\n    - 1\ng: [{}]\n";
    let long = "\n  new:\n    attempts: 2\n    codes:\n      - 503\n      - '504'\n";
    assert_eq!(entry(source, "a", 0, &block()), source.replace("a: {}\n", &format!("a:{long}")));
    assert_eq!(entry(source, "c", 0, &plain("1")), source.replace("c:\n", "c:\n  new: 1\n"));
    let filled = source.replace("d: null # why\n", "d: # why\n  new: 1\n");
    assert_eq!(entry(source, "d", 0, &plain("1")), filled);
    assert_eq!(item(source, "b", 0, &plain("1")), source.replace("b: []\n", "b:\n  - 1\n"));
    assert_eq!(entry(source, "g[0]", 0, &plain("1")), source.replace("{}]", "{new: 1}]"));
    assert_eq!(entry("# c\n{}\n", "", 0, &plain("1")), "# c\nnew: 1\n");
    assert_eq!(
        entry("- {}\n", "[0]", 0, &block()),
        "- new:\n    attempts: 2\n    codes:\n    - 503\n    - '504'\n"
    );
}

#[test]
fn entries_take_the_place_that_is_asked_for() {
    let source = "# licence\n\n# about a\na: 1\n# about b\nb:\n  # about c\n  c: 1\nl:\n- k: 1\n";
    assert_eq!(entry(source, "", 0, &plain("x")), source.replace("a: 1", "new: x\na: 1"));
    assert_eq!(entry(source, "", 1, &plain("x")), source.replace("a: 1\n", "a: 1\nnew: x\n"));
    let above = source.replace("  # about c\n", "  new: x\n  # about c\n");
    assert_eq!(entry(source, "b", 0, &plain("x")), above);
    let first = source.replace("- k: 1\n", "- new: x\n  k: 1\n");
    assert_eq!(entry(source, "l[0]", 0, &plain("x")), first);
    assert_eq!(without_entry(&first, "l[0]", "new").unwrap(), source);
}

#[test]
fn line_ends_and_their_absence_stay() {
    let source = "a: 1\r\nb:\r\n- 1\r\n- 2";
    assert_eq!(item(source, "b", 2, &plain("3")), "a: 1\r\nb:\r\n- 1\r\n- 2\r\n- 3");
    assert_eq!(without_item(source, "b[1]"), "a: 1\r\nb:\r\n- 1");
    assert_eq!(entry(source, "", 1, &plain("x")), "a: 1\r\nnew: x\r\nb:\r\n- 1\r\n- 2");
    assert_eq!(entry("a: 1", "", 1, &plain("x")), "a: 1\nnew: x");
}

#[test]
fn flow_collections_and_json_stay_what_they_are() {
    let source = "l: [1, 2]\nm: {a: 1,\n    b: 2}\n";
    assert_eq!(item(source, "l", 0, &plain("x")), source.replace("[1", "[x, 1"));
    assert_eq!(item(source, "l", 2, &plain("a, b")), source.replace("2]", "2, 'a, b']"));
    assert_eq!(without_item(source, "l[1]"), source.replace(", 2]", "]"));
    assert_eq!(without_item(source, "l[0]"), source.replace("1, ", ""));
    let json = "{\n\t\"a\": 1,\n\t\"l\": [\n\t\t\"x\"\n\t],\n\t\"e\": {}\n}\n";
    let last = json.replace("\"e\": {}\n", "\"e\": {},\n\t\"new\": \"v\"\n");
    assert_eq!(entry(json, "", 3, &plain("v")), last);
    assert_eq!(without_entry(&last, "", "new").unwrap(), json);
    let first = json.replace("{\n\t\"a\"", "{\n\t\"new\": 2,\n\t\"a\"");
    assert_eq!(entry(json, "", 0, &plain("2")), first);
    assert_eq!(without_entry(&first, "", "new").unwrap(), json);
    assert_eq!(item(json, "l", 1, &plain("w")), json.replace("\"x\"", "\"x\",\n\t\t\"w\""));
    assert_eq!(
        entry(json, "e", 0, &block()),
        json.replace("{}", "{\"new\": {\"attempts\": 2, \"codes\": [503, \"504\"]}}")
    );
    assert_eq!(entry("{\"a\":1}", "", 1, &plain("2")), "{\"a\":1,\"new\":2}");
}

#[test]
fn what_aliases_repeat_is_refused_with_the_reason() {
    let source = "base: &b\n  x: 1\n  y: 2\nuse: *b\nm:\n  <<: *b\n  z: 3\n  w: *b\nl: [*b, 1]\n";
    let shared = |result| matches!(result, Err(EditError::Shared { .. }));
    assert!(shared(without_entry(source, "base", "x")));
    assert!(shared(without_entry(source, "m", "x")));
    assert!(shared(without_entry(source, "", "base")));
    let editor = Editor::new("f.yaml", source);
    assert!(shared(editor.insert_entry(&at(source, "base"), 0, "k", &plain("1"))));
    assert_eq!(without_entry(source, "", "use").unwrap(), source.replace("use: *b\n", ""));
    assert_eq!(without_entry(source, "m", "z").unwrap(), source.replace("  z: 3\n", ""));
    assert_eq!(without_entry(source, "m", "w").unwrap(), source.replace("  w: *b\n", ""));
    assert_eq!(without_item(source, "l[1]"), source.replace(", 1]", "]"));
}

#[test]
fn block_scalars_keep_their_lines() {
    let source = "a: |+\n  one\n\n\nb: >-\n  two\n  three\n\nc: 1\n";
    let behind = source.replace("\n\n\nb", "\n\n\nnew: x\nb");
    assert_eq!(entry(source, "", 1, &plain("x")), behind);
    assert_eq!(without_entry(&behind, "", "new").unwrap(), source);
    // The blank line behind `b` would become part of `a`, so it goes too.
    let removed = source.replace("b: >-\n  two\n  three\n\n", "");
    assert_eq!(without_entry(source, "", "b").unwrap(), removed);
    assert_eq!(without_entry("a: |\n  x\n", "", "a").unwrap(), "{}\n");
}

#[test]
fn a_patch_inside_a_literal_is_edited_like_a_file() {
    let source =
        "patches:\n- patch: |-\n    - op: add\n      path: /a\n    - op: remove\n      path: /b\n";
    let start = source.find("op: remove").unwrap();
    let mark = Mark::new("k.yaml", 5, 7, start..start + 1);
    let edited = Editor::new("k.yaml", source).remove_item(&mark).unwrap();
    assert_eq!(edited, "patches:\n- patch: |-\n    - op: add\n      path: /a\n");
}

#[test]
fn a_key_that_exists_and_a_place_that_does_not_are_refused() {
    let editor = Editor::new("f.yaml", LIST);
    let again = editor.insert_entry(&at(LIST, ""), 0, "end", &plain("2"));
    assert!(matches!(again, Err(EditError::NotWritable { .. })));
    let missing = editor.insert_item(&at(LIST, "end"), 0, &plain("2"));
    assert!(matches!(missing, Err(EditError::NotFound { .. })));
}
