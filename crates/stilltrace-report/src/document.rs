//! The shape of the machine-readable report, `stilltrace.report/v1`.
//!
//! These types are the contract: fields are only ever added. They mirror the diagnosis but are
//! kept apart from it, so that the stages can change while readers of reports do not notice. The
//! order of fields here is the order of keys in the document. Conversion is by hand, in
//! `document/convert.rs`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

mod convert;

/// The answer to "why is this service slow?".
///
/// Times are RFC 3339 in UTC, durations are seconds, paths are relative to the repository root
/// with `/`, lines and columns count from 1, columns in characters. Floating-point numbers carry
/// six significant digits. A key is never absent: what there is not is null or an empty list.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "Stilltrace report, version 1")]
pub struct Document {
    /// Name and version of this format.
    #[schemars(extend("const" = "stilltrace.report/v1"))]
    pub schema: String,
    /// What kind of answer this is: `cause` (a platform change or setting is the cause),
    /// `not-the-platform` (positive evidence for another cause), `not-proven` (the anomaly is
    /// real, the evidence does not separate the candidates), `no-anomaly`.
    #[schemars(extend("enum" = ["cause", "not-the-platform", "not-proven", "no-anomaly"]))]
    pub verdict: String,
    /// One sentence that sums up the answer.
    pub headline: String,
    /// What is wrong with the service.
    pub symptom: SymptomItem,
    /// Candidates for the cause, ranked, best first.
    pub hypotheses: Vec<Candidate>,
    /// The platform stack trace, outermost layer first.
    pub frames: Vec<StackFrame>,
    /// Suspects that were looked at and let go.
    pub rejected: Vec<Suspect>,
    /// Evidence that could not be had.
    pub gaps: Vec<MissingEvidence>,
    /// The proposed fix.
    pub fix: Option<ProposedFix>,
    /// What the answer rests on.
    pub inputs: Provenance,
}

/// What is wrong with the service. Everything but the service is null when nothing is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SymptomItem {
    /// The service asked about, `namespace/name`.
    pub service: String,
    /// The indicator that suffers most.
    #[schemars(extend("enum" = ["latency_p99", "latency_p50", "error_ratio", null]))]
    pub indicator: Option<String>,
    /// When it began.
    #[schemars(extend("format" = "date-time"))]
    pub onset: Option<String>,
    /// Typical value before.
    pub before: Option<f64>,
    /// Typical value after.
    pub after: Option<f64>,
    /// Unit of `before`, `after` and `target`: `s`, `1/s`, `share`, `1`, `cores`, `count`.
    pub unit: Option<String>,
    /// The objective, in the same unit.
    pub target: Option<f64>,
    /// The time that was looked at.
    pub window: Option<TimeSpan>,
}

/// A half-open span of time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TimeSpan {
    /// First instant inside.
    #[schemars(extend("format" = "date-time"))]
    pub from: String,
    /// First instant after.
    #[schemars(extend("format" = "date-time"))]
    pub to: String,
}

/// A candidate for the cause.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Candidate {
    /// Rule name, or `none/…` for causes outside the platform.
    pub mechanism: String,
    /// One sentence: what happened.
    pub statement: String,
    /// How sure that is, between 0 and 1.
    pub confidence: Option<f64>,
    /// The service or workload it sits on (`namespace/name`), or `mesh`; null for an edge.
    pub entity: Option<String>,
    /// What `entity` is: `service`, `workload`, `edge` (then see `edge`) or `mesh`.
    #[schemars(extend("enum" = ["service", "workload", "edge", "mesh"]))]
    pub entity_kind: String,
    /// The calls it sits on; null for anything else.
    pub edge: Option<Address>,
    /// What caused it.
    pub origin: Option<SourceLine>,
    /// Who answers for it.
    pub owner: Option<String>,
    /// Evidence that came out as predicted.
    pub supported_by: Vec<EvidenceItem>,
    /// Evidence that did not.
    pub contradicted_by: Vec<EvidenceItem>,
}

/// The calls of one workload to one service port.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Address {
    /// The calling workload, `namespace/name`.
    pub source: String,
    /// The called service, `namespace/name`.
    pub destination: String,
    /// The called service port.
    pub port: u16,
}

