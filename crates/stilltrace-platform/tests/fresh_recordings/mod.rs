//! What proxies record about requests, in fresh meshes: Istio's listeners against our telemetry.
//!
//! Istio's side is `istio-xds -telemetry`: for each end of requests the access logs and the tracing
//! of the HTTP connection manager, and the worker threads that the agent is told.

mod given;

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};
use stilltrace_manifest::MemoryTree;
use stilltrace_model::{Recording, SidecarProxy, Workload};
use stilltrace_platform::{ParseCache, read};

use given::PROVIDERS;

/// Meshes that one run of Istio's program is asked about.
const AT_ONCE: usize = 20;

#[test]
fn fresh_recordings_are_what_istio_computes() {
    let program = std::env::var_os("STILLTRACE_ISTIO_XDS");
    let Some(program) = program.filter(|path| Path::new(path).is_file()) else {
        eprintln!("skipped: STILLTRACE_ISTIO_XDS names no program");
        return;
    };
    let first = crate::number("STILLTRACE_SEED", 1);
    let seeds: Vec<u64> =
        (first..first + crate::number("STILLTRACE_FRESH", crate::MESHES)).collect();
    let folder = std::env::temp_dir().join(format!("stilltrace-telemetry-{}", std::process::id()));
    let (mut compared, mut misses) = (0, Vec::new());
    for seeds in seeds.chunks(AT_ONCE) {
        let inputs: Vec<String> = seeds.iter().map(|seed| given::manifests(*seed)).collect();
        let Some(answers) = answers(&program, &folder, &inputs) else {
            eprintln!("skipped: the program of STILLTRACE_ISTIO_XDS does not know `-telemetry`");
            return;
        };
        for ((seed, input), answer) in seeds.iter().zip(&inputs).zip(&answers) {
            let tree = MemoryTree::new().with("input.yaml", input);
            let platform = read(&tree, &mut ParseCache::new());
            for workload in platform.workloads.values() {
                let theirs = &answer["workloads"][workload.id.to_string()]["telemetry"];
                let found = misses_of(workload, theirs, &mut compared);
                misses.extend(found.map(|miss| format!("seed {seed}, {}: {miss}", workload.id)));
            }
        }
    }
    println!("{} meshes, {compared} values compared, {} differ", seeds.len(), misses.len());
    assert!(compared > 100, "too little was compared: {compared}");
    assert!(misses.is_empty(), "{} differ:\n{}", misses.len(), misses.join("\n"));
}

/// Istio's answers in the order of the inputs; `None` where the program is too old.
fn answers(program: &OsStr, folder: &Path, inputs: &[String]) -> Option<Vec<Value>> {
    let folders: Vec<PathBuf> =
        (0..inputs.len()).map(|number| folder.join(number.to_string())).collect();
    for (folder, input) in folders.iter().zip(inputs) {
        std::fs::create_dir_all(folder).unwrap();
        std::fs::write(folder.join("input.yaml"), input).unwrap();
    }
    let output = Command::new(program).arg("-telemetry").args(&folders).output().unwrap();
    std::fs::remove_dir_all(folder).unwrap();
    let complaint = String::from_utf8_lossy(&output.stderr);
    if complaint.contains("flag provided but not defined") {
        return None;
    }
    assert!(output.status.success(), "{complaint}");
    let lines = output.stdout.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    let answers: Vec<Value> = lines.map(|line| serde_json::from_slice(line).unwrap()).collect();
    assert_eq!(answers.len(), inputs.len(), "an answer for each mesh: {complaint}");
    Some(answers)
}

fn misses_of(
    workload: &Workload,
    theirs: &Value,
    compared: &mut usize,
) -> impl Iterator<Item = String> {
    let mut misses = Vec::new();
    let mut compare = |what: String, ours: Value, theirs: Value| {
        *compared += 1;
        if ours != theirs {
            misses.push(format!("{what}: {ours} here, {theirs} in Istio"));
        }
    };
    if let Some(proxy) = &workload.sidecar {
        compare("threads".to_owned(), threads(proxy), theirs["concurrency"].clone());
        let telemetry = &proxy.telemetry;
        for (end, ours) in [("outbound", &telemetry.outbound), ("inbound", &telemetry.inbound)] {
            // A gateway takes no requests for itself, and only listens where a server says so.
            let Some(theirs) = theirs.get(end) else { continue };
            compare(format!("{end} access log"), json!(ours.access_log.value), logs(theirs));
            let share = json!(ours.tracing_percent.value);
            compare(
                format!("{end} sampling"),
                share,
                json!(theirs["sampling"].as_f64().unwrap_or(0.0)),
            );
            // Ours names a provider that is kept from building spans.
            let silent = ours.tracing_percent.value == 0.0 && theirs.get("tracer").is_none();
            let tracer = tracer(ours).filter(|_| !silent);
            compare(format!("{end} tracer"), json!(tracer), theirs["tracer"].clone());
        }
    }
    misses.into_iter()
}

/// Worker threads as the agent is told them: nothing where nobody wrote them, 0 for all cores.
fn threads(proxy: &SidecarProxy) -> Value {
    let ours = &proxy.concurrency;
    if ours.is_written() { json!(ours.value.unwrap_or(0)) } else { Value::Null }
}

/// Whether a log without filter is written.
fn logs(theirs: &Value) -> Value {
    let logs = theirs["logs"].as_array().unwrap();
    json!(logs.iter().any(|log| !log.as_str().unwrap().ends_with(" of some")))
}

/// Envoy's name for the kind of our provider, where spans are built.
fn tracer(ours: &Recording) -> Option<&'static str> {
    let name = ours.tracer.value.as_deref()?;
    let (_, kind) = PROVIDERS.iter().find(|(known, _)| *known == name)?;
    Some(*kind)
}
