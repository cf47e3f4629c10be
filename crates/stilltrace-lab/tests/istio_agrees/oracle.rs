//! The program that computes Istio's answer: a folder of manifests in, JSON out.
//!
//! It is built from Istio's own modules (`lab/istio-xds`), which takes minutes and half a gigabyte.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// Variable that names the program.
const PROGRAM: &str = "STILLTRACE_ISTIO_XDS";

/// The program, or why there is none.
pub(crate) fn find() -> Result<PathBuf, String> {
    if let Some(told) = std::env::var_os(PROGRAM) {
        let told = PathBuf::from(told);
        let usable = told.is_file();
        return usable.then_some(told).ok_or_else(|| format!("{PROGRAM} names no file"));
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let built = root.join(".cache/istio-xds/istio-xds");
    if built.is_file() {
        return Ok(built);
    }
    if !has_go() {
        return Err(format!("no istio-xds, and no Go to build it; set {PROGRAM} to one"));
    }
    Err("istio-xds is not built yet; `cargo xtask lab tools` builds it once, in minutes".to_owned())
}

/// Whether the search path has a Go.
fn has_go() -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join("go").is_file())
}

/// What Istio tells the proxies of each folder of manifests, in the order of the folders.
pub(crate) fn ask(program: &Path, folders: &[PathBuf]) -> Vec<Value> {
    let output = Command::new(program).args(folders).output().unwrap();
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}: {complaint}", program.display());
    let lines = output.stdout.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    let answers: Vec<Value> = lines.map(|line| serde_json::from_slice(line).unwrap()).collect();
    assert_eq!(answers.len(), folders.len(), "an answer for each folder: {complaint}");
    for answer in &answers {
        assert_eq!(answer.get("invalid"), None, "Istio's admission refuses what the lab wrote");
    }
    answers
}
