//! Captures to take apart: unpacked into a folder, their samples and Git history edited, and the
//! program run on the result. Only this file knows how captures are laid out.

#![allow(clippy::unwrap_used, dead_code, reason = "test support: a failure is the test's failure")]

pub(crate) mod history;

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use serde_json::Value;

/// A capture as a folder that the test may edit.
pub(crate) struct Opened {
    pub(crate) folder: tempfile::TempDir,
    pub(crate) truth: Value,
}

/// The recorded incidents of the repository, sorted by name.
pub(crate) fn recorded() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../bench/captures");
    let mut found: Vec<PathBuf> = fs::read_dir(&folder)
        .unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "stilltrace"))
        .collect();
    found.sort();
    assert!(!found.is_empty(), "{} holds no capture", folder.display());
    found
}

/// The recorded incidents whose first cause is of this mechanism.
pub(crate) fn recorded_of(mechanism: &str) -> Vec<Opened> {
    let all = recorded().into_iter().map(|path| Opened::new(&path));
    let found: Vec<Opened> = all.filter(|opened| opened.mechanism() == mechanism).collect();
    assert!(!found.is_empty(), "no capture of {mechanism}");
    found
}

impl Opened {
    /// Unpacks a capture.
    pub(crate) fn new(path: &Path) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let packed = fs::File::open(path).unwrap();
        tar::Archive::new(zstd::Decoder::new(packed).unwrap()).unpack(folder.path()).unwrap();
        let truth =
            serde_json::from_slice(&fs::read(folder.path().join("truth.json")).unwrap()).unwrap();
        Self { folder, truth }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The mechanism of the first cause, or nothing.
    pub(crate) fn mechanism(&self) -> String {
        self.truth["causes"][0]["mechanism"].as_str().unwrap_or_default().to_owned()
    }

    /// Path, line and commit of the first cause.
    pub(crate) fn guilty(&self) -> (String, u64, String) {
        let cause = &self.truth["causes"][0];
        let text = |key: &str| cause[key].as_str().unwrap_or_default().to_owned();
        // Of a line that was taken away, the truth's commit is the last one that had it.
        let by = if cause["removed_by"].is_string() { "removed_by" } else { "commit" };
        (text("path"), cause["line"].as_u64().unwrap_or(0), text(by))
    }

    /// Rewrites one text file.
    pub(crate) fn edit(&self, name: &str, change: impl Fn(&str) -> String) {
        let path = self.path(name);
        let text = fs::read_to_string(&path).unwrap();
        fs::write(&path, change(&text)).unwrap();
    }

    /// Rewrites every file of samples.
    pub(crate) fn edit_samples(&self, change: impl Fn(&str) -> String) {
        for entry in fs::read_dir(self.path("samples")).unwrap() {
            let name = format!("samples/{}", entry.unwrap().file_name().to_string_lossy());
            self.edit(&name, &change);
        }
    }

    /// Drops the samples for which `gone` holds.
    pub(crate) fn drop_samples(&self, gone: impl Fn(&str) -> bool) {
        let keep = |line: &&str| line.starts_with('#') || !gone(line);
        self.edit_samples(|text| {
            text.lines().filter(keep).fold(String::new(), |all, line| all + line + "\n")
        });
    }

    /// The answer as JSON.
    pub(crate) fn why(&self) -> Value {
        let output = self.run();
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(matches!(output.status.code(), Some(0 | 3)), "{:?}: {stderr}", output.status);
        serde_json::from_slice(&output.stdout).unwrap()
    }

    /// The program on this capture.
    pub(crate) fn run(&self) -> Output {
        let state = tempfile::tempdir().unwrap();
        Command::new(env!("CARGO_BIN_EXE_stilltrace"))
            .args(["why", "-o", "json", "--capture"])
            .arg(self.folder.path())
            .env("XDG_STATE_HOME", state.path())
            .output()
            .unwrap()
    }
}

/// Verdict, and path, line and commit of the first hypothesis.
pub(crate) fn blamed(report: &Value) -> (String, (String, u64, String)) {
    let origin = &report["hypotheses"][0]["origin"];
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let line = origin["line"].as_u64().unwrap_or(0);
    (text(&report["verdict"]), (text(&origin["path"]), line, text(&origin["commit"])))
}

/// Confidence of the first hypothesis of a mechanism; 0 where it is not offered.
pub(crate) fn confidence(report: &Value, mechanism: &str) -> f64 {
    let hypotheses = report["hypotheses"].as_array().unwrap();
    let found = hypotheses.iter().find(|hypothesis| hypothesis["mechanism"] == mechanism);
    found.and_then(|hypothesis| hypothesis["confidence"].as_f64()).unwrap_or(0.0)
}
