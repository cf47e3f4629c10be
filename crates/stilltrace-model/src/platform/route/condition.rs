//! Conditions of a route on the request; an empty set matches everything.

use std::fmt;

/// Which requests a route is for: all conditions must hold.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RouteMatch {
    /// The path; `None` is any.
    pub path: Option<PathCondition>,
    /// Whether the case of the path counts for nothing.
    pub ignore_case: bool,
    /// Headers, pseudo-headers such as `:method` included.
    pub headers: Vec<NamedCondition>,
    /// Query parameters.
    pub query: Vec<NamedCondition>,
    /// Claims of a verified token.
    pub claims: Vec<NamedCondition>,
}

/// A condition on the path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PathCondition {
    /// The whole path.
    Exact(String),
    /// The start of the path.
    Prefix(String),
    /// The first path segments: `/a` covers `/a/b` and not `/ab`.
    Segments(String),
    /// A regular expression over the whole path.
    Regex(String),
}

/// A condition on a header or query parameter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamedCondition {
    /// Name of the header or parameter.
    pub name: String,
    /// Whether the condition must fail.
    pub inverted: bool,
    /// What the value must be.
    pub value: TextCondition,
}

/// A condition on a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TextCondition {
    /// Equal.
    Exact(String),
    /// Starts with.
    Prefix(String),
    /// A regular expression over the whole text.
    Regex(String),
    /// There at all.
    Present,
}

impl RouteMatch {
    /// Whether every request matches.
    pub fn is_everything(&self) -> bool {
        let any_path = match &self.path {
            None => true,
            Some(PathCondition::Regex(regex)) => regex == ".*",
            Some(_) => false,
        };
        let named = [&self.headers, &self.query, &self.claims];
        any_path && named.iter().all(|conditions| conditions.is_empty())
    }

    /// The conditions as printed text, such as `prefix /api`; empty where everything matches.
    pub fn texts(&self) -> Vec<String> {
        let mut all: Vec<String> = self.path.iter().map(ToString::to_string).collect();
        if self.ignore_case && self.path.is_some() {
            all.push("ignoring case".to_owned());
        }
        all.extend(self.headers.iter().map(|header| {
            let name = header.name.strip_prefix(':');
            let text = match name {
                Some(pseudo) => format!("{pseudo} {}", header.value),
                None => format!("header {} {}", header.name, header.value),
            };
            if header.inverted { format!("not {text}") } else { text }
        }));
        all.extend(self.query.iter().map(|query| format!("query {} {}", query.name, query.value)));
        all.extend(self.claims.iter().map(|claim| {
            let text = format!("claim {} {}", claim.name, claim.value);
            if claim.inverted { format!("not {text}") } else { text }
        }));
        all
    }
}

impl fmt::Display for PathCondition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exact(path) => write!(f, "path {path}"),
            Self::Prefix(path) => write!(f, "prefix {path}"),
            Self::Segments(path) => write!(f, "segments {path}"),
            Self::Regex(path) => write!(f, "regex {path}"),
        }
    }
}

impl fmt::Display for TextCondition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exact(text) => write!(f, "exact {text}"),
            Self::Prefix(text) => write!(f, "prefix {text}"),
            Self::Regex(text) => write!(f, "regex {text}"),
            Self::Present => f.write_str("present"),
        }
    }
}
