//! The repository reader against the git command line, on repositories that git itself made.
#![allow(clippy::unwrap_used, reason = "a failure is the test's result")]

mod support;

use std::collections::BTreeMap;
use std::path::Path;

use stilltrace_manifest::Tree;
use stilltrace_model::{CommitId, Timestamp};
use stilltrace_sources::git::{GitError, Repository};
use support::{Work, files_of, git};

/// A history with everything that moves a line: edits, a rename with an edit, a merge, a file that
/// is split off, a tag.
fn history() -> Work {
    let work = Work::new();
    let lines = |name: &str, count: u32| {
        (0..count).fold(String::new(), |text, line| text + &format!("{name}-{line}: {line}\n"))
    };
    work.commit("apps/web/route.yaml", &lines("route", 20), "add route");
    work.commit("apps/web/policy.yaml", &lines("policy", 12), "add policy");
    let edited = lines("route", 20).replace("route-7: 7", "route-7: 70");
    work.commit("apps/web/route.yaml", &edited, "change seven");
    work.git(&["checkout", "-q", "-b", "side"]);
    work.commit(
        "apps/web/policy.yaml",
        &lines("policy", 12).replace("policy-3: 3", "policy-3: x"),
        "side",
    );
    work.git(&["checkout", "-q", "main"]);
    work.commit("README.md", "hello\n", "unrelated");
    work.git(&["merge", "-q", "--no-ff", "-m", "merge side", "side"]);
    std::fs::create_dir_all(work.path().join("tenants/shop")).unwrap();
    work.git(&["mv", "apps/web/route.yaml", "tenants/shop/virtual-service.yaml"]);
    let moved = format!("# moved\n{}", edited.replace("route-15: 15", "route-15: 150"));
    work.commit("tenants/shop/virtual-service.yaml", &moved, "move and change fifteen");
    work.git(&["tag", "-a", "-m", "release", "v1"]);
    work.commit(
        "tenants/shop/virtual-service.yaml",
        &moved.replace("route-0: 0", "route-0: zero"),
        "zero",
    );
    work
}

fn blame_by_git(path: &Path, file: &str) -> Vec<String> {
    let text = git(path, &["blame", "-s", "-l", "--root", "HEAD", "--", file]);
    text.lines().map(|line| line[..40].to_owned()).collect()
}

fn assert_same_as_git(repository: &Repository, path: &Path) {
    let head = repository.resolve("HEAD").unwrap();
    assert_eq!(head.0, git(path, &["rev-parse", "HEAD"]).trim());
    let tree = repository.tree(&head).unwrap();
    let listed = git(path, &["ls-tree", "-r", "--name-only", "HEAD"]);
    assert_eq!(tree.files().unwrap(), listed.lines().collect::<Vec<_>>());
    for file in tree.files().unwrap() {
        let content = String::from_utf8(tree.read(&file).unwrap().unwrap()).unwrap();
        assert_eq!(content, git(path, &["show", &format!("HEAD:{file}")]));
        let expected = blame_by_git(path, &file);
        for (index, wanted) in expected.iter().enumerate() {
            let line = u32::try_from(index + 1).unwrap();
            let blamed = repository.blame(&file, line, &head).unwrap();
            assert_eq!(&blamed.commit.0, wanted, "{file}:{line}");
        }
    }
}

#[test]
fn blame_and_files_are_those_of_git_from_disk_and_from_memory() {
    let work = history();
    let git_folder = work.path().join(".git");
    let on_disk = Repository::open(work.path()).unwrap();
    assert_same_as_git(&on_disk, work.path());
    let files = files_of(&git_folder);
    assert!(files.keys().any(|path| path.starts_with("objects/0")), "loose objects");
    assert_same_as_git(&in_memory(&files), work.path());

    work.git(&["gc", "-q", "--aggressive"]);
    let files = files_of(&git_folder);
    assert!(!files.keys().any(|path| path.starts_with("objects/0")), "only packs");
    assert_same_as_git(&in_memory(&files), work.path());
    assert_same_as_git(&Repository::open(&git_folder).unwrap(), work.path());
}

