//! The answer follows the evidence: recorded incidents, as they are and taken apart.

#![allow(clippy::unwrap_used, reason = "tests")]

mod support;

use std::fs;

use serde_json::Value;
use support::{Opened, blamed, confidence, history::Part, recorded, recorded_of};

#[test]
fn every_recorded_incident_is_explained_as_its_truth_says() {
    for path in recorded() {
        let opened = Opened::new(&path);
        let report = opened.why();
        let (verdict, line) = blamed(&report);
        assert_eq!(verdict, opened.truth["verdict"].as_str().unwrap(), "{}", path.display());
        if verdict == "cause" {
            assert_eq!(line, opened.guilty(), "{}", path.display());
            assert_eq!(
                report["hypotheses"][0]["mechanism"],
                opened.mechanism(),
                "{}",
                path.display()
            );
        }
    }
}

#[test]
fn the_truth_is_never_looked_at() {
    for path in recorded() {
        let opened = Opened::new(&path);
        let with = opened.run().stdout;
        fs::remove_file(opened.path("truth.json")).unwrap();
        assert_eq!(with, opened.run().stdout, "{}", path.display());
        fs::write(opened.path("truth.json"), "not even JSON").unwrap();
        assert_eq!(with, opened.run().stdout, "{}", path.display());
    }
}

#[test]
fn the_same_change_in_another_file_moves_the_answer_there() {
    for mechanism in ["retry-storm", "sidecar-cpu-limit"] {
        for opened in recorded_of(mechanism) {
            let (path, line, commit) = opened.guilty();
            let place = opened.place_of(&commit);
            let (folder, name) = path.rsplit_once('/').unwrap();
            let moved = format!("{folder}/settings-{name}");
            opened.rewrite_history(&|part| match part {
                Part::Path(old) if old == path => moved.clone(),
                Part::Path(old) => old.to_owned(),
                // Kustomize lists a neighbour by its name; nothing else refers to files.
                Part::Text(text) => with_reference_renamed(text, name),
            });
            let expected = (moved, line, opened.commit_at(place));
            assert_eq!(blamed(&opened.why()), ("cause".to_owned(), expected));
        }
    }
}

#[test]
fn the_same_change_in_another_commit_moves_the_answer_there() {
    for mechanism in ["retry-storm", "sidecar-cpu-limit"] {
        for opened in recorded_of(mechanism) {
            let (path, line, commit) = opened.guilty();
            let place = opened.place_of(&commit);
            // Trade places with the commit before it: what each of the two does to its files is
            // done by the other one, under the other one's author, message and time.
            let stream = opened.git(&["fast-export", "--all"]);
            opened.replace_history(swapped(&stream, place - 1).as_bytes());
            let expected = (path, line, opened.commit_at(place - 1));
            assert_eq!(blamed(&opened.why()), ("cause".to_owned(), expected));
        }
    }
}

#[test]
fn without_the_callees_side_a_retry_storm_is_less_sure_and_the_gap_is_named() {
    for opened in recorded_of("retry-storm") {
        loses_confidence(&opened, "retry-storm", |line| line.contains("reporter=\"destination\""));
    }
}

#[test]
fn without_throttling_counters_a_cpu_limit_is_less_sure_and_the_gap_is_named() {
    for opened in recorded_of("sidecar-cpu-limit") {
        loses_confidence(&opened, "sidecar-cpu-limit", |line| {
            line.starts_with("container_cpu_cfs_")
        });
    }
}

#[test]
fn without_the_callees_side_an_innocent_platform_is_not_proven() {
    for opened in recorded_of("none/app-regression") {
        opened.drop_samples(|line| line.contains("reporter=\"destination\""));
        assert_eq!(opened.why()["verdict"], "not-proven");
    }
}

#[test]
fn names_and_the_order_of_rows_decide_nothing() {
    for path in recorded() {
        let opened = Opened::new(&path);
        let before = opened.why();
        let names = names_in(&opened);
        let rename = |text: &str| renamed(text, &names);
        opened.rewrite_history(&|part| match part {
            Part::Path(text) | Part::Text(text) => rename(text),
        });
        opened.edit_samples(|text| rename(&shuffled(text, 0)));
        // Lines in front of the rows: the names of the columns, for bursts also unit and source.
        for (name, header) in [
            ("calls.csv", 1),
            ("containers.csv", 1),
            ("bursts.csv", 4),
            ("events.jsonl", 0),
            ("objects.jsonl", 0),
        ] {
            if opened.path(name).exists() {
                opened.edit(name, |text| rename(&shuffled(text, header)));
            }
        }
        opened.edit("manifest.json", |text| {
            let mut manifest: Value = serde_json::from_str(text).unwrap();
            let service = manifest["question"]["service"].as_str().unwrap().to_owned();
            manifest["question"]["service"] = Value::String(rename(&service));
            manifest.to_string()
        });
        let after = opened.why();
        // Of what was ruled out, the list ends somewhere, and equals stand there by their names.
        let possible = |report: &Value| {
            let mut shape = shape(report);
            shape.retain(|(_, confidence)| confidence != "0.0000");
            shape
        };
        assert_eq!(possible(&before), possible(&after), "{}", path.display());
        let (verdict, (file, line, _)) = blamed(&before);
        assert_eq!((verdict, (rename(&file), line)), {
            let (v, (f, l, _)) = blamed(&after);
            (v, (f, l))
        });
    }
}

#[test]
fn two_runs_give_the_same_bytes() {
    for path in recorded() {
        let opened = Opened::new(&path);
        assert_eq!(opened.run().stdout, opened.run().stdout);
    }
}

