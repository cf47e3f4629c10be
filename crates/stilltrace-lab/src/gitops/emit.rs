//! Writes values as YAML the way people do: no two files in quite the same style.
//!
//! Indentation of lists, quotes, comments, blank lines and short lists on one line differ from
//! file to file, as drawn by the seed. What is read back is always the value that was given.

use stilltrace_manifest::yaml::{Resolved, resolve_plain};

use super::draw::Draw;
use super::value::Value;

/// Longest list or map, in characters, that is written on one line.
const FLOW_WIDTH: usize = 48;

/// How the author of one file writes.
#[derive(Debug, Clone)]
pub(crate) struct Style {
    /// Whether list items are indented below their key.
    indented_lists: bool,
    /// Quotes around text that needs some.
    quote: char,
    /// Share of texts that are quoted without need.
    needless_quotes: f64,
    /// Whether short lists of scalars are written on one line.
    flow_lists: bool,
    /// Whether the first document starts with `---`.
    document_start: bool,
    /// Share of known keys that get a comment.
    comments: f64,
    /// Share of second-level blocks preceded by an empty line.
    blank_lines: f64,
}

impl Style {
    /// The style of one more file.
    pub(crate) fn draw(draw: &mut Draw) -> Self {
        Self {
            indented_lists: draw.chance(0.6),
            quote: if draw.chance(0.7) { '"' } else { '\'' },
            needless_quotes: if draw.chance(0.25) { 0.5 } else { 0.03 },
            flow_lists: draw.chance(0.3),
            document_start: draw.chance(0.3),
            comments: if draw.chance(0.5) { 0.25 } else { 0.04 },
            blank_lines: if draw.chance(0.2) { 0.3 } else { 0.0 },
        }
    }
}

/// What people remark beside a key. The remarks say nothing about the value, so that no remark
/// gives a fault away.
const REMARKS: &[(&str, &[&str])] = &[
    ("attempts", &["on top of the first one", "see the resilience guide"]),
    ("perTryTimeout", &["for one try", "measured in staging"]),
    ("retryOn", &["keep in line with the client library"]),
    ("timeout", &["whole request", "agreed with the callers"]),
    ("maxConnections", &["per proxy", "sized for the sale in spring"]),
    ("http1MaxPendingRequests", &["per proxy"]),
    ("http2MaxRequests", &["per proxy", "well above peak"]),
    ("connectTimeout", &["same zone"]),
    ("idleTimeout", &["below the load balancer's"]),
    ("consecutive5xxErrors", &["see the runbook"]),
    ("interval", &["default is fine for most"]),
    ("baseEjectionTime", &["grows with repeats"]),
    ("maxEjectionPercent", &["never empty the pool"]),
    ("replicas", &["one per zone", "reviewed each quarter"]),
    ("cpu", &["from the last load test"]),
    ("memory", &["from the last load test"]),
    ("sidecar.istio.io/proxyCPU", &["proxy sizing, see the mesh handbook"]),
    ("sidecar.istio.io/proxyCPULimit", &["proxy sizing, see the mesh handbook"]),
    ("weight", &["percent"]),
    ("randomSamplingPercentage", &["cost grows with it"]),
    ("minAvailable", &["for node upgrades"]),
    ("maxReplicas", &["quota of the namespace"]),
    ("averageUtilization", &["of the request"]),
    ("newTag", &["set by the release job"]),
    ("image", &["set by the release job"]),
    ("hosts", &["keep sorted"]),
    ("mode", &["mesh policy"]),
];

/// Writes documents into one file.
pub(crate) fn write(
    documents: &[Value],
    header: &[String],
    style: &Style,
    draw: &mut Draw,
) -> String {
    let mut writer = Writer { out: String::new(), style, draw };
    for line in header {
        writer.put(&["# ", line, "\n"]);
    }
    for (index, document) in documents.iter().enumerate() {
        if index > 0 || style.document_start {
            writer.out.push_str("---\n");
        }
        writer.block(document, 0);
    }
    writer.out
}