#[test]
fn a_renamed_file_is_followed_and_its_old_path_told() {
    let work = history();
    let repository = Repository::open(work.path()).unwrap();
    let head = repository.resolve("main").unwrap();
    let blamed = repository.blame("tenants/shop/virtual-service.yaml", 9, &head).unwrap();
    assert_eq!(repository.commit(&blamed.commit).unwrap().info.summary, "change seven");
    assert_eq!(blamed.original_path.as_deref(), Some("apps/web/route.yaml"));
    assert_eq!(blamed.original_line, 8);
}

#[test]
fn revisions_are_found_by_branch_tag_and_short_id() {
    let work = history();
    let files = files_of(&work.path().join(".git"));
    for repository in [Repository::open(work.path()).unwrap(), in_memory(&files)] {
        for name in ["HEAD", "main", "refs/heads/side", "v1", "tags/v1"] {
            let peeled = git(work.path(), &["rev-parse", &format!("{name}^{{commit}}")]);
            assert_eq!(repository.resolve(name).unwrap().0, peeled.trim(), "{name}");
        }
        let head = repository.resolve("HEAD").unwrap();
        assert_eq!(repository.resolve(&head.0[..9]).unwrap(), head);
        for name in ["nope", "deadbeefdeadbeefdeadbeefdeadbeefdeadbeef", "dead", "", "../HEAD"] {
            let error = repository.resolve(name).unwrap_err();
            assert!(matches!(error, GitError::NoRevision { .. }), "{name}: {error}");
            assert!(error.to_string().contains("--repo"), "{error}");
        }
    }
}

#[test]
fn a_log_is_newest_first_and_bounded() {
    let work = history();
    let repository = Repository::open(work.path()).unwrap();
    let head = repository.resolve("HEAD").unwrap();
    let (all, more) = repository.log_since(&head, Timestamp(0), 100).unwrap();
    let by_git = git(work.path(), &["rev-list", "--date-order", "HEAD"]);
    assert_eq!(
        all.iter().map(|commit| commit.info.id.0.as_str()).collect::<Vec<_>>(),
        by_git.lines().collect::<Vec<_>>()
    );
    assert!(!more);
    let (two, more) = repository.log_since(&head, Timestamp(0), 2).unwrap();
    assert_eq!((two.as_slice(), more), (&all[..2], true));
    let (late, _) = repository.log_since(&head, all[1].info.time, 100).unwrap();
    assert_eq!(late, all[..2]);
    let history = repository.history_since(&head, Timestamp(0)).unwrap().unwrap();
    assert_eq!(history.len(), all.len());
    assert!(repository.history_since(&CommitId("x".to_owned()), Timestamp(0)).unwrap().is_none());
}

#[test]
fn changed_paths_are_those_of_git() {
    let work = history();
    let repository = Repository::open(work.path()).unwrap();
    for id in git(work.path(), &["rev-list", "HEAD"]).lines() {
        let arguments = ["show", "--first-parent", "--format=", "--name-only", "--no-renames", id];
        let expected = git(work.path(), &arguments);
        let changed = repository.changed_paths(&CommitId(id.to_owned())).unwrap();
        assert_eq!(changed, expected.lines().collect::<Vec<_>>(), "{id}");
    }
}

#[test]
fn a_shallow_clone_ends_at_its_border() {
    let work = history();
    let clone = tempfile::tempdir().unwrap();
    let (from, to) = (format!("file://{}", work.path().display()), clone.path().join("c"));
    git(clone.path(), &["clone", "-q", "--depth", "1", &from, to.to_str().unwrap()]);
    for repository in [Repository::open(&to).unwrap(), in_memory(&files_of(&to.join(".git")))] {
        assert!(repository.is_shallow());
        let head = repository.resolve("HEAD").unwrap();
        assert_eq!(repository.log_since(&head, Timestamp(0), 100).unwrap().0.len(), 1);
        let blamed = repository.blame("tenants/shop/virtual-service.yaml", 9, &head).unwrap();
        assert_eq!(blamed.commit, head);
    }
}

