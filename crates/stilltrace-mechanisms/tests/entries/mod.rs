//! The files of the catalog and what their doc comments say.
#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "shared by several test programs, which read fixtures; a broken file is a failed test"
)]

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

/// Headings that every mechanism has, in this order.
pub(crate) const HEADINGS: [&str; 5] =
    ["What happens", "Fingerprint", "Fix", "Fix safety", "References"];

/// One file of the catalog.
pub(crate) struct EntryFile {
    /// Folder, such as `retries`.
    pub(crate) group: String,
    /// File stem, such as `retry_storm`.
    pub(crate) stem: String,
    /// The file's text.
    pub(crate) source: String,
}

impl EntryFile {
    /// The rule's name: the stem in kebab case.
    pub(crate) fn name(&self) -> String {
        self.stem.replace('_', "-")
    }

    /// The type's name: the stem in camel case.
    pub(crate) fn type_name(&self) -> String {
        let mut name = String::new();
        for word in self.stem.split('_') {
            let (first, rest) = word.split_at(1);
            write!(name, "{}{rest}", first.to_uppercase()).unwrap();
        }
        name
    }

    /// The module's first sentence: what users read in lists.
    pub(crate) fn summary(&self) -> String {
        let lines = self.source.lines().take_while(|line| line.starts_with("//!"));
        lines.map(|line| line.trim_start_matches("//!").trim()).collect::<Vec<_>>().join(" ")
    }

    /// The doc comment of the type, as Markdown.
    pub(crate) fn doc(&self) -> String {
        let lines: Vec<&str> = self.source.lines().collect();
        let declaration = format!("pub(crate) struct {};", self.type_name());
        let end = lines.iter().position(|line| *line == declaration).unwrap();
        let start = lines[..end].iter().rposition(|line| !line.starts_with("///")).unwrap() + 1;
        let mut text = String::new();
        for line in &lines[start..end] {
            let line = line.trim_start_matches("///");
            writeln!(text, "{}", line.strip_prefix(' ').unwrap_or(line)).unwrap();
        }
        text
    }
}

/// All files of the catalog, by group and stem.
pub(crate) fn entry_files() -> Vec<EntryFile> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/catalog");
    let mut all = Vec::new();
    for group in sorted(&root) {
        for file in sorted(&group) {
            all.push(EntryFile {
                group: group.file_name().unwrap().to_str().unwrap().to_owned(),
                stem: file.file_stem().unwrap().to_str().unwrap().to_owned(),
                source: fs::read_to_string(&file).unwrap(),
            });
        }
    }
    all
}

/// Paths in a folder, sorted.
pub(crate) fn sorted(folder: &Path) -> Vec<PathBuf> {
    let entries =
        fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths
}

/// Compares a generated file with what it should be; with `UPDATE_EXPECT` set, rewrites it.
pub(crate) fn assert_fresh(path: &Path, expected: &str) {
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, expected).unwrap();
    }
    let found = fs::read_to_string(path).unwrap_or_default();
    assert!(
        found == expected,
        "{} is out of date; UPDATE_EXPECT=1 cargo test -p stilltrace-mechanisms rewrites it",
        path.display()
    );
}
