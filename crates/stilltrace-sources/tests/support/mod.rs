//! Repositories made by the git command line.
#![allow(clippy::unwrap_used, reason = "a failure is the test's result")]
#![allow(dead_code, unreachable_pub, reason = "each test file uses a part of this")]

pub mod story;

use std::cell::Cell;
use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

/// A work tree whose commits are a minute apart, the first at 2026-03-04T12:00:00Z.
pub struct Work {
    folder: TempDir,
    seconds: Cell<i64>,
}

impl Work {
    pub fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        git(folder.path(), &["init", "-q", "-b", "main"]);
        Self { folder, seconds: Cell::new(1_772_625_600) }
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Runs git at the next minute.
    pub fn git(&self, arguments: &[&str]) -> String {
        self.seconds.set(self.seconds.get() + 60);
        git_at(self.path(), arguments, self.seconds.get())
    }

    pub fn write(&self, path: &str, content: &str) {
        let path = self.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    }

    /// Writes one file and commits everything; returns the commit.
    pub fn commit(&self, path: &str, content: &str, message: &str) -> String {
        self.write(path, content);
        git(self.path(), &["add", "-A"]);
        self.git(&["commit", "-q", "-m", message]);
        git(self.path(), &["rev-parse", "HEAD"]).trim().to_owned()
    }
}

pub fn git(path: &Path, arguments: &[&str]) -> String {
    git_at(path, arguments, 1_772_625_600)
}

fn git_at(path: &Path, arguments: &[&str], seconds: i64) -> String {
    let date = format!("{seconds} +0000");
    let output = Command::new("git")
        .current_dir(path)
        .args(["-c", "commit.gpgsign=false", "-c", "core.autocrlf=false"])
        .args(arguments)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_SYSTEM", "/dev/null")
        .envs([("GIT_AUTHOR_NAME", "Ada"), ("GIT_AUTHOR_EMAIL", "ada@example.com")])
        .envs([("GIT_COMMITTER_NAME", "Ada"), ("GIT_COMMITTER_EMAIL", "ada@example.com")])
        .envs([("GIT_AUTHOR_DATE", &date), ("GIT_COMMITTER_DATE", &date)])
        .output()
        .unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "git {arguments:?}: {stderr}");
    String::from_utf8(output.stdout).unwrap()
}

/// All files below a folder by relative path.
pub fn files_of(root: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut files = BTreeMap::new();
    let mut pending = vec![root.to_path_buf()];
    while let Some(folder) = pending.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                pending.push(path);
            } else {
                let name = path.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
                files.insert(name, std::fs::read(&path).unwrap());
            }
        }
    }
    files
}