#[test]
fn a_missing_or_damaged_object_is_named() {
    let work = history();
    let mut files = files_of(&work.path().join(".git"));
    let head = in_memory(&files).resolve("HEAD").unwrap();
    let parent = in_memory(&files).commit(&head).unwrap().parents[0].clone();
    let path = format!("objects/{}/{}", &parent.0[..2], &parent.0[2..]);
    let original = files.remove(&path).unwrap();
    let error = in_memory(&files).log_since(&head, Timestamp(0), 100).unwrap_err();
    assert!(matches!(&error, GitError::MissingObject { id, .. } if *id == parent.0), "{error}");
    for end in 0..original.len() {
        files.insert(path.clone(), original[..end].to_vec());
        let error = in_memory(&files).log_since(&head, Timestamp(0), 100).unwrap_err();
        assert!(matches!(&error, GitError::Damaged { id, .. } if *id == parent.0), "{error}");
    }
    // Bytes of another object under this name.
    let other = format!("objects/{}/{}", &head.0[..2], &head.0[2..]);
    files.insert(path, files[&other].clone());
    let error = in_memory(&files).log_since(&head, Timestamp(0), 100).unwrap_err();
    assert!(error.to_string().contains(&head.0), "{error}");
}

#[test]
fn a_damaged_pack_is_an_error_and_never_a_panic() {
    let work = history();
    work.git(&["gc", "-q"]);
    let files = files_of(&work.path().join(".git"));
    let pack = files.keys().find(|path| path.strip_suffix(".pack").is_some()).unwrap().clone();
    let bytes = files[&pack].clone();
    for at in (0..bytes.len()).step_by(17) {
        for damaged in [bytes[..at].to_vec(), flipped(&bytes, at)] {
            let mut files = files.clone();
            files.insert(pack.clone(), damaged);
            let all = files.iter().map(|(path, bytes)| (path.as_str(), bytes.as_slice()));
            // What survives is either refused or lacks the objects that the damage hit.
            if let Ok(repository) = Repository::from_files("test", all)
                && let Ok(head) = repository.resolve("HEAD")
            {
                let _ = repository.log_since(&head, Timestamp(0), 100);
                let _ = repository.blame("README.md", 1, &head);
            }
        }
    }
}

#[test]
fn a_folder_without_a_repository_is_named() {
    let folder = tempfile::tempdir().unwrap();
    for path in [folder.path().to_path_buf(), folder.path().join("nope")] {
        let error = Repository::open(&path).unwrap_err();
        assert!(matches!(error, GitError::NotARepository { .. }), "{error}");
    }
}

fn in_memory(files: &BTreeMap<String, Vec<u8>>) -> Repository {
    let files = files.iter().map(|(path, bytes)| (path.as_str(), bytes.as_slice()));
    Repository::from_files("test", files).unwrap()
}

fn flipped(bytes: &[u8], at: usize) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    bytes[at] ^= 0x41;
    bytes
}

#[test]
fn blame_is_that_of_git_on_random_histories() {
    let (mut lines, mut different) = (0, Vec::new());
    for seed in 1..=RANDOM_HISTORIES {
        let folder = tempfile::tempdir().unwrap();
        git(folder.path(), &["init", "-q", "--bare"]);
        import(folder.path(), &random::stream(seed));
        let repository = Repository::open(folder.path()).unwrap();
        let head = repository.resolve("main").unwrap();
        for file in repository.tree(&head).unwrap().files().unwrap() {
            let text = git(folder.path(), &["blame", "-s", "-l", "--root", "main", "--", &file]);
            for (index, wanted) in text.lines().enumerate() {
                let line = u32::try_from(index + 1).unwrap();
                let blamed = repository.blame(&file, line, &head).unwrap();
                lines += 1;
                if blamed.commit.0 != wanted[..40] {
                    different.push(format!(
                        "seed {seed}, {file}:{line}: {} for {wanted}",
                        blamed.commit
                    ));
                }
            }
        }
    }
    assert!(lines > 40 * RANDOM_HISTORIES, "only {lines} lines");
    assert!(different.is_empty(), "{} of {lines}: {different:#?}", different.len());
}

/// Histories compared with git on every run.
const RANDOM_HISTORIES: usize = 6;

fn import(repository: &Path, stream: &str) {
    use std::io::Write as _;
    use std::process::{Command, Stdio};
    let mut child = Command::new("git")
        .current_dir(repository)
        .args(["fast-import", "--quiet"])
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(stream.as_bytes()).unwrap();
    assert!(child.wait().unwrap().success());
}

/// Histories of manifests as people write them: edits, insertions, moves of files, merges.
mod random {
    use std::collections::BTreeMap;
    use std::fmt::Write as _;

    type Files = BTreeMap<String, Vec<String>>;

