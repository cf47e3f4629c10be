//! `events.jsonl`: one event per line, sorted by time.

use serde::{Deserialize, Serialize};
use stilltrace_model::{CommitId, Event, EventKind, ObjectRef, Timestamp};

use crate::error::Fault;

#[derive(Serialize, Deserialize)]
struct EventRecord {
    time: String,
    kind: String,
    object: ObjectRecord,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    revision: Option<String>,
    #[serde(default)]
    message: String,
    #[serde(default)]
    synthetic: bool,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ObjectRecord {
    api_version: String,
    kind: String,
    #[serde(default)]
    namespace: String,
    name: String,
}

/// Events sorted by time, whatever the order of lines. An unknown kind is [`EventKind::Other`].
pub(crate) fn parse(text: &str) -> Result<Vec<Event>, Fault> {
    let mut events = Vec::new();
    for (index, line) in text.lines().enumerate() {
        if line.trim().is_empty() {
            continue;
        }
        let record: EventRecord =
            serde_json::from_str(line).map_err(|error| Fault::new(index + 1, error.to_string()))?;
        let time = Timestamp::parse(&record.time)
            .ok_or_else(|| Fault::new(index + 1, "`time` must be RFC 3339"))?;
        events.push(Event {
            time,
            kind: kind_of(&record.kind),
            object: ObjectRef {
                api_version: record.object.api_version,
                kind: record.object.kind,
                namespace: record.object.namespace,
                name: record.object.name,
            },
            revision: record.revision.map(CommitId),
            message: record.message,
            synthetic: record.synthetic,
        });
    }
    sort(&mut events);
    Ok(events)
}

/// The text of `events.jsonl`.
pub(crate) fn print(events: &[Event]) -> String {
    let mut events = events.to_vec();
    sort(&mut events);
    let mut out = String::new();
    for event in events {
        let record = EventRecord {
            time: event.time.to_string(),
            kind: word(event.kind).to_owned(),
            object: ObjectRecord {
                api_version: event.object.api_version,
                kind: event.object.kind,
                namespace: event.object.namespace,
                name: event.object.name,
            },
            revision: event.revision.map(|revision| revision.0),
            message: event.message,
            synthetic: event.synthetic,
        };
        // A record of strings always has a JSON form.
        out.push_str(&serde_json::to_string(&record).unwrap_or_default());
        out.push('\n');
    }
    out
}

fn sort(events: &mut [Event]) {
    events.sort_by(|a, b| {
        (a.time, a.kind, &a.object, &a.revision, &a.message).cmp(&(
            b.time,
            b.kind,
            &b.object,
            &b.revision,
            &b.message,
        ))
    });
}

fn word(kind: EventKind) -> &'static str {
    match kind {
        EventKind::Synced => "synced",
        EventKind::SyncFailed => "sync-failed",
        EventKind::RolledOut => "rolled-out",
        EventKind::Scaled => "scaled",
        EventKind::Other => "other",
    }
}

fn kind_of(word: &str) -> EventKind {
    match word {
        "synced" => EventKind::Synced,
        "sync-failed" => EventKind::SyncFailed,
        "rolled-out" => EventKind::RolledOut,
        "scaled" => EventKind::Scaled,
        _ => EventKind::Other,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failure is the test's result")]
    use super::*;

    #[test]
    fn every_kind_is_read_back() {
        let kinds = [
            EventKind::Synced,
            EventKind::SyncFailed,
            EventKind::RolledOut,
            EventKind::Scaled,
            EventKind::Other,
        ];
        let events: Vec<Event> = kinds
            .into_iter()
            .enumerate()
            .map(|(index, kind)| Event {
                time: Timestamp(1_772_632_930_250 + i64::try_from(index).unwrap()),
                kind,
                object: ObjectRef {
                    api_version: "apps/v1".to_owned(),
                    kind: "Deployment".to_owned(),
                    namespace: "shop".to_owned(),
                    name: "web".to_owned(),
                },
                revision: (index == 0).then(|| CommitId("ab".repeat(20))),
                message: "line\nbreak \u{1b}[31m".to_owned(),
                synthetic: index == 1,
            })
            .collect();
        let reversed: Vec<Event> = events.iter().rev().cloned().collect();
        assert_eq!(parse(&print(&reversed)).unwrap(), events);
    }

    #[test]
    fn a_bad_line_is_named_by_number() {
        let good = "{\"time\":\"2026-03-04T14:02:10Z\",\"kind\":\"new\",\"object\":{\"apiVersion\":\"v1\",\"kind\":\"Pod\",\"name\":\"x\"}}";
        assert_eq!(parse(good).unwrap().first().map(|event| event.kind), Some(EventKind::Other));
        let text = format!("{good}\n\n{{}}\n");
        assert_eq!(parse(&text).err().map(|fault| fault.line), Some(3));
        let text = good.replace("2026-03-04T14", "yesterday");
        assert_eq!(parse(&text).err().map(|fault| fault.line), Some(1));
    }
}
