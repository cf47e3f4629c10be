//! No stage but the catalog knows a mechanism by name, and no code is `unsafe`.

use anyhow::Result;

use super::{Findings, Repository};
use crate::rust_text::{Blank, before_tests, blank};

/// Folder with one file per mechanism, in one folder per group.
const CATALOG: &str = "crates/stilltrace-mechanisms/src/catalog/";

/// Looks for names of the catalog in the code of all other crates, and for `unsafe` in all.
pub(super) fn check(repository: &Repository<'_>, findings: &mut Findings) -> Result<()> {
    findings.note(format!("mechanisms: {}", stems(&repository.files).count()));
    let mechanisms = names(&repository.files);
    for (path, source) in repository.rust()? {
        for (line, _) in lines_with(&blank(&source, Blank::CommentsAndStrings), "unsafe") {
            findings.problem(format!("{path}:{line}: `unsafe`"));
        }
        // Tests may name what they are about, in a file of their own as below the code.
        let is_test = path.contains("/tests/") || path.ends_with("/tests.rs");
        if path.starts_with("crates/stilltrace-mechanisms/") || !path.contains("/src/") || is_test {
            continue;
        }
        let code = blank(before_tests(&source), Blank::Comments);
        for name in &mechanisms {
            for (line, _) in lines_with(&code, name) {
                findings.problem(format!(
                    "{path}:{line}: knows the mechanism `{name}` by name; only the catalog may"
                ));
            }
        }
    }
    Ok(())
}

/// File names of the catalog, without their extension.
fn stems(files: &[String]) -> impl Iterator<Item = &str> {
    files.iter().filter_map(|path| {
        let (_group, file) = path.strip_prefix(CATALOG)?.split_once('/')?;
        file.strip_suffix(".rs").filter(|stem| *stem != "mod")
    })
}

/// Names of the catalog in both spellings; one-word names are also words of English and not looked for.
fn names(files: &[String]) -> Vec<String> {
    let long = stems(files).filter(|stem| stem.contains('_'));
    long.flat_map(|stem| [stem.replace('_', "-"), stem.to_owned()]).collect()
}

/// Lines, counted from 1, that hold `word` as a whole word.
fn lines_with<'c>(code: &'c str, word: &str) -> Vec<(usize, &'c str)> {
    let part_of_word = |c: char| c.is_alphanumeric() || c == '_' || c == '-';
    let holds = |line: &str| {
        line.match_indices(word).any(|(at, found)| {
            let before = line.get(..at).and_then(|text| text.chars().next_back());
            let after = line.get(at + found.len()..).and_then(|text| text.chars().next());
            !before.is_some_and(part_of_word) && !after.is_some_and(part_of_word)
        })
    };
    code.lines()
        .enumerate()
        .filter(|(_, line)| holds(line))
        .map(|(at, line)| (at + 1, line))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::{lines_with, names};

    #[test]
    fn a_name_is_found_as_a_whole_word_only() {
        let code = "a(\"slow-start\")\nslow-starting\nlet x = slow-start;";
        let lines: Vec<usize> =
            lines_with(code, "slow-start").into_iter().map(|(at, _)| at).collect();
        assert_eq!(lines, [1, 3]);
    }

    #[test]
    fn the_names_come_from_the_files_of_the_catalog() {
        let files = ["crates/stilltrace-mechanisms/src/catalog/pools/tight_pool.rs".to_owned()];
        assert_eq!(names(&files), ["tight-pool", "tight_pool"]);
    }
}
