//! What is read, what is refused with which budget, and where faults are told.

#![allow(
    clippy::unwrap_used,
    clippy::format_push_string,
    clippy::format_collect,
    reason = "a failed lookup is the test's failure; bombs are built as they read"
)]

use super::super::Value;
use super::*;

fn read(source: &str) -> Parsed {
    parse("f.yaml", source.as_bytes(), &Budget::default())
}

fn place(mark: &Mark, source: &str) -> (u32, u32, String) {
    (mark.line, mark.column, source[mark.range()].to_owned())
}

#[test]
fn every_kind_of_value_knows_its_line_column_and_bytes() {
    let source =
        "a: \"q\"\nb:\n  - x\n  - {k: 'v'}\nc: |\n  one\n  two\nempty:\nlast: é # note\nß: z\n";
    let parsed = read(source);
    assert_eq!(parsed.problems, []);
    let root = &parsed.documents[0].root;
    let at = |path| place(&root.pointer(path).unwrap().mark, source);
    assert_eq!(at("a"), (1, 4, "\"q\"".into()));
    assert_eq!(at("b[0]"), (3, 5, "x".into()));
    assert_eq!(at("b[1]"), (4, 5, "{k: 'v'}".into()));
    assert_eq!(at("b[1].k"), (4, 9, "'v'".into()));
    assert_eq!(at("c"), (5, 4, "|\n  one\n  two\n".into()));
    assert_eq!(at("empty"), (8, 7, String::new()));
    assert_eq!(at("last"), (9, 7, "é".into()));
    assert_eq!(at("ß"), (10, 4, "z".into()));
    assert_eq!(place(&root.entry("ß").unwrap().key_mark, source), (10, 1, "ß".into()));
    assert_eq!(root.pointer("c").unwrap().as_str(), Some("one\ntwo\n"));
}

#[test]
fn byte_order_mark_and_crlf_shift_no_position() {
    let source = "\u{feff}a: 1\r\nb: x\r\n";
    let parsed = parse("f", source.as_bytes(), &Budget::default());
    let root = &parsed.documents[0].root;
    assert_eq!(place(&root.get("a").unwrap().mark, source), (1, 4, "1".into()));
    assert_eq!(place(&root.get("b").unwrap().mark, source), (2, 4, "x".into()));
}

#[test]
fn a_broken_document_costs_only_itself() {
    let parsed = read("a: 1\n---\nb: [1, 2\n---\nc: 3\n");
    assert_eq!(parsed.documents.len(), 2);
    assert_eq!(parsed.problems.len(), 1);
    assert_eq!(parsed.documents[1].root.get("c").unwrap().as_i64(), Some(3));
}

#[test]
fn what_only_kubernetes_accepts_is_kept_with_a_problem() {
    let parsed = read("a: [x,\ny]\n---\nb: 1\n");
    assert_eq!((parsed.documents.len(), parsed.problems.len()), (2, 1));
    assert_eq!(parsed.problems[0].line, 2);
    assert_eq!(parsed.problems[0].kind, ProblemKind::Tolerated);
    assert!(parsed.is_whole());
}

#[test]
fn what_nobody_accepts_stays_broken_beside_what_kubernetes_accepts() {
    let parsed = read("a: {\nb: 1\n}\n---\nc: [\n---\nd: 'x\ny'\n");
    assert!(!parsed.is_whole());
    let kinds: Vec<_> = parsed.problems.iter().map(|one| one.kind).collect();
    assert!(kinds.contains(&ProblemKind::Tolerated) && kinds.contains(&ProblemKind::Syntax));
}

#[test]
fn an_alias_carries_the_place_of_its_anchor() {
    let source = "base: &b\n  x: 1\n  y: 2\nuse:\n  <<: *b\n  y: 3\ncopy: *b\n";
    let parsed = read(source);
    let root = &parsed.documents[0].root;
    assert_eq!(root.pointer("use.x").unwrap().mark.line, 2);
    assert_eq!(root.pointer("use.y").unwrap().as_i64(), Some(3));
    assert_eq!(root.pointer("copy.y").unwrap().mark.line, 3);
}

