//! Which `CODEOWNERS` entry a path falls under.

use super::Platform;
use crate::Owner;

impl Platform {
    /// The owners of a path: the last pattern that matches wins, as on the hosting services.
    pub fn owners_of(&self, path: &str) -> &[Owner] {
        let matching = self.code_owners.iter().rev().find(|(pattern, _)| covers(pattern, path));
        matching.map(|(_, owners)| owners.as_slice()).unwrap_or_default()
    }
}

/// Whether a `CODEOWNERS` pattern covers a path, by the rules of `.gitignore` without negation: a
/// pattern with a slash before its end is anchored at the root, one without matches at any depth, a
/// match of a folder covers everything below, `*` stops at a slash and `**` does not.
fn covers(pattern: &str, path: &str) -> bool {
    let trimmed = pattern.trim_end_matches('/');
    let anchored = trimmed.contains('/');
    let wanted: Vec<&str> = trimmed.trim_start_matches('/').split('/').collect();
    let folder_only = pattern.ends_with('/');
    let parts: Vec<&str> = path.split('/').collect();
    let starts = if anchored { 0..1 } else { 0..parts.len() };
    starts.into_iter().any(|start| {
        let rest = &parts[start..];
        // A pattern that ends with `*` alone covers files of that folder, not of folders below it;
        // with `*/` it is about those folders.
        let whole_only = anchored && !folder_only && wanted.last() == Some(&"*");
        (1..=rest.len()).any(|length| {
            let is_path_itself = length == rest.len();
            (is_path_itself || !whole_only)
                && !(folder_only && is_path_itself)
                && segments_match(&wanted, &rest[..length])
        })
    })
}

/// Matches segment by segment; `**` stands for any number of segments.
fn segments_match(wanted: &[&str], parts: &[&str]) -> bool {
    // reachable[i]: the first `i` patterns match the parts read so far.
    let mut reachable = vec![false; wanted.len() + 1];
    reachable[0] = true;
    skip_double_stars(wanted, &mut reachable);
    for part in parts {
        let mut next = vec![false; wanted.len() + 1];
        for (index, pattern) in wanted.iter().enumerate() {
            if !reachable[index] {
                continue;
            }
            if *pattern == "**" {
                next[index] = true;
            } else if segment_matches(pattern, part) {
                next[index + 1] = true;
            }
        }
        skip_double_stars(wanted, &mut next);
        reachable = next;
    }
    reachable[wanted.len()]
}

fn skip_double_stars(wanted: &[&str], reachable: &mut [bool]) {
    for (index, pattern) in wanted.iter().enumerate() {
        if reachable[index] && *pattern == "**" {
            reachable[index + 1] = true;
        }
    }
}

/// `*` and `?` within one segment, in time linear in the product of the lengths.
fn segment_matches(pattern: &str, text: &str) -> bool {
    let pattern: Vec<char> = pattern.chars().collect();
    let mut reachable = vec![false; pattern.len() + 1];
    reachable[0] = true;
    let skip = |reachable: &mut Vec<bool>| {
        for (index, sign) in pattern.iter().enumerate() {
            if reachable[index] && *sign == '*' {
                reachable[index + 1] = true;
            }
        }
    };
    skip(&mut reachable);
    for letter in text.chars() {
        let mut next = vec![false; pattern.len() + 1];
        for (index, sign) in pattern.iter().enumerate().filter(|(index, _)| reachable[*index]) {
            match sign {
                '*' => next[index] = true,
                '?' => next[index + 1] = true,
                sign if *sign == letter => next[index + 1] = true,
                _ => {}
            }
        }
        skip(&mut next);
        reachable = next;
    }
    reachable[pattern.len()]
}

#[cfg(test)]
mod tests {
    use super::covers;

    #[test]
    fn patterns_cover_what_the_hosting_services_say() {
        for (pattern, path, expected) in [
            ("*", "a/b.yaml", true),
            ("/apps/checkout/", "apps/checkout/base/vs.yaml", true),
            ("/apps/checkout/", "apps/checkout", false),
            ("apps/", "tenants/apps/x.yaml", true),
            ("/apps/", "tenants/apps/x.yaml", false),
            ("*.yaml", "a/b/c.yaml", true),
            ("docs/*", "docs/a.md", true),
            ("docs/*", "docs/a/b.md", false),
            ("/docs/*/", "docs/a/b.md", true),
            ("/docs/*/", "docs/a.md", false),
            ("*.md", "docs/a/b.md", true),
            ("**/istio/*.yaml", "platform/istio/mesh.yaml", true),
            ("/*", "a.md", true),
            ("/*", "docs/a.md", false),
            ("/platform/**/mesh", "platform/a/b/mesh/x.yaml", true),
            ("platform/istio", "platform/istio/x.yaml", true),
            ("platform/istio", "other/platform/istio/x.yaml", false),
            ("check?ut", "apps/checkout/x", true),
        ] {
            assert_eq!(covers(pattern, path), expected, "{pattern} {path}");
        }
    }
}
