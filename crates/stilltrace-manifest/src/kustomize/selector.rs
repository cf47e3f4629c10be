//! `target`: which objects a patch is for.

use regex_lite::Regex;

use crate::object::Object;
use crate::problem::{Problem, ProblemKind};
use crate::yaml::Node;

use super::resource::Resource;

/// A selector; an absent part matches everything.
#[derive(Debug, Default)]
pub(super) struct Selector {
    group: Option<Regex>,
    version: Option<Regex>,
    kind: Option<Regex>,
    name: Option<Regex>,
    namespace: Option<Regex>,
    labels: Vec<Requirement>,
    annotations: Vec<Requirement>,
}

/// One comma-separated part of a label selector.
#[derive(Debug, PartialEq, Eq)]
enum Requirement {
    Exists(String),
    Absent(String),
    In(String, Vec<String>),
    NotIn(String, Vec<String>),
}

impl Selector {
    /// Reads the mapping under `target`.
    pub(super) fn read(target: &Node) -> Result<Self, Problem> {
        let mut selector = Self::default();
        for entry in target.entries() {
            let text = entry.value.text().unwrap_or("");
            let invalid = |what: &str| {
                let text = format!("`{text}` is not a valid {what}");
                Problem::at(&entry.value.mark, ProblemKind::Invalid, text)
            };
            let pattern = || anchored(text).map_err(|_| invalid("regular expression"));
            let list = || requirements(text).ok_or_else(|| invalid("label selector"));
            match entry.key.as_str() {
                "group" => selector.group = pattern()?,
                "version" => selector.version = pattern()?,
                "kind" => selector.kind = pattern()?,
                "name" => selector.name = pattern()?,
                "namespace" => selector.namespace = pattern()?,
                "labelSelector" => selector.labels = list()?,
                "annotationSelector" => selector.annotations = list()?,
                other => {
                    let text = format!("unknown field `{other}` of a target");
                    return Err(Problem::at(&entry.key_mark, ProblemKind::Invalid, text));
                }
            }
        }
        Ok(selector)
    }

    /// Whether group, version, kind, name or namespace are selected at all.
    pub(super) fn has_identity(&self) -> bool {
        let parts = [&self.group, &self.version, &self.kind, &self.name, &self.namespace];
        parts.into_iter().any(Option::is_some)
    }

    /// Whether labels or annotations are selected at all.
    pub(super) fn has_labels(&self) -> bool {
        !self.labels.is_empty() || !self.annotations.is_empty()
    }

    /// Whether an identity is selected, whatever the labels are.
    pub(super) fn selects_id(&self, id: &super::resource::Id) -> bool {
        accepts(self.namespace.as_ref(), id.namespace.as_deref().unwrap_or(""))
            && accepts(self.name.as_ref(), &id.name)
            && accepts(self.group.as_ref(), &id.group)
            && accepts(self.version.as_ref(), &id.version)
            && accepts(self.kind.as_ref(), &id.kind)
    }

    /// Whether labels and annotations are selected, whatever the identity is.
    pub(super) fn selects_labels(&self, object: &Object) -> bool {
        self.labels.iter().all(|r| r.holds(|key| label(object, key)))
            && self.annotations.iter().all(|r| r.holds(|key| annotation(object, key)))
    }

    /// Name and namespace match the original or the present identity, the rest the present one.
    pub(super) fn selects(&self, resource: &Resource) -> bool {
        let (original, current) = (resource.original_id(), resource.id());
        let namespace = |id: &super::resource::Id| {
            accepts(self.namespace.as_ref(), id.namespace.as_deref().unwrap_or(""))
        };
        let name = |id: &super::resource::Id| accepts(self.name.as_ref(), &id.name);
        (namespace(&original) || namespace(&current))
            && (name(&original) || name(&current))
            && accepts(self.group.as_ref(), &current.group)
            && accepts(self.version.as_ref(), &current.version)
            && accepts(self.kind.as_ref(), &current.kind)
            && self.labels.iter().all(|r| r.holds(|key| label(&resource.object, key)))
            && self.annotations.iter().all(|r| r.holds(|key| annotation(&resource.object, key)))
    }
}

fn label<'a>(object: &'a Object, key: &str) -> Option<&'a str> {
    object.label(key)
}