#[test]
fn a_key_set_twice_is_reported_and_the_last_counts() {
    let parsed = read("a: 1\nb: 2\na: 3\n");
    assert_eq!(parsed.problems.len(), 1);
    assert_eq!(parsed.problems[0].line, 3);
    let value = parsed.documents[0].root.get("a").unwrap();
    assert_eq!((value.as_i64(), value.overrode().len()), (Some(3), 1));
}

#[test]
fn json_is_read_with_positions() {
    let source = "{\n  \"spec\": {\"replicas\": 3}\n}\n";
    let parsed = read(source);
    let node = parsed.documents[0].root.pointer("spec.replicas").unwrap();
    assert_eq!(place(&node.mark, source), (2, 24, "3".into()));
}

#[test]
fn other_encodings_are_refused_with_a_remedy() {
    let parsed = parse("f", b"\xff\xfea\0:\0", &Budget::default());
    assert!(parsed.problems[0].message.contains("UTF-16"));
    let parsed = parse("f", b"a: 1\nb: \xc3(\n", &Budget::default());
    assert_eq!((parsed.problems[0].line, parsed.problems[0].column), (2, 4));
}

fn refused(source: &str) -> Problem {
    let parsed = read(source);
    assert!(parsed.documents.is_empty());
    assert_eq!(parsed.problems[0].kind, ProblemKind::Budget, "{:?}", parsed.problems);
    parsed.problems[0].clone()
}

#[test]
fn bombs_are_refused_by_a_named_budget() {
    let mut laughs = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x]\n");
    for level in 1..12 {
        let item = format!("*a{}", level - 1);
        laughs.push_str(&format!("a{level}: &a{level} [{}]\n", [item.as_str(); 9].join(", ")));
    }
    assert!(refused(&laughs).message.contains("values"));
    assert!(refused(&"[".repeat(100_000)).message.contains("levels"));
    assert!(refused(&"- ".repeat(100_000)).message.contains("levels"));
    let blocks: String = (0..2_000).map(|i| format!("{}a:\n", " ".repeat(i))).collect();
    assert!(refused(&blocks).message.contains("levels"));
    assert!(refused(&"x".repeat(9 << 20)).message.contains("bytes"));
    let aliases = format!("a: &a x\nb: [{}]\n", "*a, ".repeat(10_001));
    assert!(refused(&aliases).message.contains("aliases"));
    let documents = parse("f", "---\n".repeat(10_001).as_bytes(), &Budget::default());
    assert!(documents.problems[0].message.contains("documents"));
}

#[test]
fn nesting_by_aliases_is_bounded_too() {
    let mut source = String::from("a0: &a0 [x]\n");
    for level in 1..200 {
        source.push_str(&format!("a{level}: &a{level} [*a{}]\n", level - 1));
    }
    assert!(refused(&source).message.contains("levels"));
}

#[test]
fn an_alias_within_its_own_anchor_is_refused() {
    let parsed = read("a: &a\n  b: *a\n---\nc: 1\n");
    assert_eq!((parsed.documents.len(), parsed.problems.len()), (1, 1));
}

#[test]
fn nulls_are_told_from_empty_text() {
    let parsed = read("a:\nb: ~\nc: ''\nd: null\n");
    let root = &parsed.documents[0].root;
    let null = |key| root.get(key).unwrap().value == Value::Null;
    assert_eq!((null("a"), null("b"), null("c"), null("d")), (true, true, false, true));
}
#[test]
fn a_block_scalar_begins_at_its_header() {
    let source = "a: &x |2- # why | so\n\n\n  one\nb:\n  - >\n   two\nc: |\nd: |+\n\n";
    let parsed = read(source);
    let root = &parsed.documents[0].root;
    let at = |path| place(&root.pointer(path).unwrap().mark, source);
    assert_eq!(at("a"), (1, 7, "|2- # why | so\n\n\n  one\n".into()));
    assert_eq!(at("b[0]"), (6, 5, ">\n   two\n".into()));
    assert_eq!(at("c"), (8, 4, "|\n".into()));
    assert_eq!(at("d"), (9, 4, "|+\n\n".into()));
}
