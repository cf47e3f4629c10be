//! Charts with recorded answers of Helm: every scalar with its place, without the program.
//!
//! A case is a folder of `tests/helm/`: `case.md` says what must hold, `repo/` is the tree with the
//! chart in `chart/`, `application.yaml` in it the release, `answers/` what Helm 4.3.1 printed for
//! each call. `UPDATE_EXPECT=1` with `STILLTRACE_HELM` asks that Helm anew.

#![allow(
    clippy::unwrap_used,
    clippy::print_stderr,
    clippy::disallowed_methods,
    reason = "tests read fixtures from the disk, record them on request and say why they skip"
)]

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex};

use expect_test::expect_file;
use sha2::{Digest, Sha256};
use stilltrace_manifest::helm::{
    HelmBuild, HelmCall, HelmFlag, HelmRefusal, HelmRenderer, HelmRequest, NoHelm, Parameter,
    SettingKind, Sourced, ValuesLayer, render,
};
use stilltrace_manifest::yaml::{Budget, parse};
use stilltrace_manifest::{MemoryTree, Node, ParseCache, Tree};

/// Answers by what was asked.
struct Recorded {
    folder: PathBuf,
    record: Option<PathBuf>,
    asked: Mutex<BTreeSet<String>>,
}

impl Recorded {
    fn at(case: &Path) -> Self {
        let wanted = std::env::var_os("UPDATE_EXPECT").is_some();
        let record = std::env::var_os("STILLTRACE_HELM").map(PathBuf::from).filter(|_| wanted);
        Self { folder: case.join("answers"), record, asked: Mutex::default() }
    }

    /// Removes answers that were not asked for when recording.
    fn tidy(&self) {
        let asked = self.asked.lock().unwrap();
        for path in entries(&self.folder) {
            let name = path.file_stem().unwrap().to_str().unwrap();
            if self.record.is_some() && !asked.contains(name) {
                std::fs::remove_file(path).unwrap();
            }
        }
    }
}

impl HelmRenderer for Recorded {
    fn render(&self, call: &HelmCall) -> Result<String, HelmRefusal> {
        let name = name_of(call);
        self.asked.lock().unwrap().insert(name.clone());
        let file = self.folder.join(format!("{name}.txt"));
        if let Some(helm) = &self.record {
            std::fs::create_dir_all(&self.folder).unwrap();
            std::fs::write(&file, ask(helm, call)).unwrap();
        }
        assert!(file.is_file(), "no answer {name}; set STILLTRACE_HELM and UPDATE_EXPECT=1");
        let answer = std::fs::read_to_string(&file).unwrap();
        match answer.strip_prefix("Error: ") {
            Some(message) => Err(HelmRefusal::Failed { message: message.trim().to_owned() }),
            None => Ok(answer),
        }
    }
}

/// A name for a call: the beginning of a hash of all of it.
fn name_of(call: &HelmCall) -> String {
    let mut hash = Sha256::new();
    for (name, content) in &*call.files {
        hash.update(format!("{name} {}\n", content.len()));
        hash.update(content);
    }
    let values: Vec<&str> = call.values.iter().map(|text| &**text).collect();
    let HelmCall { release, namespace, settings, flags, .. } = call;
    hash.update(format!("{release} {namespace:?} {values:?} {settings:?} {flags:?}"));
    hash.finalize().iter().take(6).fold(String::new(), |name, byte| format!("{name}{byte:02x}"))
}

/// What the program prints, or its error.
fn ask(helm: &Path, call: &HelmCall) -> String {
    let folder = std::env::temp_dir().join(format!("stilltrace-record-{}", name_of(call)));
    for (name, content) in &*call.files {
        let file = folder.join("chart").join(name);
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(file, content).unwrap();
    }
    let mut helm = Command::new(helm);
    helm.args(["template", &call.release]).arg(folder.join("chart"));
    if let Some(namespace) = &call.namespace {
        helm.args(["--namespace", namespace]);
    }
    for (index, text) in call.values.iter().enumerate() {
        let file = folder.join(format!("values-{index}.yaml"));
        std::fs::write(&file, text.as_bytes()).unwrap();
        helm.arg("--values").arg(file);
    }
    for setting in &call.settings {
        let flag = if setting.kind == SettingKind::Text { "--set-string" } else { "--set" };
        helm.args([flag, &format!("{}={}", setting.name, setting.value)]);
    }
    if call.flags.contains(&HelmFlag::IncludeCrds) {
        helm.arg("--include-crds");
    }
    if call.flags.contains(&HelmFlag::Raw) {
        helm.arg("--debug");
    }
    let output = helm.output().unwrap();
    std::fs::remove_dir_all(&folder).unwrap();
    if output.stdout.is_empty() {
        let errors = String::from_utf8(output.stderr).unwrap();
        let error = errors.split("Error: ").nth(1).unwrap_or(&errors);
        return format!("Error: {}", error.replace(folder.to_str().unwrap(), ""));
    }
    String::from_utf8(output.stdout).unwrap()
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths
}

fn tree(folder: &Path) -> MemoryTree {
    let mut tree = MemoryTree::new();
    let mut open = vec![folder.to_path_buf()];
    while let Some(next) = open.pop() {
        for path in entries(&next) {
            if path.is_dir() {
                open.push(path);
            } else {
                let name = path.strip_prefix(folder).unwrap().to_str().unwrap();
                tree.insert(name, std::fs::read(&path).unwrap());
            }
        }
    }
    tree
}

