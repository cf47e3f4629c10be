//! Recordings, good and bad, and the reports that are kept of them.

#![allow(clippy::unwrap_used, reason = "a test fails where nothing is found")]

mod program;

use std::{fs, path::PathBuf};

use program::{Program, Run};
use serde_json::Value;
use stilltrace_capture::{BundleWriter, Manifest};
use stilltrace_model::{Question, ServiceId, Timestamp, Window};
use tempfile::TempDir;

/// A recording in which nothing was measured, so that the answer is `not-proven`.
fn silent() -> BundleWriter {
    let window = Window {
        from: Timestamp::parse("2026-03-04T14:00:00Z").unwrap(),
        to: Timestamp::parse("2026-03-04T14:02:20Z").unwrap(),
    };
    let service = ServiceId::new("shop", "checkout");
    BundleWriter::new(Manifest::new(&Question { service, window, target_seconds: Some(0.3) }))
}

struct File {
    _folder: TempDir,
    path: PathBuf,
}

fn file(content: &[u8]) -> File {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("incident.stilltrace");
    fs::write(&path, content).unwrap();
    File { _folder: folder, path }
}

fn why(program: &Program, content: &[u8], more: &[&str]) -> Run {
    let file = file(content);
    let path = file.path.to_str().unwrap();
    program.run(&[&["why", "--capture", path], more].concat())
}

fn refused(content: &[u8]) -> String {
    let run = why(&Program::new(), content, &[]);
    assert_eq!(run.code, 2, "{}", run.stderr);
    assert_eq!(run.stdout, "");
    assert!(run.stderr.starts_with("error: ") && run.stderr.ends_with('\n'), "{}", run.stderr);
    assert_eq!(run.stderr.lines().count(), 1, "{}", run.stderr);
    run.stderr
}

#[test]
fn recordings_that_cannot_be_read_are_refused_in_one_line_that_names_the_file() {
    let good = silent().pack().unwrap();
    let half = refused(good.get(..good.len() / 2).unwrap());
    assert!(half.contains("incident.stilltrace"), "{half}");
    let mut damaged = good.clone();
    let middle = damaged.len() / 2;
    damaged.iter_mut().skip(middle).take(8).for_each(|byte| *byte ^= 0x5a);
    refused(&damaged);
    refused(b"");
    refused(b"PK\x03\x04 not a recording");
    refused(&[0; 4_096]);

    let missing = Program::new().run(&["why", "--capture", "/nowhere/incident.stilltrace"]);
    assert_eq!(missing.code, 2);
    assert!(missing.stderr.contains("/nowhere/incident.stilltrace"), "{}", missing.stderr);
}

#[test]
fn a_name_cannot_reach_the_terminal_raw() {
    let name = "gone\u{1b}[2J\r\u{9b}31m\u{202e}.stilltrace";
    let run = Program::new().run(&["why", "--capture", name]);
    assert_eq!(run.code, 2);
    assert!(run.stderr.contains(r"gone\x1b[2J\x0d\x9b31m\u{202e}.stilltrace"), "{}", run.stderr);
    assert!(!run.stderr.trim_end().chars().any(char::is_control), "{:?}", run.stderr);

    let mut writer = silent();
    writer.manifest_mut().notes.push("\u{1b}]0;owned\u{7}".to_owned());
    writer.manifest_mut().synthetic.push("\u{1b}[31mred".to_owned());
    let packed = writer.pack().unwrap();
    for more in [&[][..], &["-o", "json"], &["-v"], &["--width", "120"]] {
        let run = why(&Program::new(), &packed, more);
        assert_eq!(run.code, 3, "{}", run.stderr);
        for text in [&run.stdout, &run.stderr] {
            assert!(!text.chars().any(|c| c.is_control() && c != '\n'), "{text:?}");
        }
    }
}

