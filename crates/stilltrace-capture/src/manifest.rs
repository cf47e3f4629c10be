//! `manifest.json`: what was asked, when, of whom, and what could not be had.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use stilltrace_model::{CommitId, Gap, Question, ServiceId, Timestamp, Window};

use crate::error::Fault;

/// The schema written and read here. Fields are only ever added within a major version.
pub const SCHEMA: &str = "stilltrace.capture/v1";

/// `manifest.json`. Only `schema`, `question` and `window` are required.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// [`SCHEMA`].
    pub schema: String,
    /// What was asked.
    pub question: QuestionRecord,
    /// The time that the evidence covers.
    pub window: WindowRecord,
    /// The Git commit in effect at the end of the window, 40 hexadecimal digits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revision: Option<String>,
    /// Who answered.
    #[serde(default)]
    pub sources: Vec<SourceRecord>,
    /// What could not be had while recording.
    #[serde(default)]
    pub gaps: Vec<GapRecord>,
    /// Parts that are stand-ins which no controller produced, one sentence each.
    #[serde(default)]
    pub synthetic: Vec<String>,
    /// Anything a reader should know, one sentence each.
    #[serde(default)]
    pub notes: Vec<String>,
    /// What disturbed the recording, by name with the unit in it: `cores`, `steal_seconds`.
    #[serde(default)]
    pub noise: BTreeMap<String, f64>,
    /// Versions of the programs involved, by name.
    #[serde(default)]
    pub tools: BTreeMap<String, String>,
    /// Seed of a lab run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seed: Option<u64>,
    /// SHA-256 of every other file, by path. Filled in by the writer.
    #[serde(default)]
    pub files: BTreeMap<String, String>,
}

/// The question as recorded.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct QuestionRecord {
    /// `namespace/name`.
    pub service: String,
    /// RFC 3339; first instant looked at.
    pub from: String,
    /// RFC 3339; first instant after.
    pub to: String,
    /// The latency objective in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target_seconds: Option<f64>,
}

/// A half-open span of time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WindowRecord {
    /// RFC 3339; first instant inside.
    pub from: String,
    /// RFC 3339; first instant after.
    pub to: String,
}

/// Someone who was asked while recording.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceRecord {
    /// Kind of source, such as `prometheus`.
    pub name: String,
    /// What it is and how it was asked, such as `Prometheus 2.42, scraped every 15 s`.
    #[serde(default)]
    pub detail: String,
    /// Files of the capture that came from it.
    #[serde(default)]
    pub files: Vec<String>,
}

/// Evidence that could not be had.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GapRecord {
    /// What is missing.
    pub what: String,
    /// Why that matters.
    pub why: String,
    /// The smallest change that would close it.
    pub remedy: String,
}

impl Manifest {
    /// A manifest that says what was asked and nothing more.
    pub fn new(question: &Question) -> Self {
        let (from, to) = (question.window.from.to_string(), question.window.to.to_string());
        Self {
            schema: SCHEMA.to_owned(),
            question: QuestionRecord {
                service: question.service.to_string(),
                from: from.clone(),
                to: to.clone(),
                target_seconds: question.target_seconds,
            },
            window: WindowRecord { from, to },
            revision: None,
            sources: Vec::new(),
            gaps: Vec::new(),
            synthetic: Vec::new(),
            notes: Vec::new(),
            noise: BTreeMap::new(),
            tools: BTreeMap::new(),
            seed: None,
            files: BTreeMap::new(),
        }
    }

    /// The recorded question, or `None` where its service or times are not in their format; a
    /// manifest that was read from a capture has been checked.
    pub fn question(&self) -> Option<Question> {
        let (namespace, name) = self.question.service.split_once('/')?;
        if namespace.is_empty() || name.is_empty() || name.contains('/') {
            return None;
        }
        Some(Question {
            service: ServiceId::new(namespace, name),
            window: window(&self.question.from, &self.question.to)?,
            target_seconds: self.question.target_seconds,
        })
    }

    /// The recorded window, or `None` where its times are not in their format.
    pub fn window(&self) -> Option<Window> {
        window(&self.window.from, &self.window.to)
    }

    /// The revision in effect at the end of the window.
    pub fn revision(&self) -> Option<CommitId> {
        self.revision.clone().map(CommitId)
    }

    /// Reads and checks a manifest; the schema must have been looked at before.
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, Fault> {
        let manifest: Self = serde_json::from_slice(bytes)
            .map_err(|error| Fault::new(error.line().max(1), error.to_string()))?;
        let field = |name: &str, expected: &str| {
            Err(Fault::new(line_of(bytes, name), format!("`{name}` must be {expected}")))
        };
        if manifest.question().is_none() {
            return field(
                "question",
                "{service: \"namespace/name\", from, to} with RFC 3339 times, from before to",
            );
        }
        if manifest.question.target_seconds.is_some_and(|target| !(target > 0.0 && target < 1e6)) {
            return field("target_seconds", "a positive number of seconds");
        }
        if manifest.window().is_none() {
            return field("window", "{from, to} with RFC 3339 times, from before to");
        }
        if manifest.revision.as_deref().is_some_and(|revision| !is_commit_id(revision)) {
            return field("revision", "a Git commit, 40 hexadecimal digits");
        }
        Ok(manifest)
    }

    /// The bytes of `manifest.json`.
    pub(crate) fn print(&self) -> Vec<u8> {
        // Maps with string keys and finite or null numbers always have a JSON form.
        let mut text = serde_json::to_vec_pretty(self).unwrap_or_default();
        text.push(b'\n');
        text
    }
}

/// The schema that a manifest names, read without looking at anything else.
pub(crate) fn schema_of(bytes: &[u8]) -> Result<String, Fault> {
    #[derive(Deserialize)]
    struct Head {
        schema: Option<String>,
    }
    let head: Head = serde_json::from_slice(bytes)
        .map_err(|error| Fault::new(error.line().max(1), error.to_string()))?;
    head.schema
        .ok_or_else(|| Fault::new(1, "`schema` is missing; expected \"stilltrace.capture/v1\""))
}

/// The major version of a schema of captures; `None` for any other schema.
pub(crate) fn major(schema: &str) -> Option<u64> {
    let version = schema.strip_prefix("stilltrace.capture/v")?;
    version.split('.').next()?.parse().ok()
}

impl From<&GapRecord> for Gap {
    fn from(record: &GapRecord) -> Self {
        let (what, why) = (record.what.clone(), record.why.clone());
        Self { what, why, remedy: record.remedy.clone(), ..Self::default() }
    }
}

impl From<&Gap> for GapRecord {
    fn from(gap: &Gap) -> Self {
        Self { what: gap.what.clone(), why: gap.why.clone(), remedy: gap.remedy.clone() }
    }
}

fn window(from: &str, to: &str) -> Option<Window> {
    let window = Window { from: Timestamp::parse(from)?, to: Timestamp::parse(to)? };
    (window.from < window.to).then_some(window)
}

fn is_commit_id(text: &str) -> bool {
    text.len() == 40
        && text.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
}

/// The line on which a key first appears, from 1.
fn line_of(bytes: &[u8], key: &str) -> usize {
    let quoted = format!("\"{key}\"");
    let text = String::from_utf8_lossy(bytes);
    text.lines().position(|line| line.contains(&quoted)).map_or(1, |at| at + 1)
}