/// `key: value` as whole lines, at `indent` spaces.
pub(crate) fn entry(
    key: &str,
    value: &Value,
    indent: usize,
    style: &Style,
    draw: &mut Draw,
) -> String {
    let mut writer = Writer { out: String::new(), style, draw };
    writer.entry(key, value, indent, true);
    writer.out
}

/// `- value` as whole lines, at `indent` spaces.
pub(crate) fn item(value: &Value, indent: usize, style: &Style, draw: &mut Draw) -> String {
    let mut writer = Writer { out: String::new(), style, draw };
    writer.item(value, indent);
    writer.out
}

struct Writer<'a> {
    out: String,
    style: &'a Style,
    draw: &'a mut Draw,
}

impl Writer<'_> {
    /// Adds pieces of text.
    fn put(&mut self, pieces: &[&str]) {
        self.out.extend(pieces.iter().copied());
    }

    /// A map or list, each entry on a line of its own, at `indent` spaces.
    fn block(&mut self, value: &Value, indent: usize) {
        match value {
            Value::Map(entries) => {
                for (index, (key, value)) in entries.iter().enumerate() {
                    if index > 0 && indent == 2 && self.draw.chance(self.style.blank_lines) {
                        self.out.push('\n');
                    }
                    self.entry(key, value, indent, true);
                }
            }
            Value::List(items) => {
                for item in items {
                    self.item(item, indent);
                }
            }
            scalar => {
                let text = self.inline(scalar);
                self.put(&[&" ".repeat(indent), &text, "\n"]);
            }
        }
    }

    /// `key: value`; the key of the first entry of a list item stands behind its dash.
    fn entry(&mut self, key: &str, value: &Value, indent: usize, own_line: bool) {
        let pad = " ".repeat(indent);
        let remark = self.remark(key);
        if own_line {
            if let Some(remark) = remark.filter(|_| !is_short(value)) {
                self.put(&[&pad, "# ", remark, "\n"]);
            }
            self.out.push_str(&pad);
        }
        let written = if needs_quotes(key) { format!("\"{key}\"") } else { key.to_owned() };
        self.put(&[&written, ":"]);
        match value {
            Value::Map(entries) if !entries.is_empty() => {
                self.out.push('\n');
                self.block(value, indent + 2);
            }
            Value::List(items) if !items.is_empty() && !self.fits_on_line(items) => {
                self.out.push('\n');
                self.block(value, if self.style.indented_lists { indent + 2 } else { indent });
            }
            Value::Block(text) => {
                self.out.push_str(" |\n");
                for line in text.lines() {
                    let pad = if line.is_empty() { String::new() } else { " ".repeat(indent + 2) };
                    self.put(&[&pad, line, "\n"]);
                }
            }
            Value::Null => self.out.push('\n'),
            short => {
                let text = self.inline(short);
                let tail = remark.map(|remark| format!("  # {remark}")).unwrap_or_default();
                self.put(&[" ", &text, &tail, "\n"]);
            }
        }
    }

    /// `- item`.
    fn item(&mut self, item: &Value, indent: usize) {
        let pad = " ".repeat(indent);
        match item {
            Value::Map(entries) if !entries.is_empty() => {
                self.put(&[&pad, "- "]);
                for (index, (key, value)) in entries.iter().enumerate() {
                    self.entry(key, value, indent + 2, index > 0);
                }
            }
            scalar => {
                let text = self.inline(scalar);
                self.put(&[&pad, "- ", &text, "\n"]);
            }
        }
    }

    /// A value on one line.
    fn inline(&mut self, value: &Value) -> String {
        match value {
            Value::List(items) => {
                let items: Vec<_> = items.iter().map(|item| self.inline(item)).collect();
                format!("[{}]", items.join(", "))
            }
            Value::Map(_) => "{}".to_owned(),
            Value::Text(text) | Value::Block(text) => self.text(text),
            other => other.scalar().unwrap_or_default(),
        }
    }

    /// Text, quoted if it must be and sometimes if it need not.
    fn text(&mut self, text: &str) -> String {
        if !needs_quotes(text) && !self.draw.chance(self.style.needless_quotes) {
            return text.to_owned();
        }
        if self.style.quote == '\'' {
            format!("'{}'", text.replace('\'', "''"))
        } else {
            format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
        }
    }

    /// Whether a list may stand on one line, in this file.
    fn fits_on_line(&self, items: &[Value]) -> bool {
        let width: usize =
            items.iter().map(|item| item.scalar().map_or(FLOW_WIDTH, |text| text.len() + 2)).sum();
        self.style.flow_lists && width < FLOW_WIDTH
    }

    /// A remark for a key, now and then.
    fn remark(&mut self, key: &str) -> Option<&'static str> {
        let (_, remarks) = REMARKS.iter().find(|(name, _)| *name == key)?;
        if self.draw.chance(self.style.comments) { Some(self.draw.word(remarks)) } else { None }
    }
}

