//! Files made to exhaust a reader.
#![allow(clippy::format_collect, reason = "hostile files are built as they read")]

use std::fmt::Write as _;

/// A hostile file.
pub(crate) struct Hostile {
    /// What it is.
    pub(crate) name: &'static str,
    /// A part of the message that must name the budget that is hit, or what is wrong; `None` for
    /// files that are legitimate, only large.
    pub(crate) refused: Option<&'static str>,
    /// Its text of about so many bytes, or of fewer where a few are enough.
    pub(crate) make: fn(usize) -> String,
}

/// All of them.
pub(crate) const HOSTILE: &[Hostile] = &[
    hostile("billion laughs", Some("values"), billion_laughs),
    hostile("billion laughs of merge keys", Some("values"), merged_laughs),
    hostile("quadratic aliases", Some("values"), |_| aliases("- x\n", 9_000)),
    hostile("quadratic text", Some("bytes"), |size| {
        format!("- &a {}\n{}", "x".repeat(size / 8), "- *a\n".repeat(9_000))
    }),
    hostile("many aliases", Some("aliases"), |_| aliases("", 1_000_000)),
    hostile("nesting by aliases", Some("levels"), nesting_by_aliases),
    hostile("an alias inside its anchor", Some("own anchor"), |size| {
        format!("&a [{}*a]", "x, ".repeat(size / 27))
    }),
    hostile("many anchors", Some("anchors"), |size| numbered(size, |n| format!("- &a{n} x\n"))),
    hostile("flow lists 100,000 deep", Some("levels"), |_| "[".repeat(100_000)),
    hostile("closed flow lists 100,000 deep", Some("levels"), |_| {
        "[".repeat(100_000) + &"]".repeat(100_000)
    }),
    hostile("flow mappings 100,000 deep", Some("levels"), |_| "{a: ".repeat(100_000)),
    hostile("flow of all kinds, deep", Some("levels"), |size| "[{? ".repeat(size / 4)),
    hostile("block lists 100,000 deep", Some("levels"), |_| "- ".repeat(100_000)),
    hostile("explicit keys 100,000 deep", Some("levels"), |_| "? ".repeat(100_000)),
    hostile("block mappings 3,900 deep", Some("levels"), |_| {
        (0..3_900).map(|n| " ".repeat(n) + "a:\n").collect()
    }),
    hostile("one line that is too long", Some("bytes"), |_| "x".repeat((8 << 20) + 1)),
    hostile("one line of text", None, |size| "x".repeat(size)),
    hostile("one line of words", None, |size| "x ".repeat(size / 2)),
    hostile("one list of numbers in a line", Some("values"), |size| {
        format!("[{}]", "1,".repeat(size / 2))
    }),
    hostile("one list of numbers in lines", Some("values"), |size| "- 1\n".repeat(size / 4)),
    hostile("one flow set", Some("values"), |size| {
        numbered_in(size, "{", "}", |n| format!("{n},"))
    }),
    hostile("empty documents", Some("documents"), |size| "---\n".repeat(size / 4)),
    hostile("small documents", Some("documents"), |size| "a\n---\n".repeat(size / 6)),
    hostile("closed documents", Some("documents"), |size| "a\n...\n".repeat(size / 6)),
    hostile("broken documents", Some("problems"), |size| "[\n---\n".repeat(size / 6)),
    hostile("documents with broken ends", Some("problems"), |size| {
        "a: [b\n---\n".repeat(size / 10)
    }),
    hostile("a very long key", Some("key"), |size| "k".repeat(size) + ": v\n"),
    hostile("a very long quoted key", Some("key"), |size| format!("\"{}\": v\n", "k".repeat(size))),
    hostile("a very long explicit key", None, |size| format!("? {}\n: v\n", "k".repeat(size))),
    hostile("keys that are collections", Some("as a key"), |size| {
        "? [a]\n: b\n".repeat(100) + &"? {".repeat(60) + &"x".repeat(size) + &"}".repeat(60)
    }),
    hostile("one key again and again", Some("values"), |size| "a: 1\n".repeat(size / 5)),
    hostile("one key often", Some("already set"), |size| "a: 1\n".repeat(size / 40)),
    hostile("one mapping again and again", Some("already set"), |size| {
        let inner: String = (0..500).map(|n| format!(" k{n}: 1\n")).collect();
        format!("a:\n{inner}").repeat(size / 20_000)
    }),
    hostile("different keys", Some("values"), |size| numbered(size, |n| format!("k{n}: 1\n"))),
    hostile("one long comment", None, |size| format!("#{}\na: 1\n", "x".repeat(size))),
    hostile("comments only", None, |size| "#\n".repeat(size / 2)),
    hostile("comments between values", None, |size| "- a # b\n# c\n".repeat(size / 12)),
    hostile("blank lines", None, |size| format!("a: |\n{}  b\n", "\n".repeat(size))),
    hostile("lines of spaces", None, |size| {
        format!("a: b\n{}c: d\n", (" ".repeat(999) + "\n").repeat(size / 1_000))
    }),
    hostile("indentation that jumps", None, |size| {
        (0..size / 1_000).map(|n| format!("{}- a\n", " ".repeat((n * 7919) % 1_999))).collect()
    }),
    hostile("indentation by tabs", Some("tab"), |size| "a:\n\t- b\n".repeat(size / 9)),
    hostile("carriage returns", None, |size| format!("a: 1\r{}", "\r".repeat(size))),
    hostile("an open single quote", Some("not valid"), |size| {
        format!("a: '{}", "x ".repeat(size / 2))
    }),
    hostile("an open double quote", Some("not valid"), |size| {
        format!("a: \"{}", "\\n\n".repeat(size / 3))
    }),
    hostile("escapes", None, |size| format!("a: \"{}\"", "\\u0041".repeat(size / 6))),
    hostile("quotes in quotes", None, |size| format!("a: '{}'", "''".repeat(size / 2))),
    hostile("an open list", Some("not valid"), |size| format!("a: [{}", "b,\n".repeat(size / 90))),
    hostile("block scalars", None, |size| "- |\n x\n- >\n y\n".repeat(size / 80)),
    hostile("headers of block scalars", Some("not valid"), |size| "|".repeat(size)),
    hostile("a long tag", None, |size| format!("!<{}> a", "t".repeat(size))),
    hostile("many tags", None, |size| "- !!str a\n".repeat(size / 40)),
    hostile("tag directives", None, |size| {
        numbered_in(size, "", "--- a\n", |n| format!("%TAG !e{n}! tag:e,2000:\n"))
    }),
    hostile("directives", None, |size| "%X\n".repeat(size / 3) + "--- a\n"),
    hostile("colons", Some("not valid"), |size| "a: b: ".repeat(size / 6)),
    hostile("question marks", Some("values"), |size| "? a\n: b: c\n".repeat(size / 11)),
    hostile("stars", Some("not valid"), |size| "*".repeat(size)),
    hostile("unknown aliases", Some("problems"), |size| "--- *a\n".repeat(size / 7)),
    hostile("characters of several bytes", None, |size| format!("a: {}", "ß€𝄞 ".repeat(size / 10))),
    hostile("a very long number", None, |size| "9".repeat(size)),
    hostile("JSON 100,000 deep", Some("levels"), |_| "{\"a\":[".repeat(50_000)),
];