fn annotation<'a>(object: &'a Object, key: &str) -> Option<&'a str> {
    object.annotation(key)
}

fn accepts(pattern: Option<&Regex>, text: &str) -> bool {
    pattern.is_none_or(|pattern| pattern.is_match(text))
}

/// A pattern that has to match the whole text; `None` for an empty one.
fn anchored(text: &str) -> Result<Option<Regex>, regex_lite::Error> {
    if text.is_empty() {
        return Ok(None);
    }
    Regex::new(&format!("^(?:{})$", with_plain_braces(text))).map(Some)
}

/// Writes `{` that begins no repetition as a plain one, as Go reads it.
fn with_plain_braces(pattern: &str) -> String {
    let mut out = String::with_capacity(pattern.len());
    let mut escaped = false;
    for (position, c) in pattern.char_indices() {
        let count =
            pattern[position..].split_once('}').map(|(open, _)| open.trim_start_matches('{'));
        let repeats = count.is_some_and(|count| {
            let (least, most) = count.split_once(',').unwrap_or((count, ""));
            let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
            !least.is_empty() && digits(least) && digits(most)
        });
        let named_class =
            pattern[..position].ends_with("\\p") || pattern[..position].ends_with("\\x");
        if c == '{' && !escaped && !repeats && !named_class {
            out.push('\\');
        }
        out.push(c);
        escaped = c == '\\' && !escaped;
    }
    out
}

impl Requirement {
    fn holds<'a>(&self, value: impl Fn(&str) -> Option<&'a str>) -> bool {
        match self {
            Self::Exists(key) => value(key).is_some(),
            Self::Absent(key) => value(key).is_none(),
            Self::In(key, wanted) => value(key).is_some_and(|v| wanted.iter().any(|w| w == v)),
            Self::NotIn(key, wanted) => value(key).is_none_or(|v| wanted.iter().all(|w| w != v)),
        }
    }
}

/// Reads `a=b,c!=d,e in (x,y),f notin (z),g,!h`.
fn requirements(text: &str) -> Option<Vec<Requirement>> {
    let mut found = Vec::new();
    let (mut depth, mut start) = (0_i32, 0);
    for (position, c) in text.char_indices().chain([(text.len(), ',')]) {
        match c {
            '(' => depth += 1,
            ')' => depth -= 1,
            ',' if depth == 0 => {
                let part = text[start..position].trim();
                if !part.is_empty() {
                    found.push(requirement(part)?);
                }
                start = position + 1;
            }
            _ => {}
        }
    }
    (depth == 0).then_some(found)
}

fn requirement(part: &str) -> Option<Requirement> {
    let own = |text: &str| text.trim().to_owned();
    if let Some((key, value)) = part.split_once("!=") {
        return Some(Requirement::NotIn(own(key), vec![own(value)]));
    }
    if let Some((key, value)) = part.split_once("==").or_else(|| part.split_once('=')) {
        return Some(Requirement::In(own(key), vec![own(value)]));
    }
    if let Some((head, values)) = part.split_once('(') {
        let values = values.strip_suffix(')')?.split(',').map(own).collect();
        let mut words = head.split_whitespace();
        return match (words.next()?, words.next()?, words.next()) {
            (key, "in", None) => Some(Requirement::In(own(key), values)),
            (key, "notin", None) => Some(Requirement::NotIn(own(key), values)),
            _ => None,
        };
    }
    match part.strip_prefix('!') {
        Some(key) => Some(Requirement::Absent(own(key))),
        None if part.contains(char::is_whitespace) => None,
        None => Some(Requirement::Exists(own(part))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn label_selectors_follow_kubernetes_grammar() {
        let has = |key: &str| match key {
            "a" => Some("b"),
            "e" => Some("x"),
            _ => None,
        };
        let holds = |text: &str| requirements(text).map(|all| all.iter().all(|r| r.holds(has)));
        assert_eq!(holds("a=b,c!=d,e in (x, y),f notin (z),a,!h"), Some(true));
        assert_eq!(holds("a == c"), Some(false));
        assert_eq!(holds("h"), Some(false));
        assert_eq!(holds("a in (b"), None);
        assert_eq!(holds("a b"), None);
    }
}
