//! Fresh meshes of seeded chance, computed by Istio's own code and by us, in all fields.
//!
//! `STILLTRACE_ISTIO_XDS` names the program that runs Istio's control-plane code on a folder of
//! manifests; without it the test is skipped with a printed reason. `STILLTRACE_FRESH=n` computes n
//! meshes from `STILLTRACE_SEED` (default 1) on; the few of a plain run are always the same.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "the figures are the result")]
#![allow(clippy::unwrap_used, reason = "a failed test may panic")]
#![allow(clippy::disallowed_methods, reason = "the program reads folders")]

mod fresh;
mod fresh_recordings;
mod settings_diff;

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use settings_diff::Tally;
use stilltrace_manifest::MemoryTree;
use stilltrace_platform::{ParseCache, read};
use stilltrace_report::settings;

/// Meshes of a plain run, of each kind.
const MESHES: u64 = 12;

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

#[test]
fn fresh_meshes_are_what_istio_computes() {
    compute("plain", fresh::manifests);
}

#[test]
fn fresh_routes_are_what_istio_computes() {
    compute("routes", fresh::routed);
}

#[test]
fn fresh_gateways_are_what_istio_computes() {
    if std::env::var_os("STILLTRACE_ISTIO_XDS").is_some_and(|program| !reads_gateway_api(&program))
    {
        eprintln!("skipped: the program of STILLTRACE_ISTIO_XDS does not read the Gateway API");
        return;
    }
    compute("gateways", fresh::of_gateway_api);
}

/// Whether the program answers for an `HTTPRoute`; older ones leave such objects out.
fn reads_gateway_api(program: &OsStr) -> bool {
    if !Path::new(program).is_file() {
        return true;
    }
    let cases = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/gateway_api");
    let input = std::fs::read_to_string(cases.join("mesh_limits/input.yaml")).unwrap();
    let folder = std::env::temp_dir().join(format!("stilltrace-probe-{}", std::process::id()));
    let case = Case { name: "probe".to_owned(), input };
    let (answers, _) = answers(program, &folder, &[case]);
    std::fs::remove_dir_all(folder).unwrap();
    // The name that Istio gives to what it makes of the route.
    answers.get("probe").is_some_and(|answer| answer.to_string().contains("shop~web"))
}

/// Computes the meshes of all seeds on both sides.
fn compute(kind: &str, manifests: fn(u64) -> String) {
    let Some(program) =
        std::env::var_os("STILLTRACE_ISTIO_XDS").filter(|path| Path::new(path).is_file())
    else {
        eprintln!("skipped: STILLTRACE_ISTIO_XDS names no program");
        return;
    };
    let kept = std::env::var_os("STILLTRACE_FRESH_DIR").map(PathBuf::from);
    let folder = kept.clone().unwrap_or_else(|| {
        std::env::temp_dir().join(format!("stilltrace-fresh-{}", std::process::id()))
    });
    let folder = folder.join(kind);
    let first = number("STILLTRACE_SEED", 1);
    let cases: Vec<Case> = (first..first + number("STILLTRACE_FRESH", MESHES))
        .map(|seed| Case { name: format!("{kind}-{seed:06}"), input: taken(&manifests(seed)) })
        .collect();
    let (answers, mut complaints) = answers(&program, &folder, &cases);
    let mut tally = Tally::default();
    for case in &cases {
        let Some(expected) = answers.get(&case.name) else { continue };
        let ours = ours(case);
        let expected = &named_by_pods(expected, &ours);
        let before = tally.clone();
        tally.compare(&case.name, &ours, expected);
        let first = &answers[&case.name];
        if tally.differing() > before.differing() && changes(&program, &folder, case, first) {
            tally = before;
            _ = writeln!(complaints, "{} has several answers from Istio's own code", case.name);
        }
    }
    if kept.is_none() {
        std::fs::remove_dir_all(&folder).unwrap();
    }
    println!("{}\n{} of {} computed\n{complaints}", tally.report(), answers.len(), cases.len());
    assert!(!answers.is_empty(), "Istio's program computed nothing: {complaints}");
    assert_eq!(tally.differing(), 0, "meshes that differ");
}

