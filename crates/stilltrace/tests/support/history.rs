//! Rewriting the Git history of an unpacked capture with the real `git`.

use std::{
    fs,
    io::Write,
    path::Path,
    process::{Command, Stdio},
};

use super::Opened;

/// What a rewriter sees of the history.
pub(crate) enum Part<'a> {
    /// A path of a file.
    Path(&'a str),
    /// The text of a file or of a commit message.
    Text(&'a str),
}

impl Opened {
    /// Passes every path and text of the history through `change`, and replaces the commit ids in
    /// the rest of the capture. The order of commits, authors and times stay.
    pub(crate) fn rewrite_history(&self, change: &dyn Fn(Part<'_>) -> String) {
        let stream = git(&self.path("repo.git"), &["fast-export", "--all"], None);
        self.replace_history(&rewritten(&stream, change));
    }

    /// Replaces the history by a fast-import stream with as many commits in the same order.
    pub(crate) fn replace_history(&self, stream: &[u8]) {
        let repository = self.path("repo.git");
        let before = commits(&repository);
        let head = fs::read_to_string(repository.join("HEAD")).unwrap();
        fs::remove_dir_all(&repository).unwrap();
        fs::create_dir(&repository).unwrap();
        git(&repository, &["init", "--quiet", "--bare", "."], None);
        fs::write(repository.join("HEAD"), head).unwrap();
        git(&repository, &["fast-import", "--quiet", "--date-format=raw"], Some(stream));
        let after = commits(&repository);
        assert_eq!(before.len(), after.len());
        for name in ["manifest.json", "events.jsonl", "objects.jsonl"] {
            if self.path(name).exists() {
                self.edit(name, |text| {
                    before
                        .iter()
                        .zip(&after)
                        .fold(text.to_owned(), |text, (old, new)| text.replace(old, new))
                });
            }
        }
    }

    /// The commit that stands where `old` stood before a rewrite, by its place in the history.
    pub(crate) fn place_of(&self, commit: &str) -> usize {
        commits(&self.path("repo.git")).iter().position(|id| id == commit).unwrap()
    }

    /// The commit at a place in the history.
    pub(crate) fn commit_at(&self, place: usize) -> String {
        commits(&self.path("repo.git"))[place].clone()
    }

    /// Output of a git command in the capture's repository.
    pub(crate) fn git(&self, arguments: &[&str]) -> String {
        String::from_utf8(git(&self.path("repo.git"), arguments, None)).unwrap()
    }
}

/// All commits, oldest first.
pub(crate) fn commits(repository: &Path) -> Vec<String> {
    let listed = git(repository, &["rev-list", "--reverse", "--topo-order", "--all"], None);
    String::from_utf8(listed).unwrap().lines().map(str::to_owned).collect()
}

/// Runs the real git, without the user's configuration.
pub(crate) fn git(repository: &Path, arguments: &[&str], input: Option<&[u8]>) -> Vec<u8> {
    let mut child = Command::new("git")
        .arg("-C")
        .arg(repository)
        .args(arguments)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env_remove("GIT_DIR")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let bytes = input.unwrap_or_default().to_vec();
    let writer = std::thread::spawn(move || stdin.write_all(&bytes));
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap().unwrap();
    assert!(output.status.success(), "git {arguments:?}");
    output.stdout
}

/// Passes paths and texts of a fast-export stream through `change`.
fn rewritten(stream: &[u8], change: &dyn Fn(Part<'_>) -> String) -> Vec<u8> {
    let mut out = Vec::with_capacity(stream.len());
    let mut rest = stream;
    while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
        let line = std::str::from_utf8(&rest[..end]).unwrap();
        rest = &rest[end + 1..];
        if let Some(length) = line.strip_prefix("data ") {
            let length: usize = length.parse().unwrap();
            let text = change(Part::Text(std::str::from_utf8(&rest[..length]).unwrap()));
            rest = &rest[length..];
            out.extend_from_slice(format!("data {}\n{text}", text.len()).as_bytes());
            continue;
        }
        out.extend_from_slice(renamed(line, change).as_bytes());
        out.push(b'\n');
    }
    out
}

/// One command line of the stream with its path changed: `M MODE DATAREF PATH`, `D PATH`,
/// `R FROM TO`.
fn renamed(line: &str, change: &dyn Fn(Part<'_>) -> String) -> String {
    let path = |path: &str| change(Part::Path(path));
    if let Some(rest) = line.strip_prefix("M ") {
        let mut parts = rest.splitn(3, ' ');
        let (mode, data, name) =
            (parts.next().unwrap(), parts.next().unwrap(), parts.next().unwrap());
        return format!("M {mode} {data} {}", path(name));
    }
    if let Some(name) = line.strip_prefix("D ") {
        return format!("D {}", path(name));
    }
    if let Some((from, to)) = line.strip_prefix("R ").and_then(|rest| rest.split_once(' ')) {
        return format!("R {} {}", path(from), path(to));
    }
    line.to_owned()
}
