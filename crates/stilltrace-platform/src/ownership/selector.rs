//! Label selectors written as text, as `kubectl --selector` takes them.
//!
//! The grammar is that of Kubernetes (`labels.Parse`): terms `key=value`, `key==value`,
//! `key!=value`, `key in (a,b)`, `key notin (a,b)`, `key`, `!key`, all of which must hold.

use crate::labels::Labels;

/// Whether all terms hold; a selector that is empty or cannot be read selects nothing.
pub(super) fn holds(selector: &str, labels: &Labels) -> bool {
    let terms = terms(selector);
    !terms.is_empty() && terms.iter().all(|term| term_holds(term, labels) == Some(true))
}

/// Parts between commas outside parentheses.
fn terms(selector: &str) -> Vec<&str> {
    let mut inside = false;
    let parts = selector.split(|c| {
        inside = match c {
            '(' => true,
            ')' => false,
            _ => inside,
        };
        c == ',' && !inside
    });
    parts.map(str::trim).filter(|term| !term.is_empty()).collect()
}

/// `None` when the term cannot be read.
fn term_holds(term: &str, labels: &Labels) -> Option<bool> {
    let own = |key: &str| labels.get(key.trim()).map(String::as_str);
    if let Some((key, value)) = term.split_once("!=") {
        return Some(own(key) != Some(value.trim()));
    }
    if let Some((key, value)) = term.split_once("==").or_else(|| term.split_once('=')) {
        return Some(own(key) == Some(value.trim()));
    }
    if let Some(key) = term.strip_prefix('!') {
        return Some(own(key).is_none());
    }
    let mut words = term.split_whitespace();
    let key = words.next()?;
    let Some(operator) = words.next() else { return Some(own(key).is_some()) };
    let (_, list) = term.split_once('(')?;
    let listed = |value: &str| list.trim_end_matches(')').split(',').any(|one| one.trim() == value);
    match operator.split('(').next()? {
        "in" => Some(own(key).is_some_and(listed)),
        "notin" => Some(!own(key).is_some_and(listed)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_terms_must_hold() {
        let labels = Labels::from(
            [("app", "web"), ("tier", "front")]
                .map(|(key, value)| (key.to_owned(), value.to_owned())),
        );
        for (selector, expected) in [
            ("app=web", true),
            ("app==web, tier = front", true),
            ("app=web,tier=back", false),
            ("app!=api", true),
            ("app!=web", false),
            ("app in (api, web),tier", true),
            ("app in(api)", false),
            ("app notin (api)", true),
            ("gone notin (api)", true),
            ("!gone", true),
            ("!app", false),
            ("gone", false),
            ("app like web", false),
            ("", false),
            (" , ", false),
        ] {
            assert_eq!(holds(selector, &labels), expected, "{selector}");
        }
    }
}