    pub(super) fn stream(seed: usize) -> String {
        let mut dice = Dice(seed as u64);
        let mut out = String::new();
        let mut states: Vec<Files> = Vec::new();
        for number in 1..=40_usize {
            let parents: Vec<usize> = match number {
                1 => Vec::new(),
                _ if dice.up_to(6) == 0 => vec![states.len(), dice.up_to(states.len()) + 1],
                _ if dice.up_to(5) == 0 => vec![dice.up_to(states.len()) + 1],
                _ => vec![states.len()],
            };
            let mut files =
                parents.first().map_or_else(Files::new, |parent| states[*parent - 1].clone());
            if let [_, other] = parents.as_slice() {
                // Take some files from the other side, as a merge does.
                for (path, lines) in &states[*other - 1] {
                    if dice.up_to(2) == 0 {
                        files.insert(path.clone(), lines.clone());
                    }
                }
            }
            for _ in 0..=dice.up_to(3) {
                change(&mut files, &mut dice, number);
            }
            commit(&mut out, number, &parents, &files);
            states.push(files);
        }
        out
    }

    fn change(files: &mut Files, dice: &mut Dice, number: usize) {
        let pick = dice.up_to(files.len().max(1));
        let path = files.keys().nth(pick).cloned();
        match (dice.up_to(8), path) {
            (0, _) | (_, None) => {
                let kind = ["VirtualService", "DestinationRule", "Deployment"][dice.up_to(3)];
                let lines =
                    (0..8 + dice.up_to(25)).map(|at| line(dice, kind, number, at)).collect();
                files.insert(format!("{}/{}.yaml", folder(dice), name(dice)), lines);
            }
            (1, Some(path)) => {
                let lines = files.remove(&path).unwrap_or_default();
                let file = path.rsplit('/').next().unwrap_or("x.yaml").to_owned();
                let file = if dice.up_to(2) == 0 { file } else { format!("{}.yaml", name(dice)) };
                files.insert(format!("{}/{file}", folder(dice)), lines);
            }
            (2, Some(path)) if files.len() > 3 => {
                files.remove(&path);
            }
            (_, Some(path)) => {
                let lines = files.entry(path).or_default();
                for _ in 0..=dice.up_to(2) {
                    let at = dice.up_to(lines.len() + 1);
                    let new = line(dice, "edit", number, at);
                    match dice.up_to(3) {
                        0 if at < lines.len() => drop(lines.remove(at)),
                        1 if at < lines.len() => lines[at] = new,
                        _ => lines.insert(at, new),
                    }
                }
            }
        }
    }

    fn line(dice: &mut Dice, kind: &str, number: usize, at: usize) -> String {
        match dice.up_to(6) {
            0 => "---".to_owned(),
            1 => "  - route:".to_owned(),
            2 => String::new(),
            3 => format!("kind: {kind}"),
            _ => format!("    field{at}: {number}"),
        }
    }

    fn folder(dice: &mut Dice) -> &'static str {
        ["apps/web", "apps/shop", "platform/istio", "tenants/a/overlays"][dice.up_to(4)]
    }

    fn name(dice: &mut Dice) -> &'static str {
        ["route", "policy", "workload", "kustomization", "values"][dice.up_to(5)]
    }

    fn commit(out: &mut String, number: usize, parents: &[usize], files: &Files) {
        let time = 1_772_625_600 + number * 60;
        writeln!(out, "commit refs/heads/main\nmark :{number}").unwrap();
        writeln!(out, "committer Ada <ada@example.com> {time} +0000\ndata 1\nx").unwrap();
        for (index, parent) in parents.iter().enumerate() {
            writeln!(out, "{} :{parent}", if index == 0 { "from" } else { "merge" }).unwrap();
        }
        writeln!(out, "deleteall").unwrap();
        for (path, lines) in files {
            let text = lines.iter().fold(String::new(), |text, line| text + line + "\n");
            writeln!(out, "M 644 inline {path}\ndata {}\n{text}", text.len()).unwrap();
        }
    }

    /// A small generator of the same numbers every time (Knuth's MMIX constants).
    struct Dice(u64);

    impl Dice {
        fn up_to(&mut self, limit: usize) -> usize {
            self.0 = self
                .0
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            (self.0 >> 33) as usize % limit
        }
    }
}
