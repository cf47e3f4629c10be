//! The measurements behind a kept report.

#![allow(clippy::unwrap_used, reason = "a test fails where nothing is found")]

mod samples;

use expect_test::expect_file;
use stilltrace_report::{Color, Document, TerminalOptions, evidence};

fn options() -> TerminalOptions {
    TerminalOptions::new(80, Color::Never)
}

#[test]
fn every_measurement_has_its_baseline_and_query() {
    let report = Document::from(&samples::cause());
    expect_file!["expected/evidence-80.txt"]
        .assert_eq(&evidence(&report, None, &options()).unwrap());
}

#[test]
fn queries_stay_whole_at_every_width() {
    let mut diagnosis = samples::cause();
    let long = "a name of a source that does not fit beside anything, however wide the page is";
    let mut measured = diagnosis.frames[0].evidence()[0].clone();
    measured.source = long.to_owned();
    diagnosis.frames[0] = diagnosis.frames[0].clone().and(measured);
    let report = Document::from(&diagnosis);
    for columns in [40, 60, 80, 120] {
        let options = TerminalOptions::new(columns, Color::Never);
        let text = evidence(&report, None, &options).unwrap();
        for item in report.frames.iter().flat_map(|frame| &frame.evidence) {
            assert!(text.lines().any(|line| line.ends_with(&item.query)), "{columns}: {text}");
        }
        for line in text.lines().filter(|line| line.contains("a name") || line.contains("beside")) {
            assert!(line.starts_with("               ") && line.len() <= columns, "{text}");
        }
    }
}

#[test]
fn one_frame_can_be_chosen() {
    let report = Document::from(&samples::cause());
    let text = evidence(&report, Some(3), &options()).unwrap();
    assert!(text.contains("attempts per request 2.9 (was 1)"), "{text}");
    assert!(!text.contains("CODEOWNERS"), "{text}");
}

#[test]
fn a_frame_that_is_not_there_names_those_that_are() {
    let report = Document::from(&samples::cause());
    let message = evidence(&report, Some(8), &options()).unwrap_err().to_string();
    assert_eq!(message, "there is no frame 8: choose one of 0 to 7");
}

#[test]
fn kept_reports_are_hostile_too() {
    let report = Document::from(&samples::hostile());
    let text = evidence(&report, None, &options()).unwrap();
    assert!(text.chars().all(|character| character == '\n' || !character.is_control()));
}
