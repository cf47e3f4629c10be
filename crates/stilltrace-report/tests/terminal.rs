//! What people see, for each verdict.

#![allow(clippy::unwrap_used, reason = "a test fails where nothing is found")]

mod samples;

use expect_test::expect_file;
use stilltrace_model::{Diagnosis, Verdict};
use stilltrace_report::{Color, TerminalOptions, terminal};

fn shown(diagnosis: &Diagnosis, width: usize) -> String {
    let mut options = TerminalOptions::new(width, Color::Never);
    options.id = Some("3f9a1c2e".to_owned());
    terminal(diagnosis, &options)
}

fn width(line: &str) -> usize {
    unicode_width::UnicodeWidthStr::width(line)
}

#[test]
fn every_verdict_reads_well_at_80_columns() {
    expect_file!["expected/cause-80.txt"].assert_eq(&shown(&samples::cause(), 80));
    expect_file!["expected/removed-line-80.txt"].assert_eq(&shown(&samples::removed_line(), 80));
    expect_file!["expected/not-the-platform-80.txt"].assert_eq(&shown(&samples::innocent(), 80));
    expect_file!["expected/not-proven-80.txt"].assert_eq(&shown(&samples::undecided(), 80));
    expect_file!["expected/no-anomaly-80.txt"].assert_eq(&shown(&samples::quiet(), 80));
    expect_file!["expected/hostile-80.txt"].assert_eq(&shown(&samples::hostile(), 80));
}

#[test]
fn a_wide_terminal_shows_time_and_query_beside() {
    expect_file!["expected/cause-120.txt"].assert_eq(&shown(&samples::cause(), 120));
}

#[test]
fn colour_repeats_what_words_say() {
    let mut options = TerminalOptions::new(80, Color::Always);
    options.id = Some("3f9a1c2e".to_owned());
    for (name, diagnosis) in samples::all() {
        let coloured = terminal(&diagnosis, &options);
        assert!(coloured.contains("\u{1b}["), "{name}");
        assert_eq!(without_colour(&coloured), shown(&diagnosis, 80), "{name}");
    }
    expect_file!["expected/cause-80-colour.txt"]
        .assert_eq(&terminal(&samples::cause(), &options).replace('\u{1b}', "ESC"));
}

/// Removes `ESC [ … m`, and fails on any other escape sequence or a colour beyond the palette.
fn without_colour(text: &str) -> String {
    let mut plain = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('\u{1b}') {
        let (code, after) = after.strip_prefix('[').unwrap().split_once('m').unwrap();
        assert!(["0", "1", "31", "32", "34", "35", "36"].contains(&code), "{code}");
        plain.push_str(before);
        rest = after;
    }
    plain + rest
}

#[test]
fn hostile_text_stays_text_in_every_layout() {
    for columns in [40, 80, 120, 200] {
        for evidence in [false, true] {
            let mut options = TerminalOptions::new(columns, Color::Never);
            options.evidence = evidence;
            for verdict in
                [Verdict::Cause, Verdict::NotThePlatform, Verdict::NotProven, Verdict::NoAnomaly]
            {
                let mut diagnosis = samples::hostile();
                diagnosis.verdict = verdict;
                let text = terminal(&diagnosis, &options);
                for character in text.chars().filter(|&character| character != '\n') {
                    assert!(!character.is_control(), "{character:?} at {columns} columns");
                    assert!(!samples::HIDDEN.contains(&character), "{character:?}");
                }
            }
        }
    }
}

#[test]
fn the_verdict_stands_in_the_first_lines() {
    for (diagnosis, symptom, word) in [
        (samples::cause(), "shop/checkout is slow: p99 212 ms -> 1.94 s", "cause "),
        (samples::innocent(), "shop/checkout is slow: p99 212 ms -> 1.94 s", "not the platform "),
        (samples::undecided(), "shop/checkout is slow: p99 212 ms -> 1.94 s", "not proven "),
        (samples::quiet(), "shop/checkout is as it was", "no anomaly "),
    ] {
        let text = shown(&diagnosis, 100);
        let mut lines = text.lines();
        assert!(lines.next().unwrap().starts_with(symptom), "{text}");
        assert!(lines.next().unwrap().starts_with(word), "{text}");
    }
}

#[test]
fn only_addresses_are_wider_than_the_page() {
    for columns in [40, 60, 80, 120, 200] {
        let text = shown(&samples::cause(), columns);
        for line in text.lines() {
            let address =
                line.contains("-->") || line.contains("fix.patch") || line.contains("proof");
            let patch = line.starts_with("          ");
            assert!(address || patch || width(line) <= columns, "{columns}: {line}");
        }
    }
}

#[test]
fn no_line_ends_in_spaces() {
    for (name, diagnosis) in samples::all() {
        for columns in [80, 120] {
            let text = shown(&diagnosis, columns);
            assert!(text.lines().all(|line| line == line.trim_end()), "{name}: {text}");
        }
    }
}