fn loses_confidence(opened: &Opened, mechanism: &str, gone: impl Fn(&str) -> bool) {
    let before = opened.why();
    opened.drop_samples(gone);
    let after = opened.why();
    assert!(confidence(&after, mechanism) < confidence(&before, mechanism), "{after:#}");
    let gaps = after["gaps"].as_array().unwrap();
    let known = before["gaps"].as_array().unwrap();
    let new: Vec<&Value> = gaps.iter().filter(|gap| !known.contains(gap)).collect();
    assert!(!new.is_empty(), "no new gap");
    assert!(
        new.iter().all(|gap| !gap["remedy"].as_str().unwrap_or_default().is_empty()),
        "{new:?}"
    );
}

/// Mechanisms with their confidence, which renaming must not touch. Equal entries may trade places,
/// since ties break by name.
fn shape(report: &Value) -> Vec<(String, String)> {
    let hypotheses = report["hypotheses"].as_array().unwrap().iter();
    let mut shape: Vec<(String, String)> = hypotheses
        .map(|h| (h["mechanism"].to_string(), format!("{:.4}", h["confidence"].as_f64().unwrap())))
        .collect();
    shape.sort();
    shape
}

/// Namespaces, workloads and services of the capture.
fn names_in(opened: &Opened) -> Vec<String> {
    let calls = fs::read_to_string(opened.path("calls.csv")).unwrap();
    let mut names: Vec<String> = Vec::new();
    for row in calls.lines().skip(1) {
        names.extend(row.split(',').take(4).map(str::to_owned));
    }
    names.retain(|name| name.len() > 2 && !name.chars().all(|c| c.is_ascii_digit()));
    names.sort_by_key(|name| std::cmp::Reverse(name.len()));
    names.dedup();
    names
}

/// Every whole word that is one of the names gets another beginning, which also turns their order
/// around. Names that are words of the formats themselves stay.
fn renamed(text: &str, names: &[String]) -> String {
    const WORDS: [&str; 3] = ["gateway", "catalog-info", "istio-system"];
    let word_length = |text: &str| text.bytes().take_while(u8::is_ascii_alphanumeric).count();
    let mut out = String::with_capacity(text.len() * 2);
    let mut rest = text;
    while !rest.is_empty() {
        let known = |word: &str| rest.starts_with(word) && word_length(&rest[word.len()..]) == 0;
        let length = if let Some(word) = WORDS.iter().find(|word| known(word)) {
            word.len()
        } else if let Some(name) = names.iter().find(|name| known(name)) {
            let first = name.bytes().next().unwrap_or(b'a').clamp(b'a', b'z');
            out.push(char::from(b'a' + b'z' - first));
            out.push('q');
            name.len()
        } else {
            word_length(rest)
        };
        let next = rest[length..].chars().take_while(|c| !c.is_ascii_alphanumeric());
        let end = length + next.map(char::len_utf8).sum::<usize>();
        out.push_str(&rest[..end]);
        rest = &rest[end..];
    }
    out
}

/// The rows after the header in another order (a fixed one: by their text turned around); comment
/// lines of samples stay in front of what they describe.
fn shuffled(text: &str, header: usize) -> String {
    let (mut fixed, mut rows): (Vec<&str>, Vec<&str>) = (Vec::new(), Vec::new());
    for (index, line) in text.lines().enumerate() {
        if index < header || line.starts_with('#') { fixed.push(line) } else { rows.push(line) }
    }
    rows.sort_by_key(|row| row.chars().rev().collect::<String>());
    let (end, fixed): (Vec<&str>, Vec<&str>) = fixed.into_iter().partition(|line| *line == "# EOF");
    fixed.into_iter().chain(rows).chain(end).fold(String::new(), |all, line| all + line + "\n")
}

fn with_reference_renamed(text: &str, name: &str) -> String {
    text.lines().fold(String::new(), |all, line| {
        let listed = line.trim_start().trim_start_matches("- ").trim_start_matches("path: ").trim();
        let line = if listed == name || listed == format!("./{name}") {
            line.replace(name, &format!("settings-{name}"))
        } else {
            line.to_owned()
        };
        all + &line + "\n"
    })
}

/// The stream with the file commands of the commit at `place` and the one after it exchanged.
fn swapped(stream: &str, place: usize) -> String {
    let mut blocks: Vec<String> = Vec::new();
    for line in stream.split_inclusive('\n') {
        let starts =
            line.starts_with("commit ") || line.starts_with("blob") || line.starts_with("reset ");
        if starts || blocks.is_empty() {
            blocks.push(String::new());
        }
        blocks.last_mut().unwrap().push_str(line);
    }
    // Blobs must come before the commits that use them: they all move to the front.
    let (blobs, mut rest): (Vec<String>, Vec<String>) =
        blocks.into_iter().partition(|block| block.starts_with("blob"));
    let commits: Vec<usize> =
        (0..rest.len()).filter(|index| rest[*index].starts_with("commit ")).collect();
    let (first, second) = (commits[place], commits[place + 1]);
    let (head_one, files_one) = halves(&rest[first]);
    let (head_two, files_two) = halves(&rest[second]);
    (rest[first], rest[second]) = (head_one + &files_two, head_two + &files_one);
    blobs.concat() + &rest.concat()
}

/// A commit's description and its file commands.
fn halves(commit: &str) -> (String, String) {
    let is_file =
        |line: &&str| line.starts_with("M ") || line.starts_with("D ") || line.starts_with("R ");
    let at = commit.split_inclusive('\n').take_while(|line| !is_file(line)).map(str::len).sum();
    (commit[..at].to_owned(), commit[at..].to_owned())
}