/// Whether the value stands on the line of its key.
fn is_short(value: &Value) -> bool {
    value.scalar().is_some()
}

/// Whether text without quotes would be read as something else.
pub(crate) fn needs_quotes(text: &str) -> bool {
    const LEADING: &[char] = &[
        '-', '?', ':', ',', '[', ']', '{', '}', '#', '&', '*', '!', '|', '>', '\'', '"', '%', '@',
        '`', ' ',
    ];
    // YAML 1.1 readers, Kubernetes' among them, take these for booleans.
    const BOOLEANS: &[&str] = &["y", "n", "yes", "no", "on", "off"];
    text.is_empty()
        || resolve_plain(text) != Resolved::Text
        || BOOLEANS.contains(&text.to_ascii_lowercase().as_str())
        || text.starts_with(LEADING)
        || text.ends_with([' ', ':'])
        || text.contains([',', '[', ']', '{', '}', '\n'])
        || text.contains(": ")
        || text.contains(" #")
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
mod tests {
    use super::*;
    use crate::gitops::value::map;
    use stilltrace_manifest::{Budget, yaml};

    #[test]
    fn what_is_written_is_read_back_in_every_style() {
        let value = map! {
            "kind" => "X",
            "spec" => map! {
                "retries" => map! { "attempts" => 3, "perTryTimeout" => "100ms", "retryOn" => "5xx,reset" },
                "hosts" => vec!["*", "./*", "a.example.com"],
                "version" => "1.10",
                "ports" => vec![map! { "name" => "http", "port" => 8080 }, map! { "name" => "x" }],
                "labels" => map! { "a/b" => "true", "on" => "off" },
            },
        };
        for seed in 0..200 {
            let mut draw = Draw::new(seed, "style");
            let style = Style::draw(&mut draw);
            let text = write(&[value.clone(), value.clone()], &["head".into()], &style, &mut draw);
            let parsed = yaml::parse("x.yaml", text.as_bytes(), &Budget::default());
            assert!(parsed.problems.is_empty(), "{text}\n{:?}", parsed.problems);
            assert_eq!(parsed.documents.len(), 2);
            let root = &parsed.documents[1].root;
            assert_eq!(root.pointer("spec.retries.attempts").unwrap().as_i64(), Some(3), "{text}");
            assert_eq!(root.pointer("spec.version").unwrap().as_str(), Some("1.10"), "{text}");
            assert_eq!(root.pointer("spec.hosts[1]").unwrap().as_str(), Some("./*"), "{text}");
            assert_eq!(root.pointer("spec.ports[1].name").unwrap().as_str(), Some("x"), "{text}");
            assert_eq!(root.pointer("spec.labels[\"a/b\"]").unwrap().as_str(), Some("true"));
            assert_eq!(root.pointer("spec.labels.on").unwrap().as_str(), Some("off"), "{text}");
        }
    }
}
