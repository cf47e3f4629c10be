//! Which names a chart's templates compare or compute with.
//!
//! A marked value prints as before once the marks are removed, but it compares differently. So
//! values whose name occurs where templates compare are changed apart from the rest. The names only
//! decide on the order of work: what a change shows does not depend on them.

use std::collections::BTreeSet;

use super::template::{Action, Piece, split};

/// Functions whose result depends on more than whether a text is empty.
const COMPARING: [&str; 44] = [
    "eq",
    "ne",
    "lt",
    "le",
    "gt",
    "ge",
    "contains",
    "has",
    "hasPrefix",
    "hasSuffix",
    "kindIs",
    "kindOf",
    "typeIs",
    "typeOf",
    "semverCompare",
    "semver",
    "regexMatch",
    "ternary",
    "int",
    "int64",
    "float64",
    "atoi",
    "add",
    "add1",
    "sub",
    "mul",
    "div",
    "mod",
    "max",
    "min",
    "until",
    "untilStep",
    "len",
    "toDate",
    "b64dec",
    "fromYaml",
    "fromJson",
    "trunc",
    "substr",
    "duration",
    "hasKey",
    "dig",
    "index",
    "get",
];

/// Words that tell an empty value from others.
const CHOOSING: [&str; 10] =
    ["if", "else", "with", "and", "or", "not", "default", "coalesce", "empty", "required"];

/// Names of values that templates look at.
#[derive(Debug, Clone, Default)]
pub(super) struct Names {
    /// Compared or computed with.
    pub(super) compared: BTreeSet<String>,
    /// Asked whether they are empty.
    pub(super) chosen_by: BTreeSet<String>,
    /// Named anywhere: values that templates ask for by this key.
    pub(super) used: BTreeSet<String>,
}

/// The names in all `templates`.
pub(super) fn names<'t>(templates: impl Iterator<Item = &'t str>) -> Names {
    let mut names = Names::default();
    for template in templates {
        let pieces = split(template).unwrap_or_default();
        let actions: Vec<&Action<'_>> = pieces.iter().filter_map(action).collect();
        // A variable hands on what is compared, once or through another variable.
        for _ in 0..3 {
            for action in &actions {
                read(action, &mut names);
            }
        }
    }
    names
}

fn action<'p, 't>(piece: &'p Piece<'t>) -> Option<&'p Action<'t>> {
    match piece {
        Piece::Action(action) => Some(action),
        Piece::Text(_) => None,
    }
}

fn read(action: &Action<'_>, names: &mut Names) {
    if action.inner.starts_with("/*") {
        return;
    }
    names.used.extend(named(action.inner));
    let words = || action.inner.split(|letter: char| !is_name(letter));
    let assigned = action.assigned().map_or("", |(assigned, _)| assigned);
    let hands_on =
        |known: &BTreeSet<String>| assigned.split(',').any(|name| known.contains(name.trim()));
    if words().any(|word| COMPARING.contains(&word)) || hands_on(&names.compared) {
        names.compared.extend(named(action.inner));
    }
    if words().any(|word| CHOOSING.contains(&word)) || hands_on(&names.chosen_by) {
        names.chosen_by.extend(named(action.inner));
    }
}

fn is_name(letter: char) -> bool {
    letter.is_alphanumeric() || letter == '_' || letter == '$'
}

/// Variables, quoted keys, and the last name of every chain of fields.
fn named(inner: &str) -> impl Iterator<Item = String> {
    let words = inner.split(|letter: char| !is_name(letter) && letter != '.' && letter != '-');
    words.filter_map(|word| {
        let last = word.rsplit('.').next().filter(|last| !last.is_empty())?;
        Some(last.to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn compared_names_are_told_from_printed_ones() {
        let template = "{{ $t := .Values.service.type }}{{ if eq $t \"NodePort\" }}x{{ end }}\
                        {{ .Values.image.tag }}{{ if .Values.enabled }}y{{ end }}";
        let names = names([template].into_iter());
        assert!(names.compared.contains("type"));
        assert!(!names.compared.contains("tag") && !names.compared.contains("enabled"));
        assert!(names.chosen_by.contains("enabled"));
    }
}
