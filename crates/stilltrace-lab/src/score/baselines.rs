//! What somebody without the product might guess, from the same recording.

use std::collections::BTreeMap;

use serde_json::Value;
use stilltrace_capture::RawSeries;
use stilltrace_model::{Event, EventKind, Timestamp};

/// How the names of counters end (OpenMetrics).
const COUNTERS: [&str; 4] = ["_total", "_count", "_sum", "_bucket"];

/// A way to guess the guilty commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Baseline {
    /// The last commit that took effect before the symptom.
    LastCommit,
    /// The last one before the symptom that changed an object of the victim or of its namespace.
    LastNearVictim,
    /// The last one before the symptom about the workload whose metric changed most.
    LargestChange,
    /// The last one before the symptom about an object that `istioctl analyze` complains of.
    Istioctl,
}

impl Baseline {
    /// All of them, in the order in which they are printed.
    pub const ALL: [Self; 4] =
        [Self::LastCommit, Self::LastNearVictim, Self::LargestChange, Self::Istioctl];

    /// What it is called.
    pub fn name(self) -> &'static str {
        match self {
            Self::LastCommit => "last commit before the symptom",
            Self::LastNearVictim => "last change near the victim",
            Self::LargestChange => "largest metric change",
            Self::Istioctl => "istioctl-style findings only",
        }
    }
}

/// What a guess is made from.
#[derive(Debug)]
pub struct Evidence<'e> {
    /// When the symptom began.
    pub onset: Timestamp,
    /// Syncs and other events.
    pub events: &'e [Event],
    /// Metrics.
    pub series: &'e [RawSeries],
    /// The truth, of which only the victim is used, and which object each commit is about.
    pub truth: &'e Value,
    /// What Istio's analyzers find in the objects of the cluster; `None` where nobody asked them.
    pub findings: Option<&'e [Value]>,
}

impl Evidence<'_> {
    /// Whether there is what a baseline guesses from.
    pub fn can_guess(&self, baseline: Baseline) -> bool {
        baseline != Baseline::Istioctl || self.findings.is_some()
    }

    /// The commit that a baseline guesses.
    pub fn guess(&self, baseline: Baseline) -> Option<String> {
        let about = self.objects();
        match baseline {
            Baseline::LastCommit => self.last(|_| true),
            Baseline::LastNearVictim => {
                let victim = self.truth["victim"].as_str()?;
                let (namespace, name) = victim.split_once('/')?;
                self.last(|commit| {
                    about.get(commit).is_some_and(|object| {
                        object["namespace"] == namespace || is_of(object, name)
                    })
                })
            }
            Baseline::LargestChange => {
                let changed = self.most_changed()?;
                self.last(|commit| about.get(commit).is_some_and(|object| is_of(object, changed)))
            }
            Baseline::Istioctl => {
                let found = self.findings?;
                let is_named = |object: &Value| {
                    let same = |one: &Value, key: &str| one["object"][key] == object[key];
                    let mut found = found.iter();
                    found.any(|one| ["kind", "namespace", "name"].iter().all(|key| same(one, key)))
                };
                self.last(|commit| about.get(commit).is_some_and(|object| is_named(object)))
            }
        }
    }

    /// Whether the commit is one of the truth's.
    pub fn is_guilty(&self, commit: Option<&str>) -> bool {
        let guilty = |cause: &Value| by(cause).is_some_and(|by| Some(by) == commit);
        self.truth["causes"].as_array().is_some_and(|causes| causes.iter().any(guilty))
    }

    /// The last commit that fits and took effect before the symptom.
    fn last(&self, fits: impl Fn(&str) -> bool) -> Option<String> {
        let synced = self.events.iter().filter(|event| event.kind == EventKind::Synced);
        let before = synced.filter(|event| event.time <= self.onset);
        let commits = before.filter_map(|event| Some((event.time, event.revision.as_ref()?)));
        let fitting = commits.filter(|(_, commit)| fits(&commit.0));
        fitting.max_by_key(|(time, _)| *time).map(|(_, commit)| commit.0.clone())
    }

    /// What each commit of the window is about.
    fn objects(&self) -> BTreeMap<&str, &Value> {
        let listed = |key: &str| self.truth[key].as_array().map(Vec::as_slice).unwrap_or_default();
        let all = listed("causes").iter().chain(listed("decoys"));
        all.filter_map(|one| Some((by(one)?, &one["object"]))).collect()
    }

    /// The workload of the counter whose rate changed most at the symptom, by its distance in
    /// standard deviations of a count.
    fn most_changed(&self) -> Option<&str> {
        let mut best: Option<(f64, &str)> = None;
        for series in self.series {
            // What is no counter may stand for anything, such as the time of the last push.
            if !COUNTERS.iter().any(|end| series.metric.ends_with(end)) {
                continue;
            }
            let label = ["destination_workload", "pod"];
            let Some(of) = label.iter().find_map(|label| series.label(label)) else { continue };
            let Some(distance) = distance(&series.points, self.onset) else { continue };
            if best.is_none_or(|(most, _)| distance > most) {
                best = Some((distance, of));
            }
        }
        best.map(|(_, of)| of)
    }
}

