//! Compares a document of settings with Istio's answer and counts equal fields by their class.
//!
//! Classes: `W` workload, `E` edge, `S` subset, `I` inbound port; `http` and `tcp` are compared
//! whole per port and host. Shared by the tests that compare with the corpus and with fresh input.

#![allow(clippy::unwrap_used, reason = "a failed test may panic")]

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

/// Keys beside the values, which Istio's answer lacks.
const BESIDE: [&str; 3] = ["origins", "depends_on_age", "no_cluster_status"];

/// Equal and all comparisons by class, and what differs.
#[derive(Default, Clone)]
pub(crate) struct Tally {
    classes: BTreeMap<String, (usize, usize)>,
    misses: Vec<String>,
    differing: BTreeSet<String>,
    differing_clusters: BTreeSet<String>,
    cases: usize,
    case: String,
}

impl Tally {
    /// Compares one case.
    pub(crate) fn compare(&mut self, case: &str, ours: &Value, theirs: &Value) {
        case.clone_into(&mut self.case);
        self.cases += 1;
        let ours = stripped(ours);
        if let Some(refused) = theirs.get("invalid") {
            let refused: BTreeSet<String> =
                refused.as_array().into_iter().flatten().map(refused_object).collect();
            let named: BTreeSet<String> =
                ours["invalid"].as_array().into_iter().flatten().map(object_name).collect();
            self.field("invalid", "", Some(&json!(named)), Some(&json!(refused)));
            return;
        }
        self.field("invalid", "", ours.get("invalid"), None);
        let empty = Map::new();
        let ours = ours["workloads"].as_object().unwrap_or(&empty);
        let theirs = theirs["workloads"].as_object().unwrap_or(&empty);
        for (name, ours, theirs) in joined(ours, theirs) {
            let (Some(ours), Some(theirs)) = (ours, theirs) else {
                self.field("W", name, ours, theirs);
                continue;
            };
            self.workload(name, ours.as_object().unwrap(), theirs.as_object().unwrap());
        }
    }

    fn workload(&mut self, place: &str, ours: &Map<String, Value>, theirs: &Map<String, Value>) {
        for (key, ours, theirs) in joined(ours, theirs) {
            match key {
                "edges" => self.members("E", place, ours, theirs),
                "inbound" => self.members("I", place, ours, theirs),
                "http" => self.routes(place, ours, theirs),
                "tcp" => self.field("tcp", place, ours, theirs),
                key => self.field(&format!("W.{key}"), place, ours, theirs),
            }
        }
    }

    /// Objects by name, field by field.
    fn members(&mut self, class: &str, place: &str, ours: Option<&Value>, theirs: Option<&Value>) {
        let empty = Map::new();
        let ours = ours.and_then(Value::as_object).unwrap_or(&empty);
        let theirs = theirs.and_then(Value::as_object).unwrap_or(&empty);
        for (name, ours, theirs) in joined(ours, theirs) {
            let place = format!("{place} {name}");
            let (Some(ours), Some(theirs)) = (ours, theirs) else {
                self.field(class, &place, ours, theirs);
                continue;
            };
            for (key, ours, theirs) in
                joined(ours.as_object().unwrap(), theirs.as_object().unwrap())
            {
                if key == "subsets" {
                    self.members("S", &place, ours, theirs);
                } else {
                    self.field(&format!("{class}.{key}"), &place, ours, theirs);
                }
            }
        }
    }

    fn routes(&mut self, place: &str, ours: Option<&Value>, theirs: Option<&Value>) {
        let empty = Map::new();
        let ours = ours.and_then(Value::as_object).unwrap_or(&empty);
        let theirs = theirs.and_then(Value::as_object).unwrap_or(&empty);
        for (port, ours, theirs) in joined(ours, theirs) {
            let ours = ours.and_then(Value::as_object).unwrap_or(&empty);
            let theirs = theirs.and_then(Value::as_object).unwrap_or(&empty);
            for (host, ours, theirs) in joined(ours, theirs) {
                self.field("http", &format!("{place} {port} {host}"), ours, theirs);
            }
        }
    }

