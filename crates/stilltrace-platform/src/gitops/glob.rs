//! File name patterns of Argo CD and Flux.
//!
//! Patterns of `directory.include` are those of `github.com/gobwas/glob` without separators (`*`
//! runs over `/`); those of an ApplicationSet's directories are Go's `path.Match` (`*` stays within
//! one name), those of its files know `**` (`github.com/bmatcuk/doublestar`).

/// How much work one match may take, in steps.
const MAX_STEPS: usize = 200_000;

/// What `*` and `?` may stand for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stars {
    /// Any characters.
    Everything,
    /// Any but `/`; `**` means any number of folders.
    Names,
    /// Any but `/`, also `**`.
    OneName,
}

/// Whether `pattern` matches the whole text, with `*` standing for anything.
pub(crate) fn matches_text(pattern: &[char], text: &str) -> bool {
    let text: Vec<char> = text.chars().collect();
    matched(pattern, &text, Stars::Everything)
}

/// Whether a pattern with alternatives in braces (`{a,b}`) matches a path.
pub(crate) fn matches(pattern: &str, path: &str, stars: Stars) -> bool {
    let path: Vec<char> = path.chars().collect();
    alternatives(pattern).iter().any(|one| {
        let pattern: Vec<char> = one.chars().collect();
        matched(&pattern, &path, stars)
    })
}

/// The patterns that one with braces stands for, at most a few hundred.
fn alternatives(pattern: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut open = vec![pattern.to_owned()];
    while let Some(next) = open.pop() {
        let group = braces(&next);
        match group {
            Some((start, end)) if found.len() + open.len() < 256 => {
                let (before, after) = (next.get(..start), next.get(end + 1..));
                let inner = next.get(start + 1..end).unwrap_or_default();
                for choice in split(inner) {
                    let (before, after) = (before.unwrap_or_default(), after.unwrap_or_default());
                    open.push(format!("{before}{choice}{after}"));
                }
            }
            _ => found.push(next),
        }
    }
    found
}

/// The first group in braces, by the places of its braces.
fn braces(pattern: &str) -> Option<(usize, usize)> {
    let start = pattern.find('{')?;
    let mut depth = 0_usize;
    for (at, c) in pattern.char_indices().skip_while(|(at, _)| *at < start) {
        match c {
            '{' => depth += 1,
            '}' if depth == 1 => return Some((start, at)),
            '}' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    None
}

/// The parts between commas that are in no inner braces.
fn split(inner: &str) -> Vec<&str> {
    let (mut parts, mut depth, mut start) = (Vec::new(), 0_usize, 0);
    for (at, c) in inner.char_indices() {
        match c {
            '{' => depth += 1,
            '}' => depth = depth.saturating_sub(1),
            ',' if depth == 0 => {
                parts.extend(inner.get(start..at));
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.extend(inner.get(start..));
    parts
}

/// The usual walk with places to come back to: on a mismatch the last star takes one more
/// character, and when that fails the star before it.
fn matched(pattern: &[char], text: &[char], stars: Stars) -> bool {
    let mut open = vec![(0, 0)];
    let mut steps = 0;
    while let Some((mut p, mut t)) = open.pop() {
        loop {
            steps += 1;
            if steps > MAX_STEPS {
                return false;
            }
            match pattern.get(p) {
                None if t == text.len() => return true,
                Some('*') => {
                    let double = pattern.get(p + 1) == Some(&'*') && stars != Stars::OneName;
                    let crosses = double || stars == Stars::Everything;
                    if text.get(t).is_some_and(|c| crosses || *c != '/') {
                        open.push((p, t + 1));
                    }
                    p += if double { 2 } else { 1 };
                    // `a/**/b` also matches `a/b`.
                    if double && stars == Stars::Names && pattern.get(p) == Some(&'/') {
                        open.push((p, t));
                        p += 1;
                    }
                }
                Some('?')
                    if text.get(t).is_some_and(|c| stars == Stars::Everything || *c != '/') =>
                {
                    (p, t) = (p + 1, t + 1);
                }
                Some('[') => match class(pattern.get(p..).unwrap_or_default(), text.get(t)) {
                    Some(length) => (p, t) = (p + length, t + 1),
                    None => break,
                },
                Some('\\') if pattern.get(p + 1).is_some_and(|c| Some(c) == text.get(t)) => {
                    (p, t) = (p + 2, t + 1);
                }
                Some(c) if Some(c) == text.get(t) => (p, t) = (p + 1, t + 1),
                Some(_) | None => break,
            }
        }
    }
    false
}

/// The length of the class `[a-z]` at the start of the pattern when `c` is in it.
fn class(pattern: &[char], c: Option<&char>) -> Option<usize> {
    let c = c?;
    let end = pattern.iter().skip(2).position(|c| *c == ']')? + 2;
    let inner = pattern.get(1..end)?;
    let (negated, inner) = match inner.split_first() {
        Some(('^' | '!', rest)) => (true, rest),
        _ => (false, inner),
    };
    let mut at = 0;
    let mut found = false;
    while let Some(low) = inner.get(at) {
        if inner.get(at + 1) == Some(&'-')
            && let Some(high) = inner.get(at + 2)
        {
            found |= (low..=high).contains(&c);
            at += 3;
        } else {
            found |= low == c;
            at += 1;
        }
    }
    (found != negated).then_some(end + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars_stay_within_names_or_do_not() {
        for (pattern, path, names, everything) in [
            ("apps/*", "apps/a", true, true),
            ("apps/*", "apps/a/b", false, true),
            ("apps/**", "apps/a/b", true, true),
            ("apps/**/x.json", "apps/x.json", true, false),
            ("apps/**/x.json", "apps/a/b/x.json", true, true),
            ("*.yaml", "a/b.yaml", false, true),
            ("{a,b}.yaml", "b.yaml", true, true),
            ("{a,b{1,2}}.yaml", "b2.yaml", true, true),
            ("[a-c]?", "bz", true, true),
            ("[!a-c]?", "bz", false, false),
            ("a\\*", "a*", true, true),
            ("a\\*", "ab", false, false),
        ] {
            assert_eq!(matches(pattern, path, Stars::Names), names, "{pattern} {path}");
            assert_eq!(matches(pattern, path, Stars::Everything), everything, "{pattern} {path}");
        }
    }

    #[test]
    fn hostile_patterns_end() {
        let text = "a".repeat(5_000);
        assert!(!matches(&"*a".repeat(500), &format!("{text}b"), Stars::Everything));
        assert!(!matches(&"{a,b}".repeat(100), &text, Stars::Names));
    }
}
