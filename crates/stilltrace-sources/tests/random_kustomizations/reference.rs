//! The real program beside ours on the same files.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Command;

use stilltrace_manifest::kustomize::{RenderOptions, render};
use stilltrace_manifest::{MemoryTree, ParseCache};

/// Names the real program, v5.8.2.
const VARIABLE: &str = "STILLTRACE_KUSTOMIZE";

/// Files by path; what is built is the directory `root`.
pub type Files = BTreeMap<String, String>;

/// How the two programs compare over many inputs.
#[derive(Debug, Default)]
pub struct Counts {
    pub equal: usize,
    pub refused_alike: usize,
    pub different: Vec<String>,
}

/// The real program, unless it is not at hand.
pub fn program() -> Option<PathBuf> {
    let program = std::env::var_os(VARIABLE).map(PathBuf::from).filter(|path| path.is_file());
    if program.is_none() {
        eprintln!("skipped: {VARIABLE} names no kustomize v5.8.2");
    }
    program
}

/// How many inputs are drawn, and from which seed on.
pub fn extent(inputs: usize) -> (u64, usize) {
    let number = |name| std::env::var(name).ok().and_then(|text: String| text.parse().ok());
    let seed = number("STILLTRACE_SEED").unwrap_or(1);
    let inputs = number("STILLTRACE_INPUTS").map_or(inputs, |many| usize::try_from(many).unwrap());
    (seed, inputs)
}

impl Counts {
    /// Builds the same files with both programs.
    pub fn compare(&mut self, program: &PathBuf, seed: u64, files: &Files) {
        let real = built_by(program, files);
        let tree: MemoryTree = files.iter().map(|(path, text)| (path, text.as_str())).collect();
        let ours = render(&tree, "root", &RenderOptions::default(), &ParseCache::new());
        let ours = ours.map(|rendered| rendered.text).map_err(|refusal| refusal.to_string());
        match (real, ours) {
            (Ok(real), Ok(ours)) if real == ours => self.equal += 1,
            (Err(_), Err(_)) => self.refused_alike += 1,
            (real, ours) => {
                if let Some(folder) = std::env::var_os("STILLTRACE_KEEP") {
                    write(&PathBuf::from(folder).join(seed.to_string()), files);
                }
                self.different.push(format!("seed {seed}: {}", difference(real, ours)));
            }
        }
    }

    /// Says what was counted, and fails on any difference or if too few inputs build.
    pub fn verdict(&self) {
        let (equal, refused) = (self.equal, self.refused_alike);
        eprintln!("{equal} equal, {refused} refused alike, {} different", self.different.len());
        assert!(self.different.is_empty(), "{}", self.different.join("\n"));
        assert!(equal > refused, "too few inputs build to mean anything");
    }
}

fn difference(real: Result<String, String>, ours: Result<String, String>) -> String {
    match (real, ours) {
        (Ok(real), Ok(ours)) => {
            let (mut theirs, mut own) = (real.lines(), ours.lines());
            loop {
                let (one, other) = (theirs.next(), own.next());
                if one != other || one.is_none() {
                    return format!("kustomize has {one:?}, we have {other:?}");
                }
            }
        }
        (Ok(_), Err(refusal)) => format!("refused by us only: {refusal}"),
        (real, _) => format!("refused by kustomize only: {real:?}"),
    }
}

fn write(folder: &std::path::Path, files: &Files) {
    for (path, content) in files {
        let path = folder.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    }
}

fn built_by(program: &PathBuf, files: &Files) -> Result<String, String> {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), files);
    let output = Command::new(program).arg("build").arg(folder.path().join("root")).output();
    let output = output.unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    if output.status.success() { Ok(String::from_utf8(output.stdout).unwrap()) } else { Err(said) }
}
