//! `stilltrace render` as its users see it.

#![allow(clippy::unwrap_used, reason = "a test fails where nothing is found")]

mod program;

use std::fs;
use std::path::Path;

use program::Program;
use tempfile::TempDir;

const DEPLOYMENT: &str = "apiVersion: apps/v1
kind: Deployment
metadata:
  name: cart
spec:
  replicas: 1
  template:
    spec:
      containers:
      - name: app
        image: cart:1
";

/// A base with two overlays, one of which refers to the network.
fn repository() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (path, text) in [
        ("base/kustomization.yaml", "resources:\n- deployment.yaml\n"),
        ("base/deployment.yaml", DEPLOYMENT),
        (
            "env/prod/kustomization.yaml",
            "resources:\n- ../../base\nnamespace: shop\npatches:\n- path: more.yaml\n",
        ),
        (
            "env/prod/more.yaml",
            "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: cart\nspec:\n  replicas: 4\n",
        ),
        (
            "env/remote/kustomization.yaml",
            "resources:\n- ../../base\n- https://example.com/org/repo//base?ref=v1\n",
        ),
    ] {
        let file = folder.path().join(path);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, text).unwrap();
    }
    folder
}

fn dir(repository: &TempDir, path: &str) -> String {
    repository.path().join(path).to_str().unwrap().to_owned()
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn an_overlay_is_printed_as_kustomize_prints_it() {
    let repository = repository();
    let run = Program::new().run(&["render", &dir(&repository, "env/prod")]);
    assert_eq!((run.code, run.stderr.as_str()), (0, ""));
    let expected = DEPLOYMENT
        .replace("name: cart\nspec", "name: cart\n  namespace: shop\nspec")
        .replace("replicas: 1", "replicas: 4")
        .replace("- name: app\n        image: cart:1", "- image: cart:1\n        name: app");
    assert_eq!(run.stdout, expected);
}

#[test]
fn origins_name_the_line_and_what_it_overrode() {
    let repository = repository();
    let run = Program::new().run(&["render", &dir(&repository, "env/prod"), "--origins"]);
    assert_eq!((run.code, run.stderr.as_str()), (0, ""));
    let line =
        |start: &str| run.stdout.lines().find(|line| line.trim().starts_with(start)).unwrap();
    assert!(
        line("replicas").ends_with("# env/prod/more.yaml:6, not base/deployment.yaml:6"),
        "{}",
        run.stdout
    );
    assert!(line("namespace").ends_with("# env/prod/kustomization.yaml:3"), "{}", run.stdout);
    // Without comments and the spaces before them it is what is printed without the option.
    let plain = Program::new().run(&["render", &dir(&repository, "env/prod")]).stdout;
    let bare: Vec<&str> =
        run.stdout.lines().map(|line| line.split(" #").next().unwrap().trim_end()).collect();
    assert_eq!(bare, plain.lines().collect::<Vec<_>>());
}

#[test]
fn origins_are_there_for_programs() {
    let repository = repository();
    let run = Program::new().run(&["render", &dir(&repository, "env/prod"), "-o", "json"]);
    let document: serde_json::Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(document["schema"], "stilltrace.render/v1");
    assert_eq!(document["folder"], "env/prod");
    let fields = document["objects"][0]["fields"].as_array().unwrap();
    let replicas = fields.iter().find(|field| field["field"] == "spec.replicas").unwrap();
    assert_eq!(replicas["value"], 4);
    assert_eq!((&replicas["path"], &replicas["line"]), (&"env/prod/more.yaml".into(), &6.into()));
    assert_eq!(replicas["overrode"][0]["path"], "base/deployment.yaml");
}

#[test]
fn values_of_secrets_are_no_part_of_the_list() {
    let repository = repository();
    let folder = repository.path().join("secret");
    fs::create_dir_all(&folder).unwrap();
    let text = "secretGenerator:\n- name: s\n  literals: [password=hunter2]\n\
                configMapGenerator:\n- name: c\n  literals: [colour=blue]\n";
    fs::write(folder.join("kustomization.yaml"), text).unwrap();
    let run = Program::new().run(&["render", &dir(&repository, "secret"), "-o", "json"]);
    assert!(!run.stdout.contains("aHVudGVyMg==") && !run.stdout.contains("hunter2"));
    assert!(run.stdout.contains("\"blue\"") && run.stdout.contains("\"hidden\": true"));
}

#[test]
fn refused_folders_are_named_and_the_others_written() {
    let repository = repository();
    let out = repository.path().join("out");
    let folders = ["env/prod", "base", "env/remote", "env", "missing"];
    let mut arguments = vec!["render".to_owned()];
    arguments.extend(folders.map(|folder| dir(&repository, folder)));
    arguments.extend(["--out-dir".to_owned(), out.to_str().unwrap().to_owned()]);
    let run = Program::new().run(&arguments);
    assert_eq!((run.code, run.stdout.as_str()), (2, ""));
    assert_eq!(names(&out), ["base.yaml", "env__prod.yaml"]);
    for refused in ["env/remote/kustomization.yaml:3:3", "env: not rendered", "missing: cannot"] {
        assert!(run.stderr.contains(refused), "{}", run.stderr);
    }
    assert!(run.stderr.contains("2 of 4 folders written"), "{}", run.stderr);
    let alone = Program::new().run(&["render", &dir(&repository, "base")]);
    assert_eq!(fs::read_to_string(out.join("base.yaml")).unwrap(), alone.stdout);
}

#[test]
fn what_cannot_be_rendered_ends_with_2_and_prints_nothing() {
    let repository = repository();
    let file = dir(&repository, "base/deployment.yaml");
    let (env, base) = (dir(&repository, "env"), dir(&repository, "base"));
    for (arguments, message) in [
        (vec!["render", &file], "not a folder"),
        (vec!["render", &env], "no kustomization"),
        (vec!["render", &env, &base], "need --out-dir"),
        (vec!["render", "https://example.com/org/repo"], "nothing is fetched"),
        (vec!["render", &base, "--reorder", "sideways"], "legacy"),
        (vec!["render", &base, "--load-restrictor", "Some"], "LoadRestrictionsRootOnly"),
    ] {
        let run = Program::new().run(&arguments);
        assert_eq!((run.code, run.stdout.as_str()), (2, ""), "{arguments:?}");
        assert!(run.stderr.contains(message), "{arguments:?}: {}", run.stderr);
    }
}

#[test]
fn a_vendored_copy_takes_the_place_of_the_remote() {
    let repository = repository();
    let copy = repository.path().join("vendor/repo/base");
    fs::create_dir_all(&copy).unwrap();
    fs::write(copy.join("kustomization.yaml"), "resources:\n- map.yaml\n").unwrap();
    let map = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: flags\n";
    fs::write(copy.join("map.yaml"), map).unwrap();
    let git = ["init", "--quiet"];
    std::process::Command::new("git").args(git).current_dir(repository.path()).status().unwrap();
    let remote = dir(&repository, "env/remote");
    let refused = Program::new().run(&["render", &remote]);
    let flag = "`--vendored https://example.com/org/repo=vendor/repo`";
    assert!(refused.stderr.contains(flag), "{}", refused.stderr);
    let words = ["render", &remote, "--vendored", "https://example.com/org/repo=vendor/repo"];
    let taken = Program::new().run(&words);
    assert_eq!((taken.code, taken.stderr.as_str()), (0, ""));
    assert!(taken.stdout.contains("name: flags\n"), "{}", taken.stdout);
    let senseless = Program::new().run(&["render", &remote, "--vendored", "vendor/repo"]);
    assert_eq!(senseless.code, 2);
    assert!(senseless.stderr.contains("URL=DIR"), "{}", senseless.stderr);
}
