//! Which series of a metric: matchers with one meaning in PromQL and over captured samples.

use std::fmt::{self, Write as _};

use stilltrace_capture::RawSeries;

/// Series of one metric.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Selector {
    /// Name of the metric.
    pub metric: String,
    /// All of them must hold.
    pub matchers: Vec<Matcher>,
}

/// A condition on one label. A label that is absent is the empty text, as in PromQL.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Matcher {
    /// Name of the label.
    pub label: &'static str,
    /// What its value must be.
    pub test: Test,
}

/// What the value of a label must be.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Test {
    /// Exactly this.
    Is(String),
    /// Anything but this.
    IsNot(String),
    /// One of these.
    AnyOf(Vec<String>),
    /// None of these.
    NoneOf(Vec<String>),
    /// The name of a pod of this workload, recognised by how Kubernetes names pods.
    PodOf(String),
    /// Text that contains one of these words of letters.
    Contains(Vec<&'static str>),
    /// A status that the server answered with: 500 to 599.
    ServerError,
    /// A status of 500 to 599, or 0 where no answer came.
    Failed,
}

impl Selector {
    /// The series of a metric.
    pub fn new(metric: &str) -> Self {
        Self { metric: metric.to_owned(), matchers: Vec::new() }
    }

    /// The same under one more condition.
    #[must_use]
    pub fn with(mut self, label: &'static str, test: Test) -> Self {
        self.matchers.push(Matcher { label, test });
        self
    }

    /// The same where a label is exactly `value`.
    #[must_use]
    pub fn is(self, label: &'static str, value: &str) -> Self {
        self.with(label, Test::Is(value.to_owned()))
    }

    /// The same conditions on another metric.
    #[must_use]
    pub fn of(&self, metric: &str) -> Self {
        Self { metric: metric.to_owned(), matchers: self.matchers.clone() }
    }

    /// Whether a series, whose metric is known to fit, is selected.
    pub fn selects(&self, series: &RawSeries) -> bool {
        let fits =
            |matcher: &Matcher| matcher.test.holds(series.label(matcher.label).unwrap_or_default());
        self.matchers.iter().all(fits)
    }
}

impl Test {
    fn holds(&self, value: &str) -> bool {
        match self {
            Self::Is(wanted) => value == wanted,
            Self::IsNot(other) => value != other,
            Self::AnyOf(all) => all.iter().any(|one| one == value),
            Self::NoneOf(all) => all.iter().all(|one| one != value),
            Self::PodOf(workload) => is_pod_of(workload, value),
            Self::Contains(words) => words.iter().any(|word| value.contains(word)),
            Self::ServerError => is_server_error(value),
            Self::Failed => value == "0" || is_server_error(value),
        }
    }
}

/// The characters of generated names (`k8s.io/apimachinery` `rand.String`): no vowels, so that no
/// words appear.
const GENERATED: &str = "bcdfghjklmnpqrstvwxz2456789";

/// `WORKLOAD-HASH-RANDOM` (Deployment), `WORKLOAD-RANDOM` (DaemonSet), `WORKLOAD-3` (StatefulSet).
fn is_pod_of(workload: &str, pod: &str) -> bool {
    let Some(rest) = pod.strip_prefix(workload).and_then(|rest| rest.strip_prefix('-')) else {
        return false;
    };
    let generated = |part: &str| part.chars().all(|character| GENERATED.contains(character));
    let is_number = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    let last = |part: &str| (part.len() == 5 && generated(part)) || is_number(part);
    match rest.split_once('-') {
        Some((hash, random)) => (1..=10).contains(&hash.len()) && generated(hash) && last(random),
        None => last(rest),
    }
}

/// [`is_pod_of`] as an expression.
fn pods_of(workload: &str) -> String {
    let workload = alternatives(&[workload.to_owned()]);
    format!("{workload}(-[{GENERATED}]{{1,10}})?-([{GENERATED}]{{5}}|[0-9]+)")
}

/// `5..` as an anchored expression.
fn is_server_error(status: &str) -> bool {
    let mut characters = status.chars();
    characters.next() == Some('5') && characters.count() == 2
}

impl fmt::Display for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.metric)?;
        for (index, matcher) in self.matchers.iter().enumerate() {
            f.write_char(if index == 0 { '{' } else { ',' })?;
            matcher.fmt(f)?;
        }
        if self.matchers.is_empty() { Ok(()) } else { f.write_char('}') }
    }
}

impl fmt::Display for Matcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (operator, value) = match &self.test {
            Test::Is(value) => ("=", value.clone()),
            Test::IsNot(value) => ("!=", value.clone()),
            Test::AnyOf(all) => ("=~", alternatives(all)),
            Test::NoneOf(all) => ("!~", alternatives(all)),
            Test::PodOf(workload) => ("=~", pods_of(workload)),
            Test::Contains(words) => match words.as_slice() {
                [word] => ("=~", format!(".*{word}.*")),
                words => ("=~", format!(".*({}).*", words.join("|"))),
            },
            Test::ServerError => ("=~", "5..".to_owned()),
            Test::Failed => ("=~", "5..|0".to_owned()),
        };
        write!(f, "{}{operator}\"{}\"", self.label, escaped(&value))
    }
}

/// An expression that fits exactly these texts.
fn alternatives(all: &[String]) -> String {
    let mut out = String::new();
    for (index, text) in all.iter().enumerate() {
        if index > 0 {
            out.push('|');
        }
        for character in text.chars() {
            // The characters with a meaning in RE2 syntax.
            if "\\.+*?()|[]{}^$".contains(character) {
                out.push('\\');
            }
            out.push(character);
        }
    }
    out
}

/// The text as it stands between double quotes in PromQL.
fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_escaped_for_expression_and_string() {
        let selector = Selector::new("m")
            .is("a", "x\"\\y\n")
            .with("b", Test::AnyOf(vec!["p.1".to_owned(), "q".to_owned()]))
            .with("c", Test::Contains(vec!["UF", "UC"]));
        assert_eq!(selector.to_string(), r#"m{a="x\"\\y\n",b=~"p\\.1|q",c=~".*(UF|UC).*"}"#);
    }

    #[test]
    fn pods_are_told_from_those_of_workloads_with_longer_names() {
        for pod in ["web-6d4cf56db6-x7k2p", "web-x7k2p", "web-12"] {
            assert!(is_pod_of("web", pod), "{pod}");
        }
        for pod in ["web-api-6d4cf56db6-x7k2p", "web-api-0", "web", "web-", "webs-0", "other-0"] {
            assert!(!is_pod_of("web", pod), "{pod}");
        }
    }

    #[test]
    fn a_status_is_anchored() {
        assert!(Test::Failed.holds("503") && Test::Failed.holds("0"));
        assert!(
            !Test::Failed.holds("1503") && !Test::Failed.holds("") && !Test::Failed.holds("50")
        );
        assert!(!Test::ServerError.holds("0"));
    }
}
