//! Access logs as counts: one line per kind of log line, with one exemplar.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use stilltrace_model::Timestamp;

use crate::harvest::{LogCount, LogKind};
use crate::run::Run;

/// Length of the periods that a capture tells apart, in milliseconds.
const PERIOD_MS: u64 = 15_000;
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
    let mut by_period: BTreeMap<u64, u64> = BTreeMap::new();
    for count in counts {
        let start = count.period_unix_ms - count.period_unix_ms % PERIOD_MS;
        *by_period.entry(start).or_default() += count.count;
    }
    let at = |ms: u64| Timestamp(i64::try_from(ms).unwrap_or(0)).to_string();
    let periods: Vec<_> = by_period.into_iter().map(|(start, count)| (at(start), count)).collect();
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

    #[test]
    fn a_capture_counts_in_longer_periods() {
        let kind = LogKind {
            namespace: "a".into(),
            pod: "b".into(),
            upstream_cluster: "c".into(),
            response_code: 200,
            response_flags: "-".into(),
            response_code_details: "-".into(),
        };
        let count = |period_unix_ms, count| LogCount {
            period_unix_ms,
            kind: kind.clone(),
            count,
            duration_ms: 0,
            longest_ms: 0,
            exemplar: String::new(),
        };
        let counts = [count(15_000, 2), count(29_000, 3), count(30_000, 1)];
        let line = line(&kind, &counts.iter().collect::<Vec<_>>());
        assert_eq!(
            line["counts"],
            json!([["1970-01-01T00:00:15Z", 5], ["1970-01-01T00:00:30Z", 1]])
        );
    }
}