#[test]
fn not_proven_ends_with_3_in_every_format() {
    let packed = silent().pack().unwrap();
    let human = why(&Program::new(), &packed, &[]);
    assert_eq!(human.code, 3, "{}", human.stderr);
    assert!(human.stdout.contains("\nnot proven  "), "{}", human.stdout);
    let json = why(&Program::new(), &packed, &["-o", "json"]);
    assert_eq!(json.code, 3);
    let report: Value = serde_json::from_str(&json.stdout).unwrap();
    assert_eq!(report["verdict"], "not-proven");
    assert_eq!(report["symptom"]["service"], "shop/checkout");
    assert_eq!(report["inputs"]["tool_version"], env!("CARGO_PKG_VERSION"));
}

#[test]
fn the_same_recording_gives_the_same_bytes_packed_unpacked_and_piped() {
    let packed = silent().pack().unwrap();
    let folder = tempfile::tempdir().unwrap();
    silent().write_folder(folder.path()).unwrap();
    let program = Program::new();
    for format in ["human", "json"] {
        let first = why(&program, &packed, &["-o", format]).stdout;
        assert_eq!(why(&program, &packed, &["-o", format]).stdout, first);
        let path = folder.path().to_str().unwrap();
        assert_eq!(program.run(&["why", "--capture", path, "-o", format]).stdout, first);
        let piped = ["why", "--capture", "-", "-o", format];
        assert_eq!(program.run_with_input(&piped, &packed).stdout, first);
    }
}

#[test]
fn the_solution_of_a_recording_changes_no_byte() {
    let packed = silent().pack().unwrap();
    let mut solved = silent();
    solved.truth(b"{\"verdict\": \"cause\"}".to_vec());
    let program = Program::new();
    let ask = |packed: &[u8]| why(&program, packed, &["-o", "json"]).stdout;
    assert_eq!(ask(&packed), ask(&solved.pack().unwrap()));
}

#[test]
fn services_that_are_not_recorded_are_explained() {
    let packed = silent().pack().unwrap();
    let program = Program::new();
    for arguments in [&["checkout"][..], &["shop/checkout"], &["checkout", "-n", "shop"]] {
        assert_eq!(why(&program, &packed, arguments).code, 3, "{arguments:?}");
    }
    let near = why(&program, &packed, &["chekout"]);
    assert_eq!(near.code, 2);
    assert!(near.stderr.contains("did you mean `shop/checkout`?"), "{}", near.stderr);
    let other = why(&program, &packed, &["checkout", "-n", "web"]);
    assert!(other.stderr.contains("did you mean `shop/checkout`?"), "{}", other.stderr);
    let two = why(&program, &packed, &["shop/checkout", "-n", "web"]);
    assert!(two.stderr.contains("-n names web"), "{}", two.stderr);
}

#[test]
fn a_time_beside_the_recording_is_refused() {
    let packed = silent().pack().unwrap();
    let run = why(&Program::new(), &packed, &["--from", "2026-03-05T00:00:00Z"]);
    assert_eq!(run.code, 2);
    assert!(run.stderr.contains("2026-03-04T14:02:20Z"), "{}", run.stderr);
}

#[test]
fn colour_follows_the_option_and_the_environment() {
    let packed = silent().pack().unwrap();
    let coloured =
        |program: &Program, more: &[&str]| why(program, &packed, more).stdout.contains('\u{1b}');
    let plain = Program::new();
    assert!(!coloured(&plain, &[]));
    assert!(coloured(&plain, &["--color", "always"]));
    let forced = Program::new().with("CLICOLOR_FORCE", "1");
    assert!(coloured(&forced, &[]));
    assert!(!coloured(&forced, &["--color", "never"]));
    let refused = Program::new().with("CLICOLOR_FORCE", "1").with("NO_COLOR", "1");
    assert!(!coloured(&refused, &[]));
    assert!(!coloured(&plain, &["-o", "json", "--color", "always"]));
}

