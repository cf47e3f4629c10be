//! Writes a history into a real, bare Git repository, with the `git` program.
//!
//! `git fast-import` takes authors, dates and files as text, so the same plan gives the same
//! commit ids on every machine.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::cast::Person;
use super::edit::Files;

/// A commit to be written.
#[derive(Debug, Clone)]
pub(crate) struct Commit {
    /// Who wrote it.
    pub(crate) author: Person,
    /// When it was written, in seconds since 1970.
    pub(crate) authored: i64,
    /// When the history gained it, in seconds since 1970.
    pub(crate) committed: i64,
    /// Minutes east of Greenwich of the author's clock.
    pub(crate) zone_minutes: i32,
    /// The whole message.
    pub(crate) message: String,
    /// All files after the commit.
    pub(crate) files: Files,
}

/// Why a repository could not be written.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// The `git` program could not be started or answered with an error.
    #[error("git {command}: {reason}; the lab needs git 2.28 or later")]
    Git {
        /// The subcommand.
        command: &'static str,
        /// What it said.
        reason: String,
    },
    /// A file could not be read or written.
    #[error("{}: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
}

/// Writes the commits, oldest first, to branch `main` of a new bare repository at `folder`.
///
/// Returns the ids of the commits.
pub(crate) fn write(commits: &[Commit], folder: &Path) -> Result<Vec<String>, ImportError> {
    git(
        "init",
        Path::new("."),
        &[
            "--quiet".into(),
            "--bare".into(),
            "--template=".into(),
            "--initial-branch=main".into(),
            folder.display().to_string(),
        ],
        None,
    )?;
    let marks = folder.join("import-marks");
    git(
        "fast-import",
        folder,
        &["--quiet".into(), format!("--export-marks={}", marks.display())],
        Some(stream(commits).as_bytes()),
    )?;
    // One pack with deltas, so that a repository in a capture stays small.
    git("repack", folder, &["-adfq".into(), "--depth=50".into()], None)?;
    let fail = |source| ImportError::File { path: marks.clone(), source };
    let text = std::fs::read_to_string(&marks).map_err(fail)?;
    std::fs::remove_file(&marks).map_err(fail)?;
    Ok(ids(&text, commits.len()))
}

/// Reads the ids of the commits from a file of marks (`:1 ID`).
fn ids(text: &str, count: usize) -> Vec<String> {
    let mut ids = vec![String::new(); count];
    for line in text.lines() {
        if let Some((mark, id)) = line.trim_start_matches(':').split_once(' ')
            && let Ok(mark) = mark.parse::<usize>()
            && let Some(slot) = mark.checked_sub(1).and_then(|index| ids.get_mut(index))
        {
            id.clone_into(slot);
        }
    }
    ids
}

/// The commits in the language of `git fast-import`.
fn stream(commits: &[Commit]) -> String {
    let mut out = String::new();
    let empty = Files::new();
    let mut before = &empty;
    for (index, commit) in commits.iter().enumerate() {
        let (sign, zone) =
            (if commit.zone_minutes < 0 { '-' } else { '+' }, commit.zone_minutes.abs());
        let zone = format!("{sign}{:02}{:02}", zone / 60, zone % 60);
        let Person { name, mail } = &commit.author;
        // Writing to a string cannot fail.
        let _ = write!(
            out,
            "commit refs/heads/main\nmark :{}\nauthor {name} <{mail}> {} {zone}\n\
             committer {name} <{mail}> {} {zone}\ndata {}\n{}\n",
            index + 1,
            commit.authored,
            commit.committed,
            commit.message.len(),
            commit.message,
        );
        for path in before.keys().filter(|path| !commit.files.contains_key(*path)) {
            let _ = writeln!(out, "D {path}");
        }
        for (path, text) in
            commit.files.iter().filter(|(path, text)| before.get(*path) != Some(text))
        {
            let _ = write!(out, "M 100644 inline {path}\ndata {}\n{text}\n", text.len());
        }
        before = &commit.files;
    }
    out
}

/// Runs `git COMMAND` without anybody's configuration.
fn git(
    command: &'static str,
    folder: &Path,
    arguments: &[String],
    input: Option<&[u8]>,
) -> Result<(), ImportError> {
    let fail = |reason: String| ImportError::Git { command, reason };
    let mut process = Command::new("git");
    process
        .args(["-c", "fastimport.unpackLimit=1", "-c", "gc.auto=0", "-C"])
        .arg(folder)
        .arg(command)
        .args(arguments)
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env_remove("GIT_DIR")
        .stdin(if input.is_some() { Stdio::piped() } else { Stdio::null() })
        .stdout(Stdio::null())
        .stderr(Stdio::piped());
    let mut child = process.spawn().map_err(|error| fail(error.to_string()))?;
    if let (Some(input), Some(mut stdin)) = (input, child.stdin.take()) {
        stdin.write_all(input).map_err(|error| fail(error.to_string()))?;
    }
    let output = child.wait_with_output().map_err(|error| fail(error.to_string()))?;
    if output.status.success() {
        return Ok(());
    }
    Err(fail(String::from_utf8_lossy(&output.stderr).trim().to_owned()))
}
