//! From a path as typed to a tree of files.
#![allow(clippy::unwrap_used, reason = "a failure is the test's result")]

mod support;

use std::path::Path;

use stilltrace_manifest::Tree;
use stilltrace_sources::files::{Asked, FolderTree, Opened, common_root, with_files};
use support::{Work, git};

fn listed(path: &Path, revision: Option<&str>) -> (Vec<String>, Opened) {
    with_files(Asked { path: Some(path), revision }, |tree| tree.files().unwrap()).unwrap()
}

fn message(path: &Path, revision: Option<&str>) -> String {
    with_files(Asked { path: Some(path), revision }, |_| ()).unwrap_err().to_string()
}

#[test]
fn a_work_tree_and_its_revision_have_the_same_addresses() {
    let work = Work::new();
    work.commit("apps/web/route.yaml", "a: 1\n", "add");
    work.commit("apps/db/set.yaml", "a: 1\n", "add");
    let first = git(work.path(), &["rev-parse", "HEAD~1"]).trim().to_owned();
    let both = ["apps/db/set.yaml", "apps/web/route.yaml"];
    assert_eq!(listed(work.path(), None).0, both);
    assert_eq!(listed(work.path(), Some("HEAD")).0, both);
    let (files, opened) = listed(work.path(), Some("main~1"));
    assert_eq!(files, ["apps/web/route.yaml"]);
    assert_eq!(opened.revision.unwrap().0, first);
    for revision in [None, Some("HEAD")] {
        let (files, opened) = listed(&work.path().join("apps/web"), revision);
        assert_eq!(files, ["apps/web/route.yaml"]);
        assert_eq!(opened.part, "apps/web");
        let (files, _) = listed(&work.path().join("apps/web/route.yaml"), revision);
        assert_eq!(files, ["apps/web/route.yaml"]);
    }
}

#[test]
fn a_folder_that_no_commit_knows_is_a_root_of_its_own() {
    let work = Work::new();
    work.commit("a.yaml", "a: 1\n", "add");
    work.write("target/case/input.yaml", "a: 1\n");
    let (files, opened) = listed(&work.path().join("target/case"), None);
    assert_eq!((files, opened.part.as_str()), (vec!["input.yaml".to_owned()], ""));
    let (files, _) = listed(&work.path().join("target/case/input.yaml"), None);
    assert_eq!(files, ["input.yaml"]);
}

#[test]
fn a_single_file_is_a_manifest_whatever_it_is_called() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("dump"), "a: 1\n").unwrap();
    assert_eq!(listed(&folder.path().join("dump"), None).0, ["dump.yaml"]);
}

#[test]
fn what_is_not_there_is_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    assert!(message(&folder.path().join("nothing"), None).contains("nothing: cannot be read"));
    assert!(message(folder.path(), Some("HEAD")).contains("not a Git repository"));
    assert!(message(Path::new("-"), Some("HEAD")).contains("--repo"));
    let work = Work::new();
    work.commit("a.yaml", "a: 1\n", "add");
    for revision in ["nothing", "HEAD~7", "HEAD^2", "HEAD~x"] {
        assert!(message(work.path(), Some(revision)).contains(revision));
    }
}

#[cfg(unix)]
#[test]
fn links_are_followed_inside_and_never_listed() {
    use std::os::unix::fs::symlink;
    let (inside, outside) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    std::fs::write(outside.path().join("secret.yaml"), "a: 1\n").unwrap();
    std::fs::create_dir(inside.path().join("real")).unwrap();
    std::fs::write(inside.path().join("real/x.yaml"), "a: 1\n").unwrap();
    symlink(inside.path().join("real"), inside.path().join("linked")).unwrap();
    symlink("real/x.yaml", inside.path().join("y.yaml")).unwrap();
    symlink(outside.path(), inside.path().join("out")).unwrap();
    symlink(outside.path().join("secret.yaml"), inside.path().join("s.yaml")).unwrap();
    symlink("loop", inside.path().join("loop")).unwrap();
    let tree = FolderTree::open(inside.path()).unwrap();
    assert_eq!(tree.files().unwrap(), ["real/x.yaml"]);
    for path in ["linked/x.yaml", "y.yaml"] {
        assert!(tree.read(path).unwrap().is_some(), "{path}");
        assert!(tree.content_id(path).is_some(), "{path}");
    }
    for path in ["out/secret.yaml", "s.yaml", "loop", "../x", "real", "real/..", ".git/HEAD", ""] {
        assert_eq!(tree.read(path), Ok(None), "{path}");
        assert_eq!(tree.content_id(path), None, "{path}");
    }
}

#[test]
fn a_file_that_is_too_large_is_named_with_the_limit() {
    let folder = tempfile::tempdir().unwrap();
    let file = std::fs::File::create(folder.path().join("big.yaml")).unwrap();
    file.set_len(9 << 20).unwrap();
    let tree = FolderTree::open(folder.path()).unwrap();
    let error = tree.read("big.yaml").unwrap_err().to_string();
    assert_eq!(error, "big.yaml: larger than 8388608 bytes");
    assert!(message(&folder.path().join("big.yaml"), None).contains("8388608"));
}

#[test]
fn the_root_is_as_high_as_kustomizations_reach_and_no_higher() {
    let folder = tempfile::tempdir().unwrap();
    let top = folder.path().canonicalize().unwrap();
    let write = |path: &str, text: &str| {
        let file = top.join(path);
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(file, text).unwrap();
    };
    write("x/a/b/prod/kustomization.yaml", "resources:\n- ../../base\n- own\n");
    write("x/a/base/kustomization.yml", "resources: [deploy.yaml]\n");
    write("x/a/b/prod/own/kustomization.yaml", "resources: []\n");
    let root = |folders: &[&str]| {
        let folders: Vec<_> = folders.iter().map(|folder| top.join(folder)).collect();
        common_root(&folders).strip_prefix(&top).unwrap().to_str().unwrap().to_owned()
    };
    assert_eq!(root(&["x/a/b/prod"]), "x/a");
    assert_eq!(root(&["x/a/b/prod/own"]), "x/a/b/prod/own");
    assert_eq!(root(&["x/a/b/prod/own", "x/a/base"]), "x/a");
    write("x/a/b/prod/own/kustomization.yaml", "components: ['../../../../y']\n");
    assert_eq!(root(&["x/a/b/prod"]), "x");
    write("x/a/base/kustomization.yml", "resources: [../../../../../../../../../../../../a]\n");
    assert!(common_root(&[top.join("x/a/b/prod")]).is_absolute());
}
