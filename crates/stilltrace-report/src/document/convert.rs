//! From the diagnosis to the document, field by field.

use stilltrace_model::{
    Cause, CommitInfo, Diagnosis, Entity, Evidence, Fix, Frame, Indicator, Judged, Measure,
    ObjectRef, Picture, Rejected, Safety, Side, Timestamp,
};

use super::{
    Address, Candidate, Document, EvidenceItem, MissingEvidence, ObjectName, ProposedFix,
    Provenance, SourceLine, StackFrame, SubSecond, Suspect, SymptomItem, TimeSpan, Value,
};
use crate::json::SCHEMA_NAME;

impl From<&Diagnosis> for Document {
    fn from(diagnosis: &Diagnosis) -> Self {
        let inputs = &diagnosis.inputs;
        Self {
            schema: SCHEMA_NAME.to_owned(),
            verdict: diagnosis.verdict.word().to_owned(),
            headline: diagnosis.headline.clone(),
            symptom: symptom(diagnosis),
            hypotheses: diagnosis.hypotheses.iter().map(candidate).collect(),
            frames: diagnosis.frames.iter().map(frame).collect(),
            rejected: diagnosis.rejected.iter().map(suspect).collect(),
            gaps: diagnosis
                .gaps
                .iter()
                .map(|gap| MissingEvidence {
                    what: gap.what.clone(),
                    why: gap.why.clone(),
                    remedy: gap.remedy.clone(),
                })
                .collect(),
            fix: diagnosis.fix.as_ref().map(fix),
            inputs: Provenance {
                capture_digest: inputs.capture_digest.clone(),
                revision: inputs.revision.clone(),
                tool_version: inputs.tool_version.clone(),
                rules_version: inputs.rules_version.clone(),
                synthetic: inputs.synthetic.clone(),
            },
        }
    }
}

fn symptom(diagnosis: &Diagnosis) -> SymptomItem {
    let symptom = diagnosis.symptom.as_ref();
    SymptomItem {
        service: diagnosis.service.to_string(),
        indicator: symptom.map(|symptom| symptom.indicator.word().to_owned()),
        onset: symptom.map(|symptom| symptom.onset.to_string()),
        before: symptom.and_then(|symptom| rounded(symptom.before)),
        after: symptom.and_then(|symptom| rounded(symptom.after)),
        unit: symptom.map(|symptom| {
            match symptom.indicator {
                Indicator::LatencyP99 | Indicator::LatencyP50 => "s",
                Indicator::Errors => "share",
            }
            .to_owned()
        }),
        target: symptom.and_then(|symptom| symptom.target).and_then(rounded),
        window: symptom.map(|symptom| TimeSpan {
            from: symptom.window.from.to_string(),
            to: symptom.window.to.to_string(),
        }),
    }
}

fn candidate(judged: &Judged) -> Candidate {
    let (kind, entity, edge) = match &judged.entity {
        Entity::Service(id) => ("service", Some(id.to_string()), None),
        Entity::Workload(id) => ("workload", Some(id.to_string()), None),
        Entity::Mesh => ("mesh", Some("mesh".to_owned()), None),
        Entity::Edge(id) => (
            "edge",
            None,
            Some(Address {
                source: id.source.to_string(),
                destination: id.destination.to_string(),
                port: id.port,
            }),
        ),
    };
    Candidate {
        mechanism: judged.mechanism.clone(),
        statement: judged.statement.clone(),
        confidence: rounded(judged.confidence),
        entity,
        entity_kind: kind.to_owned(),
        edge,
        origin: judged.origin.as_ref().map(source_line),
        owner: judged.owner.as_ref().map(|owner| owner.name.clone()),
        supported_by: judged.supported_by.iter().map(EvidenceItem::from).collect(),
        contradicted_by: judged.contradicted_by.iter().map(EvidenceItem::from).collect(),
    }
}