const fn hostile(
    name: &'static str,
    refused: Option<&'static str>,
    make: fn(usize) -> String,
) -> Hostile {
    Hostile { name, refused, make }
}

fn billion_laughs(_: usize) -> String {
    let mut text = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x]\n");
    for level in 1..12 {
        let item = format!("*a{}", level - 1);
        let _ = writeln!(text, "a{level}: &a{level} [{}]", [item.as_str(); 9].join(", "));
    }
    text
}

fn merged_laughs(size: usize) -> String {
    let keys: String = (0..1_000).map(|n| format!("  k{n}: 1\n")).collect();
    format!("a: &a\n{keys}{}", numbered(size, |n| format!("b{n}:\n  <<: *a\n")))
}

fn aliases(more: &str, count: usize) -> String {
    format!("a: &a\n{}b:\n{}", format!("- x\n{more}").repeat(1_000), "- *a\n".repeat(count))
}

fn nesting_by_aliases(_: usize) -> String {
    let mut text = String::from("a0: &a0 [x]\n");
    for level in 1..5_000 {
        let _ = writeln!(text, "a{level}: &a{level} [*a{}]", level - 1);
    }
    text
}

fn numbered(size: usize, line: fn(usize) -> String) -> String {
    numbered_in(size, "", "", line)
}

fn numbered_in(size: usize, before: &str, behind: &str, line: fn(usize) -> String) -> String {
    let mut text = String::with_capacity(size + 100);
    text.push_str(before);
    let mut number = 0;
    while text.len() < size {
        text.push_str(&line(number));
        number += 1;
    }
    text.push_str(behind);
    text
}