/// The guilty line, or the live object where the cause is not in Git.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SourceLine {
    /// Path from the repository root; null for a cause outside Git.
    pub path: Option<String>,
    /// Line, from 1.
    pub line: Option<u32>,
    /// Column in characters, from 1.
    pub column: Option<u32>,
    /// `after`: the line is in the revision in effect. `before`: the commit removed it, and path
    /// and line are those of its parent.
    #[schemars(extend("enum" = ["after", "before", null]))]
    pub side: Option<String>,
    /// The commit, 40 hexadecimal digits.
    pub commit: Option<String>,
    /// The author's name as recorded.
    pub author: Option<String>,
    /// Commit time.
    #[schemars(extend("format" = "date-time"))]
    pub time: Option<String>,
    /// The object that the line ends up in.
    pub object: Option<ObjectName>,
    /// Path of the field in that object.
    pub field: Option<String>,
    /// The value before the commit, as people write it.
    pub before: Option<String>,
    /// The value in effect, as people write it.
    pub after: Option<String>,
    /// The live object where the cause is not in Git.
    pub live: Option<Live>,
}

/// The identity of a Kubernetes object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ObjectName {
    /// Such as `networking.istio.io/v1`.
    pub api_version: String,
    /// Such as `VirtualService`.
    pub kind: String,
    /// Empty for cluster-scoped kinds.
    pub namespace: String,
    /// Object name.
    pub name: String,
}

/// A cause in the cluster that no commit made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Live {
    /// The object that was changed.
    pub object: ObjectName,
    /// The field manager that changed it, such as `kubectl-edit`.
    pub manager: Option<String>,
    /// When.
    #[schemars(extend("format" = "date-time"))]
    pub time: Option<String>,
}

/// A measured value with its baseline and the way to see it again.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct EvidenceItem {
    /// What was measured.
    pub what: String,
    /// The value; null where it is not a finite number.
    pub value: Option<Value>,
    /// The value to compare with.
    pub baseline: Option<Value>,
    /// Unit of both; null for text.
    pub unit: Option<String>,
    /// The exact query, command or address that shows it.
    pub query: String,
    /// Where it came from, such as `prometheus`.
    pub source: String,
}

/// A number or a text.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Value {
    /// A number in the evidence's unit.
    Number(f64),
    /// A configured value, a name, a time.
    Text(String),
}

/// One layer of the platform stack trace.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct StackFrame {
    /// Which layer.
    #[schemars(extend("enum" = ["slo", "workload", "kernel", "mesh", "config", "gitops", "git", "owner"]))]
    pub layer: String,
    /// One line.
    pub statement: String,
    /// When it happened.
    #[schemars(extend("format" = "date-time"))]
    pub time: Option<String>,
    /// What the statement rests on; never empty.
    #[schemars(length(min = 1))]
    pub evidence: Vec<EvidenceItem>,
    /// Short windows of one container against what a dashboard shows of them.
    pub picture: Option<SubSecond>,
}

/// Short windows of one container against what a dashboard shows of them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SubSecond {
    /// `namespace/pod/container`.
    pub container: String,
    /// Start of the first column.
    #[schemars(extend("format" = "date-time"))]
    pub start: String,
    /// Length of a column in seconds.
    pub column_seconds: Option<f64>,
    /// Highest CPU use over 100 ms in each column, in cores.
    pub peaks: Vec<Option<f64>>,
    /// Share of each column in which the container stood still at its limit.
    pub stalled: Vec<Option<f64>>,
    /// Average CPU use of each 15 s span, in cores.
    pub dashboard: Vec<Option<f64>>,
    /// CPU limit in cores.
    pub limit: Option<f64>,
    /// Index of the column in which the symptom began, from 0.
    pub onset_column: Option<usize>,
}

/// A suspect that was let go.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Suspect {
    /// What was suspected.
    pub suspect: String,
    /// Why it is not the cause.
    pub reason: String,
    /// The commit, if it is one.
    pub commit: Option<String>,
}

/// Evidence that could not be had.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct MissingEvidence {
    /// What is missing.
    pub what: String,
    /// Why that matters for the answer.
    pub why: String,
    /// The smallest change that would close it.
    pub remedy: String,
}

/// The proposed fix.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ProposedFix {
    /// A unified diff that `git apply` accepts; null where no repository could make one.
    pub patch: Option<String>,
    /// `safe`: nothing that anyone can rely on changes. `review`: someone must look at it first.
    #[schemars(extend("enum" = ["safe", "review"]))]
    pub safety: String,
    /// One sentence: what it does.
    pub explanation: String,
}

/// What the answer rests on.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Provenance {
    /// Digest of the capture, if the answer came from one.
    pub capture_digest: Option<String>,
    /// The Git revision in effect.
    pub revision: Option<String>,
    /// Version of the program.
    pub tool_version: String,
    /// Version of the rule set.
    pub rules_version: String,
    /// Parts of the evidence that are stand-ins which no controller produced, a sentence each.
    pub synthetic: Vec<String>,
}