/// The commit that changed a line, or took it away.
fn by(change: &Value) -> Option<&str> {
    change["removed_by"].as_str().or_else(|| change["commit"].as_str())
}

/// Whether an object is named after a workload, or a pod of it.
fn is_of(object: &Value, workload: &str) -> bool {
    let name = object["name"].as_str().unwrap_or_default();
    !name.is_empty() && (workload.starts_with(name) || name.starts_with(workload))
}

/// How far a counter's rates before and behind a time are apart.
fn distance(points: &[(Timestamp, f64)], at: Timestamp) -> Option<f64> {
    let split = points.partition_point(|(time, _)| *time < at);
    let (before, behind) = points.split_at(split);
    let rate = |points: &[(Timestamp, f64)]| {
        let ((from, low), (to, high)) = (points.first()?, points.last()?);
        let seconds = (to.0 - from.0) as f64 / 1e3;
        (seconds > 0.0 && high >= low).then(|| ((high - low) / seconds, seconds))
    };
    let ((a, for_a), (b, for_b)) = (rate(before)?, rate(behind)?);
    let variance = a / for_a + b / for_b;
    (variance > 0.0).then(|| (a - b).abs() / variance.sqrt())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use stilltrace_model::{CommitId, ObjectRef};

    fn synced(at: i64, commit: &str) -> Event {
        Event {
            time: Timestamp(at),
            kind: EventKind::Synced,
            object: ObjectRef {
                api_version: "v1".to_owned(),
                kind: "Kustomization".to_owned(),
                namespace: "flux-system".to_owned(),
                name: "apps".to_owned(),
            },
            revision: Some(CommitId(commit.to_owned())),
            message: String::new(),
            synthetic: true,
        }
    }

    fn counter(workload: &str, rates: (f64, f64)) -> RawSeries {
        let value = |second: i64| {
            let (before, behind) = (second.min(60) as f64, (second - 60).max(0) as f64);
            before * rates.0 + behind * rates.1
        };
        RawSeries {
            metric: "istio_requests_total".to_owned(),
            labels: vec![("destination_workload".to_owned(), workload.to_owned())],
            points: (0..=8).map(|i| (Timestamp(i * 15_000), value(i * 15))).collect(),
        }
    }

    #[test]
    fn each_baseline_guesses_as_it_says() {
        let place = |commit: &str, name: &str, namespace: &str| json!({"commit": commit, "object": {"name": name, "namespace": namespace}});
        let truth = json!({
            "victim": "shop/web",
            "causes": [place("c1", "bank", "pay")],
            "decoys": [place("c2", "web", "shop"), place("c3", "mail", "post"), place("c4", "web", "shop")],
        });
        let events = [
            synced(10_000, "c1"),
            synced(20_000, "c2"),
            synced(30_000, "c3"),
            synced(90_000, "c4"),
        ];
        // A time of 13 digits that jumps is no counter.
        let mut gauge = counter("mail", (0.0, 1e12));
        gauge.metric = "envoy_cluster_manager_cds_update_time".to_owned();
        let series = [counter("web-v1", (10.0, 11.0)), counter("bank", (5.0, 50.0)), gauge];
        let onset = Timestamp(60_000);
        let findings = [json!({"code": "IST0101", "object": {"name": "bank", "namespace": "pay"}})];
        let found = Some(findings.as_slice());
        let evidence =
            Evidence { onset, events: &events, series: &series, truth: &truth, findings: found };
        let guess = |baseline| evidence.guess(baseline);
        assert_eq!(guess(Baseline::LastCommit).as_deref(), Some("c3"));
        assert_eq!(guess(Baseline::LastNearVictim).as_deref(), Some("c2"));
        assert_eq!(guess(Baseline::LargestChange).as_deref(), Some("c1"));
        assert_eq!(guess(Baseline::Istioctl).as_deref(), Some("c1"));
        let silent = Evidence { findings: Some(&[]), ..evidence };
        assert!(silent.guess(Baseline::Istioctl).is_none() && silent.can_guess(Baseline::Istioctl));
        let unasked = Evidence { findings: None, ..silent };
        assert!(!unasked.can_guess(Baseline::Istioctl));
        let evidence = unasked;
        assert!(evidence.is_guilty(Some("c1")) && !evidence.is_guilty(Some("c2")));
        assert!(!evidence.is_guilty(None));
    }

    #[test]
    fn the_commit_that_took_a_line_away_is_guilty_not_the_one_that_had_it() {
        let truth = json!({"causes": [{"commit": "old", "removed_by": "new"}]});
        let evidence = Evidence {
            onset: Timestamp(0),
            events: &[],
            series: &[],
            truth: &truth,
            findings: None,
        };
        assert!(evidence.is_guilty(Some("new")) && !evidence.is_guilty(Some("old")));
    }
}