    fn field(&mut self, class: &str, place: &str, ours: Option<&Value>, theirs: Option<&Value>) {
        let counted = self.classes.entry(class.to_owned()).or_default();
        counted.1 += 1;
        if ours == theirs {
            counted.0 += 1;
            return;
        }
        let show = |value: Option<&Value>| value.map_or("-".to_owned(), Value::to_string);
        let case = &self.case;
        let miss = format!("{case}: {place}: {class}: ours {} Istio {}", show(ours), show(theirs));
        self.misses.push(miss);
        self.differing.insert(case.clone());
        if !matches!(class, "http" | "tcp") {
            self.differing_clusters.insert(case.clone());
        }
    }

    /// How many cases differ.
    pub(crate) fn differing(&self) -> usize {
        self.differing.len()
    }

    /// How many cases differ in anything but routes.
    pub(crate) fn differing_clusters(&self) -> usize {
        self.differing_clusters.len()
    }

    /// Figures by class, the cases that differ, the first differences.
    pub(crate) fn report(&self) -> String {
        let equal = self.cases - self.differing();
        let clusters = self.cases - self.differing_clusters();
        let mut lines = vec![format!(
            "{equal} of {} cases equal, {clusters} of them in all fields but routes",
            self.cases
        )];
        for (class, (equal, all)) in &self.classes {
            lines.push(format!("{class:<32} {equal:>7} of {all:>7}"));
        }
        let list =
            |names: &BTreeSet<String>| names.iter().take(40).cloned().collect::<Vec<_>>().join(" ");
        lines.push(format!("differing: {}", list(&self.differing)));
        lines.push(format!("differing but for routes: {}", list(&self.differing_clusters)));
        let wanted = std::env::var("STILLTRACE_CLASS").ok();
        let shown = self.misses.iter().filter(|miss| {
            wanted.as_ref().is_none_or(|wanted| miss.contains(&format!(": {wanted}: ")))
        });
        lines.extend(shown.take(limit()).cloned());
        lines.join("\n")
    }
}

/// How many differences to print: `STILLTRACE_MISSES`, else 20.
fn limit() -> usize {
    std::env::var("STILLTRACE_MISSES").ok().and_then(|text| text.parse().ok()).unwrap_or(20)
}

/// The document without what stands beside the values.
fn stripped(value: &Value) -> Value {
    match value {
        Value::Object(fields) => {
            let kept = fields.iter().filter(|(key, _)| !BESIDE.contains(&key.as_str()));
            Value::Object(kept.map(|(key, value)| (key.clone(), stripped(value))).collect())
        }
        Value::Array(items) => Value::Array(items.iter().map(stripped).collect()),
        other => other.clone(),
    }
}

/// The object of a line `Kind namespace/name: reason`; the reason has other words there.
fn refused_object(line: &Value) -> String {
    let line = line.as_str().unwrap_or_default();
    line.split_once(": ").map_or(line, |(object, _)| object).to_owned()
}

/// The object of one of our refusals, as `Kind namespace/name`.
fn object_name(entry: &Value) -> String {
    let text = |key: &str| entry["object"][key].as_str().unwrap_or_default().to_owned();
    format!("{} {}/{}", text("kind"), text("namespace"), text("name"))
}

/// The keys of both with their values.
fn joined<'a>(
    ours: &'a Map<String, Value>,
    theirs: &'a Map<String, Value>,
) -> Vec<(&'a str, Option<&'a Value>, Option<&'a Value>)> {
    let keys: BTreeSet<&str> = ours.keys().chain(theirs.keys()).map(String::as_str).collect();
    keys.into_iter().map(|key| (key, ours.get(key), theirs.get(key))).collect()
}