fn source_line(cause: &Cause) -> SourceLine {
    let commit = cause.commit.as_ref();
    SourceLine {
        path: Some(cause.at.path.to_string()),
        line: Some(cause.at.line),
        column: Some(cause.at.column),
        side: Some(
            match cause.side {
                Side::After => "after",
                Side::Before => "before",
            }
            .to_owned(),
        ),
        commit: commit.map(full_id),
        author: commit.map(|commit| commit.author.clone()),
        time: commit.map(|commit| commit.time.to_string()),
        object: Some(object(&cause.object)),
        field: Some(cause.field.clone()),
        before: cause.before.clone(),
        after: Some(cause.after.clone()),
        live: None,
    }
}

fn object(object: &ObjectRef) -> ObjectName {
    ObjectName {
        api_version: object.api_version.clone(),
        kind: object.kind.clone(),
        namespace: object.namespace.clone(),
        name: object.name.clone(),
    }
}

fn frame(frame: &Frame) -> StackFrame {
    StackFrame {
        layer: frame.layer().word().to_owned(),
        statement: frame.statement().to_owned(),
        time: frame.time().as_ref().map(Timestamp::to_string),
        evidence: frame.evidence().iter().map(EvidenceItem::from).collect(),
        picture: frame.picture().map(SubSecond::from),
    }
}

impl From<&Picture> for SubSecond {
    fn from(picture: &Picture) -> Self {
        let all = |values: &[f64]| values.iter().copied().map(rounded).collect();
        Self {
            container: picture.container.to_string(),
            start: picture.start.to_string(),
            column_seconds: rounded(picture.column_seconds),
            peaks: all(&picture.peaks),
            stalled: all(&picture.stalled),
            dashboard: all(&picture.dashboard),
            limit: picture.limit.and_then(rounded),
            onset_column: picture.onset_column,
        }
    }
}

impl From<&Evidence> for EvidenceItem {
    fn from(evidence: &Evidence) -> Self {
        Self {
            what: evidence.what.clone(),
            value: value(&evidence.value),
            baseline: evidence.baseline.as_ref().and_then(value),
            unit: (!evidence.unit.is_empty()).then(|| evidence.unit.to_owned()),
            query: evidence.query.clone(),
            source: evidence.source.clone(),
        }
    }
}

fn value(measure: &Measure) -> Option<Value> {
    match measure {
        Measure::Number(number) => rounded(*number).map(Value::Number),
        Measure::Text(text) => Some(Value::Text(text.clone())),
    }
}

fn suspect(rejected: &Rejected) -> Suspect {
    Suspect {
        suspect: rejected.suspect.clone(),
        reason: rejected.reason.clone(),
        commit: rejected.commit.as_ref().map(full_id),
    }
}

fn full_id(commit: &CommitInfo) -> String {
    commit.id.0.clone()
}

fn fix(fix: &Fix) -> ProposedFix {
    ProposedFix {
        patch: fix.patch.clone(),
        safety: match fix.safety {
            Safety::Safe => "safe",
            Safety::Review => "review",
        }
        .to_owned(),
        explanation: fix.explanation.clone(),
    }
}

/// Six significant digits, so that the last bits of a sum do not differ between machines; `None`
/// for what is no finite number, which JSON cannot hold. Negative zero becomes zero.
fn rounded(value: f64) -> Option<f64> {
    if !value.is_finite() {
        return None;
    }
    format!("{value:.5e}").parse::<f64>().ok().map(|rounded| rounded + 0.0)
}

#[cfg(test)]
mod tests {
    use super::rounded;

    #[test]
    fn six_digits_are_kept() {
        assert_eq!(rounded(1.234_567_89), Some(1.234_57));
        assert_eq!(rounded(1.0 / 3.0 * 1e9), Some(333_333_000.0));
        assert_eq!(rounded(0.1 + 0.2), Some(0.3));
        assert_eq!(rounded(-0.0).map(f64::is_sign_negative), Some(false));
    }

    #[test]
    fn what_json_cannot_hold_is_null() {
        assert_eq!([f64::NAN, f64::INFINITY, f64::NEG_INFINITY].map(rounded), [None; 3]);
    }
}
