//! The manifests of the public GitOps repositories.

use std::fs;
use std::path::{Path, PathBuf};

/// Path and bytes of every YAML and JSON file, sorted by path; empty without the corpora. Each
/// argument `--only=NAME` of the process chooses one repository.
pub(crate) fn manifests() -> Vec<(String, Vec<u8>)> {
    let default = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data");
    let corpora = std::env::var_os("STILLTRACE_CORPORA").map_or(default, PathBuf::from);
    let root = corpora.join("gitops-repos");
    let Ok(repositories) = fs::read_dir(&root) else { return Vec::new() };
    let words: Vec<String> = std::env::args().collect();
    let only: Vec<&str> = words.iter().filter_map(|word| word.strip_prefix("--only=")).collect();
    let chosen = |name: &std::ffi::OsStr| only.is_empty() || only.iter().any(|one| *one == name);
    let repositories = repositories.flatten().filter(|entry| chosen(&entry.file_name()));
    let mut open: Vec<PathBuf> = repositories.map(|entry| entry.path().join("tree")).collect();
    let mut found = Vec::new();
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
            let (path, kind) = (entry.path(), entry.file_type().unwrap());
            if kind.is_dir() {
                open.push(path);
            } else if is_manifest(&path) && kind.is_file() {
                let name = path.strip_prefix(&root).unwrap().to_str().unwrap().to_owned();
                found.push((name, fs::read(path).unwrap()));
            }
        }
    }
    found.sort();
    found
}

fn is_manifest(path: &Path) -> bool {
    let extension = path.extension().and_then(|extension| extension.to_str());
    matches!(extension, Some("yaml" | "yml" | "json"))
}
