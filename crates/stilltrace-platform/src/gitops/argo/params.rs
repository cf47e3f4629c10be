//! Parameters that a generator of an ApplicationSet hands to its template.
//!
//! With Go templates they are nested, otherwise flat with keys such as `path.basename` or
//! `values.region`; either way a mapping whose values keep the line they are written in.

use stilltrace_manifest::yaml::Derivation;
use stilltrace_manifest::{Mark, Node, Value};

/// How the templates of an ApplicationSet are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Style {
    /// `{{path.basename}}`, a look-up in flat parameters.
    Fast,
    /// `{{ .path.basename }}`, a Go template over nested parameters.
    Go,
}

/// One set of parameters.
#[derive(Debug, Clone)]
pub(super) struct Params {
    /// A mapping.
    pub(super) root: Node,
}

impl Params {
    /// No parameters yet, made at `mark`.
    pub(super) fn new(mark: &Mark) -> Self {
        Self { root: Node::new(Value::Mapping(Vec::new()), mark.clone()) }
    }

    /// Sets a parameter; in Go style a nested one, which may begin below `prefix`.
    pub(super) fn set(&mut self, key: &str, value: Node) {
        let mark = value.mark.clone();
        self.root.set(key, &mark, value);
    }

    /// A made-up text, such as a part of a path.
    pub(super) fn made(text: impl Into<String>, mark: &Mark) -> Node {
        Node::string(text.into(), mark.clone()).derived(Derivation::Generated)
    }

    /// All parameters with flat keys, for selectors and merge keys.
    pub(super) fn flat(&self) -> Vec<(String, String)> {
        let mut found = Vec::new();
        flatten(&self.root, String::new(), &mut |key, value| {
            found.push((key, value.text().unwrap_or("<nil>").to_owned()));
        });
        found
    }
}

/// Calls `found` for every scalar with its keys and indices joined by dots. The depth is bounded
/// by the budget of the parser.
pub(super) fn flatten(node: &Node, prefix: String, found: &mut dyn FnMut(String, &Node)) {
    let below =
        |key: &str| if prefix.is_empty() { key.to_owned() } else { format!("{prefix}.{key}") };
    match &node.value {
        Value::Mapping(entries) => {
            for entry in entries {
                flatten(&entry.value, below(&entry.key), found);
            }
        }
        Value::Sequence(items) => {
            for (index, item) in items.iter().enumerate() {
                flatten(item, below(&index.to_string()), found);
            }
        }
        Value::Scalar(_) | Value::Null => found(prefix, node),
    }
}

/// A name made fit for DNS: lower case, other characters than letters, digits, `-` and `.` as `-`.
pub(super) fn normalized(name: &str) -> String {
    let fit = |c: char| match c {
        'a'..='z' | '0'..='9' | '-' | '.' => c,
        _ => '-',
    };
    let name: String = name.to_lowercase().chars().map(fit).take(253).collect();
    name.trim_matches(['-', '.']).to_owned()
}
