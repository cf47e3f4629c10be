//! What must hold for every mechanism of the catalog.
#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "tests read files; a broken one is a failed test"
)]

mod entries;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::Path;

use entries::{HEADINGS, assert_fresh, entry_files};

/// `catalog.rs` lists exactly the files below `catalog/`.
#[test]
fn every_file_is_in_the_catalog() {
    let files = entry_files();
    let mut text = String::from(
        "//! One line per mechanism, generated from the files below `catalog/` by the test of this crate.\n\n\
         use crate::Mechanism;\n\n",
    );
    let mut groups: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for file in &files {
        groups.entry(&file.group).or_default().push(&file.stem);
    }
    for (group, stems) in groups {
        writeln!(text, "mod {group} {{").unwrap();
        for stem in stems {
            writeln!(text, "    pub(super) mod {stem};").unwrap();
        }
        text.push_str("}\n");
    }
    text.push_str("\n/// All mechanisms, sorted by name.\npub(crate) static ENTRIES: &[&dyn Mechanism] = &[\n");
    let lines: BTreeMap<String, String> = files
        .iter()
        .map(|file| {
            (file.name(), format!("    &{}::{}::{},\n", file.group, file.stem, file.type_name()))
        })
        .collect();
    text.extend(lines.into_values());
    text.push_str("];\n");
    assert_fresh(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src/catalog.rs"), &text);
}

#[test]
fn a_mechanism_is_named_after_its_file_and_grouped_by_its_folder() {
    let files: BTreeMap<_, _> =
        entry_files().into_iter().map(|file| (file.name(), file.group)).collect();
    let entries: BTreeMap<_, _> = stilltrace_mechanisms::catalog()
        .iter()
        .map(|entry| (entry.name().to_owned(), entry.group().to_owned()))
        .collect();
    assert_eq!(entries, files);
}

#[test]
fn names_are_unique_sorted_and_found() {
    let names: Vec<_> = stilltrace_mechanisms::catalog().iter().map(|entry| entry.name()).collect();
    let unique: BTreeSet<_> = names.iter().copied().collect();
    assert_eq!(names, unique.into_iter().collect::<Vec<_>>());
    for entry in stilltrace_mechanisms::catalog() {
        assert_eq!(stilltrace_mechanisms::find(entry.name()).unwrap().name(), entry.name());
        for alias in entry.aliases() {
            assert!(stilltrace_mechanisms::find(alias).is_some(), "{alias}");
        }
    }
    assert!(stilltrace_mechanisms::find("no-such-mechanism").is_none());
}

#[test]
fn doc_comments_have_all_headings_in_order() {
    for file in entry_files() {
        let doc = file.doc();
        let headings: Vec<&str> = doc.lines().filter_map(|line| line.strip_prefix("## ")).collect();
        assert_eq!(headings, HEADINGS, "{}", file.stem);
        assert!(doc.starts_with("## "), "{}: text before the first heading", file.stem);
        let references = doc.split("## References").nth(1).unwrap();
        assert!(references.trim_start().starts_with("- "), "{}: no references", file.stem);
    }
}

#[test]
fn summaries_name_the_mechanism_and_say_what_it_does() {
    for file in entry_files() {
        let summary = file.summary();
        assert!(summary.contains(": ") && summary.ends_with('.'), "{}: {summary}", file.stem);
        assert!(summary.len() <= 120, "{}: {summary}", file.stem);
    }
}

#[test]
fn a_mechanism_fits_on_one_page() {
    for file in entry_files() {
        let lines = file.source.lines().count();
        assert!((60..=220).contains(&lines), "{}: {lines} lines", file.stem);
    }
}