#[test]
fn evidence_stands_under_its_frame_on_request() {
    let mut options = TerminalOptions::new(80, Color::Never);
    options.evidence = true;
    let text = terminal(&samples::cause(), &options);
    assert!(text.contains("attempts per request 2.9 (was 1)"), "{text}");
    assert!(!shown(&samples::cause(), 80).contains("requests that the caller sent"));
}

#[test]
fn a_peak_survives_joining_columns() {
    let mut diagnosis = samples::cause();
    let mut drawing = samples::picture();
    drawing.peaks = vec![0.01; 100_000];
    drawing.peaks[77_777] = 0.19;
    drawing.stalled = vec![0.0; 100_000];
    drawing.onset_column = None;
    let frame = diagnosis.frames[2].clone().drawn(drawing);
    diagnosis.frames = vec![frame];
    let text = shown(&diagnosis, 80);
    assert_eq!(text.matches('█').count() + text.matches('▇').count(), 3, "{text}");
    assert!(text.contains("max 0.19 cores"), "{text}");
}

#[test]
fn the_limit_beside_the_picture_is_never_cut() {
    for columns in [40, 60, 80, 120] {
        let mut diagnosis = samples::cause();
        let mut drawing = samples::picture();
        drawing.limit = Some(0.095);
        diagnosis.frames = vec![diagnosis.frames[2].clone().drawn(drawing)];
        let text = shown(&diagnosis, columns);
        assert_eq!(text.matches(" limit 0.095 cores\n").count(), 2, "{text}");
    }
}

#[test]
fn long_lists_say_how_many_more_there_are() {
    let mut diagnosis = samples::cause();
    diagnosis.gaps = vec![diagnosis.gaps[0].clone(); 9];
    diagnosis.rejected = vec![diagnosis.rejected[1].clone(); 8];
    let text = shown(&diagnosis, 80);
    assert_eq!(text.matches("retry counters of the proxies").count(), 6, "{text}");
    assert_eq!(text.matches("load growth").count(), 6, "{text}");
    assert!(text.contains("and 3 more (-o json has all)"), "{text}");
    assert!(text.contains("and 2 more (-o json has all)"), "{text}");
}

#[test]
fn no_answer_is_called_certain() {
    let mut diagnosis = samples::cause();
    for (confidence, said) in [(1.0, "0.99"), (0.994, "0.99"), (0.5, "0.50"), (f64::NAN, "unknown")]
    {
        diagnosis.hypotheses[0].confidence = confidence;
        let text = shown(&diagnosis, 80);
        assert!(text.contains(&format!("confidence {said} (next best 0.21)")), "{text}");
    }
}

#[test]
fn candidates_that_are_ruled_out_are_no_candidates() {
    let mut diagnosis = samples::undecided();
    diagnosis.hypotheses[1].confidence = 0.0;
    let text = shown(&diagnosis, 80);
    assert!(text.contains("best candidate 0.41 (next best 0.00)"), "{text}");
    assert!(!text.contains("none/app-regression"), "{text}");
    diagnosis.hypotheses[0].confidence = 0.001;
    let text = shown(&diagnosis, 80);
    assert!(text.contains("no candidate is left\n\n  0  slo"), "{text}");
    assert!(!text.contains("best candidate") && !text.contains("retry-storm"), "{text}");
}

#[test]
fn a_caret_stands_below_its_column_behind_wide_and_hostile_characters() {
    let mut diagnosis = samples::cause();
    let origin = diagnosis.hypotheses[0].origin.as_mut().unwrap();
    origin.context[2] = "\t山: 10".into();
    origin.at.column = 5;
    let text = shown(&diagnosis, 80);
    let lines: Vec<&str> = text.lines().collect();
    let at = lines.iter().position(|line| line.contains("山")).unwrap();
    let value = width(lines[at].split("10").next().unwrap());
    assert_eq!(width(lines[at + 1].split('^').next().unwrap()), value, "{text}");
}

#[test]
fn broken_numbers_do_not_break_the_report() {
    let mut diagnosis = samples::cause();
    let symptom = diagnosis.symptom.as_mut().unwrap();
    (symptom.before, symptom.after) = (f64::NAN, f64::INFINITY);
    let mut drawing = samples::picture();
    drawing.peaks = vec![f64::NAN, f64::INFINITY, -1.0, f64::MAX];
    drawing.column_seconds = f64::NAN;
    drawing.limit = Some(f64::NEG_INFINITY);
    drawing.onset_column = Some(usize::MAX);
    let frame = diagnosis.frames[2].clone().drawn(drawing);
    diagnosis.frames = vec![frame];
    let origin = diagnosis.hypotheses[0].origin.as_mut().unwrap();
    (origin.at.column, origin.at.line, origin.first_line) = (u32::MAX, u32::MAX, u32::MAX - 2);
    let text = shown(&diagnosis, 80);
    assert!(text.contains("p99 unknown -> unknown"), "{text}");
}