/// The release that `application.yaml` describes, in the words of Argo CD.
fn request(tree: &MemoryTree) -> HelmRequest {
    let text = tree.read("application.yaml").unwrap().unwrap();
    let parsed = parse("application.yaml", &text, &Budget::default());
    let root = &parsed.documents[0].root;
    let sourced = |path: &[&str]| {
        let node = root.at(path).unwrap();
        Sourced::at(node.text().unwrap(), node.mark.clone())
    };
    let helm = root.at(&["spec", "source", "helm"]).unwrap();
    let files = helm.get("valueFiles").map(Node::items).unwrap_or_default().iter();
    let mut values: Vec<ValuesLayer> =
        files.map(|file| ValuesLayer::File(file.text().unwrap().to_owned())).collect();
    values.extend(helm.get("values").map(|text| ValuesLayer::Text(Arc::new(text.clone()))));
    values.extend(helm.get("valuesObject").map(|root| ValuesLayer::Inline(Arc::new(root.clone()))));
    let parameters = helm.get("parameters").map(Node::items).unwrap_or_default().iter();
    let parameters = parameters.map(|one| Parameter {
        name: one.get("name").unwrap().text().unwrap().to_owned(),
        value: one.get("value").unwrap().text().unwrap().to_owned(),
        kind: SettingKind::Plain,
        mark: Some(one.get("value").unwrap().mark.clone()),
    });
    HelmRequest {
        chart: "chart".to_owned(),
        release: sourced(&["metadata", "name"]),
        namespace: Some(sourced(&["spec", "destination", "namespace"])),
        values,
        parameters: parameters.collect(),
        flags: [HelmFlag::IncludeCrds].into(),
        ..HelmRequest::default()
    }
}

/// Every scalar with its place, how it was found, and what it overrode.
fn shown(build: &HelmBuild) -> String {
    let mut out = String::new();
    for one in &build.objects {
        writeln!(out, "{} from {}", one.object.key(), one.template).unwrap();
        for ((path, node), located) in one.object.root.leaves().into_iter().zip(&one.located) {
            let Some(text) = node.text() else { continue };
            let how = node.derivation();
            write!(out, "  {path}: {text:?} <- {} {located:?} {how:?}", node.mark).unwrap();
            for place in node.overrode() {
                write!(out, ", over {place}").unwrap();
            }
            out.push('\n');
        }
    }
    for problem in &build.problems {
        writeln!(out, "problem: {problem}").unwrap();
    }
    out
}

fn case(name: &str) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/helm").join(name);
    let tree = tree(&folder.join("repo"));
    let helm = Recorded::at(&folder);
    let build = render(&helm, &tree, &request(&tree), &ParseCache::new());
    helm.tidy();
    expect_file![folder.join("expected.txt")].assert_eq(&shown(&build));
}

#[test]
fn the_strongest_layer_sets_a_scalar_and_the_others_are_overridden() {
    case("layers");
}

#[test]
fn text_and_actions_of_templates_are_told_from_values() {
    case("templates");
}

#[test]
fn dependencies_of_the_tree_are_rendered_under_their_names() {
    case("dependencies");
}

#[test]
fn values_that_differ_in_every_rendering_are_named() {
    case("random");
}

#[test]
fn without_helm_a_chart_is_a_named_gap() {
    let tree =
        MemoryTree::new().with("shop/Chart.yaml", "apiVersion: v2\nname: shop\nversion: 1.0.0\n");
    let request = HelmRequest { chart: "shop".to_owned(), ..HelmRequest::default() };
    let build = render(&NoHelm::default(), &tree, &request, &ParseCache::new());
    assert!(build.objects.is_empty());
    let problem = build.problems[0].to_string();
    assert!(problem.starts_with("shop: charts are not rendered in this run"), "{problem}");
}

#[test]
fn dependencies_that_are_not_vendored_are_named_with_the_remedy() {
    let chart = "apiVersion: v2\nname: shop\nversion: 1.0.0\ndependencies:\n- name: redis\n  \
                 version: 1.2.x\n  repository: oci://charts.example.com/db\n";
    let tree = MemoryTree::new().with("apps/shop/Chart.yaml", chart);
    let request = HelmRequest { chart: "apps/shop".to_owned(), ..HelmRequest::default() };
    let build = render(&NoHelm::default(), &tree, &request, &ParseCache::new());
    assert_eq!(
        build.problems[0].to_string(),
        "apps/shop/Chart.yaml:5:3: dependency `redis` 1.2.x of oci://charts.example.com/db is not \
         vendored, and nothing is downloaded; run `helm dependency build apps/shop` and commit \
         apps/shop/charts"
    );
}

#[test]
fn files_that_no_chart_may_hold_are_refused() {
    let tree = MemoryTree::new().with("shop/values.yaml", "a: 1\n");
    let request = HelmRequest { chart: "shop".to_owned(), ..HelmRequest::default() };
    let build = render(&NoHelm::default(), &tree, &request, &ParseCache::new());
    assert_eq!(build.problems[0].to_string(), "shop: no Chart.yaml, so there is no chart here");
}

/// Insists that no schema arrives.
struct NoSchema;
impl HelmRenderer for NoSchema {
    fn render(&self, call: &HelmCall) -> Result<String, HelmRefusal> {
        assert!(!call.files.contains_key("values.schema.json"));
        Ok(String::new())
    }
}

#[test]
fn remote_schemas_are_left_out() {
    let schema = "{\"properties\": {\"a\": {\"$ref\": \"https://schemas.example.com/a.json\"}}}";
    let tree = MemoryTree::new()
        .with("shop/Chart.yaml", "apiVersion: v2\nname: shop\nversion: 1.0.0\n")
        .with("shop/values.schema.json", schema);
    let request = HelmRequest { chart: "shop".to_owned(), ..HelmRequest::default() };
    let build = render(&NoSchema, &tree, &request, &ParseCache::new());
    let problem = build.problems[0].to_string();
    assert!(problem.starts_with("shop/values.schema.json: the schema refers"), "{problem}");
}
