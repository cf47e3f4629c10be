//! Field paths such as `spec.http[0].retries.attempts`.

/// One step of a field path.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Step {
    /// A key of a mapping.
    Key(String),
    /// An item of a sequence, from 0.
    Index(usize),
}

/// Reads a path of keys joined by `.`, indexes in `[0]` and quoted keys in `["a.b/c"]`.
///
/// `None` when a bracket is not closed or holds neither a number nor a quoted key.
pub fn steps(path: &str) -> Option<Vec<Step>> {
    let mut found = Vec::new();
    let mut rest = path;
    while !rest.is_empty() {
        if let Some(after) = rest.strip_prefix('[') {
            let (step, tail) = bracket(after)?;
            found.push(step);
            rest = tail.strip_prefix('.').unwrap_or(tail);
        } else {
            let end = rest.find(['.', '[']).unwrap_or(rest.len());
            found.push(Step::Key(rest[..end].to_owned()));
            rest = rest[end..].strip_prefix('.').unwrap_or(&rest[end..]);
        }
    }
    Some(found)
}

fn bracket(after: &str) -> Option<(Step, &str)> {
    if let Some(quoted) = after.strip_prefix('"') {
        let (key, tail) = quoted.split_once("\"]")?;
        return Some((Step::Key(key.to_owned()), tail));
    }
    let (number, tail) = after.split_once(']')?;
    Some((Step::Index(number.parse().ok()?), tail))
}

/// Appends `key` to a path so that [`steps`] reads it back.
pub(crate) fn push_key(path: &mut String, key: &str) {
    if key.is_empty() || key.contains(['.', '[', ']']) {
        path.push_str("[\"");
        path.push_str(key);
        path.push_str("\"]");
    } else {
        if !path.is_empty() {
            path.push('.');
        }
        path.push_str(key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_indexes_and_quoted_keys_are_told_apart() {
        let key = |text: &str| Step::Key(text.to_owned());
        assert_eq!(
            steps("spec.http[0].a"),
            Some(vec![key("spec"), key("http"), Step::Index(0), key("a")])
        );
        assert_eq!(steps("m[\"a.b/c\"][2]"), Some(vec![key("m"), key("a.b/c"), Step::Index(2)]));
        assert_eq!(steps("a[x]"), None);
        assert_eq!(steps("a[1"), None);
    }
}
