//! Cases: a folder with a repository, and optionally who called whom and the files before a change.
//!
//! `repo/` is the revision in effect, `before/` holds the files that a change in the window has
//! replaced or removed, `calls.txt` one observed edge per line: `a/x -> b/y:8080 100`.
#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "shared by several test programs, which read fixtures; a broken case is a failed test"
)]

use std::fs;
use std::path::{Path, PathBuf};

use stilltrace_manifest::MemoryTree;
use stilltrace_model::{
    Call, Change, CommitId, CommitInfo, EdgeId, Platform, ServiceId, Timestamp, WorkloadId,
};
use stilltrace_platform::ParseCache;

use crate::entries::sorted;

/// Files by path.
type Files = Vec<(String, String)>;

/// One case.
pub(crate) struct Case {
    /// Folder of the mechanism that it is about.
    pub(crate) stem: String,
    /// Folder of the case.
    pub(crate) name: String,
    /// Where it is.
    pub(crate) path: PathBuf,
    /// Files in effect.
    pub(crate) files: Files,
    before: Files,
    calls: Vec<Call>,
}

/// All cases, by folder.
pub(crate) fn cases() -> Vec<Case> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures");
    let mut all = Vec::new();
    for mechanism in sorted(&root) {
        for path in sorted(&mechanism) {
            all.push(Case {
                stem: base_name(&mechanism),
                name: base_name(&path),
                files: files(&path.join("repo")),
                before: files(&path.join("before")),
                calls: calls(&path.join("calls.txt")),
                path,
            });
        }
    }
    all
}

impl Case {
    /// What is in effect, with the change that led to it if the case has one.
    pub(crate) fn platform(&self) -> Platform {
        self.platform_with(&self.files)
    }

    /// The same with other files in effect.
    pub(crate) fn platform_with(&self, files: &Files) -> Platform {
        let mut platform = read(files);
        platform.calls.clone_from(&self.calls);
        if !self.before.is_empty() {
            let mut before = files.clone();
            before.retain(|(path, _)| self.before.iter().all(|(old, _)| old != path));
            before.extend(self.before.iter().cloned());
            platform.changes.push(change(&read(&before), &platform));
        }
        platform
    }
}

fn read(files: &Files) -> Platform {
    let tree: MemoryTree = files.iter().cloned().collect();
    stilltrace_platform::read(&tree, &mut ParseCache::new())
}

fn change(before: &Platform, after: &Platform) -> Change {
    Change {
        commit: CommitInfo {
            id: CommitId("1".repeat(40)),
            author: "Ada".to_owned(),
            time: Timestamp::default(),
            summary: "change".to_owned(),
        },
        synced: None,
        synced_by: None,
        synthetic: false,
        paths: Vec::new(),
        settings: stilltrace_platform::compare(before, after),
    }
}

fn calls(path: &Path) -> Vec<Call> {
    let text = fs::read_to_string(path).unwrap_or_default();
    text.lines().map(call).collect()
}

/// `shop/frontend -> shop/checkout:8080 100`
fn call(line: &str) -> Call {
    let words: Vec<&str> = line.split(' ').collect();
    let [source, "->", destination, requests] = words.as_slice() else { panic!("{line}") };
    let (namespace, name) = source.split_once('/').unwrap();
    let source = WorkloadId::new(namespace, name);
    let (destination, port) = destination.split_once(':').unwrap();
    let (namespace, name) = destination.split_once('/').unwrap();
    let destination = ServiceId::new(namespace, name);
    let edge = EdgeId::new(source, destination, port.parse().unwrap());
    Call { edge, requests: requests.parse().unwrap() }
}

/// Files below a folder, by path from it; empty where there is no folder.
fn files(root: &Path) -> Files {
    let mut found = Vec::new();
    let mut open: Vec<PathBuf> = root.is_dir().then(|| root.to_owned()).into_iter().collect();
    while let Some(folder) = open.pop() {
        for path in sorted(&folder) {
            if path.is_dir() {
                open.push(path);
            } else {
                let name = path.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
                found.push((name, fs::read_to_string(&path).unwrap()));
            }
        }
    }
    found.sort();
    found
}

fn base_name(path: &Path) -> String {
    path.file_name().unwrap().to_str().unwrap().to_owned()
}
