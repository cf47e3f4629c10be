//! `CODEOWNERS`: patterns of paths and who owns them; the last match wins.
//!
//! The syntax that GitHub documents: patterns as in `.gitignore` without negation and character
//! ranges, a pattern without owners makes files unowned, `#` starts a comment.

use std::sync::Arc;

use stilltrace_manifest::Tree;
use stilltrace_model::{Location, Owner};

/// Where the file may lie, in the order in which it is looked for.
const PLACES: [&str; 4] =
    [".github/CODEOWNERS", "CODEOWNERS", "docs/CODEOWNERS", ".gitlab/CODEOWNERS"];

/// How many lines are read.
const MAX_LINES: usize = 10_000;

/// Reads the first file that exists.
pub(super) fn read(tree: &dyn Tree) -> Vec<(String, Vec<Owner>)> {
    for place in PLACES {
        if let Ok(Some(bytes)) = tree.read(place) {
            return parse(place, &String::from_utf8_lossy(&bytes));
        }
    }
    Vec::new()
}

fn parse(place: &str, text: &str) -> Vec<(String, Vec<Owner>)> {
    let path: Arc<str> = Arc::from(place);
    let mut found = Vec::new();
    let mut start = 0;
    for (number, line) in (1_u32..).zip(text.split('\n').take(MAX_LINES)) {
        let at = Location {
            path: Arc::clone(&path),
            line: number,
            column: 1,
            start,
            end: start + line.len(),
        };
        start += line.len() + 1;
        let line = line.split(" #").next().unwrap_or_default().trim();
        // GitLab groups lines in sections, `[Name]`, which are no patterns.
        if line.is_empty()
            || line.starts_with('#')
            || line.starts_with('[')
            || line.starts_with('^')
        {
            continue;
        }
        let mut words = words(line).into_iter();
        let Some(pattern) = words.next() else { continue };
        let owners =
            words.map(|name| Owner { name, source: at.clone(), component: None, workload: None });
        found.push((pattern, owners.collect()));
    }
    found
}

/// Words of a line; a backslash keeps a space inside a word.
fn words(line: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut characters = line.chars();
    while let Some(c) = characters.next() {
        match c {
            '\\' => words.last_mut().into_iter().for_each(|word| word.extend(characters.next())),
            c if c.is_whitespace() => words.push(String::new()),
            c => words.last_mut().into_iter().for_each(|word| word.push(c)),
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

/// The owners of a path: those of the last pattern that matches it.
pub(super) fn owners_of<'a>(patterns: &'a [(String, Vec<Owner>)], path: &str) -> &'a [Owner] {
    let last = patterns.iter().rev().find(|(pattern, _)| matches(pattern, path));
    last.map(|(_, owners)| owners.as_slice()).unwrap_or_default()
}

/// Whether a `CODEOWNERS` pattern matches a file path relative to the repository root.
///
/// `/` in front or inside anchors the pattern at the root; a pattern that names a folder matches
/// everything below it; `*` stays within one folder name, `**` does not.
pub fn matches(pattern: &str, path: &str) -> bool {
    let anchored = pattern.trim_end_matches('/').contains('/');
    let folder_only = pattern.ends_with('/');
    let parts: Vec<&str> = pattern.trim_matches('/').split('/').collect();
    let names: Vec<&str> = path.split('/').collect();
    let starts = if anchored { 0..1 } else { 0..names.len() };
    for start in starts {
        // A match of the leading folders covers everything in them.
        for end in start + 1..=names.len() {
            let whole_file = end == names.len();
            let folder_star = !whole_file && parts.last() == Some(&"*");
            if folder_only && whole_file || folder_star {
                continue;
            }
            if parts_match(&parts, &names[start..end]) {
                return true;
            }
        }
    }
    false
}

/// Whether pattern parts match folder and file names; `**` matches any number of them.
fn parts_match(parts: &[&str], names: &[&str]) -> bool {
    // The usual two-pointer walk for wildcards: on a mismatch the last `**` takes one name more.
    let (mut part, mut name) = (0, 0);
    let mut retry: Option<(usize, usize)> = None;
    while name < names.len() {
        if parts.get(part) == Some(&"**") {
            retry = Some((part, name));
            part += 1;
        } else if parts.get(part).is_some_and(|pattern| name_matches(pattern, names[name])) {
            part += 1;
            name += 1;
        } else if let Some((star, taken)) = retry {
            retry = Some((star, taken + 1));
            part = star + 1;
            name = taken + 1;
        } else {
            return false;
        }
    }
    parts[part..].iter().all(|rest| *rest == "**")
}

/// Whether a pattern with `*` and `?` matches one name.
fn name_matches(pattern: &str, name: &str) -> bool {
    let (pattern, name): (Vec<char>, Vec<char>) =
        (pattern.chars().collect(), name.chars().collect());
    let (mut p, mut n) = (0, 0);
    let mut retry: Option<(usize, usize)> = None;
    while n < name.len() {
        match pattern.get(p) {
            Some('*') => {
                retry = Some((p, n));
                p += 1;
            }
            Some(c) if *c == '?' || *c == name[n] => {
                p += 1;
                n += 1;
            }
            _ => match retry {
                Some((star, taken)) => {
                    retry = Some((star, taken + 1));
                    p = star + 1;
                    n = taken + 1;
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|c| *c == '*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_as_documented() {
        for (pattern, path, expected) in [
            ("*", "a/b.yaml", true),
            ("*.yaml", "a/b.yaml", true),
            ("*.yaml", "a/b.yml", false),
            ("/apps/", "apps/x/y.yaml", true),
            ("/apps/", "other/apps/y.yaml", false),
            ("apps/", "other/apps/y.yaml", true),
            ("apps/", "apps", false),
            ("apps/checkout", "apps/checkout/base/vs.yaml", true),
            ("apps/checkout", "x/apps/checkout/vs.yaml", false),
            ("apps/*", "apps/a.yaml", true),
            ("apps/*", "apps/checkout/a.yaml", false),
            ("docs/**", "docs/a/b.md", true),
            ("**/istio/*.yaml", "platform/istio/mesh.yaml", true),
            ("/platform/**/mesh.yaml", "platform/a/b/mesh.yaml", true),
            ("checkout", "apps/checkout/vs.yaml", true),
            ("/README.md", "README.md", true),
            ("/README.md", "a/README.md", false),
        ] {
            assert_eq!(matches(pattern, path), expected, "{pattern} {path}");
        }
    }

    #[test]
    fn the_last_match_wins_and_may_be_nobody() {
        let parsed = parse("CODEOWNERS", "# all\n* @all @ops # us\n/apps/ @apps\n/apps/free\n");
        let names = |path| -> Vec<&str> {
            owners_of(&parsed, path).iter().map(|owner| owner.name.as_str()).collect()
        };
        assert_eq!(names("x.yaml"), ["@all", "@ops"]);
        assert_eq!(names("apps/a/b.yaml"), ["@apps"]);
        assert!(names("apps/free/b.yaml").is_empty());
        assert_eq!(parsed[1].1[0].source.line, 3);
    }

    #[test]
    fn hostile_patterns_end_quickly() {
        let stars = "*a".repeat(200);
        assert!(!matches(&stars, &"a".repeat(150)));
        let folders = "**/".repeat(100) + "x";
        assert!(!matches(&folders, &"a/".repeat(100)));
    }
}
