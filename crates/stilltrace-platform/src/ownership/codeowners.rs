//! `CODEOWNERS`: patterns of paths and who owns them.
//!
//! The syntax that GitHub documents ("About code owners"): patterns as in `.gitignore`, but without
//! negation (`!`), ranges of characters (`[ ]`) and a pattern that starts with `#`; a pattern
//! without owners makes files unowned; a line that cannot be read has no effect. Which pattern
//! covers a path is the model's business (`Platform::owners_of`).

use std::sync::Arc;

use stilltrace_manifest::Tree;
use stilltrace_model::{Location, Owner};

use crate::gaps::Gaps;

/// Where the file may lie, in the order in which it is looked for: GitHub's places, then GitLab's.
const PLACES: [&str; 4] =
    [".github/CODEOWNERS", "CODEOWNERS", "docs/CODEOWNERS", ".gitlab/CODEOWNERS"];
/// GitHub does not load files of this many bytes and more.
const MAX_BYTES: usize = 3_000_000;
/// How many lines are read; every file that is asked about is compared with all of them.
const MAX_LINES: usize = 10_000;

/// Patterns and their owners, in the order of the file.
pub(super) type Patterns = Vec<(String, Vec<Owner>)>;

/// Reads the first file that exists; the others have no effect.
pub(super) fn read(tree: &dyn Tree, gaps: &Gaps) -> Patterns {
    for place in PLACES {
        let Ok(Some(bytes)) = tree.read(place) else { continue };
        if bytes.len() >= MAX_BYTES {
            gaps.add(
                format!("{place} is not read: {} bytes", bytes.len()),
                "GitHub does not load owners from files of 3 MB and more",
                "use patterns of folders instead of single files",
            );
            return Vec::new();
        }
        return parse(place, &String::from_utf8_lossy(&bytes), gaps);
    }
    Vec::new()
}

fn parse(place: &str, text: &str, gaps: &Gaps) -> Patterns {
    let path: Arc<str> = Arc::from(place);
    let mut found = Vec::new();
    let mut start = 0;
    if text.split('\n').nth(MAX_LINES).is_some() {
        gaps.add(
            format!("{place} is read up to line {MAX_LINES}"),
            "later lines, which win over earlier ones, have no effect in the answer",
            "use patterns of folders instead of single files",
        );
    }
    for (number, line) in (1_u32..).zip(text.split('\n').take(MAX_LINES)) {
        let at = Location {
            path: Arc::clone(&path),
            line: number,
            column: 1,
            start,
            end: start + line.len(),
        };
        start += line.len() + 1;
        let line = line.trim_start_matches('\u{feff}').trim();
        // GitLab groups lines in sections, `[Name]` or `^[Name]`, which are no patterns.
        if line.starts_with('[') || line.starts_with("^[") {
            continue;
        }
        let mut words = words(line).into_iter();
        let Some(pattern) = words.next() else { continue };
        let names: Vec<String> = words.collect();
        if let Some(fault) = fault(line, &pattern, &names) {
            gaps.add(
                format!("{at}: {fault}"),
                "the line has no effect; files keep the owners of the lines above it",
                "write `PATTERN @user @organisation/team someone@example.com`",
            );
            continue;
        }
        let owner =
            |name: String| Owner { name, source: at.clone(), component: None, workload: None };
        found.push((pattern, names.into_iter().map(owner).collect()));
    }
    found
}

/// Why a line has no effect, if that is so.
fn fault(line: &str, pattern: &str, names: &[String]) -> Option<String> {
    if line.starts_with('!') {
        return Some("a pattern cannot be negated".to_owned());
    }
    if line.starts_with("\\#") {
        return Some("a pattern cannot start with `#`".to_owned());
    }
    if pattern.contains(['[', ']']) {
        return Some("a pattern has no ranges of characters".to_owned());
    }
    let stranger = names.iter().find(|name| !can_own(name))?;
    Some(format!("`{stranger}` is no user, team or mail address"))
}

/// Whether it reads as `@user`, `@organisation/team` or a mail address.
fn can_own(name: &str) -> bool {
    match name.split_once('@') {
        Some((_, rest)) => !rest.is_empty(),
        None => false,
    }
}

/// Words of a line before its comment; a backslash keeps a space inside a word.
fn words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word = String::new();
    let mut characters = line.chars();
    while let Some(c) = characters.next() {
        match c {
            '\\' => word.extend(characters.next()),
            '#' if word.is_empty() => break,
            c if c.is_whitespace() => words.push(std::mem::take(&mut word)),
            c => word.push(c),
        }
    }
    words.push(word);
    words.retain(|word| !word.is_empty());
    words
}

#[cfg(test)]
mod tests {
    use stilltrace_manifest::MemoryTree;
    use stilltrace_model::Platform;

    use super::*;

    /// Owners of a path by the files given, and how many gaps there are.
    fn owners(files: &[(&str, &str)], path: &str) -> (Vec<String>, usize) {
        let mut tree = MemoryTree::new();
        for (name, text) in files {
            tree.insert(*name, *text);
        }
        let gaps = Gaps::default();
        let platform = Platform { code_owners: read(&tree, &gaps), ..Platform::default() };
        let names = platform.owners_of(path).iter().map(|owner| owner.name.clone()).collect();
        (names, gaps.to_sorted().len())
    }

    fn names(text: &str, path: &str) -> Vec<String> {
        owners(&[("CODEOWNERS", text)], path).0
    }

    #[test]
    fn the_last_match_wins_and_may_be_nobody() {
        let text = "# all\n* @all @ops # us\n/apps/ @apps\t#them\n/apps/free\n";
        assert_eq!(names(text, "x.yaml"), ["@all", "@ops"]);
        assert_eq!(names(text, "apps/a/b.yaml"), ["@apps"]);
        assert!(names(text, "apps/free/b.yaml").is_empty());
        assert_eq!(parse("CODEOWNERS", text, &Gaps::default())[1].1[0].source.line, 3);
    }

    #[test]
    fn only_the_first_of_the_places_counts() {
        let files = [
            ("docs/CODEOWNERS", "* @docs"),
            ("CODEOWNERS", "* @root"),
            (".github/CODEOWNERS", "/apps/ @hidden"),
        ];
        assert_eq!(owners(&files, "apps/a.yaml").0, ["@hidden"]);
        assert!(owners(&files, "a.yaml").0.is_empty(), "the file at the root is not asked");
        assert_eq!(owners(&files[..2], "a.yaml").0, ["@root"]);
        assert_eq!(owners(&files[..1], "a.yaml").0, ["@docs"]);
    }

    #[test]
    fn lines_that_cannot_be_read_are_gaps_without_effect() {
        for line in
            ["!/apps/ @x", "\\#apps/ @x", "/ap[pq]s/ @x", "/apps/ x", "/apps/ @x y", "/apps/ @"]
        {
            let text = format!("* @all\n{line}\n");
            let found = owners(&[("CODEOWNERS", &text)], "apps/a.yaml");
            assert_eq!(found, (vec!["@all".to_owned()], 1), "{line}");
        }
        let fine =
            owners(&[("CODEOWNERS", "* @all\n/apps/ a@x.org\n[Section] @y\n")], "apps/a.yaml");
        assert_eq!(fine, (vec!["a@x.org".to_owned()], 0));
    }

    #[test]
    fn a_backslash_keeps_a_space_in_a_path() {
        assert_eq!(names("\u{feff}/my\\ apps/ @x\r\n", "my apps/a.yaml"), ["@x"]);
        assert!(names("/my apps/ @x\n", "my apps/a.yaml").is_empty());
    }
}
