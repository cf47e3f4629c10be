//! Patterns of paths as in `.gitignore`, without negation and ranges of characters.

/// Whether a pattern matches a file path relative to the root of the source.
///
/// `/` in front or inside anchors the pattern at the root; a pattern that matches a folder matches
/// everything below it; `*` stays within one folder name, `**` does not.
pub(super) fn matches(pattern: &str, path: &str) -> bool {
    let anchored = pattern.trim_end_matches('/').contains('/');
    let folder_only = pattern.ends_with('/');
    let parts: Vec<&str> = pattern.trim_matches('/').split('/').collect();
    let names: Vec<&str> = path.split('/').collect();
    let starts = if anchored { 0..1 } else { 0..names.len() };
    for start in starts {
        // A match of the leading folders covers everything in them.
        for end in start + 1..=names.len() {
            let whole_file = end == names.len();
            if folder_only && whole_file {
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
    fn patterns_match_as_in_gitignore() {
        for (pattern, path, expected) in [
            ("*", "a/b.yaml", true),
            ("/*", "a/b.yaml", true),
            ("*.yaml", "a/b.yaml", true),
            ("*.yaml", "a/b.yml", false),
            ("/apps/", "apps/x/y.yaml", true),
            ("/apps/", "other/apps/y.yaml", false),
            ("apps/", "other/apps/y.yaml", true),
            ("apps/", "apps", false),
            ("apps/checkout", "apps/checkout/base/vs.yaml", true),
            ("apps/checkout", "x/apps/checkout/vs.yaml", false),
            ("apps/*", "apps/a.yaml", true),
            ("apps/*", "apps/checkout/a.yaml", true),
            ("apps/*/", "apps/checkout/a.yaml", true),
            ("apps/*/", "apps/a.yaml", false),
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
    fn hostile_patterns_end_quickly() {
        let stars = "*a".repeat(200);
        assert!(!matches(&stars, &"a".repeat(150)));
        let folders = "**/".repeat(100) + "x";
        assert!(!matches(&folders, &"a/".repeat(100)));
    }
}
