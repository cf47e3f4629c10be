//! `docs/mechanisms/` says what the doc comments say.
#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "tests read files; a broken one is a failed test"
)]

mod entries;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use entries::{EntryFile, assert_fresh, entry_files, sorted};

const MARK: &str =
    "<!-- Generated from the catalog; edit the doc comment of the mechanism instead. -->\n\n";

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/mechanisms")
}

#[test]
fn every_mechanism_has_its_page() {
    for file in entry_files() {
        assert_fresh(&folder().join(format!("{}.md", file.name())), &page(&file));
    }
}

#[test]
fn the_index_lists_every_mechanism() {
    let files = entry_files();
    let mut groups: BTreeMap<&str, Vec<&EntryFile>> = BTreeMap::new();
    for file in &files {
        groups.entry(&file.group).or_default().push(file);
    }
    let mut text = format!(
        "{MARK}# Mechanisms\n\nHow a change of the platform makes a service slow or breaks it. \
         `stilltrace why` weighs all of them against each other; each page says what would be seen.\n",
    );
    for (group, files) in groups {
        writeln!(text, "\n## {}\n", group.replace('_', " ")).unwrap();
        for file in files {
            let summary = file.summary();
            let (_, what) = summary.split_once(": ").unwrap();
            writeln!(text, "- [`{0}`]({0}.md): {what}", file.name()).unwrap();
        }
    }
    assert_fresh(&folder().join("index.md"), &text);
}

#[test]
fn no_page_is_left_of_a_mechanism_that_is_gone() {
    let mut expected: BTreeSet<String> =
        entry_files().iter().map(|file| format!("{}.md", file.name())).collect();
    expected.insert("index.md".to_owned());
    let found: BTreeSet<String> = sorted(&folder())
        .iter()
        .map(|path| path.file_name().unwrap().to_str().unwrap().to_owned())
        .collect();
    assert_eq!(found.difference(&expected).count(), 0, "{found:?}");
}

fn page(file: &EntryFile) -> String {
    let name = file.name();
    let entry = stilltrace_mechanisms::find(&name).unwrap();
    let mut text =
        format!("{MARK}# {name}\n\n{}\n\nGroup: {}", file.summary(), file.group.replace('_', " "));
    if !entry.aliases().is_empty() {
        write!(text, ". Also known as: {}", entry.aliases().join(", ")).unwrap();
    }
    write!(text, ".\n\n{}", file.doc()).unwrap();
    text
}
