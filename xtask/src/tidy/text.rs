//! The repository speaks of the project alone: no path of somebody's machine in any text.

use anyhow::Result;

use super::{Findings, Repository};
use crate::rust_text::before_tests;
use crate::workspace;

/// Folders below the root of a file system that belong to a machine or a person.
const MACHINE_FOLDERS: &[&str] = &["home", "root", "tmp", "work"];

/// Looks at every text file; the tests of Rust files, and generated lock files, are left out.
pub(super) fn check(repository: &Repository<'_>, findings: &mut Findings) -> Result<()> {
    for path in &repository.files {
        if workspace::has_extension(path, "lock") || path.contains("/tests/") {
            continue;
        }
        let Some(source) = workspace::source(repository.root, path)? else { continue };
        let looked_at =
            if workspace::has_extension(path, "rs") { before_tests(&source) } else { &source };
        for (at, line) in looked_at.lines().enumerate() {
            if let Some(found) = machine_path(line) {
                findings.problem(format!("{path}:{}: a path of some machine: {found}", at + 1));
            }
        }
    }
    Ok(())
}

/// The first absolute path in `line` that lies in a folder of [`MACHINE_FOLDERS`].
fn machine_path(line: &str) -> Option<&str> {
    line.match_indices('/').find_map(|(at, _)| {
        let before = line.get(..at)?.chars().next_back();
        let part_of_path =
            |c: char| c.is_alphanumeric() || matches!(c, '.' | '_' | '-' | '}' | '/' | '*' | '~');
        if before.is_some_and(part_of_path) {
            return None;
        }
        let path = line.get(at + 1..)?;
        let (folder, inside) = path.split_once('/')?;
        let named = inside.starts_with(|c: char| c.is_ascii_alphanumeric());
        (named && MACHINE_FOLDERS.contains(&folder)).then(|| {
            let end = path.find(|c: char| c.is_whitespace() || matches!(c, '"' | '`' | '\'' | ')'));
            line.get(at..end.map_or(line.len(), |end| at + 1 + end)).unwrap_or(line)
        })
    })
}

#[cfg(test)]
mod tests {
    use super::machine_path;

    #[test]
    fn paths_of_a_machine_are_found() {
        assert_eq!(machine_path("see `/home/ada/x` here"), Some("/home/ada/x"));
        assert_eq!(machine_path("cp a /tmp/b"), Some("/tmp/b"));
    }

    #[test]
    fn paths_of_a_repository_or_an_address_are_not() {
        for line in
            ["src/work/a", "https://host.example/home/x", "./tmp/b", "/work", "${ROOT}/tmp/b"]
        {
            assert_eq!(machine_path(line), None, "{line}");
        }
    }
}
