//! Access logs as counts: one line per kind of log line, with one exemplar.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use stilltrace_model::Timestamp;

use crate::harvest::{LogCount, LogKind};
use crate::run::Run;

/// Fields of an exemplar that could name a client or a machine.
const REDACTED: &[&str] = &[
    "downstream_local_address",
    "downstream_remote_address",
    "request_id",
    "upstream_host",
    "upstream_local_address",
    "user_agent",
    "x_forwarded_for",
];

/// One JSON object per kind.
pub(super) fn of(run: &Run) -> String {
    let (from, to) = (run.start_ms - 15_000, run.end_ms());
    let mut kinds: BTreeMap<&LogKind, Vec<&LogCount>> = BTreeMap::new();
    for count in &run.records.logs {
        let at = i64::try_from(count.period_unix_ms).unwrap_or(i64::MAX);
        if from < at && at < to {
            kinds.entry(&count.kind).or_default().push(count);
        }
    }
    let lines: Vec<_> = kinds.iter().map(|(kind, counts)| line(kind, counts).to_string()).collect();
    if lines.is_empty() { String::new() } else { lines.join("\n") + "\n" }
}

fn line(kind: &LogKind, counts: &[&LogCount]) -> Value {
    let mut periods: Vec<_> = counts
        .iter()
        .map(|count| {
            let at = Timestamp(i64::try_from(count.period_unix_ms).unwrap_or(0)).to_string();
            (at, count.count)
        })
        .collect();
    periods.sort();
    let longest = counts.iter().max_by_key(|count| count.longest_ms);
    json!({
        "source": "istio-proxy access log",
        "namespace": kind.namespace,
        "pod": kind.pod,
        "template": format!(
            "{} {} {} {}",
            kind.upstream_cluster, kind.response_code, kind.response_flags,
            kind.response_code_details
        ),
        "counts": periods,
        "exemplar": longest.map(|count| redacted(&count.exemplar)),
    })
}

/// A log line without what could name a client or a machine; nothing if it is not JSON.
fn redacted(line: &str) -> Value {
    let Ok(Value::Object(mut fields)) = serde_json::from_str(line) else { return Value::Null };
    for name in REDACTED {
        if let Some(value) = fields.get_mut(*name)
            && !value.is_null()
        {
            *value = Value::from("-redacted-");
        }
    }
    Value::Object(fields)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_exemplar_names_no_client() {
        let line = r#"{"x_forwarded_for":"10.1.2.3","request_id":"abc","response_code":503}"#;
        let text = redacted(line).to_string();
        assert!(!text.contains("10.1.2.3") && !text.contains("abc") && text.contains("503"));
        assert!(redacted("no json").is_null());
    }
}