#[test]
fn reports_are_kept_and_shown_by_id_by_file_and_as_the_latest() {
    let packed = silent().pack().unwrap();
    let program = Program::new();
    let json = why(&program, &packed, &["-o", "json"]);
    let id = json.stderr.split("show ").nth(1).unwrap().trim_end().trim_end_matches('`').to_owned();
    let latest = program.run(&["show", "-o", "json"]);
    assert_eq!((latest.code, &latest.stdout), (0, &json.stdout));
    assert_eq!(program.run(&["show", id.as_str(), "-o", "json"]).stdout, json.stdout);
    let kept = file(json.stdout.as_bytes());
    let path = kept.path.to_str().unwrap();
    assert_eq!(program.run(&["show", path, "-o", "json"]).stdout, json.stdout);
    let piped = program.run_with_input(&["show", "-"], json.stdout.as_bytes());
    assert!(piped.stdout.starts_with("shop/checkout: "), "{}", piped.stdout);

    let frame = program.run(&["show", "--frame", "99"]);
    assert_eq!((frame.code, frame.stdout.as_str()), (2, ""));
    assert!(frame.stderr.contains("there is no frame 99"), "{}", frame.stderr);
    let fix = program.run(&["fix", id.as_str()]);
    assert_eq!((fix.code, fix.stdout.as_str()), (2, ""));
    assert!(fix.stderr.contains("there is no fix: the verdict is not-proven"), "{}", fix.stderr);
}

#[test]
fn what_is_no_report_is_refused() {
    let program = Program::new();
    assert!(program.run(&["show"]).stderr.contains("no report is kept yet"));
    assert!(program.run(&["show", "abc"]).stderr.contains("no report `abc`"));
    for (content, says) in [
        (&b"{}"[..], "`schema` is missing"),
        (b"{\"schema\": \"stilltrace.report/v9\"}", "stilltrace.report/v9"),
        (b"nonsense", "not a report"),
        (b"\xff\xfe", "UTF-8"),
        (b"", "not a report"),
    ] {
        let file = file(content);
        let run = program.run(&["fix", file.path.to_str().unwrap()]);
        assert_eq!((run.code, run.stdout.as_str()), (2, ""));
        assert!(run.stderr.contains(says), "{}", run.stderr);
        assert_eq!(run.stderr.lines().count(), 1, "{}", run.stderr);
    }
}

#[test]
fn a_patch_is_printed_byte_for_byte() {
    let packed = silent().pack().unwrap();
    let program = Program::new();
    let json = why(&program, &packed, &["-o", "json"]).stdout;
    let mut report: Value = serde_json::from_str(&json).unwrap();
    let patch = "--- a/x.yaml\n+++ b/x.yaml\n@@ -1 +1 @@\n-a: \u{e9}\t\n+a: 2\n";
    report["fix"] = serde_json::json!({"patch": patch, "safety": "review", "explanation": "x"});
    let file = file(report.to_string().as_bytes());
    let run = program.run(&["fix", file.path.to_str().unwrap()]);
    assert_eq!((run.code, run.stdout.as_str()), (0, patch));
    report["fix"]["patch"] = Value::Null;
    let run = program.run_with_input(&["fix", "-"], report.to_string().as_bytes());
    assert_eq!(run.code, 2);
    assert!(run.stderr.contains("there is no patch"), "{}", run.stderr);
}

#[test]
fn a_state_folder_that_cannot_be_written_is_a_warning() {
    let packed = silent().pack().unwrap();
    let program = Program::new();
    fs::write(program.home().join("stilltrace"), "in the way").unwrap();
    let run = why(&program, &packed, &["-o", "json"]);
    assert_eq!(run.code, 3);
    assert!(run.stderr.contains("warning: the report was not kept"), "{}", run.stderr);
    assert!(serde_json::from_str::<Value>(&run.stdout).is_ok());
    assert_eq!(why(&program, &packed, &["-q"]).stderr, "");
}

#[test]
fn a_closed_pipe_keeps_the_exit_code_and_says_nothing() {
    let file = file(&silent().pack().unwrap());
    let path = file.path.to_str().unwrap();
    let run = Program::new().run_into_closed_pipe(&["why", "-q", "--capture", path]);
    assert_eq!(run, (3, String::new()));
}