/// The objects of a mesh but for those that the API server refuses by the rules of the Gateway API:
/// Istio's program has no API server before it. `tests/admission` holds the truth of these rules.
fn taken(input: &str) -> String {
    let mut tree = MemoryTree::new();
    tree.insert("input.yaml", input.as_bytes().to_vec());
    let refused = read(&tree, &mut ParseCache::new()).refused;
    let by_server = |object: &Value| {
        let api = object["apiVersion"].as_str().unwrap_or_default();
        let text = |key: &str| object["metadata"][key].as_str().unwrap_or_default();
        api.starts_with("gateway.networking.k8s.io/")
            && refused.iter().map(|refusal| &refusal.object).any(|own| {
                *own.kind == object["kind"]
                    && *own.namespace == *text("namespace")
                    && *own.name == *text("name")
            })
    };
    let documents = input.split("\n---\n");
    let kept = documents.filter(|document| {
        let object = serde_json::from_str(document).unwrap_or_default();
        !by_server(&object)
    });
    kept.collect::<Vec<_>>().join("\n---\n")
}

/// What we say of a mesh.
fn ours(case: &Case) -> Value {
    let mut tree = MemoryTree::new();
    tree.insert("input.yaml", case.input.clone().into_bytes());
    settings::document(&read(&tree, &mut ParseCache::new()))
}

/// Whether Istio's program, asked again, says something else: it goes through some of its maps in
/// no order.
fn changes(program: &OsStr, folder: &Path, case: &Case, first: &Value) -> bool {
    let again = folder.join("again");
    let differs = (0..4).any(|_| {
        let (answers, _) = answers(program, &again, std::slice::from_ref(case));
        answers.get(&case.name) != Some(first)
    });
    std::fs::remove_dir_all(again).unwrap();
    differs
}

/// Istio listens on the address of every pod of a headless service; Git knows none of them, and we
/// name the service in their place: that of our route which is the same otherwise, else the service
/// that the route leads to.
fn named_by_pods(expected: &Value, answer: &Value) -> Value {
    let mut expected = expected.clone();
    let Some(workloads) = expected["workloads"].as_object_mut() else { return expected };
    for (name, workload) in workloads {
        let Some(routes) = workload.get_mut("tcp").and_then(Value::as_array_mut) else { continue };
        let known = answer["workloads"][name]["tcp"].as_array().cloned().unwrap_or_default();
        for route in routes.iter_mut() {
            let listen = route["listen"].as_str().unwrap_or_default();
            // The addresses that the program gives to pods.
            let Some((_, port)) = listen.strip_prefix("10.244.").and_then(|l| l.split_once('|'))
            else {
                continue;
            };
            let target = route["to"][0][0].as_str().unwrap_or_default();
            let host = target.split('|').next().unwrap_or_default();
            let (plain, port) = (format!("{host}|{port}"), format!("|{port}"));
            let fields = route.as_object().cloned().unwrap_or_default();
            let same = |own: &&Value| {
                let mut others = fields.iter().filter(|(field, _)| *field != "listen");
                own["listen"].as_str().is_some_and(|own| own.ends_with(&port))
                    && others.all(|(field, value)| own[field] == *value)
            };
            let ours = known.iter().find(same).map(|own| own["listen"].clone());
            route["listen"] = ours.unwrap_or_else(|| Value::from(plain));
        }
        routes.sort_by_key(Value::to_string);
        routes.dedup();
    }
    expected
}

struct Case {
    name: String,
    input: String,
}

/// What Istio's program says, by name, and its complaints. A mesh that stops the program is left
/// out and the rest computed again without it.
fn answers(program: &OsStr, folder: &Path, cases: &[Case]) -> (BTreeMap<String, Value>, String) {
    let mut found = BTreeMap::new();
    let mut complaints = String::new();
    let mut open: Vec<&Case> = cases.iter().collect();
    while !open.is_empty() {
        for case in &open {
            std::fs::create_dir_all(folder.join(&case.name)).unwrap();
            std::fs::write(folder.join(&case.name).join("input.yaml"), &case.input).unwrap();
        }
        let output = Command::new(program).arg("-cases").arg(folder).output().unwrap();
        let stopped = String::from_utf8_lossy(&output.stderr).contains("panic: ");
        let mut missing = Vec::new();
        for case in open {
            match std::fs::read(folder.join(&case.name).join("expected.json")) {
                Ok(text) => {
                    let answer: Value = serde_json::from_slice(&text).unwrap();
                    found.insert(case.name.clone(), answer);
                }
                Err(_) => missing.push(case),
            }
        }
        let lost = if stopped { 1 } else { missing.len() };
        for case in missing.drain(..lost.min(missing.len())) {
            let how = if stopped { "stops Istio's own code" } else { "is not computed" };
            _ = writeln!(complaints, "{} {how}", case.name);
        }
        if !missing.is_empty() {
            std::fs::remove_dir_all(folder).unwrap();
        }
        open = missing;
    }
    (found, complaints)
}
