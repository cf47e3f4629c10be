//! The public data sets through the command line: what scripts get is what Kustomize and Istio say.
//!
//! Without the data sets the tests print why they did nothing.

#![allow(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "a test fails where nothing is found, and says why it did nothing"
)]

mod program;

use std::collections::BTreeMap;
use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use program::Program;
use serde_json::Value;

/// Of the folders that Kustomize builds, one of so many is taken; the library's tests take all.
const SAMPLE: usize = 25;

fn corpus(name: &str) -> Option<PathBuf> {
    let folder = std::env::var_os("STILLTRACE_CORPORA").map(|all| Path::new(&all).join(name));
    let found = folder.filter(|folder| folder.is_dir());
    if found.is_none() {
        eprintln!("skipped: STILLTRACE_CORPORA names no folder with {name}");
    }
    found
}

fn folders(of: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(of).unwrap().map(|entry| entry.unwrap().path());
    let mut folders: Vec<PathBuf> = entries.filter(|path| path.is_dir()).collect();
    folders.sort();
    folders
}

fn json(file: &Path) -> Option<Value> {
    serde_json::from_slice(&fs::read(file).ok()?).ok()
}

/// Folders of a repository with the outputs that the real Kustomize gave.
fn recorded(repository: &Path) -> BTreeMap<String, String> {
    let builds = json(&repository.join("builds.json")).unwrap_or_default();
    let roots = builds["roots"].as_array().cloned().unwrap_or_default();
    let kept = roots.iter().filter_map(|build| {
        let packed = fs::File::open(repository.join(build["expected"].as_str()?)).ok()?;
        let mut text = String::new();
        flate2::read::GzDecoder::new(packed).read_to_string(&mut text).ok()?;
        Some((build["root"].as_str()?.to_owned(), text))
    });
    kept.collect()
}

#[test]
fn real_repositories_are_rendered_to_the_bytes_that_kustomize_prints() {
    let Some(corpus) = corpus("gitops-repos") else { return };
    let mut differing = Vec::new();
    let mut number = 0;
    for repository in folders(&corpus) {
        let expected = recorded(&repository);
        let sample: Vec<(&String, &String)> = expected
            .iter()
            .enumerate()
            .filter(|(at, _)| at % SAMPLE == 0)
            .map(|(_, one)| one)
            .collect();
        number += sample.len();
        let tree = repository.join("tree");
        let out = tempfile::tempdir().unwrap();
        let mut arguments = vec!["render".to_owned(), "--out-dir".to_owned()];
        arguments.push(out.path().to_str().unwrap().to_owned());
        // The root itself keeps file names relative to it, whatever the sample is.
        arguments.push(tree.to_str().unwrap().to_owned());
        arguments
            .extend(sample.iter().map(|(root, _)| tree.join(root).to_str().unwrap().to_owned()));
        Program::new().run(&arguments);
        for (root, text) in sample {
            let file = out.path().join(format!("{}.yaml", root.replace('/', "__")));
            if fs::read_to_string(file).ok().as_ref() != Some(text) {
                differing.push(format!("{} {root}", repository.display()));
            }
        }
    }
    assert!(differing.is_empty(), "{} of {number} differ: {differing:#?}", differing.len());
}

/// The document without what the recorded one does not have.
fn bare(value: Value) -> Value {
    match value {
        Value::Object(fields) => fields
            .into_iter()
            .filter(|(name, _)| name != "origins" && name != "depends_on_age")
            .map(|(name, value)| (name, bare(value)))
            .collect(),
        Value::Array(items) => items.into_iter().map(bare).collect(),
        other => other,
    }
}

#[test]
fn settings_are_those_that_istio_computes() {
    let Some(corpus) = corpus("xds-golden") else { return };
    let mut differing = Vec::new();
    let cases = folders(&corpus);
    for case in &cases {
        let expected = json(&case.join("expected.json")).unwrap();
        let input = case.join("input.yaml");
        let run =
            Program::new().run(&["settings", "-o", "json", "--repo", input.to_str().unwrap()]);
        let mut printed: Value = serde_json::from_str(&run.stdout).unwrap_or_default();
        let agrees = match expected.get("invalid") {
            Some(_) => printed["invalid"].as_array().is_some_and(|refused| !refused.is_empty()),
            None => {
                printed["invalid"].is_null()
                    && bare(printed["workloads"].take()) == expected["workloads"]
            }
        };
        if run.code != 0 || !agrees {
            differing.push(case.file_name().unwrap().to_string_lossy().into_owned());
        }
    }
    assert!(differing.is_empty(), "{} of {} differ: {differing:?}", differing.len(), cases.len());
}
